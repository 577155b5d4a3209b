"""How a campaign is told on the command line."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from config.messages import present_language, text
from meizhen.cli._output import Cell, beijing, show_rows

if TYPE_CHECKING:
    from analytics.closing.reach import CampaignReach, Effect, Known
    from scheduler.campaign_board import Board, Entry, Listed
    from scheduler.campaign_board import Cell as BoardCell
    from scheduler.campaign_tables import CampaignEvent

CampaignId = Annotated[int, typer.Argument(metavar="CAMPAIGN", min=1, help=text("campaign.help_id"))]
_STEPS = 20


def list_row(one: "Listed", *, as_json: bool) -> dict[str, Cell]:
    """A campaign as a row of a list."""
    campaign = one.campaign
    return {
        "campaign": campaign.known_id,
        "title": campaign.title,
        "unit": one.unit.code,
        "starts": campaign.starts,
        "ends": campaign.ends,
        "phase": one.phase if as_json else text(f"campaign.phase_{one.phase}"),
        "units": one.units,
        "items": one.items,
        "posts": one.posts,
    }


def told(board: "Board", reach: "CampaignReach", events: "Sequence[CampaignEvent]") -> None:
    """Prints it for people: how it stands, the matrix, what its posts came to, the last steps."""
    campaign = board.campaign
    phase = text(f"campaign.phase_{board.phase}")
    typer.echo(text("campaign.heading", id=campaign.known_id, title=campaign.title, phase=phase))
    days = {"starts": campaign.starts, "ends": campaign.ends, "left": board.days_left}
    typer.echo(text("campaign.days", unit=board.unit.name_zh, **days))
    if campaign.goal:
        typer.echo(f"\n{campaign.goal}\n")
    typer.echo(text("campaign.standing", done=board.done, wanted=board.wanted, behind=board.behind))
    for item in board.items:
        facts = {"item": item.number, "title": item.title, "due": item.due, "wanted": item.wanted}
        typer.echo("  " + text("campaign.item_line", kind=item.kind or "–", **facts))
    columns = {"unit": text("campaign.column_unit")}
    columns |= {str(item.number): f"{item.number} {item.title}"[:20] for item in board.items}
    show_rows([_matrix_row(row.unit.name_zh, row.cells) for row in board.rows], columns, as_json=False)
    _reach(reach)
    from scheduler.campaign_story import event_told

    for event in reversed(events[:_STEPS]):
        typer.echo(f"{beijing(event.at)}  {event.actor}  {event_told(event)}")


def _matrix_row(unit: str, cells: "Sequence[BoardCell]") -> dict[str, Cell]:
    row: dict[str, Cell] = {"unit": unit}
    for cell in cells:
        late = f" {text('campaign.mark_late')}" if cell.standing == "late" else ""
        row[str(cell.item.number)] = f"{cell.done}/{cell.item.wanted}{late}"
    return row


def _reach(reach: "CampaignReach") -> None:
    from analytics.closing.reach import metric_title

    rows: list[dict[str, Cell]] = [
        {
            "platform": platform.label,
            "figure": metric_title(platform.platform, total.metric, present_language()),
            "value": total.value,
            "known": f"{total.known}/{platform.posts}",
            "source": ", ".join(total.sources),
        }
        for platform in reach.platforms
        for total in platform.totals.values()
        if total.metric
    ]
    if rows:
        columns = ("platform", "figure", "value", "known", "source")
        show_rows(rows, {name: text(f"campaign.column_{name}") for name in columns}, as_json=False)


def board_facts(
    board: "Board", reach: "CampaignReach", events: "Sequence[CampaignEvent]"
) -> dict[str, object]:
    """The same for programs, with the register and every step that is told."""
    campaign = board.campaign
    known = {
        (one.post, one.account_id): given for one, given in zip(board.published, reach.posts, strict=True)
    }
    return {
        **campaign.model_dump(exclude={"unit_id"}),
        "unit": board.unit.code,
        "phase": board.phase,
        "items": [one.model_dump(exclude={"campaign_id"}) for one in board.items],
        "matrix": [
            {
                "unit": row.unit.code,
                "name": row.unit.name_zh,
                "cells": [
                    {
                        "item": cell.item.number,
                        "done": cell.done,
                        "late": cell.late,
                        "coming": cell.coming,
                        "standing": cell.standing,
                    }
                    for cell in row.cells
                ],
            }
            for row in board.rows
        ],
        "register": [_entry(one, known.get((one.post, one.account_id), {})) for one in board.register],
        "figures": [
            {
                "platform": platform.platform,
                "posts": platform.posts,
                **{effect: vars(total) for effect, total in platform.totals.items()},
            }
            for platform in reach.platforms
        ],
        "events": [one.model_dump(exclude={"campaign_id", "unit_id"}) for one in events],
    }


def _entry(one: "Entry", known: "Mapping[Effect, Known]") -> dict[str, object]:
    return {
        "day": one.day,
        "unit": None if one.unit is None else one.unit.code,
        "item": one.item,
        "post": one.post,
        "work": one.work,
        "headline": one.headline,
        "account": one.account,
        "state": one.state,
        "done": one.done,
        "late": one.late,
        "link": one.link,
        "by": one.by,
        "figures": {effect: vars(told) for effect, told in known.items()},
    }
