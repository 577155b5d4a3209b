"""Sends what is due: a round claims one delivery after the other, hands it over, writes how it ended.

Every node may run rounds; a delivery is claimed by one of them. What a round must tell a person goes through
`Teller`, in the transaction of the change it tells of.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import structlog
from sqlmodel import Session

from analytics.exports.week import Week
from analytics.reports import deliveries
from analytics.reports.content import Report, make_report, said
from analytics.reports.cron import reported_day
from analytics.reports.deliveries import Channel, Outcome, ReportDelivery, State
from analytics.reports.folder import digest, put_files
from analytics.reports.mail import Letter, MailServer, compose, fitting, hand_over
from analytics.reports.robots import ReportRobot, RobotKey, fitted, open_robot
from analytics.reports.schedules import Content, ReportSchedule
from analytics.reports.telling import tell_robot
from config.clock import Clock
from config.database import Database
from config.errors import MeizhenError
from config.secrets import KeyRing
from config.settings import Settings
from connectors import Http
from organisation.units import Unit
from organisation.webhook_messages import announce_one
from organisation.webhooks import Event

_CLAIM = timedelta(minutes=15)  # an export of 20,000 accounts, and a mail server that takes its time
_log = structlog.get_logger("analytics.reports")


class Teller(Protocol):
    """Tells a person what went wrong with a unit's report, once, until it is settled."""

    def trouble(self, session: Session, unit: str, *, code: str, now: datetime) -> None:
        """A delivery of this unit waits for a person."""
        ...

    def settled(self, session: Session, unit: str, *, now: datetime) -> None:
        """No delivery of this unit waits any longer."""
        ...


@dataclass(frozen=True)
class Office:
    """A node's means of sending reports."""

    database: Database
    keys: KeyRing
    clock: Clock
    settings: Settings
    node: str
    teller: Teller
    http: Callable[[str], Http]
    digest: Callable[[Session, Unit, datetime], Report] | None = None  # None: this node sends none

    @property
    def lateness(self) -> timedelta:
        return timedelta(hours=self.settings.report_lateness_hours)


def plan_fire(office: Office, schedule_id: int, fire_at: datetime) -> None:
    """Plans what a schedule sends at a fire time, once on however many nodes; an ended one sends nothing."""
    with office.database.write() as session:
        schedule = session.get(ReportSchedule, schedule_id)
        if schedule is None or schedule.ended_at is not None or fire_at < schedule.created_at:
            return
        now = office.clock.now()
        if schedule.content == Content.DIGEST:
            deliveries.overtake(session, schedule_id, fire_at, now)
            _settled(office, session, session.get_one(Unit, schedule.unit_id), now)
            deliveries.plan(session, schedule, fire_at, "", now=now)
            return
        week = str(Week.of(reported_day(fire_at)))
        deliveries.plan(session, schedule, fire_at, week, now=now)


def run_round(office: Office, only: Collection[int] | None = None) -> int:
    """Tries everything that is due (of `only` where it is given) once; gives how many tries there were."""
    if only is None:
        _tidy(office)
    with office.database.read() as session:
        due = deliveries.due_ids(session, office.clock.now(), only)
    away: set[str] = set()
    tries = 0
    with _exports(office) as reports:
        for delivery_id in due:
            outcome = _try(office, delivery_id, reports, away)
            tries += outcome is not None
    return tries


def settle(office: Office, delivery_id: int, *, arrived: bool, actor: str) -> None:
    """A person's word on a delivery that waits for one; into the ledger.

    Raises MeizhenError `reports.not_waiting`.
    """
    from organisation.ledger import record

    now = office.clock.now()
    with office.database.write() as session:
        if not deliveries.decide(session, delivery_id, arrived=arrived, now=now, actor=actor):
            raise MeizhenError("reports.not_waiting", id=delivery_id)
        unit = _unit_of(session, delivery_id)
        _settled(office, session, unit, now)
        record(
            session,
            office.keys,
            at=now,
            actor=actor,
            act="report.resolve",
            subject=f"unit:{unit.code}",
            details={"delivery": delivery_id, "as": "arrived" if arrived else "again"},
        )


