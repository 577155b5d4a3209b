"""The service's reports: each fire time once over nodes, the newest missed one made up, trouble a notice."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from apscheduler.schedulers.background import BackgroundScheduler
from scenery import make_unit
from smtp_site import MailSite, mail_site
from sqlmodel import col, select
from structlog.testing import capture_logs

from analytics.reports import ReportDelivery
from analytics.reports.schedules import Order, add_schedule, end_schedule
from config import Database, ManualClock, load_settings
from config.secrets import KeyRing
from meizhen.house import House
from meizhen.reporting import office_of, register_reports, tick
from scheduler.notices import open_notices

MONDAY = datetime(2026, 11, 16, 0, 30, tzinfo=UTC)  # 08:30 in Beijing
WEEK = timedelta(days=7)


@pytest.fixture
def site() -> Iterator[MailSite]:
    with mail_site() as running:
        yield running


@pytest.fixture
def house(database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path, site: MailSite) -> House:
    (tmp_path / "settings.toml").write_text(
        f'smtp_host = "127.0.0.1"\nsmtp_port = {site.port}\nsmtp_security = "none"\nsmtp_from = "r@unit.cn"\n'
    )
    clock.move_to(MONDAY - timedelta(hours=1))
    made = House(
        load_settings({"MEIZHEN_HOME": str(tmp_path), "MEIZHEN_PRIVATE_NETWORKS": "127.0.0.0/8"}),
        database,
        keys,
        clock,
        "test",
    )
    with database.write() as session:
        order = Order(mail=("a@unit.cn",), formats=("xlsx",))
        add_schedule(session, keys, make_unit(session), order, now=clock.now(), actor="test")
    return made


def weeks(house: House) -> list[str]:
    with house.database.read() as session:
        return list(session.exec(select(ReportDelivery.week).order_by(col(ReportDelivery.fire_at))))


def test_nothing_goes_before_its_time_and_once_at_it_on_four_nodes(
    house: House, clock: ManualClock, site: MailSite
) -> None:
    offices = [office_of(house, f"n{number}") for number in range(4)]
    clock.move_to(MONDAY - timedelta(seconds=1))
    tick(offices[0])
    assert weeks(house) == []
    for _ in range(2):
        clock.move_to(MONDAY)
        threads = [threading.Thread(target=tick, args=(office,)) for office in offices]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert weeks(house) == ["2026-W46"]
    assert site.recipients == [["a@unit.cn"]]


def test_only_the_newest_missed_time_is_made_up_and_only_within_its_limit(
    house: House, clock: ManualClock, site: MailSite
) -> None:
    office = office_of(house, "a")
    clock.move_to(MONDAY + 3 * WEEK + timedelta(hours=20))
    tick(office)
    tick(office)
    assert weeks(house) == ["2026-W49"]
    clock.move_to(MONDAY + 5 * WEEK + timedelta(hours=25))
    tick(office)
    assert weeks(house) == ["2026-W49"] and len(site.received) == 1
    clock.move_to(MONDAY + 6 * WEEK)
    tick(office)
    assert weeks(house) == ["2026-W49", "2026-W52"]


def test_a_clock_set_back_sends_nothing_twice(house: House, clock: ManualClock, site: MailSite) -> None:
    office = office_of(house, "a")
    for minutes in (0, 30, -30, 0, 15):
        clock.move_to(MONDAY + timedelta(minutes=minutes))
        tick(office)
    assert len(site.received) == 1


def test_an_ended_schedule_sends_no_more(house: House, clock: ManualClock, site: MailSite) -> None:
    with house.database.write() as session:
        end_schedule(session, house.keys, 1, now=clock.now(), actor="test")
    clock.move_to(MONDAY)
    tick(office_of(house, "a"))
    assert site.received == []


def test_trouble_is_one_notice_until_it_is_settled(house: House, clock: ManualClock, site: MailSite) -> None:
    office = office_of(house, "a")
    site.refuse["RCPT"] = "550 no such user <a@unit.cn>"
    for week in range(2):
        clock.move_to(MONDAY + week * WEEK)
        tick(office)
    with house.database.read() as session:
        [notice] = open_notices(session)
    assert (notice.kind, notice.subject, notice.code) == ("report", "unit:NM", "mail_recipient")
    assert "@" not in notice.told
    site.refuse.clear()
    from analytics.reports.run import run_round, settle

    for number in (1, 2):
        settle(office, number, arrived=False, actor="test")
    run_round(office, [1, 2])
    with house.database.read() as session:
        assert open_notices(session) == []


def test_a_tick_tells_no_address_and_never_raises(house: House, clock: ManualClock, site: MailSite) -> None:
    site.refuse["RCPT"] = "550 no such user <a@unit.cn>"
    clock.move_to(MONDAY)
    office = office_of(house, "a")
    with capture_logs() as logs:
        tick(office)
        house.database.engine.dispose()
        with pytest.MonkeyPatch.context() as broken:
            broken.setattr("meizhen.reporting.running_schedules", lambda _: 1 / 0)
            tick(office)
    assert [entry["event"] for entry in logs] == ["report_tried", "reports_failed"]
    assert "@" not in repr(logs)


def test_the_ticker_sends_what_is_due(house: House, clock: ManualClock, site: MailSite) -> None:
    clock.move_to(MONDAY)
    ticker = BackgroundScheduler()
    arrived = threading.Event()
    handle = site.handle_DATA

    async def noted(*arguments: object) -> str:
        arrived.set()
        return await handle(*arguments)  # type: ignore[arg-type]

    site.handle_DATA = noted  # type: ignore[method-assign]
    register_reports(ticker, house, "a")
    ticker.modify_job("reports", next_run_time=datetime.now(UTC))
    ticker.start()
    try:
        assert arrived.wait(20)
    finally:
        ticker.shutdown()
    assert len(site.received) == 1
