"""`meizhen award`: a rule file, a dry look at it, the run, and what people ask of a run afterwards."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.clock import shanghai_day
from config.errors import MeizhenError
from config.messages import text
from meizhen.cli import _award_check, _award_list
from meizhen.cli._award_run import add_to, note
from meizhen.cli._output import show_json

if TYPE_CHECKING:
    from analytics.awards.holes import Signature
    from config.progress import Progress

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=text("cli.award"))

_Rule = Annotated[Path, typer.Argument(help=text("award.help_rule"))]
_AsJson = Annotated[bool, typer.Option("--json", help=text("award.help_json"))]
_Jury = Annotated[Path | None, typer.Option("--jury", help=text("award.help_jury"))]
_Votes = Annotated[Path | None, typer.Option("--votes", help=text("award.help_votes"))]
_Nominees = Annotated[Path | None, typer.Option("--nominees", help=text("award.help_nominees"))]
_Vetoes = Annotated[Path | None, typer.Option("--vetoes", help=text("award.help_vetoes"))]


@app.command(help=text("award.help_run"))
def run(
    rule: _Rule,
    out: Annotated[Path | None, typer.Option("--out", help=text("award.help_out"))] = None,
    jury: _Jury = None,
    votes: _Votes = None,
    vetoes: _Vetoes = None,
    nominees: _Nominees = None,
    sign: Annotated[str, typer.Option("--sign", help=text("award.help_sign"))] = "",
    reason: Annotated[str, typer.Option("--reason", help=text("award.help_reason"))] = "",
    again_from: Annotated[str | None, typer.Option("--from", help=text("award.help_from"))] = None,
    until: Annotated[str, typer.Option("--until", help=text("award.help_until"))] = "final",
    frozen: Annotated[Path | None, typer.Option("--frozen", help=text("award.help_frozen"))] = None,
    dry: Annotated[bool, typer.Option("--dry-run", help=text("award.help_dry_run"))] = False,
    as_json: _AsJson = False,
) -> None:
    from analytics.awards import dry_run, run_award
    from analytics.awards.intake import Given
    from meizhen.house import open_house

    if out is None and not dry:
        raise MeizhenError("award.out_needed")
    signature = _signature(sign, reason)
    with open_house() as house, _progress() as progress:
        given = Given(jury, votes, vetoes, signature, nominees)
        if out is None or dry:
            result = dry_run(house.database, rule, given, progress=progress)
        else:
            result = run_award(
                house.database,
                rule,
                out,
                jury=jury,
                votes=votes,
                vetoes=vetoes,
                signature=signature,
                nominees=nominees,
                frozen=frozen,
                today=shanghai_day(house.clock.now()),
                again_from=again_from,
                until=until,
                progress=progress,
            )
            if signature is not None:
                note(house, "award.sign", result, {"name": signature.name, "reason": signature.reason})
    if as_json:
        show_json(_award_list.result_json(result))
        return
    _award_list.show(result, out)


def _signature(name: str, reason: str) -> "Signature | None":
    from analytics.awards.holes import Signature

    if not name.strip() and not reason.strip():
        return None
    if not name.strip() or not reason.strip():
        raise MeizhenError("award.sign_incomplete")
    return Signature(name.strip(), reason.strip())


@app.command(help=text("award.help_check"))
def check(
    rule: _Rule,
    jury: _Jury = None,
    votes: _Votes = None,
    vetoes: _Vetoes = None,
    nominees: _Nominees = None,
    as_json: _AsJson = False,
) -> None:
    from analytics.awards import check_award
    from analytics.awards.rule_check import check_json
    from meizhen.house import open_house

    with open_house() as house:
        checked = check_award(house.database, rule, jury=jury, votes=votes, vetoes=vetoes, nominees=nominees)
    if as_json:
        show_json(check_json(checked))
    else:
        _award_check.show(checked)


@app.command(help=text("award.help_new"))
def new(
    file: Annotated[Path, typer.Argument(help=text("award.help_file"))],
    shape: Annotated[str, typer.Option("--shape", help=text("award.help_shape"))] = "most-influential",
) -> None:
    from analytics.awards import new_rule

    for path in new_rule(file, shape):
        typer.echo(text("award.new_written", path=path))


add_to(app)


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
