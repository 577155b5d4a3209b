"""Reports on their way to a real Matrix room and a real mail server: there once, whatever is lost."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cutting import cutting, cutting_mail
from real_house import RealHouse
from scenery import make_unit
from smtp_site import MailSite, mail_site
from sqlmodel import Session, col, select
from synapse_server import SynapseServer, synapse_server

from analytics.reports import Office, ReportDelivery, plan_fire, run_round
from analytics.reports.deliveries import State
from analytics.reports.robots import Kind, add_robot, parse_key
from analytics.reports.rooms import send_to_room
from analytics.reports.run import settle
from analytics.reports.schedules import Order, add_schedule
from config import ManualClock
from config.secrets import KeyRing
from config.settings import load_settings
from connectors import Http

FIRE = datetime(2026, 11, 16, 0, 30, tzinfo=UTC)


class Quiet:
    """Nobody is told."""

    def trouble(self, session: Session, unit: str, *, code: str, now: datetime) -> None: ...

    def settled(self, session: Session, unit: str, *, now: datetime) -> None: ...


@pytest.fixture(scope="module")
def matrix(started: Callable[..., AbstractContextManager[Any]]) -> Iterator[SynapseServer]:
    with started("Matrix Synapse", synapse_server()) as running:
        yield running


@pytest.fixture(scope="module")
def mail(started: Callable[..., AbstractContextManager[Any]]) -> Iterator[MailSite]:
    with started("aiosmtpd", mail_site()) as running:
        yield running


@pytest.fixture
def office(house: RealHouse, keys: KeyRing, tmp_path: Path) -> Office:
    settings = load_settings({"MEIZHEN_HOME": str(tmp_path), "MEIZHEN_SMTP_FROM": "reports@unit.cn"})
    clock = ManualClock(FIRE)
    return Office(house.database, keys, clock, settings, "a", Quiet(), lambda kind: Http(kind, seconds=30))


def changed(office: Office, **settings: object) -> Office:
    return replace(office, settings=office.settings.model_copy(update=settings))


def planned(office: Office, **order: object) -> None:
    """A report of unit NM is due now."""
    with office.database.write() as session:
        unit = make_unit(session)
        made = Order(**{"formats": ("xlsx",), **order})  # type: ignore[arg-type]
        before = FIRE - timedelta(hours=1)
        schedule = add_schedule(session, office.keys, unit, made, now=before, actor="test").known_id
    plan_fire(office, schedule, FIRE)


def deliveries(office: Office) -> list[ReportDelivery]:
    with office.database.read() as session:
        return list(session.exec(select(ReportDelivery).order_by(col(ReportDelivery.id))))


def test_a_room_has_the_report_once_although_the_answer_was_lost(
    matrix: SynapseServer, office: Office
) -> None:
    there = matrix.room("teller")
    robot = parse_key(Kind.MATRIX, f"{there.id}\n{there.token}")
    with office.database.write() as session:
        add_robot(session, office.keys, "群", robot, now=FIRE, actor="test")
    with cutting(matrix.port) as (line, address):
        at_line = changed(office, matrix_server=address)
        planned(at_line, robots=("群",))
        line.cut("PUT /_matrix/client/v3/rooms/")
        run_round(at_line)
        assert len(line.lost) == 1
    (delivery,) = deliveries(office)
    assert delivery.state == State.SENT
    (told,) = there.messages()
    assert told.startswith("【周报】单位NM")
    # The same delivery once more, as by a person's word: the server drops it.
    again = send_to_room(office.http("matrix"), matrix.url, robot, told, delivery.token, FIRE)
    assert again.state is State.SENT
    assert there.messages() == [told]


def test_a_server_that_says_slow_down_is_waited_for(matrix: SynapseServer, office: Office) -> None:
    there = matrix.room("hasty")
    room = parse_key(Kind.MATRIX, f"{there.id}\n{there.token}")
    outcomes = [
        send_to_room(office.http("matrix"), matrix.url, room, f"第{number}条", secrets.token_hex(8), FIRE)
        for number in range(30)
    ]
    (busy, *_) = [outcome for outcome in outcomes if outcome.code == "robot_busy"]
    assert busy.state is State.PLANNED
    assert timedelta(0) < busy.again_after < timedelta(minutes=2)
    sent = sum(outcome.state is State.SENT for outcome in outcomes)
    assert len(there.messages()) == sent


def test_a_mail_whose_answer_was_lost_is_there_once_and_a_person_says_so(
    mail: MailSite, office: Office
) -> None:
    with cutting_mail(mail.port) as (line, port):
        at_line = changed(office, smtp_host="127.0.0.1", smtp_port=port, smtp_security="none")
        planned(at_line, mail=("a@unit.cn", "b@unit.cn"))
        line.cuts = 1
        run_round(at_line)
        assert line.lost == 1
        assert sorted(one.state for one in deliveries(office)) == [State.SENT, State.UNCERTAIN]
        (doubtful,) = [one for one in deliveries(office) if one.state == State.UNCERTAIN]
        settle(at_line, doubtful.known_id, arrived=True, actor="test")
        run_round(at_line)
    assert sorted(recipient for one in mail.recipients for recipient in one) == ["a@unit.cn", "b@unit.cn"]
    assert all("单位NM" in str(message["subject"]) for message in mail.received)