def _tidy(office: Office) -> None:
    """Claims of dead nodes, what came too late, and rows that are older than needed."""
    now = office.clock.now()
    with office.database.write() as session:
        doubtful = deliveries.give_up_dead(session, now)
        missed = deliveries.give_up_late(session, now, office.lateness)
        deliveries.forget_old(session, now)
        for ids, code in ((doubtful, "node_died"), (missed, "late")):
            for delivery_id in ids:
                unit = _unit_of(session, delivery_id)
                office.teller.trouble(session, unit.code, code=code, now=now)
                _log.warning("report_waits_for_person", delivery=delivery_id, code=code)


class _Exports:
    """The reports of this round, each made once however many get it."""

    def __init__(self, office: Office, folder: Path) -> None:
        self._office = office
        self._folder = folder
        self._made: dict[tuple[int, str], tuple[Report, ReportSchedule]] = {}

    def of(self, taken: ReportDelivery) -> tuple[Report, ReportSchedule]:
        key = (taken.schedule_id, taken.week)
        if key not in self._made:
            with self._office.database.read() as session:
                schedule = session.get_one(ReportSchedule, taken.schedule_id)
                unit = session.get_one(Unit, schedule.unit_id)
            self._made[key] = (self._make(taken, schedule, unit), schedule)
        return self._made[key]

    def _make(self, taken: ReportDelivery, schedule: ReportSchedule, unit: Unit) -> Report:
        office = self._office
        if schedule.content != Content.DIGEST:
            out = self._folder / str(len(self._made))
            return make_report(office.database, unit.code, taken.week, schedule.formats, out)
        if office.digest is None:
            raise RuntimeError("expected a node that makes digests")
        with office.database.read() as session:
            return office.digest(session, unit, office.clock.now())


@contextmanager
def _exports(office: Office) -> Iterator[_Exports]:
    with TemporaryDirectory(prefix="meizhen-reports-") as folder:
        yield _Exports(office, Path(folder))


def _try(office: Office, delivery_id: int, reports: _Exports, away: set[str]) -> Outcome | None:
    """One try of one delivery; None where it was not to be had, or its server is away for all."""
    if away and _channel(office, delivery_id) in away:
        return None
    taken = deliveries.claim(
        office.database, delivery_id, node=office.node, now=office.clock.now(), at_most=_CLAIM
    )
    if taken is None:
        return None
    outcome = _outcome(office, taken, reports)
    if outcome.shared and taken.channel == Channel.MAIL:
        away.add(taken.channel)
    _end(office, taken, outcome)
    return outcome


def _outcome(office: Office, taken: ReportDelivery, reports: _Exports) -> Outcome:
    """Makes the report and hands it over. An error of ours in the middle of that leaves a doubt."""
    doubt, code = State.PLANNED, "not_made"
    try:
        hand = _prepared(office, taken, reports)
        if taken.channel != Channel.FOLDER:
            doubt, code = State.UNCERTAIN, "broke"
        return hand()
    except Exception as error:
        _log.error("report_failed", delivery=taken.known_id, error=type(error).__name__)
        return Outcome(doubt, code, type(error).__name__)


def _channel(office: Office, delivery_id: int) -> str:
    with office.database.read() as session:
        return session.get_one(ReportDelivery, delivery_id).channel


def _end(office: Office, taken: ReportDelivery, outcome: Outcome) -> None:
    now = office.clock.now()
    with office.database.write() as session:
        state = deliveries.finish(session, taken, outcome, now=now)
        unit = _unit_of(session, taken.known_id)
        if state in deliveries.NEEDING_PERSON:
            office.teller.trouble(session, unit.code, code=outcome.code, now=now)
        elif state is State.SENT:
            _settled(office, session, unit, now)
            data = {"unit": unit.code, "week": taken.week, "channel": taken.channel}
            if taken.week:
                announce_one(session, Event.REPORT_MADE, [unit.path], data, now)
    _log.info("report_tried", delivery=taken.known_id, channel=taken.channel, state=state, code=outcome.code)


