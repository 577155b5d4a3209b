"""How the list of a run is shown: a table a category for people, JSON for programs."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from config.messages import present_language, text
from meizhen.cli._output import Cell, show_rows

if TYPE_CHECKING:
    from analytics.awards.result import CategoryResult, Placed
    from analytics.awards.run import AwardResult

_COLUMNS = ("track", "place", "name", "score", "index", "interval", "inside", "flags", "awarded")


def show(result: "AwardResult", out: Path | None) -> None:
    """The list by category, then what the numbers mean and what comes next."""
    from analytics.awards.nouns import noun

    titles = {column: text(f"award.title_{column}") for column in _COLUMNS if column != "name"}
    for category in result.categories:
        typer.echo(category.category.label.told())
        rows: list[dict[str, Cell]] = [
            {"track": track.track.label.told(), **_row(placed)}
            for track in category.tracks
            for placed in track.places
        ]
        named = {
            column: titles.get(column) or noun(category.category.of, present_language())
            for column in _COLUMNS
        }
        show_rows(rows, named, as_json=False)
    if result.categories:
        law = result.rule.robustness
        share = (law.high - law.low) * 100
        typer.echo(text("award.interval_note", share=f"{share:f}".rstrip("0").rstrip("."), draws=law.draws))
        if any(one.category.index.by_people for one in result.categories):
            typer.echo(text("award.people_note"))
    if result.data_only:
        typer.echo(text("award.data_only"))
    if not result.run_id:
        typer.echo(text("award.dry_done"))
        return
    if result.waiting is not None:
        typer.echo(text("award.waits", reason=str(result.waiting)))
    typer.echo(text("award.run_done", run_id=result.run_id[:16], number=result.number, out=out))


def _row(placed: "Placed") -> dict[str, Cell]:
    return {
        "place": placed.place,
        "name": placed.name,
        "score": placed.score,
        "index": placed.index,
        "interval": f"{placed.low}–{placed.high}",
        "inside": f"{placed.inside * 100:.0f} %",
        "flags": placed.flags or None,
        "awarded": placed.awarded,
    }


def result_json(result: "AwardResult") -> dict[str, object]:
    return {
        "run_id": result.run_id,
        "number": result.number,
        "award": result.rule.id,
        "final": "final" in result.paths,
        "waiting": result.waiting.as_json() if result.waiting else None,
        "data_only": result.data_only,
        "paths": {name: str(path) for name, path in result.paths.items()},
        "categories": [_category_json(category) for category in result.categories],
    }


def _category_json(result: "CategoryResult") -> dict[str, object]:
    return {
        "id": result.category.id,
        "tracks": [
            {
                "id": track.track.id,
                "places": [
                    {
                        "place": placed.place,
                        "handle": placed.handle,
                        "name": placed.name,
                        "score": placed.score,
                        "index": placed.index,
                        "interval": [placed.low, placed.high],
                        "inside": placed.inside,
                        "alternatives": dict(placed.alternatives),
                        "flags": placed.flags,
                        "awarded": placed.awarded,
                    }
                    for placed in track.places
                ],
            }
            for track in result.tracks
        ],
        "ineligible": [account["handle"] for account in result.ineligible],
    }
