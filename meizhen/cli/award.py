"""`meizhen award`: a rule file, a dry look at it, and the run."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.errors import MeizhenError
from config.messages import text
from meizhen.cli._output import Cell, show_json, show_rows

if TYPE_CHECKING:
    from analytics.awards.result import CategoryResult
    from analytics.awards.run import AwardResult, CategoryCheck, Progress

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=text("cli.award"))

_Rule = Annotated[Path, typer.Argument(help=text("award.help_rule"))]
_AsJson = Annotated[bool, typer.Option("--json", help=text("award.help_json"))]
_Vetoes = Annotated[Path | None, typer.Option("--vetoes", help=text("award.help_vetoes"))]


@app.command(help=text("award.help_run"))
def run(
    rule: _Rule,
    out: Annotated[Path, typer.Option("--out", help=text("award.help_out"))],
    jury: Annotated[Path | None, typer.Option("--jury", help=text("award.help_jury"))] = None,
    votes: Annotated[Path | None, typer.Option("--votes", help=text("award.help_votes"))] = None,
    vetoes: _Vetoes = None,
    as_json: _AsJson = False,
) -> None:
    from analytics.awards import run_award
    from meizhen.house import open_house

    with open_house() as house, _progress() as progress:
        result = run_award(
            house.database, rule, out, jury=jury, votes=votes, vetoes=vetoes, progress=progress
        )
    if as_json:
        show_json(_result_json(result))
        return
    _show(result)
    typer.echo(text("award.run_done", run_id=result.run_id[:16], out=out))


@app.command(help=text("award.help_check"))
def check(rule: _Rule, vetoes: _Vetoes = None, as_json: _AsJson = False) -> None:
    from analytics.awards import check_award
    from meizhen.house import open_house

    with open_house() as house:
        checked = check_award(house.database, rule, vetoes=vetoes)
    if as_json:
        told = {
            "rule": checked.rule.id,
            "title": checked.rule.title,
            "wanted": list(checked.wanted),
            "categories": [_check_json(category) for category in checked.categories],
        }
        show_json(told)
        return
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
    columns = ("category", "accounts", "eligible", "track")
    show_rows(rows, {column: text(f"award.title_{column}") for column in columns}, as_json=False)
    for found in checked.categories:
        if found.refused:
            reasons = ", ".join(f"{gate} {count}" for gate, count in found.refused.items())
            typer.echo(text("award.check_refused", category=found.category.label.told(), reasons=reasons))
    if checked.wanted:
        files = " ".join(f"--{name}" for name in checked.wanted)
        typer.echo(text("award.check_wanted", files=files))


@app.command(help=text("award.help_new"))
def new(file: Annotated[Path, typer.Argument(help=text("award.help_file"))]) -> None:
    from analytics.awards import shipped_rule

    try:
        with file.open("xb") as target:
            target.write(shipped_rule().read_bytes())
    except FileExistsError:
        raise MeizhenError("award.rule_exists", path=file) from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise MeizhenError("index.not_written", path=file, reason=reason) from None
    typer.echo(text("award.new_written", path=file))


@contextmanager
def _progress() -> "Iterator[Progress | None]":
    """A bar on the error stream of a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def told(step: str, done: int, total: int) -> None:
            stage, _, category = step.partition(" ")
            shown = f"{text(f'award.stage_{stage}')} {category}".strip()
            bar.update(task, description=shown, completed=done, total=total)

        yield told


def _show(result: "AwardResult") -> None:
    columns = ("track", "place", "name", "score", "index", "awarded")
    titles = {column: text(f"award.title_{column}") for column in columns}
    for category in result.categories:
        typer.echo(category.category.label.told())
        rows: list[dict[str, Cell]] = [
            {
                "track": track.track.label.told(),
                "place": placed.place,
                "name": placed.name,
                "score": placed.score,
                "index": placed.index,
                "awarded": placed.awarded,
            }
            for track in category.tracks
            for placed in track.places
        ]
        show_rows(rows, titles, as_json=False)


def _result_json(result: "AwardResult") -> dict[str, object]:
    return {
        "run_id": result.run_id,
        "award": result.rule.id,
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
                        "awarded": placed.awarded,
                    }
                    for placed in track.places
                ],
            }
            for track in result.tracks
        ],
        "ineligible": [account["handle"] for account in result.ineligible],
    }


def _check_json(found: "CategoryCheck") -> dict[str, object]:
    return {
        "id": found.category.id,
        "accounts": found.accounts,
        "eligible": dict(found.eligible),
        "refused": dict(found.refused),
    }
