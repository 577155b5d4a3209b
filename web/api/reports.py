"""周报和摘要 Scheduled reports and digests, what went to whom, and what waits for a person."""

from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field, StringConstraints
from sqlmodel import Session

from analytics.exports.week import Week
from analytics.reports.cron import next_fire
from analytics.reports.deliveries import ReportDelivery, State, cancel_planned, listed
from analytics.reports.schedules import (
    Content,
    Order,
    ReportSchedule,
    add_schedule,
    end_schedule,
    find_schedule,
    running_schedules,
)
from config.clock import shanghai_day
from config.errors import InputError, MeizhenError, Problem
from organisation import Act, find_unit, http_for, in_sight, require
from scheduler.notices import ReportNotices
from web.api.asking import JobShown, accepted
from web.api.call import Answer, Asked
from web.api.coverage import WeekName
from web.api.files import Download
from web.api.noun import Noun
from web.api.texts import Body, Code, Filter, Number, Told

noun = Noun("reports")
Format = Literal["xlsx", "pdf", "csv", "parquet"]
Address = Annotated[str, StringConstraints(min_length=3, max_length=320)]


class ScheduleShown(Told):
    """A standing order; `next` is when it fires next."""

    id: int
    unit: str
    content: Content
    cron: str
    next: datetime | None
    mail: list[str]
    folder: str | None
    robots: list[str]
    formats: list[str]
    skips_empty: bool


class ScheduleList(Told):
    """All that run."""

    items: list[ScheduleShown]


class ScheduleMade(Body):
    """A standing order: which unit's report or digest goes when (cron, Beijing time), and where to.

    Without `cron` a weekly report goes on Monday at 08:30, a digest every day at 17:00; a digest has no
    `formats`.
    """

    unit: Code
    content: Content = Content.WEEK
    cron: Annotated[str, StringConstraints(min_length=9, max_length=64)] | None = None
    mail: list[Address] = Field(default_factory=list, max_length=50)
    folder: Annotated[str, StringConstraints(max_length=200)] | None = None
    robots: list[Code] = Field(default_factory=list, max_length=50)
    formats: list[Format] = Field(default=["xlsx", "pdf"], min_length=1)
    skips_empty: bool = Field(default=False, description="A digest with nothing in it is not sent.")


class WeekAsked(Body):
    """An ISO week of a unit and all below it; without a unit, of all that the caller may read."""

    week: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-W[0-9]{2}$")]
    unit: Code | None = None
    formats: list[Format] = Field(default=["xlsx"], min_length=1, max_length=4)


class ScheduleEnded(Told):
    """An order that ended, and how many planned reports it took along."""

    id: int
    cancelled: int


class ReportShown(Told):
    """One report on its way to one target; `week` is empty for a digest."""

    id: int
    unit: str
    week: str
    channel: str
    target: str
    state: State
    fire_at: datetime
    finished_at: datetime | None
    attempts: int
    code: str
    told: str


class ReportList(Told):
    """Reports, newest first."""

    items: list[ReportShown]


class Ordered(Body):
    """The unit whose schedules say who gets the report, and the week; null is the last whole one."""

    unit: Code
    week: Annotated[str, StringConstraints(pattern=r"^\d{4}-W\d{2}$")] | None = None


class Settled(Body):
    """A person's word on a delivery that waits for one: it `arrived`, or it goes `again`."""

    outcome: Literal["arrived", "again"]


@noun.read("/schedules", Act.REPORT_READ)
def list_schedules(asked: Asked, unit: Filter = None) -> ScheduleList:
    """定时列表 Standing orders, of one unit or of the whole house."""
    of = None if unit is None else find_unit(asked.session, unit)
    asked.at(of.path if of else "")
    found = running_schedules(asked.session, unit=of)
    return ScheduleList(items=[_shown(asked, made, unit.code) for made, unit in found])


@noun.write("POST", "/schedules", Act.REPORT_SCHEDULE, status=HTTPStatus.CREATED)
def schedule(asked: Asked, body: ScheduleMade) -> ScheduleShown:
    """定时 A standing order."""
    unit = find_unit(asked.session, body.unit)
    asked.at(unit.path)
    settings = asked.desk.settings
    if body.mail and not (settings.smtp_host and settings.smtp_from):
        raise InputError("report schedule", [Problem("reports.mail_unset", column="mail")])
    if body.content is Content.DIGEST:
        require(asked.person, Act.POST_READ, unit)  # it tells what is going to be published
    order = Order(
        content=body.content,
        cron=body.cron or "",
        mail=tuple(body.mail),
        folder=body.folder,
        robots=tuple(body.robots),
        formats=tuple(body.formats),
        skips_empty=body.skips_empty,
    )
    made = add_schedule(asked.session, asked.keys, unit, order, now=asked.now, actor=asked.actor)
    return _shown(asked, made, unit.code)


