"""Schedules: which unit's weekly report, or daily digest, goes when, in which forms, and to whom."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import PurePosixPath

from sqlalchemy import JSON, Column, ColumnElement, false
from sqlmodel import Field, Session, SQLModel, col, select

from analytics.reports.cron import DAILY, WEEKLY, parse_cron
from analytics.reports.robots import ReportRobot, find_robot
from config.errors import InputError, MeizhenError, Problem
from config.secrets import KeyRing
from organisation.ledger import record
from organisation.units import Unit

FORMATS = ("xlsx", "pdf", "csv", "parquet")
USUAL_FORMATS = ("xlsx", "pdf")
# What SMTP takes without extensions; longer or stranger addresses are mistyped ones.
_ADDRESS = re.compile(r"[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", re.ASCII)
_MOST_ADDRESSES = 50
_FOLDER_LENGTH = 200


class Content(StrEnum):
    """What a schedule sends."""

    WEEK = "week"  # the last whole week's figures, with files
    DIGEST = "digest"  # what the next hours hold: words alone, made when they are sent

    @property
    def cron(self) -> str:
        """When it is sent where nobody says otherwise."""
        return DAILY if self is Content.DIGEST else WEEKLY


class ReportSchedule(SQLModel, table=True):
    """One unit's standing order. It is never changed: ended, and made anew."""

    __tablename__ = "report_schedule"

    id: int | None = Field(default=None, primary_key=True)
    unit_id: int = Field(foreign_key="unit.id", index=True)
    content: str = Field(default=Content.WEEK, max_length=8, sa_column_kwargs={"server_default": "week"})
    # A digest with nothing in it is left out instead of saying so.
    skips_empty: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    cron: str = Field(max_length=64)  # Beijing time
    mail: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    folder: str | None = Field(
        default=None, max_length=_FOLDER_LENGTH
    )  # below the setting's folder; '' is it
    robots: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    formats: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    created_at: datetime
    created_by: str = Field(max_length=120)
    ended_at: datetime | None = None

    @property
    def known_id(self) -> int:
        """The id of a stored schedule."""
        if self.id is None:
            raise RuntimeError("expected a stored schedule: flush before asking for its id")
        return self.id


@dataclass(frozen=True)
class Order:
    """What a person asks for: what, where to, when ('' is when it is usual), in which forms."""

    content: Content = Content.WEEK
    cron: str = ""
    mail: tuple[str, ...] = ()
    folder: str | None = None
    robots: tuple[str, ...] = ()
    formats: tuple[str, ...] = USUAL_FORMATS
    skips_empty: bool = False


def add_schedule(
    session: Session, keys: KeyRing, unit: Unit, order: Order, *, now: datetime, actor: str
) -> ReportSchedule:
    """Stores an order for a unit and writes it into the ledger, without the addresses.

    Raises InputError naming everything that is wrong with it.
    """
    cron = order.cron.strip() or order.content.cron
    parse_cron(cron)
    problems = [*_problems(order), *_unknown_robots(session, order.robots)]
    if problems:
        raise InputError(f"report schedule {unit.code}", problems)
    schedule = ReportSchedule(
        unit_id=unit.id or 0,
        content=order.content,
        skips_empty=order.skips_empty,
        cron=" ".join(cron.split()),
        mail=list(dict.fromkeys(order.mail)),
        folder=order.folder,
        robots=list(dict.fromkeys(order.robots)),
        formats=[name for name in FORMATS if name in order.formats and order.content is Content.WEEK],
        created_at=now,
        created_by=actor,
    )
    session.add(schedule)
    session.flush()
    _record(session, keys, schedule, unit, "report.schedule", now, actor)
    return schedule


def end_schedule(
    session: Session, keys: KeyRing, schedule_id: int, *, now: datetime, actor: str
) -> ReportSchedule:
    """Ends an order; gives it. Raises MeizhenError `reports.no_schedule` where none of that id runs."""
    schedule = session.get(ReportSchedule, schedule_id)
    if schedule is None or schedule.ended_at is not None:
        raise MeizhenError("reports.no_schedule", id=schedule_id)
    schedule.ended_at = now
    session.add(schedule)
    session.flush()
    unit = session.get_one(Unit, schedule.unit_id)
    _record(session, keys, schedule, unit, "report.unschedule", now, actor)
    schedule.mail = []  # whose addresses they were is needed no longer
    session.add(schedule)
    return schedule


