"""A node that is killed while it hands a report over: nothing twice, nothing lost, a doubt told as one."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from scenery import make_unit
from smtp_site import MailSite, mail_site
from sqlmodel import col, select

from analytics.reports import ReportDelivery, plan_fire, run_round
from analytics.reports.deliveries import State
from analytics.reports.schedules import Content, Order, add_schedule
from config import Database, ManualClock, load_settings
from config.secrets import KeyRing
from meizhen.house import House
from meizhen.reporting import office_of
from scheduler.notices import open_notices

SCRIPT = Path(__file__).with_name("report_kill.py")
ROOT = Path(__file__).parents[2]
POINTS = {
    ("mail", "before"): State.UNCERTAIN,
    ("mail", "after"): State.UNCERTAIN,
    ("folder", "before"): State.SENT,
    ("folder", "half"): State.SENT,
    ("folder", "after"): State.SENT,
    ("digest", "before"): State.UNCERTAIN,
    ("digest", "after"): State.UNCERTAIN,
}


@pytest.fixture
def site() -> Iterator[MailSite]:
    with mail_site() as running:
        yield running


def test_killed_between_committed_and_finished(
    database: Database,
    database_address: str,
    keys: KeyRing,
    clock: ManualClock,
    tmp_path: Path,
    site: MailSite,
) -> None:
    """Of mail nobody knows whether it left, so nobody sends it again, report or digest; a folder is simply
    written again.
    """
    (tmp_path / "settings.toml").write_text(
        f'smtp_host = "127.0.0.1"\nsmtp_port = {site.port}\nsmtp_security = "none"\nsmtp_from = "r@unit.cn"\n'
    )
    house = House(
        load_settings({"MEIZHEN_HOME": str(tmp_path), "MEIZHEN_PRIVATE_NETWORKS": "127.0.0.0/8"}),
        database,
        keys,
        clock,
        "test",
    )
    office = office_of(house, "living")
    with database.write() as session:
        unit = make_unit(session)
        for channel, point in POINTS:
            orders = {
                "mail": Order(mail=(f"{point}@unit.cn",), formats=("xlsx",)),
                "folder": Order(folder=point, formats=("xlsx",)),
                "digest": Order(content=Content.DIGEST, mail=(f"digest-{point}@unit.cn",)),
            }
            add_schedule(session, keys, unit, orders[channel], now=clock.now(), actor="test")
    for number in range(1, len(POINTS) + 1):
        plan_fire(office, number, clock.now())
    sends = [f"{number}={point}" for number, (_, point) in enumerate(POINTS, start=1)]
    done = subprocess.run(
        [sys.executable, SCRIPT, database_address, tmp_path, clock.now().isoformat(), *sends],
        env={"PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.split() == [b"-%d" % signal.SIGKILL] * len(POINTS), done.stderr.decode()[-2000:]
    assert states(database) == [State.SENDING] * len(POINTS)
    assert run_round(office) == 0  # their claims still run
    clock.advance(timedelta(minutes=16).total_seconds())
    run_round(office)
    run_round(office)
    assert states(database) == list(POINTS.values())
    assert site.recipients == [["after@unit.cn"], ["digest-after@unit.cn"]]
    name = "meizhen-weekly-2026-W09-NM.xlsx"
    for point in ("before", "half", "after"):
        assert [path.name for path in (tmp_path / "reports" / point).iterdir()] == [name]
    with database.read() as session:
        assert [(notice.kind, notice.subject) for notice in open_notices(session)] == [("report", "unit:NM")]


def states(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.exec(select(ReportDelivery.state).order_by(col(ReportDelivery.id))))