def _settled(office: Office, session: Session, unit: Unit, now: datetime) -> None:
    if not deliveries.count_needing_person(session, unit):
        office.teller.settled(session, unit.code, now=now)


def _unit_of(session: Session, delivery_id: int) -> Unit:
    delivery = session.get_one(ReportDelivery, delivery_id)
    return session.get_one(Unit, session.get_one(ReportSchedule, delivery.schedule_id).unit_id)


def _prepared(office: Office, taken: ReportDelivery, reports: _Exports) -> Callable[[], Outcome]:
    """What hands a delivery over; nothing has left when this returns."""
    report, schedule = reports.of(taken)
    if report.empty and schedule.skips_empty:
        return lambda: Outcome(State.CANCELLED, "nothing_to_tell")
    if taken.channel == Channel.FOLDER:
        return lambda: _to_folder(office, taken, report)
    if taken.channel == Channel.MAIL:
        return _by_mail(office, taken, report, schedule)
    return _by_robot(office, taken, report, schedule)


def _may_send(office: Office, taken: ReportDelivery) -> bool:
    """Is the claim still ours? A node that was frozen and woke sends nothing."""
    return taken.lease_until is not None and office.clock.now() < taken.lease_until


def _to_folder(office: Office, taken: ReportDelivery, report: Report) -> Outcome:
    files = {path.name: path for path in report.files.values()}
    with office.database.read() as session:
        ours = {name: deliveries.known_digests(session, taken.target, name) for name in files}
    # Before the first byte: after a crash these are known to be ours.
    if not deliveries.note_files(
        office.database, taken, {name: digest(path) for name, path in files.items()}
    ):
        return Outcome(State.PLANNED, "claim_lost")
    return put_files(office.settings.reports_root, taken.target, files, ours, token=taken.token)


def _by_mail(
    office: Office, taken: ReportDelivery, report: Report, schedule: ReportSchedule
) -> Callable[[], Outcome]:
    server = MailServer.of(office.settings)
    if server is None:
        return lambda: Outcome(State.FAILED, "mail_not_set")
    limit = int(office.settings.smtp_megabytes * 1_000_000)
    attached, left_out = fitting(report.attachments(), limit)
    letter = Letter(
        recipient=taken.target,
        subject=report.title,
        lines=_letter_lines(report, schedule, left_out),
        files=attached,
        token=taken.token,
        at=office.clock.now(),
    )
    content = compose(letter, server.sender)
    return lambda: hand_over(server, taken.target, content, lambda: _may_send(office, taken))


def _letter_lines(report: Report, schedule: ReportSchedule, left_out: list[str]) -> list[str]:
    lines = [report.title, "", *report.headline, "", *report.holes, *_lacking(report)]
    if left_out:
        lines.append(said("left_out", files="、".join(left_out)))
    if schedule.folder is not None:
        lines.append(said("in_folder", folder=schedule.folder or "/"))
    return [*lines, "", said("footer", schedule=schedule.known_id)]


def _lacking(report: Report) -> list[str]:
    return [said("not_made_kinds", kinds="、".join(report.not_made))] if report.not_made else []


def _by_robot(
    office: Office, taken: ReportDelivery, report: Report, schedule: ReportSchedule
) -> Callable[[], Outcome]:
    robot = _opened(office, taken.target)
    if robot is None:
        return lambda: Outcome(State.FAILED, "robot_gone")
    where = [said("in_folder", folder=schedule.folder or "/")] if schedule.folder is not None else []
    if schedule.mail:
        where.append(said("in_mail", count=len(schedule.mail)))
    # The holes first: what is cut for length are headlines.
    lines = [report.title, *report.holes, *_lacking(report), *where, *report.headline]
    told = fitted(robot.kind, lines)

    def send() -> Outcome:
        if not _may_send(office, taken):
            return Outcome(State.PLANNED, "claim_lost")
        return tell_robot(
            office.http(robot.kind), office.settings, robot, told, taken.token, office.clock.now()
        )

    return send


def _opened(office: Office, name: str) -> RobotKey | None:
    with office.database.read() as session:
        row = session.get(ReportRobot, name)
    return None if row is None else open_robot(office.keys, row)
