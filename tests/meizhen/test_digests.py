"""The house's digests and reminders on their way: once over nodes, by mail and robot, to whom they belong."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
import responses
from people import make_person
from scenery import make_account, make_unit, queue_posts
from smtp_site import MailSite, mail_site
from sqlalchemy import update
from sqlmodel import col, select
from structlog.testing import capture_logs

from analytics.reports.deliveries import ReportDelivery, State
from analytics.reports.robots import Kind, RobotKey, add_robot
from analytics.reports.schedules import Content, Order, add_schedule, end_schedule
from config import Database, ManualClock, load_settings
from config.secrets import KeyRing
from meizhen import reminding
from meizhen.house import House
from meizhen.reporting import office_of, tick
from organisation import Account, Person, put_in_charge
from scheduler.assisted import set_robot
from scheduler.deliveries import Delivery
from scheduler.importance import mark_important
from scheduler.notices import open_notices

FIVE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # 17:00 in Beijing
DAY = timedelta(days=1)
WECOM = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send"


@pytest.fixture
def site() -> Iterator[MailSite]:
    with mail_site() as running:
        yield running


@pytest.fixture
def house(database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path, site: MailSite) -> House:
    (tmp_path / "settings.toml").write_text(
        f'smtp_host = "127.0.0.1"\nsmtp_port = {site.port}\nsmtp_security = "none"\nsmtp_from = "r@unit.cn"\n'
        'site = "https://m.edu.cn"\n'
    )
    settings = load_settings({"MEIZHEN_HOME": str(tmp_path), "MEIZHEN_PRIVATE_NETWORKS": "127.0.0.0/8"})
    return House(settings, database, keys, clock, "test")


def ordered(house: House, **order: object) -> int:
    with house.database.write() as session:
        made = Order(content=Content.DIGEST, **order)  # type: ignore[arg-type]
        unit = make_unit(session)
        return add_schedule(session, house.keys, unit, made, now=house.clock.now(), actor="test").known_id


def rows(house: House) -> list[tuple[str, str]]:
    with house.database.read() as session:
        wanted = select(ReportDelivery).order_by(col(ReportDelivery.id))
        return [(one.state, one.code) for one in session.exec(wanted)]


def words(message: EmailMessage) -> str:
    body = message.get_body()
    assert body is not None
    told: str = body.get_content()
    return told


def test_the_digest_goes_out_at_five_once_over_four_nodes_and_a_newer_one_overtakes_what_failed(
    house: House, clock: ManualClock, site: MailSite
) -> None:
    ordered(house, mail=("every@unit.cn",))
    ordered(house, mail=("busy@unit.cn",), skips_empty=True)
    offices = [office_of(house, f"n{number}") for number in range(4)]
    clock.move_to(FIVE - timedelta(seconds=1))
    tick(offices[0])
    assert rows(house) == []
    clock.move_to(FIVE)
    nodes = [threading.Thread(target=tick, args=(office,)) for office in offices]
    for node in nodes:
        node.start()
    for node in nodes:
        node.join()
    tick(offices[0])
    assert sorted(rows(house)) == [(State.CANCELLED, "nothing_to_tell"), (State.SENT, "")]
    (message,) = site.received
    assert message["Subject"] == "【摘要】单位NM:03-02 17:00 起 36 小时"
    assert "36 小时内没有要发的" in words(message) and "https://m.edu.cn" in words(message)

    account = make_account(house.database, house.keys, "webhook", "site")
    queue_posts(house.database, account, ["正文"], due=FIVE + 2.25 * DAY, title="五四预告")
    site.refuse["RCPT"] = "550 no such user"
    clock.move_to(FIVE + DAY)
    tick(offices[1])
    assert rows(house)[2:] == [(State.FAILED, "mail_recipient")] * 2
    with house.database.read() as session:
        assert [one.kind for one in open_notices(session)] == ["report"]
    site.refuse.clear()
    clock.move_to(FIVE + 2 * DAY)
    tick(offices[2])
    assert rows(house)[2:] == [(State.CANCELLED, "overtaken")] * 2 + [(State.SENT, "")] * 2
    assert sorted(site.recipients[1:]) == [["busy@unit.cn"], ["every@unit.cn"]]
    assert "03-04 23:00 webhook:site 五四预告 · 已就绪" in words(site.received[-1])
    with house.database.read() as session:
        assert open_notices(session) == []


def important(house: House, minutes: int, account: Account, title: str = "五四") -> int:
    now = house.clock.now()
    due = now + timedelta(minutes=minutes)
    (id_,) = queue_posts(house.database, account, ["正文"], due=due, now=now, title=title)
    with house.database.write() as session:
        post = session.get_one(Delivery, id_).post_id
        mark_important(session, house.keys, post, True, now=now, actor="test")
    return post


def test_a_reminder_reaches_who_answers_for_the_post_and_its_units_groups_once(
    house: House, clock: ManualClock, site: MailSite
) -> None:
    account = make_account(house.database, house.keys, "webhook", "site")
    li = make_person(house.database, house.keys, "li", at=clock.now())
    with house.database.write() as session:
        for name in ("团委群", "任务群"):
            robot = RobotKey(Kind.WECOM, f"{ord(name[0])}" * 8)
            add_robot(session, house.keys, name, robot, now=clock.now(), actor="test")
        session.execute(update(Person).where(col(Person.id) == li.known_id).values(email="li@unit.cn"))
        unit = make_unit(session)
        set_robot(session, house.keys, unit, "任务群", now=clock.now(), actor="test")
    digest = ordered(house, mail=("desk@unit.cn",), robots=("团委群",))
    post = important(house, 9, account)
    with house.database.write() as session:
        put_in_charge(session, li, "post", [post], at=clock.now())
    with responses.RequestsMock() as groups:
        groups.post(WECOM, json={"errcode": 0, "errmsg": "ok"})
        for _ in range(2):
            reminding.tick(house)
        (call,) = groups.calls
        told = json.loads(call.request.body or "")["text"]["content"]
        assert f"key={ord('团')}" in (call.request.url or "")
    assert "重点稿件,还有 9 分钟" in told and "已就绪" in told and "负责人:姓名li" in told
    assert sorted(site.recipients) == [["desk@unit.cn"], ["li@unit.cn"]]
    assert site.received[0]["Subject"] == "【重点稿件】还有 9 分钟:五四"

    with house.database.write() as session:
        end_schedule(session, house.keys, digest, now=clock.now(), actor="test")
    important(house, 8, account)
    with responses.RequestsMock() as groups, capture_logs() as logs:  # without a digest, where tasks are told
        groups.post(WECOM, status=500)
        reminding.tick(house)
        assert f"key={ord('任')}" in (groups.calls[0].request.url or "")
    assert [entry["event"] for entry in logs] == ["reminder_robot_did_not_take"]
    reminding.tick(house)  # taken is taken: nobody is told twice
    assert len(site.received) == 2


@pytest.mark.parametrize("database_address", ["sqlite"], indirect=True)
def test_a_reminder_that_has_nobody_or_breaks_is_logged_without_a_word_of_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    important(house, 5, make_account(house.database, house.keys, "webhook", "site"), "canary-7f")
    with capture_logs() as logs:
        reminding.tick(house)
        monkeypatch.setattr(reminding, "any_due", lambda *_: 1 / 0)
        reminding.tick(house)
    assert [entry["event"] for entry in logs] == ["post_reminder_for_nobody", "post_reminders_failed"]
    assert "canary-7f" not in repr(logs)
