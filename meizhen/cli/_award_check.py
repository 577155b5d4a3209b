"""How a look at a rule is shown: who could take part, who not and why, what is missing."""

from typing import TYPE_CHECKING

import typer

from config.messages import present_language, text
from meizhen.cli._output import Cell, show_rows

if TYPE_CHECKING:
    from analytics.awards.rule_check import AwardCheck, CategoryCheck

_COLUMNS = ("category", "accounts", "eligible", "track")
_SHOWN = 20  # accounts named a category; the rest is counted


def show(checked: "AwardCheck") -> None:
    typer.echo(text("award.check_fine", title=checked.rule.title))
    rows: list[dict[str, Cell]] = [
        {
            "category": found.category.label.told(),
            "accounts": found.accounts,
            "eligible": sum(found.eligible.values()),
            "track": "  ".join(
                f"{track.label.told()} {found.eligible[track.id]}" for track in found.category.tracks
            ),
        }
        for found in checked.categories
    ]
    show_rows(rows, {column: text(f"award.title_{column}") for column in _COLUMNS}, as_json=False)
    for found in checked.categories:
        _show_category(found)
    if checked.wanted:
        files = " ".join(f"--{name}" for name in checked.wanted)
        typer.echo(text("award.check_wanted", files=files))


def _show_category(found: "CategoryCheck") -> None:
    label = found.category.label.told()
    for track in found.category.tracks:
        if found.eligible[track.id] < track.places:
            params = {"track": track.label.told(), "eligible": found.eligible[track.id]}
            typer.echo(text("award.check_few", category=label, places=track.places, **params))
    if found.refused:
        reasons = ", ".join(f"{gate} {count}" for gate, count in found.refused.items())
        typer.echo(text("award.check_refused", category=label, reasons=reasons))
    out = [one for one in found.looked if one.reasons]
    for one in out[:_SHOWN]:
        told = "; ".join(reason[present_language()] for reason in one.reasons)
        typer.echo(f"  {one.name} ({one.handle}): {told}")
    if len(out) > _SHOWN:
        typer.echo("  " + text("input.more", count=len(out) - _SHOWN))
    if found.holes:
        days = ", ".join(f"{handle} {count}" for handle, count in list(found.holes.items())[:_SHOWN])
        typer.echo(text("award.check_holes", category=label, days=days))
    if found.in_vain:
        checks = ", ".join(text(f"papers.check_{check}") for check in found.in_vain)
        typer.echo(text("award.check_in_vain", category=label, checks=checks))