@noun.write("DELETE", "/schedules/{number}", Act.REPORT_SCHEDULE)
def unschedule(asked: Asked, number: Number) -> ScheduleEnded:
    """停止定时 End a standing order."""
    _, unit = find_schedule(asked.session, number)
    asked.at(unit.path)
    end_schedule(asked.session, asked.keys, number, now=asked.now, actor=asked.actor)
    return ScheduleEnded(id=number, cancelled=cancel_planned(asked.session, number, asked.now))


@noun.read("/deliveries", Act.REPORT_READ)
def list_deliveries(
    asked: Asked,
    unit: Filter = None,
    waiting: Annotated[bool, Query(description="Only what waits for a person.")] = False,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> ReportList:
    """送达列表 What went to whom, of one unit or of the whole house."""
    of = None if unit is None else find_unit(asked.session, unit)
    asked.at(of.path if of else "")
    found = listed(asked.session, unit=of, needing_person=waiting, limit=limit)
    return ReportList(items=[_report(delivery, code) for delivery, code in found])


@noun.write("POST", "/deliveries", Act.REPORT_SCHEDULE, status=HTTPStatus.ACCEPTED)
def order(asked: Asked, body: Ordered) -> ReportList:
    """立即发送 Send a week's report to everyone in the unit's schedules, at a node's next round."""
    from analytics.reports.ordering import order_reports

    unit = find_unit(asked.session, body.unit)
    asked.at(unit.path)
    ids = order_reports(asked.session, asked.keys, unit, body.week, now=asked.now, actor=asked.actor)
    return _those(asked.session, ids)


@noun.write("POST", "/deliveries/{number}/resolve", Act.REPORT_SCHEDULE, alone=True)
def resolve(asked: Asked, number: Number, body: Settled) -> ReportList:
    """核实 Settle a delivery that waits for a person; what goes again is sent at a node's next round."""
    from analytics.reports.run import Office, settle

    _at_delivery(asked, number)
    desk = asked.desk
    office = Office(
        database=desk.database,
        keys=desk.keys,
        clock=desk.clock,
        settings=desk.settings,
        node="api",
        teller=ReportNotices(),
        http=lambda kind: http_for(f"robot-{kind}", desk.settings),
    )
    settle(office, number, arrived=body.outcome == "arrived", actor=asked.actor)
    with desk.database.read() as session:
        return _those(session, [number])


@noun.download("/weekly", Act.REPORT_READ, "application/octet-stream")
def weekly(
    asked: Asked,
    week: WeekName = None,
    unit: Filter = None,
    form: Annotated[Format, Query(alias="format")] = "xlsx",
) -> Download:
    """周报 A week's report of a unit, or of the whole house, as one file."""
    from analytics.exports import export_week

    asked.at(find_unit(asked.session, unit).path if unit else "")
    chosen = str(Week.parse(week) if week else Week.of(shanghai_day(asked.now)).before)
    database, within = asked.desk.database, in_sight(asked.person, Act.REPORT_READ)

    def write(folder: Path) -> Path:
        return export_week(database, chosen, folder, unit=unit, within=within, formats=[form])[form]

    told = {"week": chosen, "unit": unit or "", "format": form}
    return Download(write, act="report.weekly", subject=f"report:{chosen}", details=told)


@noun.write("POST", "/weekly", Act.REPORT_READ, status=HTTPStatus.ACCEPTED)
def prepare_week(asked: Asked, body: WeekAsked) -> Answer[JobShown]:
    """导出周报 The report of a week as files, made in the background: fetch them from the job."""
    from analytics.jobs.weekly import order_week

    if body.unit is None:
        asked.sight()
    else:
        asked.at(find_unit(asked.session, body.unit).path)
    return accepted(asked, order_week(asked.session, body.week, body.formats, asked.person, body.unit))


def _at_delivery(asked: Asked, number: int) -> None:
    found = listed(asked.session, only=[number])
    if not found:
        raise MeizhenError("organisation.out_of_sight")
    asked.at(find_unit(asked.session, found[0][1]).path)


def _those(session: Session, ids: list[int]) -> ReportList:
    found = listed(session, only=ids, limit=len(ids))
    return ReportList(items=[_report(delivery, code) for delivery, code in found])


def _shown(asked: Asked, made: ReportSchedule, unit: str) -> ScheduleShown:
    return ScheduleShown(
        id=made.known_id,
        unit=unit,
        content=Content(made.content),
        cron=made.cron,
        next=next_fire(made.cron, asked.now),
        mail=list(made.mail),
        folder=made.folder,
        robots=list(made.robots),
        formats=list(made.formats),
        skips_empty=made.skips_empty,
    )


def _report(one: ReportDelivery, unit: str) -> ReportShown:
    return ReportShown(
        id=one.known_id,
        unit=unit,
        week=one.week,
        channel=one.channel,
        target=one.target,
        state=State(one.state),
        fire_at=one.fire_at,
        finished_at=one.finished_at,
        attempts=one.attempts,
        code=one.code,
        told=one.told,
    )
