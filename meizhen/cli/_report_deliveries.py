"""`meizhen report schedule …`: schedules, what went to whom, and what waits for a person."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from config.errors import InputError, MeizhenError, Problem
from config.messages import catalogue, text
from meizhen.cli._output import Cell, beijing, show_json, show_rows
from meizhen.house import House, open_house

if TYPE_CHECKING:
    from analytics.reports import ReportDelivery

app = typer.Typer()

AsJson = Annotated[bool, typer.Option("--json", help=text("reports.help_json"))]
UnitCode = Annotated[str, typer.Argument(help=text("reports.help_unit"), metavar="UNIT")]
OfUnit = Annotated[str | None, typer.Option("--unit", help=text("reports.help_of_unit"))]
_TROUBLE = ("uncertain", "failed", "missed")


@app.command(help=text("reports.help_schedule"))
def schedule(
    unit: UnitCode,
    cron: Annotated[str | None, typer.Option("--cron", help=text("reports.help_cron"))] = None,
    mail: Annotated[list[str] | None, typer.Option("--mail", help=text("reports.help_mail"))] = None,
    folder: Annotated[str | None, typer.Option("--folder", help=text("reports.help_folder"))] = None,
    robot: Annotated[list[str] | None, typer.Option("--robot", help=text("reports.help_robots"))] = None,
    formats: Annotated[str | None, typer.Option("--format", help=text("reports.help_formats"))] = None,
    digest: Annotated[bool, typer.Option("--digest", help=text("reports.help_digest"))] = False,
    skip_empty: Annotated[bool, typer.Option("--skip-empty", help=text("reports.help_skip_empty"))] = False,
    as_json: AsJson = False,
) -> None:
    from analytics.reports.cron import next_fire
    from analytics.reports.schedules import USUAL_FORMATS, Content, Order, add_schedule
    from organisation import find_unit

    order = Order(
        content=Content.DIGEST if digest else Content.WEEK,
        skips_empty=skip_empty,
        cron=cron or "",
        mail=_words(mail or []),
        folder=folder,
        robots=_words(robot or []),
        formats=USUAL_FORMATS if formats is None else _words([formats.lower()]),
    )
    with open_house() as house:
        if order.mail and not (house.settings.smtp_host and house.settings.smtp_from):
            raise InputError("report schedule", [Problem("reports.mail_unset", column="--mail")])
        now = house.clock.now()
        with house.database.write() as session:
            made = add_schedule(
                session, house.keys, find_unit(session, unit), order, now=now, actor=house.actor
            )
        fires = next_fire(made.cron, now)
    if as_json:
        told = {"id": made.known_id, "unit": unit, "content": made.content, "cron": made.cron, "next": fires}
        show_json(told)
    else:
        what = text(f"reports.content_{made.content}")
        at = beijing(fires) if fires else "–"
        typer.echo(text("reports.scheduled", id=made.known_id, unit=unit, what=what, next=at))


@app.command(help=text("reports.help_schedules"))
def schedules(unit: OfUnit = None, as_json: AsJson = False) -> None:
    from analytics.reports.cron import next_fire
    from analytics.reports.schedules import running_schedules
    from organisation import find_unit

    with open_house() as house, house.database.read() as session:
        found = running_schedules(session, unit=None if unit is None else find_unit(session, unit))
        now = house.clock.now()
    rows: list[dict[str, Cell]] = [
        {
            "id": made.known_id,
            "unit": of.code,
            "content": made.content if as_json else text(f"reports.content_{made.content}"),
            "cron": made.cron,
            "next": next_fire(made.cron, now),
            "mail": made.mail if as_json else "\n".join(made.mail),
            "folder": made.folder if as_json or made.folder is None else made.folder or ".",
            "robots": made.robots if as_json else "\n".join(made.robots),
            "formats": made.formats if as_json else ",".join(made.formats),
        }
        for made, of in found
    ]
    names = ("id", "unit", "content", "cron", "next", "mail", "folder", "robots", "formats")
    _show(rows, names, as_json)


@app.command(help=text("reports.help_unschedule"))
def unschedule(
    number: Annotated[int, typer.Argument(help=text("reports.help_schedule_id"), metavar="ID")],
) -> None:
    from analytics.reports.deliveries import cancel_planned
    from analytics.reports.schedules import end_schedule

    with open_house() as house, house.database.write() as session:
        now = house.clock.now()
        end_schedule(session, house.keys, number, now=now, actor=house.actor)
        count = cancel_planned(session, number, now)
    typer.echo(text("reports.unscheduled", id=number, count=count))


@app.command(help=text("reports.help_deliver"))
def deliver(
    unit: UnitCode,
    week: Annotated[str | None, typer.Option("--week", help=text("reports.help_week"))] = None,
    as_json: AsJson = False,
) -> None:
    from meizhen.reporting import deliver_now

    with open_house() as house:
        ids = deliver_now(house, unit, week)
        rows = _told(house, ids)
    _show_deliveries(rows, as_json)
    if any(row["state"] in _TROUBLE for row in rows):
        raise typer.Exit(1)


@app.command(help=text("reports.help_deliveries"))
def deliveries(
    unit: OfUnit = None,
    waiting: Annotated[bool, typer.Option("--waiting", help=text("reports.help_waiting"))] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help=text("reports.help_limit"))] = 50,
    as_json: AsJson = False,
) -> None:
    with open_house() as house:
        rows = _told(house, None, unit=unit, waiting=waiting, limit=limit)
    _show_deliveries(rows, as_json)


@app.command(help=text("reports.help_resolve"))
def resolve(
    number: Annotated[int, typer.Argument(help=text("reports.help_delivery_id"), metavar="ID")],
    arrived: Annotated[bool, typer.Option("--arrived", help=text("reports.help_arrived"))] = False,
    again: Annotated[bool, typer.Option("--again", help=text("reports.help_again"))] = False,
    as_json: AsJson = False,
) -> None:
    from analytics.reports.run import run_round, settle
    from meizhen.reporting import office_of

    if arrived == again:
        raise MeizhenError("reports.one_of_two")
    with open_house() as house:
        office = office_of(house, "cli")
        settle(office, number, arrived=arrived, actor=house.actor)
        if again:
            run_round(office, [number])
        rows = _told(house, [number])
    _show_deliveries(rows, as_json)
    if any(row["state"] in _TROUBLE for row in rows):
        raise typer.Exit(1)


def _words(told: Sequence[str]) -> tuple[str, ...]:
    """The words of options that may be repeated and may hold commas, Chinese ones too."""
    parts = (part.strip() for one in told for part in re.split("[,，、]", one))
    return tuple(part for part in parts if part)


def _told(
    house: House,
    ids: Sequence[int] | None,
    *,
    unit: str | None = None,
    waiting: bool = False,
    limit: int = 10_000,
) -> list[dict[str, Cell]]:
    from analytics.reports.deliveries import listed
    from organisation import find_unit

    with house.database.read() as session:
        of = None if unit is None else find_unit(session, unit)
        found = listed(session, unit=of, only=ids, needing_person=waiting, limit=limit)
    return [_row(delivery, code) for delivery, code in found]


def _row(delivery: "ReportDelivery", unit: str) -> dict[str, Cell]:
    return {
        "id": delivery.known_id,
        "unit": unit,
        "week": delivery.week,
        "channel": delivery.channel,
        "target": delivery.target,
        "state": delivery.state,
        "fire_at": delivery.fire_at,
        "finished_at": delivery.finished_at,
        "not_before": delivery.not_before,
        "attempts": delivery.attempts,
        "code": delivery.code,
        "told": delivery.told,
    }


def _show_deliveries(rows: list[dict[str, Cell]], as_json: bool) -> None:
    for row in [] if as_json else rows:
        row |= {"what": _what(row), "todo": _todo(row)}
        row["week"] = row["week"] or text("reports.content_digest")
        row["channel"] = text(f"reports.channel_{row['channel']}")
        row["state_told"] = text(f"reports.state_{row['state']}")
    names = ("id", "unit", "week", "channel", "target", "state_told", "finished_at", "what", "todo")
    _show(rows, names, as_json)


def _what(row: dict[str, Cell]) -> str:
    """Why a delivery stands as it does, with the other side's words."""
    why = f"why_{row['code']}"
    said = text(f"reports.{why}") if why in catalogue("reports") else str(row["code"])
    return f"{said}:{row['told']}" if said and row["told"] and row["state"] != "sent" else said


def _todo(row: dict[str, Cell]) -> str:
    at = row["not_before"]
    if row["state"] == "planned" and isinstance(at, datetime):
        return text("reports.todo_planned", at=beijing(at)) if row["attempts"] else ""
    todo = f"todo_{row['state']}"
    return text(f"reports.{todo}", id=row["id"]) if todo in catalogue("reports") else ""


def _show(rows: list[dict[str, Cell]], names: Sequence[str], as_json: bool) -> None:
    if not rows and not as_json:
        typer.echo(text("reports.nothing"))
        return
    show_rows(rows, {name: text(f"reports.{name.removesuffix('_told')}") for name in names}, as_json=as_json)
