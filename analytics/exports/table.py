"""Figures as one table, CSV or xlsx: for other programs and for Excel, to which no title is a formula."""

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from sqlmodel import Session

from analytics.exports.cells import safe_cell
from analytics.exports.large_sheet import Cell, write_xlsx
from analytics.selection import NAMES, FigureKind, selected_figures
from config.clock import SHANGHAI
from config.database import Database

COLUMNS = (*NAMES["articles"], "day")
"""The columns of the file: those of an article stay empty for an account's own figures, which have `day`."""

_ROWS_AT_ONCE = 5_000


def export_figures(
    database: Database,
    out: Path,
    *,
    since: date | None = None,
    until: date | None = None,
    platform: str | None = None,
) -> int:
    """Writes the figures of articles published, and of account days, from `since` to `until` to a file.

    Gives how many. A name that ends in `.xlsx` makes a workbook, any other CSV: UTF-8 with BOM, so that Excel
    shows Chinese. The file appears whole or not at all.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f"{out.name}.partial")
    write = write_xlsx if out.suffix.lower() == ".xlsx" else write_csv
    try:
        with database.read() as session:
            count = write(partial, COLUMNS, _rows(session, platform, since, until))
        os.replace(partial, out)
    finally:
        partial.unlink(missing_ok=True)
    return count


def write_csv(path: Path, headings: Sequence[str], rows: Iterable[Sequence[Cell]]) -> int:
    """Writes rows as they come; gives how many. UTF-8 with BOM; a text like a formula begins with `'`."""
    count = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(headings)
        for row in rows:
            writer.writerow([_told(cell) for cell in row])
            count += 1
    return count


def _rows(
    session: Session, platform: str | None, since: date | None, until: date | None
) -> Iterator[list[Cell]]:
    kinds: tuple[FigureKind, ...] = ("articles", "account_days")
    for kind in kinds:
        query = selected_figures(session, kind, platform=platform, since=since, until=until)
        places = [NAMES[kind].index(name) if name in NAMES[kind] else None for name in COLUMNS]
        value = COLUMNS.index("value")
        for row in session.execute(query.execution_options(yield_per=_ROWS_AT_ONCE)):
            cells: list[Cell] = [None if place is None else row[place] for place in places]
            cells[value] = Decimal(row[NAMES[kind].index("value")]).scaleb(-6)
            yield cells


def _told(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return _moment(cell)
    if isinstance(cell, Decimal):
        return f"{cell.normalize():f}"
    return safe_cell(cell) if isinstance(cell, str) else str(cell)


def _moment(at: datetime) -> str:
    return at.astimezone(SHANGHAI).isoformat(timespec="seconds")
