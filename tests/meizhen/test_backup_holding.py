"""After a restore nothing leaves by itself: reports, messages, reminders, jobs and sign-ins are held too."""

from datetime import timedelta
from pathlib import Path

import pytest
from people import make_person, make_tree
from scenery import make_account, queue_posts
from sqlmodel import Session, select

from analytics.reports import ReportDelivery, plan_fire
from analytics.reports.deliveries import State as ReportState
from analytics.reports.schedules import Order, add_schedule
from config import Database, ManualClock, load_settings
from config.secrets import KeyRing
from meizhen.backup.holding import hold_everything
from meizhen.backup.manifest import Ledger, Manifest
from meizhen.house import House
from meizhen.reporting import office_of, tick
from organisation import Act, verify
from organisation.jobs import Job, JobState
from organisation.sessions import find_session, open_session
from organisation.webhook_messages import MessageState, WebhookMessage, resend, write_test
from organisation.webhooks import Wanted, add_webhook
from scheduler.assisted_tasks import Task
from scheduler.periodic import take


@pytest.fixture
def house(database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path) -> House:
    settings = load_settings({"MEIZHEN_HOME": str(tmp_path)})
    return House(settings, database, keys, clock, "test")


def manifest_of(clock: ManualClock) -> Manifest:
    return Manifest(
        id="0" * 32,
        taken_at=clock.now() - timedelta(hours=2),
        version="0",
        kind="sqlite",
        revision="0001",
        keys={},
        ledger=Ledger(entries=0, mac="", sound=True),
        tables={},
        folders={},
        size=0,
        sums="0" * 64,
    )


def hold(house: House, clock: ManualClock) -> dict[str, int]:
    with house.database.write() as session:
        held = hold_everything(
            session, house.keys, house.settings, manifest_of(clock), now=clock.now(), actor="restore"
        )
    return vars(held)


def reports_of(session: Session) -> list[tuple[str, str]]:
    return [(one.state, one.code) for one in session.exec(select(ReportDelivery).order_by("id"))]


def test_planned_reports_wait_for_a_person_and_no_fire_time_up_to_now_is_made_up(
    house: House, clock: ManualClock
) -> None:
    office = office_of(house, "node")
    unit = make_tree(house.database)["HH"]
    with house.database.write() as session:
        for minute in (30, 40, 50):
            order = Order(cron=f"{minute} 8 * * 1", folder=f"weekly{minute}", formats=("xlsx",))
            add_schedule(session, house.keys, unit, order, now=clock.now() - timedelta(days=8), actor="t")
    fired = clock.now() - timedelta(minutes=30)
    plan_fire(office, 1, fired)  # planned, not sent; the second was begun, the third nobody knows of
    take(
        house.database, "report-2", fired + timedelta(minutes=10), node="dead",
        now=fired + timedelta(minutes=10), at_most=timedelta(minutes=5),
    )  # fmt: skip
    assert hold(house, clock)["reports"] == 1
    tick(office)
    clock.advance(1200)
    tick(office)
    with house.database.read() as session:
        assert reports_of(session) == [(ReportState.UNCERTAIN, "restored")]
    clock.advance(timedelta(days=7).total_seconds())  # the next Monday's go out
    tick(office)
    with house.database.read() as session:
        assert [state for state, _ in reports_of(session)] == [ReportState.UNCERTAIN, *[ReportState.SENT] * 3]


def test_messages_jobs_reminders_and_sign_ins_do_not_outlive_a_restore(
    house: House, clock: ManualClock
) -> None:
    unit = make_tree(house.database)["NM"]
    person = make_person(house.database, house.keys, "li", at=clock.now(), unit=unit)
    account = make_account(house.database, house.keys, "webhook", "a")
    (delivery,) = queue_posts(house.database, account, ["x"], due=clock.now())
    with house.database.write() as session:
        wanted = Wanted("hook", "https://portal.example/hook")
        made, _ = add_webhook(session, house.keys, wanted, "portal.example", unit, now=clock.now(), actor="t")
        message = write_test(session, made, clock.now()).uid
        token = open_session(session, person, at=clock.now(), address="1.2.3.4")
        session.add(job_of(person.known_id, clock))
        times = {"handed_at": clock.now() - timedelta(hours=3), "due": clock.now() - timedelta(hours=3)}
        task = Task(
            delivery_id=delivery,
            account_id=account.known_id,
            expires_at=clock.now() + timedelta(hours=1),
            **times,
        )
        task.remind_at = clock.now() - timedelta(minutes=1)
        session.add(task)
    held = hold(house, clock)
    assert (held["jobs"], held["messages"]) == (1, 2)  # the second tells of the post that is in doubt
    with house.database.read() as session:
        states = {one.state for one in session.exec(select(WebhookMessage))}
        assert states == {MessageState.GIVEN_UP}
        assert session.exec(select(Job)).one().state == JobState.CANCELLED
        assert find_session(session, token, now=clock.now()) is None
        remind_at = session.exec(select(Task)).one().remind_at
        assert remind_at is not None and remind_at > clock.now() + timedelta(minutes=1)
        assert verify(session, house.keys).sound
    with house.database.write() as session:
        assert resend(session, house.keys, message, now=clock.now(), actor="li").state == MessageState.QUEUED


def job_of(person: int, clock: ManualClock) -> Job:
    return Job(
        kind="import",
        arguments={},
        subject="x",
        token="0" * 32,
        act=Act.FIGURES_WRITE.value,
        path="",
        places=[""],
        person_id=person,
        actor="t",
        language="zh",
        state=JobState.RUNNING,
        asked_at=clock.now(),
        due_at=clock.now(),
        lease_until=clock.now() + timedelta(minutes=1),
        takings=1,
    )
