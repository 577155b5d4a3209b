"""Figures as one table, CSV or xlsx: for other programs and for Excel, to which no title is a formula."""

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

from sqlmodel import Session

from analytics.exports.cells import OPTIONS, cell_text, safe_cell
from analytics.selection import NAMES, FigureKind, selected_figures
from config.clock import SHANGHAI
from config.database import Database

COLUMNS = (*NAMES["articles"], "day")
"""The columns of the file: those of an article stay empty for an account's own figures, which have `day`."""

Cell: TypeAlias = str | int | float | Decimal | date | datetime | None

_ROWS_AT_ONCE = 5_000
_SHEET_ROWS = 1_048_576  # what Excel opens
_DAY_ZERO = date(1899, 12, 30).toordinal()  # from which Excel counts days
_A4 = 9


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


def write_xlsx(path: Path, headings: Sequence[str], rows: Iterable[Sequence[Cell]]) -> int:
    """Writes rows as they come, holding one in memory; gives how many.

    What is more than a sheet holds goes on on the next one. Texts stay texts, moments are told in Beijing
    time as text, days are days. The same rows give the same bytes.
    """
    from xlsxwriter import Workbook

    count = 0
    with Workbook(str(path), {"constant_memory": True, **OPTIONS}) as book:
        # Else the writer asks the clock.
        book.set_properties({"author": "Meizhen 媒阵", "created": datetime(1980, 1, 1)})  # noqa: DTZ001
        head = book.add_format({"bold": True, "bg_color": "#E8EDF3", "bottom": 1})
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        remaining = iter(rows)
        while True:
            page = _page(book, headings, head)
            filled = _fill(page, islice(remaining, _SHEET_ROWS - 1), day)
            count += filled
            if filled < _SHEET_ROWS - 1:
                return count


def _fill(page: Any, rows: Iterable[Sequence[Cell]], day: Any) -> int:
    """Fills a sheet below its headings; gives how many rows. Half of the time goes into this loop."""
    line = 0
    string, number = page.write_string, page.write_number
    for line, row in enumerate(rows, 1):
        for column, cell in enumerate(row):
            if isinstance(cell, str):
                if cell:
                    string(line, column, cell_text(cell) if cell[0] == "<" else cell)
            elif isinstance(cell, int | float):
                number(line, column, cell)
            elif isinstance(cell, datetime):
                string(line, column, _moment(cell))
            elif isinstance(cell, date):
                number(line, column, cell.toordinal() - _DAY_ZERO, day)
            elif cell is not None:
                number(line, column, float(cell))
    return line


def _page(book: Any, headings: Sequence[str], head: Any) -> Any:
    """A sheet with its headings, which stay in view and stand on every printed page."""
    page = book.add_worksheet()
    page.set_paper(_A4)
    page.set_landscape()
    page.fit_to_pages(1, 0)
    page.repeat_rows(0)
    page.freeze_panes(1, 0)
    page.set_column(0, len(headings) - 1, 14)
    page.autofilter(0, 0, 0, len(headings) - 1)
    for column, heading in enumerate(headings):
        page.write_string(0, column, heading, head)
    return page


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
