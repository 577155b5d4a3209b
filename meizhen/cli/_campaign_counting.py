"""`meizhen campaign attach|detach|done|undone`: what counts for a campaign."""

from typing import TYPE_CHECKING, Annotated

import typer

from config.clock import shanghai_day
from config.errors import MeizhenError
from config.messages import text
from meizhen.cli._campaign_told import CampaignId
from meizhen.cli._days import day_of
from meizhen.cli._output import show_json
from meizhen.house import House, open_house

if TYPE_CHECKING:
    from sqlmodel import Session

    from scheduler.campaign_counting import Cell

CellName = Annotated[str, typer.Argument(metavar="CAMPAIGN/ITEM", help=text("campaign.help_cell"))]
PostId = Annotated[int, typer.Argument(metavar="POST", min=1, help=text("campaign.help_post"))]
InCampaign = Annotated[
    str | None, typer.Option("--campaign", metavar="CAMPAIGN/ITEM", help=text("campaign.help_in_campaign"))
]


def add_to(app: typer.Typer) -> None:
    """Adds the commands of what counts to `meizhen campaign`."""
    app.command(help=text("campaign.help_attach"))(attach)
    app.command(help=text("campaign.help_detach"))(detach)
    app.command(help=text("campaign.help_done"))(done)
    app.command(help=text("campaign.help_undone"))(undone)


def cell_in_sight(session: "Session", house: House, told: str) -> "Cell":
    """The cell as it was told, of a campaign that whoever acts may see."""
    from scheduler.campaign_counting import Cell

    cell = Cell.parse(told)
    require_in_sight(session, house, cell.campaign)
    return cell


def require_in_sight(session: "Session", house: House, campaign: int) -> None:
    from organisation import Act
    from scheduler.campaign_places import require_sight

    if house.person is not None:
        require_sight(session, house.person, campaign, Act.CAMPAIGN_READ)


def attach(cell: CellName, post: PostId) -> None:
    from scheduler.campaign_counting import attach_post

    with open_house() as house, house.database.write() as session:
        where = cell_in_sight(session, house, cell)
        attach_post(session, house.keys, post, where, now=house.clock.now(), actor=house.actor)
    typer.echo(text("campaign.attached", cell=cell, post=post))


def detach(campaign: CampaignId, post: PostId) -> None:
    from scheduler.campaign_counting import detach_post

    with open_house() as house, house.database.write() as session:
        require_in_sight(session, house, campaign)
        detach_post(session, house.keys, campaign, post, now=house.clock.now(), actor=house.actor)
    typer.echo(text("campaign.detached", id=campaign, post=post))


def done(
    cell: CellName,
    unit: Annotated[str, typer.Option("--unit", help=text("campaign.help_done_unit"))],
    said: Annotated[str, typer.Option("--note", help=text("campaign.help_note"))],
    link: Annotated[str, typer.Option("--link", metavar="URL", help=text("campaign.help_link"))] = "",
    day: Annotated[str | None, typer.Option("--day", metavar="DAY", help=text("campaign.help_day"))] = None,
    as_json: Annotated[bool, typer.Option("--json", help=text("campaign.help_json"))] = False,
) -> None:
    from organisation import find_unit
    from scheduler.campaign_counting import Work, add_work

    on = day_of("--day", day)
    with open_house() as house, house.database.write() as session:
        where, now = cell_in_sight(session, house, cell), house.clock.now()
        if where.item is None:
            raise MeizhenError("campaign.bad_cell", received=cell[:40])
        work = Work(said, on or shanghai_day(now), link)
        of = find_unit(session, unit)
        made = add_work(session, house.keys, where, of, work, now=now, actor=house.actor)
    if as_json:
        show_json({"work": made.id, "campaign": where.campaign, "item": where.item, "unit": of.code})
        return
    typer.echo(text("campaign.noted", work=made.id, cell=where, unit=of.code))


def undone(
    campaign: CampaignId,
    work: Annotated[int, typer.Argument(metavar="WORK", min=1, help=text("campaign.help_work"))],
) -> None:
    from scheduler.campaign_counting import drop_work

    with open_house() as house, house.database.write() as session:
        drop_work(session, house.keys, campaign, work, now=house.clock.now(), actor=house.actor)
    typer.echo(text("campaign.struck", id=campaign, work=work))
