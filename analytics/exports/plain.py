"""The week's plain table for other programs, as CSV and Parquet: the same figures give the same bytes."""

import csv
import io
import tempfile
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from analytics.exports.cells import safe_cell
from analytics.exports.columns import VERSION
from analytics.exports.content import WeekReport
from analytics.exports.rows import COLUMNS, plain_rows

Row = Sequence[int | str | Decimal | None]


def csv_file(report: WeekReport) -> bytes:
    """UTF-8 with BOM, so that Excel shows Chinese; a text that looks like a formula begins with `'`."""
    told = io.StringIO(newline="")
    writer = csv.writer(told)
    writer.writerow(COLUMNS)
    writer.writerows([_cell(cell) for cell in row] for row in plain_rows(report))
    return told.getvalue().encode("utf-8-sig")


def _cell(cell: int | str | Decimal | None) -> str:
    if isinstance(cell, Decimal):
        return f"{cell.normalize():f}"
    return safe_cell(cell) if isinstance(cell, str) else "" if cell is None else str(cell)


def parquet_file(report: WeekReport) -> bytes:
    """The table with its types (`COLUMNS`), texts as they are; `layout` and `week` stand in its metadata."""
    import duckdb

    rows = list(plain_rows(report))
    cells = [[row[place] for row in rows] for place in range(len(COLUMNS))]
    told = [[None if cell is None else str(cell) for cell in column] for column in cells]
    # One list a column: a statement a row would take a millisecond each.
    columns = ", ".join(
        f"unnest(${place}::VARCHAR[])::{kind} AS {name}"
        for place, (name, kind) in enumerate(COLUMNS.items(), 1)
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "week.parquet"
        metadata = f"{{layout: '{VERSION}', week: '{report.week}'}}"
        options = f"FORMAT parquet, COMPRESSION zstd, KV_METADATA {metadata}"
        with duckdb.connect(":memory:", config={"threads": 1}) as connection:
            connection.execute(f"CREATE TABLE week AS SELECT {columns}", told)
            connection.execute(f"COPY week TO '{str(path).replace(chr(39), chr(39) * 2)}' ({options})")
        return path.read_bytes()
