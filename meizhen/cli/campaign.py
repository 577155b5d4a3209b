"""`meizhen campaign`: a unit's themed campaigns, what they want of whom, what was done, and the report."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.clock import shanghai_day
from config.errors import MeizhenError
from config.messages import text
from meizhen.cli import _campaign_counting, _campaign_items
from meizhen.cli._campaign_told import CampaignId, board_facts, list_row, told
from meizhen.cli._days import day_of
from meizhen.cli._output import show_json, show_rows
from meizhen.house import House, open_house

if TYPE_CHECKING:
    from sqlmodel import Session

    from organisation import Unit

app = typer.Typer(help=text("cli.campaign"), no_args_is_help=True)
app.add_typer(_campaign_items.app, name="item")

TABLE_ROWS = 200
_ALL = 2**31 - 1

AsJson = Annotated[bool, typer.Option("--json", help=text("campaign.help_json"))]
Enter = Annotated[
    list[str] | None, typer.Option("--take-part", metavar="UNIT", help=text("campaign.help_take_part"))
]
Out = Annotated[Path, typer.Option("--out", metavar="FOLDER", help=text("campaign.help_out"))]
Formats = Annotated[str, typer.Option("--format", help=text("campaign.help_format"))]


@app.command(help=text("campaign.help_add"))
def add(
    unit: Annotated[str, typer.Option("--unit", help=text("campaign.help_unit"))],
    title: Annotated[str, typer.Option("--title", help=text("campaign.help_title"))],
    starts: Annotated[str, typer.Option("--from", metavar="DAY", help=text("campaign.help_from"))],
    ends: Annotated[str, typer.Option("--until", metavar="DAY", help=text("campaign.help_until"))],
    goal: Annotated[str, typer.Option("--goal", help=text("campaign.help_goal"))] = "",
    enter: Enter = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=text("campaign.help_add_dry"))] = False,
    as_json: AsJson = False,
) -> None:
    from organisation import find_unit
    from scheduler.campaigns import Plan, add_campaign, checked_plan, units_offered

    first, last = day_of("--from", starts), day_of("--until", ends)
    if first is None or last is None:
        raise RuntimeError("expected both days: they are no options that may be left out")
    plan, number = Plan(title, first, last, goal), None
    with open_house() as house:
        with house.database.read() as session:
            of = find_unit(session, unit)
            units = _units(session, enter) if enter else units_offered(session, of)
        plan = checked_plan(plan, of, units)
        if not dry_run:
            with house.database.write() as session:
                now = house.clock.now()
                made = add_campaign(session, house.keys, of, plan, units, now=now, actor=house.actor)
                number = made.known_id
    codes = [one.code for one in units]
    if as_json:
        show_json({"campaign": number, "unit": of.code, "units": codes})
        return
    entry = "campaign.would_add" if dry_run else "campaign.added"
    typer.echo(text(entry, id=number, title=plan.title, count=len(codes), units=", ".join(codes)))


@app.command("list", help=text("campaign.help_list"))
def list_all(
    phase: Annotated[str | None, typer.Option("--phase", help=text("campaign.help_phase"))] = None,
    as_json: AsJson = False,
) -> None:
    from organisation import Act
    from scheduler.campaign_board import Asked, page_of_campaigns
    from scheduler.campaign_tables import Phase

    if phase is not None and phase not in list(Phase):
        raise MeizhenError("input.not_one_of", expected=", ".join(Phase), received=phase[:40])
    with open_house() as house, house.database.read() as session:
        asked = Asked(shanghai_day(house.clock.now()), () if phase is None else (Phase(phase),))
        found = page_of_campaigns(
            session, house.sight(Act.CAMPAIGN_READ), asked, limit=_ALL if as_json else TABLE_ROWS + 1
        )
    rows = [list_row(one, as_json=as_json) for one in found]
    columns = ("campaign", "title", "unit", "starts", "ends", "phase", "units", "items", "posts")
    shown = rows if as_json else rows[:TABLE_ROWS]
    show_rows(shown, {name: text(f"campaign.column_{name}") for name in columns}, as_json=as_json)
    if len(rows) > len(shown):
        typer.echo(text("campaign.list_cut", limit=TABLE_ROWS), err=True)


@app.command(help=text("campaign.help_show"))
def show(campaign: CampaignId, as_json: AsJson = False) -> None:
    from analytics.closing.reach import reach_of
    from organisation import Act
    from scheduler.campaign_board import page_of_events, read_board

    with open_house() as house, house.database.read() as session:
        today, sight = shanghai_day(house.clock.now()), house.sight(Act.CAMPAIGN_READ)
        board = read_board(session, campaign, today, sight)
        reach = reach_of(session, board.published)
        events = page_of_events(session, campaign, sight, limit=TABLE_ROWS)
    if as_json:
        show_json(board_facts(board, reach, events))
        return
    told(board, reach, events)


@app.command(help=text("campaign.help_edit"))
def edit(
    campaign: CampaignId,
    title: Annotated[str | None, typer.Option("--title", help=text("campaign.help_title"))] = None,
    goal: Annotated[str | None, typer.Option("--goal", help=text("campaign.help_goal"))] = None,
    starts: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help=text("campaign.help_from"))
    ] = None,
    ends: Annotated[
        str | None, typer.Option("--until", metavar="DAY", help=text("campaign.help_until"))
    ] = None,
    enter: Enter = None,
    leave: Annotated[
        list[str] | None, typer.Option("--leave", metavar="UNIT", help=text("campaign.help_leave"))
    ] = None,
) -> None:
    from scheduler.campaigns import Change, edit_campaign

    if not (enter or leave) and all(given is None for given in (title, goal, starts, ends)):
        raise MeizhenError("campaign.nothing_to_edit")
    first, last = day_of("--from", starts), day_of("--until", ends)
    with open_house() as house, house.database.write() as session:
        units = _units(session, enter or ()), _units(session, leave or ())
        change = Change(title, goal, first, last, *units)
        now = house.clock.now()
        made = edit_campaign(session, house.keys, campaign, change, edition=None, now=now, actor=house.actor)
    typer.echo(text("campaign.edited", id=campaign, title=made.title))


@app.command(help=text("campaign.help_close"))
def close(
    campaign: CampaignId,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=text("campaign.help_close_dry"))] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help=text("campaign.help_out"))
    ] = None,
    formats: Formats = "xlsx,pdf",
    as_json: AsJson = False,
) -> None:
    from scheduler.campaign_board import read_board
    from scheduler.campaigns import close_campaign

    files: list[str] = []
    with open_house() as house:
        with house.database.read() as session:
            board = read_board(session, campaign, shanghai_day(house.clock.now()))
        if not dry_run:
            with house.database.write() as session:
                close_campaign(session, house.keys, campaign, now=house.clock.now(), actor=house.actor)
            if out is not None:
                files = _written(house, campaign, out, formats)
    left = [(cell.unit.name_zh, cell.item.title) for cell in board.cells if cell.missing]
    if as_json:
        told_left = [{"unit": unit, "item": item} for unit, item in left]
        show_json({"campaign": campaign, "closed": not dry_run, "left": told_left, "files": files})
        return
    facts = {"id": campaign, "title": board.campaign.title, "done": board.done, "wanted": board.wanted}
    typer.echo(text("campaign.would_close" if dry_run else "campaign.closed_now", **facts))
    for unit, item in left:
        typer.echo("  " + text("campaign.left", unit=unit, item=item))
    for name in files:
        typer.echo(f"  {name}")


@app.command(help=text("campaign.help_reopen"))
def reopen(campaign: CampaignId) -> None:
    from scheduler.campaigns import reopen_campaign

    with open_house() as house, house.database.write() as session:
        reopen_campaign(session, house.keys, campaign, now=house.clock.now(), actor=house.actor)
    typer.echo(text("campaign.reopened", id=campaign))


@app.command(help=text("campaign.help_report"))
def report(campaign: CampaignId, out: Out, formats: Formats = "xlsx,pdf", as_json: AsJson = False) -> None:
    with open_house() as house:
        files = _written(house, campaign, out, formats)
    if as_json:
        show_json({"campaign": campaign, "files": files})
        return
    typer.echo(text("campaign.reported", id=campaign))
    for name in files:
        typer.echo(f"  {name}")


_campaign_counting.add_to(app)


def _written(house: House, campaign: int, out: Path, formats: str) -> list[str]:
    from meizhen.campaign_report import write_report
    from organisation import Act

    made = write_report(
        house.database,
        campaign,
        out,
        now=house.clock.now(),
        formats=[one.strip() for one in formats.split(",")],
        within=house.sight(Act.REPORT_READ),
    )
    return [str(path) for path in made.values()]


def _units(session: "Session", codes: Sequence[str]) -> "list[Unit]":
    from organisation import find_unit

    return [find_unit(session, code) for code in dict.fromkeys(codes)]
