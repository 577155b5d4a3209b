"""The commands of `meizhen figures` about files: import, imports, undo, template, missing, conflicts."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.clock import shanghai_day
from config.errors import InputError, Problem
from config.messages import text
from meizhen.cli._days import day_of
from meizhen.cli._output import Cell, as_json_text, beijing, show_json, show_rows
from meizhen.house import open_house

if TYPE_CHECKING:
    from analytics.imports import ImportReport

AsJson = Annotated[bool, typer.Option("--json", help=text("figures.option_json"))]
Since = Annotated[str | None, typer.Option("--since", help=text("figures.option_since"))]
Until = Annotated[str | None, typer.Option("--until", help=text("figures.option_until"))]
UnitCode = Annotated[str | None, typer.Option("--unit", help=text("figures.option_unit"))]
Limit = Annotated[int, typer.Option("--limit", min=1, max=100_000, help=text("figures.option_limit"))]
_SHOWN_PROBLEMS = 20
_CONFLICT_DAYS = timedelta(days=366)


def add_to(app: typer.Typer) -> None:
    """Makes these commands of `meizhen figures`."""
    commands: dict[str, Callable[..., None]] = {
        "import": import_file,
        "imports": imports,
        "undo": undo,
        "template": template,
        "missing": missing,
        "conflicts": conflicts,
    }
    for name, command in commands.items():
        app.command(name, help=text(f"figures.help_{name}"))(command)


def import_file(
    file: Annotated[Path, typer.Argument(help=text("figures.argument_file"))],
    account: Annotated[str | None, typer.Option("--account", help=text("figures.option_account"))] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help=text("figures.option_as_of"))] = None,
    mapping: Annotated[Path | None, typer.Option("--map", help=text("figures.option_map"))] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=text("figures.option_dry_run"))] = False,
    skip_bad_rows: Annotated[
        bool, typer.Option("--skip-bad-rows", help=text("figures.option_skip_bad_rows"))
    ] = False,
    as_json: AsJson = False,
) -> None:
    from analytics.imports import import_figures
    from organisation.accounts import find_account

    day = day_of("--as-of", as_of)
    told = _ToldProblems(as_json)
    with open_house() as house:
        with house.database.read() as session:
            target = None if account is None else find_account(session, account)
        try:
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
                skip_bad_rows=skip_bad_rows,
                each_problem=told.tell,
            )
        except InputError as error:
            if not as_json:
                raise
            facts = error.as_json()
            told.as_one(facts if not told.any else {key: facts[key] for key in facts if key != "problems"})
            raise typer.Exit(2) from None
    if as_json:
        told.as_one(asdict(report))
        return
    told.show_skipped(report.skipped)
    _tell_import(report)


class _ToldProblems:
    """The bad cells of a file as they come: all of them as JSON, however many; the first few for people."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._first: list[str] = []
        self._count = 0

    def tell(self, problem: Problem) -> None:
        self._count += 1
        if self._as_json:
            start = '{\n "bad_cells": [\n  ' if self._count == 1 else ",\n  "
            typer.echo(start + json.dumps(problem.as_json(), ensure_ascii=False), nl=False)
        elif self._count <= _SHOWN_PROBLEMS:
            self._first.append(f"  {problem.told()}")

    @property
    def any(self) -> bool:
        return self._count > 0

    def as_one(self, facts: Mapping[str, object]) -> None:
        """Ends the JSON document with these facts."""
        rest = as_json_text(facts)
        typer.echo(f"\n ],{rest[1:]}" if self._count else rest)

    def show_skipped(self, rows: int) -> None:
        """Says which rows were left out and why."""
        if self._count:
            typer.echo(text("figures.skipped", rows=rows, count=self._count), err=True)
            typer.echo("\n".join(self._first), err=True)
            if self._count > len(self._first):
                typer.echo("  " + text("input.more", count=self._count - len(self._first)), err=True)


def _tell_import(report: "ImportReport") -> None:
    counts = {
        "file": report.file,
        "account": report.account or text("figures.accounts", count=report.accounts),
        "mapping": report.mapping,
        "number": report.number,
        "rows": report.rows,
        "figures": report.figures,
        "unknown": report.unknown,
        "new": report.new_articles,
        "matched": report.matched_articles,
    }
    if report.already is not None:
        typer.echo(text("figures.already_imported", at=beijing(report.already)[:16], **counts))
        return
    typer.echo(text("figures.would_import" if report.dry_run else "figures.imported", **counts))
    if report.left_out:
        typer.echo(text("figures.left_out", columns=", ".join(report.left_out)))
    if report.dry_run:
        _show_first_rows(report)
    if report.conflicts:
        key = "figures.would_conflict" if report.dry_run else "figures.in_conflict"
        typer.echo(text(key, count=report.conflicts))
        if report.dry_run:
            rows: list[dict[str, Cell]] = [
                {
                    "row": one.row,
                    "metric": one.metric,
                    "day": one.day,
                    "imported": _number(one.imported),
                    "told_by_platform": _number(one.told),
                }
                for one in report.first_conflicts
            ]
            names = ("row", "metric", "day", "imported", "told_by_platform")
            show_rows(rows, {name: text(f"figures.column_{name}") for name in names}, as_json=False)


