"""Files with rows that people send in: CSV (UTF-8, with or without BOM, GBK) and xlsx, checked before opened.

Everything in such a file is hostile until checked: sizes are looked at before anything is unpacked, no
formula is evaluated, every cell arrives as text.
"""

import codecs
import csv
import hashlib
import io
import zipfile
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import BinaryIO, TypeAlias

from config.errors import InputError, Problem

MAX_BYTES = 64 * 1024 * 1024
MAX_UNPACKED_BYTES = 100 * 1024 * 1024
MAX_ENTRIES = 2_000
MAX_ROWS = 1_000_000
MAX_COLUMNS = 1_000
MAX_CELLS = 8_000_000  # of an xlsx: it is laid out as a table in memory
MAX_ROW_CHARACTERS = 1_000_000
_PIECE = 1024 * 1024

_NumberedRows: TypeAlias = Generator[tuple[int, list[str]], None, None]


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


class TableStream:
    """A file that is read row by row, so that its length costs no memory: header, then `rows` once.

    `sha256` is the digest of the whole file, in hexadecimal.
    """

    def __init__(self, source: str, sha256: str, lines: _NumberedRows) -> None:
        self.source = source
        self.sha256 = sha256
        self._lines = lines
        header = next(lines, None)
        if header is None:
            raise _refused(source, "input.empty")
        columns = [name.strip() for name in header[1]]
        while columns and not columns[-1]:
            columns.pop()
        if len(columns) > MAX_COLUMNS:
            received = f"{len(columns)} columns"
            raise _refused(source, "input.too_large", received=received, limit=f"{MAX_COLUMNS} columns")
        self.columns = tuple(columns)
        problems = [
            Problem("input.duplicate_column", header[0], params={"column": name})
            for name, times in sorted(Counter(columns).items())
            if times > 1
        ]
        if problems:
            raise InputError(source, problems)

    def rows(self, refuse: Callable[[Problem], None]) -> Iterator[Row]:
        """The rows that are not blank, each with its number; one longer than the header is refused.

        Raises InputError where the file cannot be read on, has no data rows, or too many.
        """
        count = 0
        for number, cells in self._lines:
            stripped = [cell.strip() for cell in cells]
            if not any(stripped):
                continue
            count += 1
            if count > MAX_ROWS:
                raise _refused(self.source, "input.too_large", received=f"> {MAX_ROWS}", limit=f"{MAX_ROWS}")
            if any(stripped[len(self.columns) :]):
                params = {"expected": len(self.columns), "received": len(stripped)}
                refuse(Problem("input.too_many_cells", number, params=params))
                continue
            yield Row(number, dict(zip(self.columns, stripped, strict=False)))
        if not count:
            raise _refused(self.source, "input.empty")


@contextmanager
def open_table(path: Path) -> Iterator[TableStream]:
    """Opens a CSV or xlsx file (its first sheet) to be read row by row.

    Raises InputError naming the file and what to do: unreadable, of another encoding, too large, a zip
    bomb, columns without end.
    """
    source = path.name
    try:
        file = path.open("rb")
    except OSError as error:
        raise _refused(source, "input.not_readable", reason=_reason(error)) from None
    with file:
        try:
            size = file.seek(0, io.SEEK_END)
            if size > MAX_BYTES:
                limit = _megabytes(MAX_BYTES)
                raise _refused(source, "input.too_large", received=_megabytes(size), limit=limit)
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            packed = file.read(4) == b"PK\x03\x04"
            lines = _xlsx_rows(source, file) if packed else _csv_rows(source, file)
        except OSError as error:
            raise _refused(source, "input.not_readable", reason=_reason(error)) from None
        try:
            yield TableStream(source, digest, lines)
        finally:
            lines.close()  # it reads from the file until then


def read_table(path: Path) -> Table:
    """Reads a CSV or xlsx file (its first sheet) whole; blank rows are skipped, row numbers kept.

    Raises InputError naming the file and what to do: unreadable, of another encoding, too large, a zip
    bomb, a row longer than its header, no data rows.
    """
    problems: list[Problem] = []
    with open_table(path) as stream:
        rows = tuple(stream.rows(problems.append))
        if problems:
            raise InputError(stream.source, problems)
        return Table(stream.source, stream.columns, rows)


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__


def _csv_rows(source: str, file: BinaryIO) -> _NumberedRows:
    encoding = _encoding(source, file)
    file.seek(0)
    text = io.TextIOWrapper(file, encoding=encoding, newline="")
    lines = _Lines(source, text)
    reader = csv.reader(lines, strict=True)
    try:
        for cells in reader:
            lines.begin()
            # A quoted cell may hold line breaks: the number of the line it ends on is what editors show.
            yield reader.line_num, cells
    except csv.Error as error:
        problem = Problem("input.not_csv", reader.line_num, params={"reason": error})
        raise InputError(source, [problem]) from None
    finally:
        text.detach()


class _Lines:
    """The lines of a text; a row without end is refused before it fills the memory."""

    def __init__(self, source: str, text: io.TextIOWrapper) -> None:
        self._source = source
        self._text = text
        self._left = MAX_ROW_CHARACTERS

    def begin(self) -> None:
        """The row ends here; the next one begins."""
        self._left = MAX_ROW_CHARACTERS

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._text.readline(self._left + 1)
        if not line:
            raise StopIteration
        self._left -= len(line)
        if self._left < 0:
            limit = f"{MAX_ROW_CHARACTERS} characters"
            raise _refused(self._source, "input.too_large", received=f"a row of > {limit}", limit=limit)
        return line


def _encoding(source: str, file: BinaryIO) -> str:
    """The encoding that the whole file is in; read in pieces. No such file holds a NUL."""
    for encoding in ("utf-8-sig", "gb18030"):
        file.seek(0)
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            while piece := file.read(_PIECE):
                if "\x00" in decoder.decode(piece):
                    raise _refused(source, "input.control_character")
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return encoding
    raise _refused(source, "input.encoding")


def _xlsx_rows(source: str, file: BinaryIO) -> _NumberedRows:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        _refuse_bomb(source, file)
        file.seek(0)
        sheet = CalamineWorkbook.from_filelike(file).get_sheet_by_index(0)
        for number, row in enumerate(sheet.iter_rows(), start=1):
            yield number, [_cell_text(cell) for cell in row]
    except (CalamineError, zipfile.BadZipFile, IndexError, OSError, ValueError, RuntimeError) as error:
        raise _refused(source, "input.not_readable", reason=error) from None


def _refuse_bomb(source: str, file: BinaryIO) -> None:
    """Refuses a workbook that would unpack to too much, or whose sheets reach too far."""
    from config.workbooks import extent

    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        unpacked = sum(entry.file_size for entry in entries)
        if unpacked > MAX_UNPACKED_BYTES or len(entries) > MAX_ENTRIES:
            received = f"{_megabytes(unpacked)}, {len(entries)}"
            limit = f"{_megabytes(MAX_UNPACKED_BYTES)}, {MAX_ENTRIES}"
            raise _refused(source, "input.zip_bomb", received=received, limit=limit)
        rows, columns = extent(archive)
    if rows > MAX_ROWS + 1 or columns > MAX_COLUMNS or rows * columns > MAX_CELLS:
        limit = f"{MAX_ROWS} × {MAX_COLUMNS}, {MAX_CELLS} cells"
        raise _refused(source, "input.too_large", received=f"{rows} × {columns}", limit=limit)


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
