"""`meizhen figures`: what came back from the platforms: collect, import, export, holes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.messages import present_language, text
from meizhen.cli import _top
from meizhen.cli._output import show_json, show_rows
from meizhen.house import open_house

if TYPE_CHECKING:
    from analytics.asking import Failure
    from analytics.imports import ImportReport

app = typer.Typer(help=text("cli.figures"), no_args_is_help=True)
app.command("top", help=text("engine.help_top"))(_top.top)

AsJson = Annotated[bool, typer.Option("--json", help=text("figures.option_json"))]
Since = Annotated[str | None, typer.Option("--since", help=text("figures.option_since"))]
Until = Annotated[str | None, typer.Option("--until", help=text("figures.option_until"))]
AccountName = Annotated[str | None, typer.Option("--account", help=text("figures.option_account"))]
UnitCode = Annotated[str | None, typer.Option("--unit", help=text("figures.option_unit"))]


@app.command(help=text("figures.help_collect"))
def collect(
    account: AccountName = None, since: Since = None, until: Until = None, as_json: AsJson = False
) -> None:
    from meizhen.collecting import collect_figures
    from organisation.accounts import find_account

    first, last = _day("--since", since), _day("--until", until)
    with open_house() as house, _progress() as progress:
        with house.database.read() as session:
            named = None if account is None else [find_account(session, account)]
        report = collect_figures(house, accounts=named, since=first, until=last, progress=progress)
    counts = {name: value for name, value in vars(report).items() if name != "failures"}
    if as_json:
        show_json({**counts, "failures": [asdict(failure) for failure in report.failures]})
        return
    typer.echo(text("figures.collected", **counts))
    if report.failures:
        _show_failures(report.failures)


def _show_failures(failures: "list[Failure]") -> None:
    rows = [
        {
            "account": failure.account,
            "subject": text(f"figures.subject_{failure.subject}"),
            "code": failure.code,
            "told": failure.told,
            "remedy": getattr(failure.remedy, present_language(), ""),
        }
        for failure in failures
    ]
    titles = {name: text(f"figures.{name}") for name in ("account", "subject", "code", "told", "remedy")}
    show_rows(rows, titles, as_json=False)


@app.command("import", help=text("figures.help_import"))
def import_file(
    file: Annotated[Path, typer.Argument(help=text("figures.argument_file"))],
    account: AccountName = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help=text("figures.option_as_of"))] = None,
    mapping: Annotated[Path | None, typer.Option("--map", help=text("figures.option_map"))] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=text("figures.option_dry_run"))] = False,
    as_json: AsJson = False,
) -> None:
    from analytics.imports import import_figures
    from organisation.accounts import find_account

    day = _day("--as-of", as_of)
    with open_house() as house:
        with house.database.read() as session:
            target = None if account is None else find_account(session, account)
        report = import_figures(
            house.database,
            house.keys,
            house.clock,
            file,
            target,
            actor=house.actor,
            mapping=mapping,
            as_of=day,
            dry_run=dry_run,
        )
    if as_json:
        show_json(asdict(report))
    else:
        _tell_import(report)


def _tell_import(report: "ImportReport") -> None:
    from config.clock import SHANGHAI

    if report.already is not None:
        at = report.already.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")
        typer.echo(text("figures.already_imported", file=report.file, at=at))
        return
    typer.echo(
        text(
            "figures.would_import" if report.dry_run else "figures.imported",
            file=report.file,
            account=report.account,
            mapping=report.mapping,
            rows=report.rows,
            figures=report.figures,
            unknown=report.unknown,
            new=report.new_articles,
            matched=report.matched_articles,
        )
    )
    if report.left_out:
        typer.echo(text("figures.left_out", columns=", ".join(report.left_out)))


@app.command(help=text("figures.help_export"))
def export(
    out: Annotated[Path, typer.Option("--out", help=text("figures.option_out"))],
    since: Since = None,
    until: Until = None,
    platform: Annotated[str | None, typer.Option("--platform", help=text("figures.option_platform"))] = None,
) -> None:
    from analytics.exports import export_figures

    first, last = _day("--since", since), _day("--until", until)
    with open_house() as house:
        count = export_figures(house.database, out, since=first, until=last, platform=platform)
    typer.echo(text("figures.exported", count=count, path=out))


@app.command(help=text("figures.help_gaps"))
def gaps(since: Since = None, until: Until = None, unit: UnitCode = None, as_json: AsJson = False) -> None:
    from analytics.gaps import list_gaps
    from organisation.units import find_unit

    with open_house() as house, house.database.read() as session:
        subtree = None if unit is None else find_unit(session, unit)
        found = list_gaps(session, since=_day("--since", since), until=_day("--until", until), unit=subtree)
    if as_json:
        show_json([asdict(gap) for gap in found])
    elif not found:
        typer.echo(text("figures.no_gaps"))
    else:
        rows = [asdict(gap) | {"subject": text(f"figures.subject_{gap.subject}")} for gap in found]
        titles = {name: text(f"figures.{name}") for name in ("account", "subject", "day", "code", "told")}
        show_rows(rows, titles, as_json=False)


def _day(option: str, told: str | None) -> date | None:
    """A Beijing day of the command line. Raises InputError."""
    from analytics.spellings import read_moment
    from config.errors import InputError, Problem

    if told is None:
        return None
    try:
        return read_moment(told).date()
    except ValueError:
        raise InputError(option, [Problem("input.not_a_date", params={"received": told})]) from None


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr, only where somebody looks at it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(text("figures.collecting"), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