def _show_first_rows(report: "ImportReport") -> None:
    for one in report.first_rows:
        if one.published_at is None:
            told = text("figures.first_row_of_account", row=one.row, account=one.account, day=one.day)
        else:
            told = text(
                "figures.first_row",
                row=one.row,
                account=one.account,
                title=one.title,
                published=beijing(one.published_at)[:10],
                day=one.day,
                known=text("figures.known" if one.known else "figures.new"),
            )
        typer.echo(f"  {told}")
        typer.echo("      " + " ".join(f"{name}={_number(value)}" for name, value in one.figures.items()))


def _number(value: Decimal) -> str:
    """A figure for people: no exponent, no idle zeros."""
    return f"{value.normalize():f}"


def imports(limit: Limit = 50, as_json: AsJson = False) -> None:
    from analytics.imports import list_imports

    with open_house() as house, house.database.read() as session:
        found = list_imports(session, limit=limit)
    rows: list[dict[str, Cell]] = [
        {
            "id": one.id,
            "file": one.file,
            "account": one.account or None,
            "as_of": one.as_of,
            "at": one.at,
            "actor": one.actor,
            "rows": one.row_count,
            "figures": one.figure_count,
            "skipped": one.skipped_count,
            "new_articles": one.new_articles,
            "matched_articles": one.matched_articles,
            "state": one.state if as_json else text(f"figures.state_{one.state}"),
            "undone_at": one.undone_at,
            "undone_by": one.undone_by,
            "sha256": one.digest,
        }
        for one in found
    ]
    if not rows and not as_json:
        typer.echo(text("figures.no_imports"))
        return
    shown = ("id", "file", "account", "as_of", "at", "actor", "rows", "figures", "state")
    show_rows(rows, {name: text(f"figures.column_{name}") for name in shown}, as_json=as_json)


def undo(
    number: Annotated[int, typer.Argument(help=text("figures.argument_import"), metavar="IMPORT")],
    as_json: AsJson = False,
) -> None:
    from analytics.imports import undo_import

    with open_house() as house:
        undone = undo_import(house.database, house.keys, house.clock, number, actor=house.actor)
    if as_json:
        show_json(
            {"id": undone.id, "file": undone.file, "state": undone.state, "undone_at": undone.undone_at}
        )
    else:
        typer.echo(text("figures.undone", number=number, file=undone.file, figures=undone.figure_count))


def template(
    out: Annotated[Path | None, typer.Option("--out", help=text("figures.option_template_out"))] = None,
    unit: UnitCode = None,
) -> None:
    from analytics.imports.template import default_name, write_template
    from config.clock import shanghai_day
    from organisation.units import find_unit

    with open_house() as house, house.database.read() as session:
        now = house.clock.now()
        path = out or Path(default_name(shanghai_day(now)))
        subtree = None if unit is None else find_unit(session, unit)
        count = write_template(session, path, at=now, unit=subtree)
    typer.echo(text("figures.template_written", path=path, count=count))


def missing(
    week: Annotated[str | None, typer.Option("--week", help=text("figures.option_week"))] = None,
    unit: UnitCode = None,
    as_json: AsJson = False,
) -> None:
    from analytics.exports.week import Week
    from analytics.imports.missing import list_missing
    from config.clock import shanghai_day
    from organisation.units import find_unit

    with open_house() as house, house.database.read() as session:
        chosen = Week.parse(week) if week else Week.of(shanghai_day(house.clock.now())).before
        subtree = None if unit is None else find_unit(session, unit)
        report = list_missing(session, chosen, unit=subtree)
    if as_json:
        show_json(asdict(report))
        return
    counts = {"week": report.week, "expected": report.expected, "missing": len(report.accounts)}
    typer.echo(text("figures.missing_some" if report.accounts else "figures.missing_none", **counts))
    if report.accounts:
        names = ("unit", "unit_name", "account", "name")
        rows = [asdict(account) for account in report.accounts]
        show_rows(rows, {name: text(f"figures.column_{name}") for name in names}, as_json=False)
        if report.units:
            typer.echo(text("figures.missing_units", units=", ".join(report.units)))


def conflicts(since: Since = None, until: Until = None, limit: Limit = 1000, as_json: AsJson = False) -> None:
    from analytics.imports import list_conflicts

    first, last = day_of("--since", since), day_of("--until", until)
    with open_house() as house, house.database.read() as session:
        # Without a bound every archived month would be read.
        first = first or shanghai_day(house.clock.now()) - _CONFLICT_DAYS
        found = list_conflicts(session, since=first, until=last, limit=limit)
    if not found and not as_json:
        typer.echo(text("figures.no_conflicts"))
        return
    names = ("account", "title", "metric", "day", "imported", "told_by_platform", "file", "row")
    rows = []
    for conflict in found:
        facts = asdict(conflict)
        facts["imported"], facts["told_by_platform"] = _number(conflict.imported), _number(facts.pop("told"))
        rows.append(facts)
    show_rows(rows, {name: text(f"figures.column_{name}") for name in names}, as_json=as_json)
