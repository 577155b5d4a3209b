"""`meizhen figures`: what came back from the platforms: collect, import, export, holes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.messages import present_language, text
from meizhen.cli import _top
from meizhen.cli._days import day_of as _day
from meizhen.cli._imports import add_to
from meizhen.cli._output import Cell, beijing, show_json, show_rows
from meizhen.house import open_house

if TYPE_CHECKING:
    from analytics.archive.partitions import Partition
    from analytics.archive.writing import ArchiveReport
    from analytics.asking import Failure

app = typer.Typer(help=text("cli.figures"), no_args_is_help=True)
add_to(app)
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
    from config.process import live_long
    from meizhen.collecting import collect_figures
    from organisation.accounts import find_account

    live_long()
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
    if report.resting:
        typer.echo(text("figures.resting", count=report.resting))
    if report.failures:
        _show_failures(report.failures)


@app.command(help=text("figures.help_plan"))
def plan(account: AccountName = None, as_json: AsJson = False) -> None:
    from analytics.gaps import reason_of
    from config.clock import SHANGHAI
    from meizhen.collecting import plan_figures
    from organisation.accounts import find_account

    with open_house() as house:
        with house.database.read() as session:
            named = None if account is None else [find_account(session, account)]
        plans, now = plan_figures(house, named), house.clock.now()
    if as_json:
        show_json([asdict(one) for one in plans])
        return
    if not plans:
        typer.echo(text("figures.no_plan"))
        return
    rows: list[dict[str, Cell]] = [
        {
            "account": one.account,
            "next": text("figures.next_person")
            if one.next_at is None
            else text("figures.next_now")
            if one.next_at <= now
            else one.next_at.astimezone(SHANGHAI).strftime("%m-%d %H:%M"),
            "articles": f"{one.since:%m-%d}–{one.newest:%m-%d}",
            "days": one.days,
            "calls": one.calls,
            "left": "–" if one.left is None else f"{one.left}/{one.limit}",
            "reason": reason_of(one.account, one.code, one.told),
        }
        for one in plans
    ]
    columns = ("account", "next", "articles", "days", "calls", "left", "reason")
    show_rows(rows, {name: text(f"figures.plan_{name}") for name in columns}, as_json=False)


def _show_failures(failures: "list[Failure]") -> None:
    from analytics.gaps import reason_of

    rows = [
        {
            "account": failure.account,
            "subject": text(f"figures.subject_{failure.subject}"),
            "code": reason_of(failure.account, failure.code, failure.told),
            "remedy": getattr(failure.remedy, present_language(), ""),
        }
        for failure in failures
    ]
    titles = {name: text(f"figures.{name}") for name in ("account", "subject", "code", "remedy")}
    show_rows(rows, titles, as_json=False)


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
    from analytics.gaps import list_gaps, reason_of
    from organisation.units import find_unit

    with open_house() as house, house.database.read() as session:
        subtree = None if unit is None else find_unit(session, unit)
        found = list_gaps(session, since=_day("--since", since), until=_day("--until", until), unit=subtree)
    if as_json:
        show_json([asdict(gap) for gap in found])
    elif not found:
        typer.echo(text("figures.no_gaps"))
    else:
        rows: list[dict[str, Cell]] = [
            {
                "account": gap.account,
                "name": gap.name,
                "subject": text(f"figures.subject_{gap.subject}"),
                "day": gap.day,
                "code": reason_of(gap.account, gap.code, gap.told),
            }
            for gap in found
        ]
        titles = {name: text(f"figures.{name}") for name in ("account", "name", "subject", "day", "code")}
        show_rows(rows, titles, as_json=False)


@app.command(help=text("figures.help_archive"))
def archive(
    month: Annotated[str | None, typer.Option("--month", help=text("figures.option_month"))] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=text("figures.option_dry_run"))] = False,
    with_gaps: Annotated[bool, typer.Option("--with-gaps", help=text("figures.option_with_gaps"))] = False,
    verify: Annotated[bool, typer.Option("--verify", help=text("figures.option_verify"))] = False,
    as_json: AsJson = False,
) -> None:
    from analytics.archive import archive_months

    if verify:
        _verify_archive(as_json=as_json)
        return
    with open_house() as house, _progress("figures.archiving") as progress:
        report = archive_months(
            house.database,
            house.keys,
            house.clock,
            actor=house.actor,
            month=month,
            with_gaps=with_gaps,
            dry_run=dry_run,
            progress=progress,
        )
    if as_json:
        show_json(asdict(report))
    else:
        _tell_archive(report)


def _tell_archive(report: "ArchiveReport") -> None:
    for done in report.done:
        typer.echo(
            text("figures.archived", month=_month(done.partition), rows=done.rows, removed=done.removed)
        )
        if done.left:
            typer.echo(text("figures.archive_left", count=done.left))
    if report.dry_run:
        for one in report.planned:
            typer.echo(text("figures.would_archive", month=_month(one.partition), rows=one.rows))
    for one in report.held:
        said = "figures.held_by_holes" if one.holes else "figures.held_open"
        typer.echo(text(said, month=_month(one.partition), count=one.holes, closes=one.closes_on))
    if not report.planned:
        typer.echo(text("figures.nothing_to_archive"))


def _month(partition: "Partition") -> str:
    """A month of the archive for people: `2026-03 wechat articles`."""
    return f"{partition.month} {partition.platform} {text(f'figures.kind_{partition.kind}')}"


def _verify_archive(*, as_json: bool) -> None:
    """Tells what differs; exit code 1 where anything does."""
    from analytics.archive.verifying import verify_archive

    with open_house() as house, _progress("figures.verifying") as progress:
        found = verify_archive(house.database, progress=progress)
    if as_json:
        show_json([asdict(difference) for difference in found])
    elif not found:
        typer.echo(text("figures.archive_all_whole"))
    else:
        rows = [asdict(one) | {"state": text(f"figures.archive_{one.state}")} for one in found]
        titles = {name: text(f"figures.{name}") for name in ("file", "state", "expected", "found")}
        show_rows(rows, titles, as_json=False)
    if found:
        raise typer.Exit(1)


@app.command(help=text("figures.help_archives"))
def archives(as_json: AsJson = False) -> None:
    from analytics.archive.verifying import list_archive

    with open_house() as house:
        found = list_archive(house.database)
    if as_json:
        show_json([asdict(one) for one in found])
    elif not found:
        typer.echo(text("figures.no_archives"))
    else:
        rows = [
            asdict(one)
            | {
                "kind": text(f"figures.kind_{one.kind}"),
                "state": text(f"figures.archive_{one.state}"),
                "late": one.late or None,
                "archived_at": beijing(one.archived_at),
            }
            for one in found
        ]
        columns = ("month", "platform", "kind", "rows", "bytes", "late", "state", "archived_at")
        show_rows(rows, {name: text(f"figures.{name}") for name in columns}, as_json=False)


@contextmanager
def _progress(doing: str = "figures.collecting") -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr, only where somebody looks at it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(text(doing), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
