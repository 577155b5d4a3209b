"""The watchman: something is due, lanes are free, and nothing moves; and what a node counts of itself."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from scenery import delivery, make_account, make_node, make_unit, queue_posts, run_until_idle
from sqlalchemy import event, insert, text, update
from sqlmodel import col, select

from config import Database, ManualClock
from config.logging import configure_logging
from config.secrets import KeyRing
from organisation import pause_account, resume_account
from organisation.accounts import Account
from sandbox.platforms import webhook
from sandbox.world import Fault
from scheduler import lanes
from scheduler.deliveries import Attempt, Delivery, State
from scheduler.lanes import Lane
from scheduler.notices import Notice, open_notices
from scheduler.posts import Post
from scheduler.queue import stop_accounts, stop_queue
from scheduler.status import queue_status
from scheduler.watch import Idle, Watch, Watchman, find_idle

if TYPE_CHECKING:
    from conftest import RunningSandbox

PATIENCE = timedelta(seconds=60)


@pytest.fixture
def site(database: Database, keys: KeyRing) -> Account:
    """A webhook account whose platform is nowhere."""
    return make_account(database, keys, "webhook", "site", api_base="http://127.0.0.1:9")


@pytest.fixture
def watchman(database: Database, clock: ManualClock) -> Watchman:
    return Watchman(database, clock, Watch(), patience=PATIENCE, tick=timedelta(seconds=1))


def idle(database: Database, clock: ManualClock) -> Idle | None:
    with database.read() as session:
        return find_idle(session, clock.now(), PATIENCE)


def change(database: Database, table: Any, **values: object) -> None:
    with database.write() as session:
        session.execute(update(table).values(**values))


def test_what_is_due_for_longer_than_the_patience_and_stands_still_is_idle(
    database: Database, clock: ManualClock, site: Account
) -> None:
    due = clock.now()
    first, _ = queue_posts(database, site, ["一", "二"], due=due)
    clock.advance(59)
    assert idle(database, clock) is None
    clock.advance(1)
    assert idle(database, clock) == Idle(first, due)


def test_the_oldest_of_all_lanes_is_named(database: Database, keys: KeyRing, clock: ManualClock) -> None:
    ids = []
    for number in range(3):
        account = make_account(database, keys, "webhook", f"s{number}")
        ids += queue_posts(database, account, ["一"], due=clock.now() - timedelta(seconds=number))
    clock.advance(120)
    found = idle(database, clock)
    assert found is not None and found.delivery_id == ids[2]


def test_a_call_of_any_node_means_that_something_moves(
    database: Database, clock: ManualClock, site: Account
) -> None:
    first, second = queue_posts(database, site, ["一", "二"], due=clock.now())
    clock.advance(100)
    with database.write() as session:
        session.execute(
            insert(Attempt).values(
                delivery_id=second, number=1, purpose="publish", node="other", started_at=clock.now()
            )
        )
    clock.advance(59)
    assert idle(database, clock) is None
    clock.advance(1)
    assert idle(database, clock) == Idle(first, delivery(database, first).not_before)


def test_lanes_that_may_not_move_raise_nothing(
    database: Database, keys: KeyRing, clock: ManualClock, site: Account
) -> None:
    queue_posts(database, site, ["一"], due=clock.now())
    clock.advance(120)

    def both(stopped: bool, clock: ManualClock) -> Iterator[None]:
        facts = {"now": clock.now(), "actor": "test", "stopped": stopped}
        with database.write() as session:
            stop_accounts(session, keys, [site], **facts)  # type: ignore[arg-type]
        yield
        with database.write() as session:
            stop_queue(session, keys, **facts)  # type: ignore[arg-type]
        yield
        move = pause_account if stopped else resume_account
        with database.write() as session:
            move(session, keys, site, at=clock.now(), actor="test")
        yield

    for _ in both(True, clock):
        assert idle(database, clock) is None
    for _ in both(False, clock):
        pass
    # Opened again just now, it has its time as well.
    assert idle(database, clock) is None
    clock.advance(60)
    assert idle(database, clock) is not None


def test_a_platform_that_said_not_before_is_waited_for(
    database: Database, clock: ManualClock, site: Account
) -> None:
    queue_posts(database, site, ["一"], due=clock.now())
    clock.advance(120)
    with database.write() as session:
        lanes.hold_until(session, site.known_id, clock.now() + timedelta(minutes=10))
    assert idle(database, clock) is None
    clock.advance(600 + 60)
    assert idle(database, clock) is not None


def test_a_head_that_waits_for_its_next_try_holds_up_what_is_behind_it(
    database: Database, clock: ManualClock, site: Account
) -> None:
    head, _ = queue_posts(database, site, ["一", "二"], due=clock.now())
    clock.advance(120)
    with database.write() as session:
        later = clock.now() + timedelta(minutes=5)
        session.execute(update(Delivery).where(col(Delivery.id) == head).values(not_before=later))
    assert idle(database, clock) is None
    clock.advance(300 + 60)
    assert idle(database, clock) == Idle(head, delivery(database, head).not_before)


@pytest.mark.parametrize(("needs_person", "waits"), [(False, True), (True, False)])
def test_a_doubt_that_waits_for_its_look_up_holds_its_lane(
    database: Database, clock: ManualClock, site: Account, needs_person: bool, waits: bool
) -> None:
    doubt, _ = queue_posts(database, site, ["一", "二"], due=clock.now())
    clock.advance(120)
    with database.write() as session:
        taken = update(Delivery).where(col(Delivery.id) == doubt)
        session.execute(taken.values(state=State.SENDING))
        session.execute(
            taken.values(
                state=State.UNCERTAIN, needs_person=needs_person, not_before=clock.now() + timedelta(hours=1)
            )
        )
    assert (idle(database, clock) is None) == waits
    # A look-up that is forgotten is no excuse.
    clock.advance(3600 + 60)
    assert idle(database, clock) is not None


@pytest.mark.parametrize("next_at", [None, timedelta(days=1)])
def test_a_lane_that_was_put_to_sleep_with_work_is_seen(
    database: Database, clock: ManualClock, site: Account, next_at: timedelta | None
) -> None:
    queue_posts(database, site, ["一"], due=clock.now())
    clock.advance(120)
    change(database, Lane, next_at=None if next_at is None else clock.now() + next_at)
    assert idle(database, clock) is not None


def test_the_alarm_is_sure_logged_once_noticed_once_and_ends_by_itself(
    database: Database,
    clock: ManualClock,
    site: Account,
    watchman: Watchman,
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("info")
    other = Watchman(database, clock, Watch(), patience=PATIENCE, tick=timedelta(seconds=1))
    [id_] = queue_posts(database, site, ["一"], due=clock.now())
    clock.advance(61)
    watchman.look()
    assert watchman.alarm is None  # a node that just came up needs a moment
    for _ in range(5):
        clock.advance(5)
        watchman.look()
        other.look()
    assert watchman.alarm is not None and watchman.alarm.delivery_id == id_
    assert other.alarm is not None
    with database.read() as session:
        assert [(notice.kind, notice.subject) for notice in open_notices(session)] == [
            ("due_but_idle", "queue")
        ]
        assert queue_status(session, clock.now(), PATIENCE).idle_since == watchman.alarm.since
    change(database, Delivery, state=State.CANCELLED)
    watchman.look()
    assert watchman.alarm is None
    with database.read() as session:
        assert open_notices(session) == []
        assert len(session.exec(select(Notice)).all()) == 1
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [event["event"] for event in told if event["event"].startswith("due_but_idle")] == [
        "due_but_idle",
        "due_but_idle",  # once a node
        "due_but_idle_over",
    ]
    structlog.reset_defaults()


def test_a_notice_that_a_dead_node_left_is_closed_by_the_next_watchman(
    database: Database, clock: ManualClock, site: Account, watchman: Watchman
) -> None:
    queue_posts(database, site, ["一"], due=clock.now())
    for _ in range(3):
        clock.advance(61)
        watchman.look()
    change(database, Delivery, state=State.CANCELLED)
    Watchman(database, clock, Watch(), patience=PATIENCE, tick=timedelta(seconds=1)).look()
    with database.read() as session:
        assert open_notices(session) == []


def test_the_alarm_comes_from_a_node_whose_dispatcher_never_takes_a_lane_and_goes_once_it_does(
    database: Database,
    keys: KeyRing,
    clock: ManualClock,
    tmp_path: Path,
    sandbox: "RunningSandbox",
) -> None:
    there = webhook.example(sandbox.world, "site")
    site = make_account(
        database,
        keys,
        "webhook",
        "site",
        api_base=f"{sandbox.url}/webhook",
        credentials=there.credentials,
    )
    [id_] = queue_posts(database, site, ["一"], due=clock.now(), lateness=timedelta(days=1))
    node = make_node(database, keys, clock, tmp_path)
    watchman = Watchman(database, clock, node.watch, patience=PATIENCE, tick=timedelta(seconds=1))
    for _ in range(2):
        clock.advance(61)
        watchman.look()
    assert watchman.alarm is not None
    run_until_idle(node)
    watchman.look()
    assert watchman.alarm is None
    assert delivery(database, id_).state == State.PUBLISHED


def test_a_node_counts_outcomes_lateness_and_what_it_lost(
    database: Database,
    keys: KeyRing,
    clock: ManualClock,
    tmp_path: Path,
    sandbox: "RunningSandbox",
) -> None:
    there = webhook.example(sandbox.world, "site")
    site = make_account(
        database,
        keys,
        "webhook",
        "site",
        api_base=f"{sandbox.url}/webhook",
        credentials=there.credentials,
    )
    sandbox.world.set_faults(Fault("status", path="/publish", value="429", times=1))
    queue_posts(database, site, ["一", "二"], due=clock.now() - timedelta(seconds=20), now=clock.now())
    node = make_node(database, keys, clock, tmp_path)
    run_until_idle(node)
    counted = node.watch
    assert counted.calls == {("webhook", "publish", "throttled"): 1, ("webhook", "publish", "published"): 2}
    late = counted.lateness["webhook"]
    assert sum(late.counts) == 2, "a delivery counts once, however often it is tried"
    assert late.counts[late.bounds.index(30.0)] >= 1 and late.total >= 40
    assert sum(counted.call_seconds["webhook"].counts) == 3
    assert counted.last_turn == clock.now()
    assert (counted.refused_fences, counted.database_losses) == (0, 0)


@pytest.mark.parametrize(("value", "place"), [(0.05, 0), (0.051, 1), (30.0, 8), (31.0, 9)])
def test_a_value_falls_below_the_next_bound(value: float, place: int) -> None:
    from scheduler.watch import CALL_BOUNDS, Spread

    spread = Spread(CALL_BOUNDS)
    spread.add(value)
    assert spread.counts.index(1) == place and spread.total == value


# --- the statements' cost ----------------------------------------------------------------------------------


@pytest.fixture
def crowd(database: Database, clock: ManualClock) -> Database:
    """200 accounts with 100,000 deliveries, 2,000 of them queued and overdue; every lane is paused."""
    past = clock.now() - timedelta(hours=1)
    with database.write() as session:
        unit = make_unit(session)
        accounts = [
            Account(unit_id=unit.id or 0, platform="webhook", handle=f"s{n}", name="x") for n in range(200)
        ]
        posts = [Post(title="t", text="x", created_at=past, created_by="t") for _ in range(500)]
        session.add_all([*accounts, *posts])
        session.flush()
        lanes.ensure(session, [account.known_id for account in accounts])
        session.execute(update(Lane).values(paused=True))
        facts = {"last": max(post.id or 0 for post in posts) - 10}
        for statement in (
            "INSERT INTO delivery (post_id, account_id, key, seq, state, due, not_before, late_after,"
            " attempts, calls, looks, fence, remote_id, url, detail, needs_person, outcome_code,"
            " outcome_text, published_at) SELECT post.id, account.id, account.id || '-' || post.id, post.id,"
            " CASE WHEN post.id > :last THEN 'queued' ELSE 'published' END, created_at, created_at,"
            " created_at, 1, 1, 0, 1, '', '', '{}', false, '', '',"
            " CASE WHEN post.id > :last THEN NULL ELSE created_at END FROM account CROSS JOIN post",
            "INSERT INTO attempt (delivery_id, number, purpose, node, started_at, outcome, platform_code,"
            " platform_text, request_id, remedy_zh, remedy_en)"
            " SELECT id, 1, 'publish', 'n', due, 'published', '', '', '', '', '' FROM delivery"
            " WHERE state = 'published'",
        ):
            session.execute(text(statement), facts if ":last" in statement else {})
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE" if database.is_sqlite else "VACUUM ANALYZE"))
    return database


def plans(database: Database, run: Any) -> list[str]:
    """How the database carries out every question that `run(session)` asks."""
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement.lstrip().upper().startswith("SELECT"):
            asked.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        with database.read() as session:
            run(session)
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
    explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
    told = []
    with database.engine.connect() as connection:
        for statement, parameters in asked:
            rows = connection.exec_driver_sql(explain + statement, parameters)
            told.append("\n".join(str(row[-1]) for row in rows))
    return told


def test_the_alarm_and_the_status_read_indexes_with_100_000_deliveries(
    crowd: Database, clock: ManualClock
) -> None:
    alarm = plans(crowd, lambda session: find_idle(session, clock.now(), PATIENCE))
    assert len(alarm) == 1
    status = plans(crowd, lambda session: queue_status(session, clock.now(), PATIENCE, finished=False))
    for plan in [*alarm, *status]:
        for line in plan.splitlines():
            assert "Seq Scan on delivery" not in line and "Seq Scan on attempt" not in line, plan
            assert "SCAN delivery" not in line and "SCAN attempt" not in line, plan
    assert idle(crowd, clock) is None
    with crowd.write() as session:
        last = session.execute(text("SELECT max(account_id) FROM lane")).scalar_one()
        session.execute(update(Lane).where(col(Lane.account_id) == last).values(paused=False))
    found = idle(crowd, clock)
    assert found is not None and delivery(crowd, found.delivery_id).account_id == last
    with crowd.read() as session:
        assert queue_status(session, clock.now(), PATIENCE).due == 2_000
