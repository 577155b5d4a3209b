"""A CSV in, the same CSV with a column `value` out: every other cell keeps its text and its place."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from analytics.indices.computation import compute_read, read_figures
from analytics.indices.definition import PLACES_COLUMN, VALUE_COLUMN, IndexDefinition
from config.errors import InputError, Problem
from config.table_files import MAX_BYTES


def compute_table(definition: IndexDefinition, path: Path) -> str:
    """The CSV text of `path` with the index of each row in a last column `value`; lines end in `\\n`.

    UTF-8 (with or without BOM) or GBK in. Rows shorter than the header are filled with empty cells, lines
    without any character are left out. Raises InputError, nothing computed, naming every bad row and column.
    """
    lines = _lines(path.name, _content(path))
    _, header = next(lines, (0, []))
    if not header:
        raise InputError(path.name, [Problem("input.empty")])
    columns = _columns(definition, path.name, header)
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*header, VALUE_COLUMN])
    problems: list[Problem] = []
    for number, cells in lines:
        if len(cells) > len(header):
            params = {"expected": len(header), "received": len(cells)}
            problems.append(Problem("input.too_many_cells", number, params=params))
            continue
        cells += [""] * (len(header) - len(cells))
        read = {name: cells[place] for name, place in columns.items()}
        figures, places, wrong = read_figures(definition, read, row=number)
        problems += wrong
        if not problems:
            writer.writerow([*cells, compute_read(definition, figures, places)])
    if problems:
        raise InputError(path.name, problems)
    return out.getvalue()


def _columns(definition: IndexDefinition, source: str, header: list[str]) -> dict[str, int]:
    """Where each variable stands; a missing one, a repeated one and a `value` column are refused."""
    names = [name.strip() for name in header]
    needed = definition.variables
    params: dict[str, object] = {"received": ", ".join(names)}
    problems = [
        Problem("input.missing_column", 1, params=params | {"column": name})
        for name in needed
        if name not in names
    ]
    used = [name for name in (*needed, PLACES_COLUMN) if name in names]
    problems += [
        Problem("input.duplicate_column", 1, params={"column": name})
        for name in used
        if names.count(name) > 1
    ]
    if VALUE_COLUMN in names:
        problems.append(Problem("index.value_column", 1, VALUE_COLUMN, {"column": VALUE_COLUMN}))
    if problems:
        raise InputError(source, problems)
    return {name: names.index(name) for name in used}


def _content(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            params = {"received": f"{size >> 20} MB", "limit": f"{MAX_BYTES >> 20} MB"}
            raise InputError(path.name, [Problem("input.too_large", params=params)])
        content = path.read_bytes()
    except OSError as error:
        params = {"reason": error.strerror or type(error).__name__}
        raise InputError(path.name, [Problem("input.not_readable", params=params)]) from None
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" in text:
            raise InputError(path.name, [Problem("input.control_character")])
        return text
    raise InputError(path.name, [Problem("input.encoding")])


def _lines(source: str, text: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for cells in reader:
            if cells:
                yield reader.line_num, cells
    except csv.Error as error:
        problem = Problem("input.not_csv", reader.line_num, params={"reason": error})
        raise InputError(source, [problem]) from None
