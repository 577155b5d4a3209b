"""`meizhen queue next`: the digest, seen before it is sent."""

from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer

from config.messages import text
from meizhen.cli._output import show_json
from meizhen.house import open_house

_MOST_HOURS = 24 * 14


def add_to(app: typer.Typer) -> None:
    """Adds the command to `meizhen queue`."""
    app.command("next", help=text("digest.help_next"))(next_hours)


def next_hours(
    unit: Annotated[str | None, typer.Option("--unit", help=text("digest.help_unit"))] = None,
    hours: Annotated[
        int,
        typer.Option("--hours", min=1, max=_MOST_HOURS, help=text("digest.help_hours", most=_MOST_HOURS)),
    ] = 36,
    as_json: Annotated[bool, typer.Option("--json", help=text("digest.help_json"))] = False,
) -> None:
    from sqlalchemy import true

    from analytics.articles import last_articles
    from organisation import Act, find_unit
    from organisation.units import in_subtree
    from scheduler.digest import read_digest
    from scheduler.digest_text import lines_of

    with open_house() as house, house.database.read() as session:
        within = house.sight(Act.POST_READ)
        if unit is not None:
            within = in_subtree(find_unit(session, unit))
        elif within is None:
            within = true()
        digest = read_digest(session, within, house.clock.now(), last_articles, timedelta(hours=hours))
        site = house.settings.site
    if as_json:
        show_json(asdict(digest))
        return
    for line in lines_of(digest, site):
        typer.echo(line)
