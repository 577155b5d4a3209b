"""Articles as a database told them, sorted and spelled as the canonical CSV file of a freeze.

Sorted by handle, day and id by code point, and spelled as the csv module spells cells: no writer's own idea
of what needs quotes comes between, so that the bytes stay the same. DuckDB does both in its own threads.
"""

import errno
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from analytics.awards.duck import literal, named, open_duck, quoted
from analytics.awards.freeze import ARTICLE_COLUMNS, SOURCES

# What a row holds, in this order; readings follow: a letter of SOURCES and the figure's text.
_CELLS = ("key", "id", "day", "position", "kind", "original", "title", "url")
_QUOTED = (",", '"', "\n", "\r")
_PLAIN = "FORMAT csv, HEADER true, DELIMITER '\x01', QUOTE '', ESCAPE ''"


def write_articles(
    rows: Path,
    handles: Mapping[int, str],
    metrics: Sequence[str],
    path: Path,
    *,
    room: Path,
    telling: Collection[str] = (),
) -> Path:
    """Writes the rows in the files of the folder `rows` (a JSON array a line), whose keys have these handles.

    With `telling` only those that have a figure of one of these metrics. What memory does not hold lies in
    the folder `room` for a while. Raises OSError where that or the file cannot be written.
    """
    import duckdb

    readings = [f"reading{number}" for number in range(len(metrics))]
    cells = ", ".join(f"cells[{n}] AS {name}" for n, name in enumerate((*_CELLS, *readings), start=1))
    files = ", ".join(literal(file) for file in sorted(rows.iterdir()))
    told = (
        f"SELECT {cells} FROM read_json([{files}], format = 'newline_delimited', "
        "records = false, columns = {cells: 'VARCHAR[]'})"
    )
    lines = (
        f"SELECT {_line(readings)} AS {named(','.join((*ARTICLE_COLUMNS, *metrics)))} "
        f"FROM ({told}) AS told JOIN handles ON handles.key = CAST(told.key AS BIGINT) "
        f"WHERE {_tells(readings, metrics, telling)} "
        "ORDER BY place, CAST(day AS DATE), id"
    )
    ordered = sorted(handles, key=lambda key: handles[key])
    places = [ordered, [*range(len(ordered))], [handles[key] for key in ordered]]
    with open_duck(room) as duck:
        duck.execute("CREATE TABLE handles (key BIGINT, place INTEGER, handle VARCHAR)")
        duck.execute("INSERT INTO handles SELECT unnest(?), unnest(?), unnest(?)", places)
        try:
            duck.execute(f"COPY ({lines}) TO {quoted(path)} ({_PLAIN})")
        except (duckdb.IOException, duckdb.OutOfMemoryException) as error:  # memory ends where the disk does
            raise OSError(errno.EIO, next(iter(str(error).splitlines()), "")) from None
    return path


def _tells(readings: Sequence[str], metrics: Sequence[str], telling: Collection[str]) -> str:
    """Has the row a figure of one of these metrics?"""
    asked = [one for one, metric in zip(readings, metrics, strict=True) if metric in telling]
    return " OR ".join(f"length({one}) > 1" for one in asked) or "true"


def _line(readings: Sequence[str]) -> str:
    """A row's line of the file."""
    first = (_cell("handle"), _cell("id"), "day", "position", _cell("kind"), _truth("original"))
    figures = (f"coalesce(substr({reading}, 2), '')" for reading in readings)
    return (
        f"concat_ws(',', {', '.join((*first, _cell('title'), _cell('url'), _sources(readings), *figures))})"
    )


def _cell(text: str) -> str:
    odd = " OR ".join(f"contains({text}, chr({ord(character)}))" for character in _QUOTED)
    return f"""CASE WHEN {odd} THEN concat('"', replace({text}, '"', '""'), '"') ELSE {text} END"""


def _truth(value: str) -> str:
    """SQLite's truth is a number."""
    return f"CASE WHEN {value} IS NULL THEN '' WHEN {value} IN ('1', 'true') THEN 'true' ELSE 'false' END"


def _sources(readings: Sequence[str]) -> str:
    """The kinds of sources that a row's readings came from: no figure's text holds a letter."""
    letters = f"concat('', {', '.join(readings)})" if readings else "''"
    found = (
        f"CASE WHEN contains({letters}, '{letter}') THEN '{name}' END" for letter, name in SOURCES.items()
    )
    return f"concat_ws('+', {', '.join(found)})"
