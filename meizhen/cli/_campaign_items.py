"""`meizhen campaign item`: what a campaign wants of every unit."""

from typing import Annotated

import typer

from config.messages import text
from meizhen.cli._campaign_told import CampaignId
from meizhen.cli._days import day_of
from meizhen.cli._output import show_json
from meizhen.house import open_house

ItemNumber = Annotated[int, typer.Argument(metavar="ITEM", min=1, help=text("campaign.help_item_number"))]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=text("campaign.help_item"))


@app.command(help=text("campaign.help_item_add"))
def add(
    campaign: CampaignId,
    title: Annotated[str, typer.Option("--title", help=text("campaign.help_item_title"))],
    due: Annotated[str, typer.Option("--due", metavar="DAY", help=text("campaign.help_due"))],
    wanted: Annotated[int, typer.Option("--wanted", min=1, help=text("campaign.help_wanted"))] = 1,
    kind: Annotated[str, typer.Option("--kind", help=text("campaign.help_kind"))] = "",
    as_json: Annotated[bool, typer.Option("--json", help=text("campaign.help_json"))] = False,
) -> None:
    from scheduler.campaign_items import Wanted, add_item

    day = day_of("--due", due)
    if day is None:
        raise RuntimeError("expected a day: it is no option that may be left out")
    with open_house() as house, house.database.write() as session:
        told = Wanted(title, day, wanted, kind)
        made = add_item(session, house.keys, campaign, told, now=house.clock.now(), actor=house.actor)
    if as_json:
        show_json(made.model_dump())
        return
    facts = {"id": campaign, "item": made.number, "title": made.title, "due": made.due, "wanted": made.wanted}
    typer.echo(text("campaign.item_added", **facts))


@app.command(help=text("campaign.help_item_edit"))
def edit(
    campaign: CampaignId,
    item: ItemNumber,
    title: Annotated[str | None, typer.Option("--title", help=text("campaign.help_item_title"))] = None,
    due: Annotated[str | None, typer.Option("--due", metavar="DAY", help=text("campaign.help_due"))] = None,
    wanted: Annotated[int | None, typer.Option("--wanted", min=1, help=text("campaign.help_wanted"))] = None,
    kind: Annotated[str | None, typer.Option("--kind", help=text("campaign.help_kind"))] = None,
) -> None:
    from scheduler.campaign_items import ItemChange, edit_item

    change = ItemChange(title, day_of("--due", due), wanted, kind)
    with open_house() as house, house.database.write() as session:
        now = house.clock.now()
        made = edit_item(
            session, house.keys, campaign, item, change, edition=None, now=now, actor=house.actor
        )
    facts = {"id": campaign, "item": item, "title": made.title, "due": made.due, "wanted": made.wanted}
    typer.echo(text("campaign.item_edited", **facts))


@app.command(help=text("campaign.help_item_remove"))
def remove(campaign: CampaignId, item: ItemNumber) -> None:
    from scheduler.campaign_items import remove_item

    with open_house() as house, house.database.write() as session:
        remove_item(session, house.keys, campaign, item, now=house.clock.now(), actor=house.actor)
    typer.echo(text("campaign.item_removed", id=campaign, item=item))
