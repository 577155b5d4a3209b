"""A large table as a workbook: xlsxwriter makes everything but the rows, which go straight into the file.

xlsxwriter takes 6 µs for a cell, most of it for what plain rows do not need; here a cell takes under 2
(`docs/decisions/0012-files-of-the-week.md`). A few hundred rows at a time are held in memory.
"""

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import chain, islice
from math import isfinite
from pathlib import Path
from typing import IO, TypeAlias
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from config.clock import SHANGHAI

Cell: TypeAlias = str | int | float | Decimal | date | datetime | None

_SHEET_ROWS = 1_048_576  # what Excel opens
_LONGEST_TEXT = 32_767
_DAY_ZERO = date(1899, 12, 30).toordinal()  # from which Excel counts days
_A4 = 9
_EPOCH = (1980, 1, 1, 0, 0, 0)  # every entry's date: no clock is asked
# What XML cannot hold, and texts that look like how Excel writes it.
_UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9a-fA-F]{4}_)")
_SPECIAL = re.compile("[&<>]")
_NAMES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_ROWS_AT_ONCE = 200


def write_xlsx(path: Path, headings: Sequence[str], rows: Iterable[Sequence[Cell]]) -> int:
    """Writes rows as they come; gives how many.

    What is more than a sheet holds goes on on the next one. Texts stay texts (at most 32,767 characters),
    moments are told in Beijing time as text, days are days. The same rows give the same bytes.
    """
    from xlsxwriter.utility import xl_col_to_name

    letters = [xl_col_to_name(column) for column in range(len(headings))]
    remaining = iter(rows)
    filled: list[int] = []
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        first = next(remaining, None)
        while first is not None or not filled:
            filled.append(0)
            own = islice(chain([] if first is None else [first], remaining), _SHEET_ROWS - 1)
            name = f"xl/worksheets/sheet{len(filled)}.xml"
            before, _ = _sheet(headings, filled)
            with archive.open(_entry(name), "w", force_zip64=True) as file:
                file.write(before)
                filled[-1] = _write_rows(file, own, letters, _day_style(before))
                file.write(_sheet(headings, filled)[1])
            first = next(remaining, None)
        for name, content in _parts(headings, filled).items():
            if not name.startswith("xl/worksheets/"):
                archive.writestr(_entry(name), content)
    return sum(filled)


def _entry(name: str) -> ZipInfo:
    entry = ZipInfo(name, _EPOCH)
    entry.compress_type = ZIP_DEFLATED
    return entry


def _parts(headings: Sequence[str], filled: Sequence[int]) -> dict[str, bytes]:
    """The files of a workbook whose sheets have these numbers of rows, without the rows."""
    from xlsxwriter import Workbook

    from analytics.exports.cells import OPTIONS

    content = io.BytesIO()
    with Workbook(content, {"in_memory": True, **OPTIONS}) as book:
        # Else the writer asks the clock.
        book.set_properties({"author": "Meizhen 媒阵", "created": datetime(1980, 1, 1)})  # noqa: DTZ001
        head = book.add_format({"bold": True, "bg_color": "#E8EDF3", "bottom": 1})
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        for count in filled:
            page = book.add_worksheet()
            page.set_paper(_A4)
            page.set_landscape()
            page.fit_to_pages(1, 0)
            page.repeat_rows(0)
            page.freeze_panes(1, 0)
            page.set_column(0, len(headings) - 1, 14)
            page.set_column(len(headings), len(headings), None, day)  # a format that nothing uses is left out
            page.autofilter(0, 0, count, len(headings) - 1)
            for column, heading in enumerate(headings):
                page.write_string(0, column, heading, head)
    with ZipFile(content) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _sheet(headings: Sequence[str], filled: Sequence[int]) -> tuple[bytes, bytes]:
    """What stands before and after the rows of the last sheet; how many they are is known only at their end.

    The headings' texts stand in the workbook's own list, in the order of the headings.
    """
    content = _parts(headings, filled)[f"xl/worksheets/sheet{len(filled)}.xml"]
    before, end, after = content.partition(b"</sheetData>")
    return re.sub(rb"<dimension [^>]*>", b"", before), end + after


def _day_style(before: bytes) -> int:
    """The number of the format of days, as the column that has it names it."""
    found = re.search(rb'<col [^>]*style="(\d+)"', before)
    if found is None:
        raise ValueError("expected a column with the format of days in what xlsxwriter wrote")
    return int(found[1])


def _write_rows(
    file: IO[bytes], rows: Iterator[Sequence[Cell]], letters: Sequence[str], day_style: int
) -> int:
    count = 0
    while batch := list(islice(rows, _ROWS_AT_ONCE)):
        told = (_row(number, row, letters, day_style) for number, row in enumerate(batch, count + 2))
        file.write("".join(told).encode())
        count += len(batch)
    return count


def _row(number: int, row: Sequence[Cell], letters: Sequence[str], day_style: int) -> str:
    cells = (
        _cell(f"{letter}{number}", cell, day_style)
        for letter, cell in zip(letters, row, strict=True)
        if cell is not None and cell != ""
    )
    return f'<row r="{number}">{"".join(cells)}</row>'


def _cell(place: str, cell: str | int | float | Decimal | date | datetime, day_style: int) -> str:
    if isinstance(cell, str):
        return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{_text(cell)}</t></is></c>'
    if isinstance(cell, bool):
        return f'<c r="{place}" t="b"><v>{cell:d}</v></c>'
    if isinstance(cell, datetime):
        moment = cell.astimezone(SHANGHAI).isoformat(timespec="seconds")
        return f'<c r="{place}" t="inlineStr"><is><t>{moment}</t></is></c>'
    if isinstance(cell, date):
        return f'<c r="{place}" s="{day_style}"><v>{cell.toordinal() - _DAY_ZERO}</v></c>'
    number = cell if isinstance(cell, int) else float(cell)
    if not isfinite(number):
        raise ValueError(f"expected a number in cell {place}, got {cell}: unknown is None")
    return f'<c r="{place}"><v>{number!r}</v></c>'


def _text(told: str) -> str:
    """A text as XML. What XML cannot hold is written as Excel writes it: `_x000D_`."""
    if len(told) > _LONGEST_TEXT:
        told = told[:_LONGEST_TEXT]
    if _UNWRITABLE.search(told):
        told = _UNWRITABLE.sub(lambda found: f"_x{ord(found[0]):04X}_", told)
    return _SPECIAL.sub(lambda found: _NAMES[found[0]], told) if _SPECIAL.search(told) else told
