"""Files with rows that people send in: CSV (UTF-8, with or without BOM, GBK) and xlsx, checked before opened.

Everything in such a file is hostile until checked: sizes are looked at before anything is unpacked, no
formula is evaluated, every cell arrives as text.
"""

import csv
import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path

from config.errors import InputError, Problem

MAX_BYTES = 64 * 1024 * 1024
MAX_UNPACKED_BYTES = 100 * 1024 * 1024
MAX_ENTRIES = 2_000
MAX_ROWS = 1_000_000
MAX_CELL_CHARACTERS = 1_000_000


@dataclass(frozen=True)
class Row:
    """One data row: its number as the person sees it (the header is row 1) and its cells by column name."""

    number: int
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        """The cell without surrounding blanks; '' where the row is too short or has no such column."""
        return self.cells.get(column, "")


@dataclass(frozen=True)
class Table:
    """A file's header and rows."""

    source: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    def require(self, needed: Sequence[str], *, known: Sequence[str] | None = None) -> None:
        """Raises InputError when a needed column is missing, or one stands there that is not `known`."""
        problems = [
            Problem("input.missing_column", 1, params={"column": name, "received": ", ".join(self.columns)})
            for name in needed
            if name not in self.columns
        ]
        if known is not None:
            problems += [
                Problem("input.unknown_column", 1, params={"column": name, "expected": ", ".join(known)})
                for name in self.columns
                if name not in known
            ]
        if problems:
            raise InputError(self.source, problems)


def read_table(path: Path) -> Table:
    """Reads a CSV or xlsx file (its first sheet); blank rows are skipped, row numbers kept.

    Raises InputError naming the file and what to do: unreadable, of another encoding, too large, a zip
    bomb, a row longer than its header, no data rows.
    """
    source = path.name
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise _refused(source, "input.too_large", received=_megabytes(size), limit=_megabytes(MAX_BYTES))
        content = path.read_bytes()
    except OSError as error:
        raise _refused(source, "input.not_readable", reason=error.strerror or type(error).__name__) from None
    lines = _xlsx_rows(source, content) if content[:4] == b"PK\x03\x04" else _csv_rows(source, content)
    return _table(source, lines)


def _table(source: str, lines: Iterator[tuple[int, list[str]]]) -> Table:
    header_row = next(lines, None)
    if header_row is None:
        raise _refused(source, "input.empty")
    columns = tuple(name.strip() for name in header_row[1])
    while columns and not columns[-1]:
        columns = columns[:-1]
    problems = [
        Problem("input.duplicate_column", header_row[0], params={"column": name})
        for name in sorted({name for name in columns if columns.count(name) > 1})
    ]
    rows: list[Row] = []
    for number, cells in lines:
        stripped = [cell.strip() for cell in cells]
        if not any(stripped):
            continue
        if any(stripped[len(columns) :]):
            params = {"expected": len(columns), "received": len(stripped)}
            problems.append(Problem("input.too_many_cells", number, params=params))
        if len(rows) >= MAX_ROWS:
            raise _refused(source, "input.too_large", received=f"> {MAX_ROWS}", limit=f"{MAX_ROWS}")
        rows.append(Row(number, dict(zip(columns, stripped, strict=False))))
    if problems:
        raise InputError(source, problems)
    if not rows:
        raise _refused(source, "input.empty")
    return Table(source, columns, tuple(rows))


def _csv_rows(source: str, content: bytes) -> Iterator[tuple[int, list[str]]]:
    text = _decode(source, content)
    if "\x00" in text:
        raise _refused(source, "input.control_character")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for cells in reader:
            # A quoted cell may hold line breaks: the number of the line it ends on is what editors show.
            yield reader.line_num, cells
    except csv.Error as error:
        raise InputError(
            source, [Problem("input.not_csv", reader.line_num, params={"reason": error})]
        ) from None


def _decode(source: str, content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _refused(source, "input.encoding")


def _xlsx_rows(source: str, content: bytes) -> Iterator[tuple[int, list[str]]]:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
    except zipfile.BadZipFile as error:
        raise _refused(source, "input.not_readable", reason=error) from None
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > MAX_UNPACKED_BYTES or len(entries) > MAX_ENTRIES:
        received = f"{_megabytes(unpacked)}, {len(entries)}"
        limit = f"{_megabytes(MAX_UNPACKED_BYTES)}, {MAX_ENTRIES}"
        raise _refused(source, "input.zip_bomb", received=received, limit=limit)
    try:
        sheet = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
        cells = sheet.to_python(skip_empty_area=False, nrows=MAX_ROWS + 2)
    except (CalamineError, IndexError, OSError, ValueError) as error:
        raise _refused(source, "input.not_readable", reason=error) from None
    for number, row in enumerate(cells, start=1):
        yield number, [_cell_text(cell) for cell in row]


def _cell_text(cell: object) -> str:
    """A cell as people wrote it: whole numbers without `.0`, dates as ISO."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(sep=" ")
    if isinstance(cell, date | time):
        return cell.isoformat()
    return str(cell)


def _megabytes(size: int) -> str:
    return f"{size / 1024 / 1024:.1f} MB"


def _refused(source: str, code: str, **params: object) -> InputError:
    return InputError(source, [Problem(code, params=params)])