def find_schedule(session: Session, schedule_id: int) -> tuple[ReportSchedule, Unit]:
    """A running order with its unit. Raises MeizhenError `reports.no_schedule`."""
    found = session.exec(
        select(ReportSchedule, Unit)
        .join(Unit, col(Unit.id) == col(ReportSchedule.unit_id))
        .where(ReportSchedule.id == schedule_id, col(ReportSchedule.ended_at).is_(None))
    ).one_or_none()
    if found is None:
        raise MeizhenError("reports.no_schedule", id=schedule_id)
    return found


def running_schedules(
    session: Session,
    *,
    unit: Unit | None = None,
    within: ColumnElement[bool] | None = None,
    content: Content | None = None,
) -> list[tuple[ReportSchedule, Unit]]:
    """The orders that run, each with its unit; of a unit, of units `within`, of one content where given."""
    wanted = (
        select(ReportSchedule, Unit)
        .join(Unit, col(Unit.id) == col(ReportSchedule.unit_id))
        .where(col(ReportSchedule.ended_at).is_(None))
        .order_by(col(ReportSchedule.id))
    )
    if unit is not None:
        wanted = wanted.where(ReportSchedule.unit_id == unit.id)
    if within is not None:
        wanted = wanted.where(within)
    if content is not None:
        wanted = wanted.where(ReportSchedule.content == content)
    return list(session.exec(wanted))


def remove_robot(session: Session, keys: KeyRing, name: str, *, now: datetime, actor: str) -> None:
    """Removes a robot and its key. Raises MeizhenError: unknown, or a schedule still uses it."""
    row = find_robot(session, name)
    users = [schedule.known_id for schedule, _ in running_schedules(session) if name in schedule.robots]
    if users:
        raise MeizhenError("reports.robot_in_use", name=name, schedules=", ".join(map(str, users)))
    session.delete(row)
    session.flush()
    record(session, keys, at=now, actor=actor, act="report.robot_remove", subject=f"robot:{name}")


def _problems(order: Order) -> list[Problem]:
    problems = [
        Problem("reports.bad_address", column="--mail", params={"received": address[:80]})
        for address in order.mail
        if not is_address(address)
    ]
    if len(order.mail) > _MOST_ADDRESSES:
        counts = {"received": len(order.mail), "limit": _MOST_ADDRESSES}
        problems.append(Problem("reports.too_many_addresses", column="--mail", params=counts))
    problems += [
        Problem(
            "input.not_one_of", column="--format", params={"received": name, "expected": ", ".join(FORMATS)}
        )
        for name in order.formats
        if name not in FORMATS
    ]
    if not order.formats:
        problems.append(Problem("input.required", column="--format"))
    if order.folder is not None and not is_inside(order.folder):
        params = {"received": order.folder[:80]}
        problems.append(Problem("reports.folder_outside", column="--folder", params=params))
    if order.content is Content.DIGEST and order.folder is not None:
        problems.append(Problem("reports.digest_folder", column="--folder"))
    if order.content is Content.WEEK and order.skips_empty:
        problems.append(Problem("reports.week_is_sent", column="--skip-empty"))
    if not order.mail and order.folder is None and not order.robots:
        problems.append(Problem("reports.nowhere"))
    return problems


def is_address(told: str) -> bool:
    """Is it a mail address that SMTP takes without extensions?"""
    return _ADDRESS.fullmatch(told) is not None


def is_inside(folder: str) -> bool:
    """Does a folder's name lead below the root it stands under, as far as its words tell?"""
    path = PurePosixPath(folder)
    plain = folder.isprintable() and "\\" not in folder and len(folder) <= _FOLDER_LENGTH
    return plain and not path.is_absolute() and ".." not in path.parts


def _unknown_robots(session: Session, names: Sequence[str]) -> list[Problem]:
    known = set(session.exec(select(ReportRobot.name).where(col(ReportRobot.name).in_(names))))
    return [
        Problem("reports.unknown_robot", column="--robot", params={"received": name[:40]})
        for name in names
        if name not in known
    ]


def _record(
    session: Session,
    keys: KeyRing,
    schedule: ReportSchedule,
    unit: Unit,
    act: str,
    now: datetime,
    actor: str,
) -> None:
    """The ledger keeps everything for ever: it is told how many people get the report, not who they are."""
    details = {
        "schedule": schedule.known_id,
        "content": schedule.content,
        "cron": schedule.cron,
        "mail": len(schedule.mail),
        "folder": schedule.folder,
        "robots": schedule.robots,
        "formats": schedule.formats,
    }
    record(session, keys, at=now, actor=actor, act=act, subject=f"unit:{unit.code}", details=details)
