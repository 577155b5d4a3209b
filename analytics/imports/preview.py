"""A look at a file before anything of it is applied: what each column is, the first rows, every bad cell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from sqlalchemy import ColumnElement

from analytics.imports.importing import ImportReport, import_figures
from analytics.mappings import FileMapping, load_mapping, mapping_for, roles_of
from config.clock import Clock
from config.database import Database
from config.errors import InputError, MeizhenError, Problem
from config.messages import LANGUAGES
from config.progress import Progress, tell_nobody
from config.secrets import KeyRing
from config.table_files import open_table
from organisation.accounts import Account

_FIRST = 5
_SHOWN_ROWS = 60
_SHOWN_PROBLEMS = 300


@dataclass(frozen=True)
class PreviewRow:
    """A row as it stands in the file; `bad` has the cells' faults by column, `faults` the whole row's, each
    in both languages.
    """

    number: int
    cells: Sequence[str]
    bad: Mapping[str, Mapping[str, str]]
    faults: Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class Preview:
    """`report` is what would be applied, None where nothing could be: then `refusal` says why.

    `roles` are what the columns are taken for (column → role). `hidden` is how many faults no row shows.
    """

    columns: Sequence[str]
    roles: Mapping[str, str]
    mapping: FileMapping | None
    rows: Sequence[PreviewRow]
    report: ImportReport | None
    refusal: MeizhenError | None
    hidden: int


def preview(
    database: Database,
    keys: KeyRing,
    clock: Clock,
    path: Path,
    account: Account | None,
    *,
    actor: str,
    mapping: Path | None = None,
    as_of: date | None = None,
    within: ColumnElement[bool] | None = None,
    progress: Progress = tell_nobody,
) -> Preview:
    """Reads the file as `import_figures` would, and changes nothing. InputError for what is no table."""
    with open_table(path) as table:
        columns = table.columns
    report: ImportReport | None = None
    refusal: MeizhenError | None = None
    chosen: FileMapping | None = None
    problems: list[Problem] = []
    try:
        chosen = load_mapping(mapping) if mapping else mapping_for(path.name, columns)
        report = import_figures(
            database,
            keys,
            clock,
            path,
            account,
            actor=actor,
            mapping=mapping,
            as_of=as_of,
            dry_run=True,
            skip_bad_rows=True,
            each_problem=problems.append,
            within=within,
            progress=progress,
        )
    except InputError as error:
        refusal, problems = error, problems or list(error.problems)
    except MeizhenError as error:
        refusal = error
    roles = {} if chosen is None else roles_of(chosen, columns)
    rows = _rows(path, columns, problems)
    shown = sum(len(row.bad) + len(row.faults) for row in rows)
    return Preview(columns, roles, chosen, rows, report, refusal, max(0, len(problems) - shown))


def _rows(path: Path, columns: Sequence[str], problems: Sequence[Problem]) -> list[PreviewRow]:
    """The first rows and those with faults, in the file's order; of a long list the first ones."""
    by_row: dict[int, list[Problem]] = {}
    for problem in problems[:_SHOWN_PROBLEMS]:
        if problem.row is not None:
            by_row.setdefault(problem.row, []).append(problem)
    found: list[PreviewRow] = []
    try:
        with open_table(path) as table:
            for place, row in enumerate(table.rows(lambda _: None)):
                faults = by_row.get(row.number, [])
                if place < _FIRST or faults:
                    found.append(_row(row.number, [row[name] for name in columns], columns, faults))
                if len(found) == _SHOWN_ROWS:
                    break
    except InputError:  # the rows before it are shown; `refusal` tells of it
        return found
    return found


def _row(
    number: int, cells: Sequence[str], columns: Sequence[str], problems: Sequence[Problem]
) -> PreviewRow:
    bad: dict[str, Mapping[str, str]] = {}
    faults: list[Mapping[str, str]] = []
    for problem in problems:
        if problem.column in columns and problem.column is not None and problem.column not in bad:
            bad[problem.column] = _both(replace(problem, row=None, column=None))
        else:
            faults.append(_both(replace(problem, row=None)))
    return PreviewRow(number, cells, bad, faults)


def _both(problem: Problem) -> Mapping[str, str]:
    return {language: problem.told(language) for language in LANGUAGES}


def preview_json(found: Preview) -> dict[str, object]:
    """The same for programs and pages; the mapping by its name."""
    report = found.report
    return {
        "columns": list(found.columns),
        "roles": dict(found.roles),
        "mapping": None if found.mapping is None else found.mapping.name,
        "rows": [
            {
                "number": row.number,
                "cells": list(row.cells),
                "bad": {column: dict(told) for column, told in row.bad.items()},
                "faults": [dict(told) for told in row.faults],
            }
            for row in found.rows
        ],
        "report": None
        if report is None
        else {
            "rows": report.rows,
            "figures": report.figures,
            "new_articles": report.new_articles,
            "matched_articles": report.matched_articles,
            "skipped": report.skipped,
            "conflicts": report.conflicts,
            "already": report.number if report.already else None,
        },
        "refusal": None if found.refusal is None else found.refusal.as_json(),
        "hidden": found.hidden,
    }
