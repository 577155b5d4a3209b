"""DuckDB for the files of a run: bounded in memory and threads, without downloads."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_THREADS = 2
_MEMORY = "768MB"


@contextmanager
def open_duck(room: Path | None = None) -> "Iterator[DuckDBPyConnection]":
    """A DuckDB of one piece of work; what memory does not hold goes to the folder `room`, if there is one."""
    import duckdb

    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": _MEMORY,
        "threads": _THREADS,
        "temp_directory": "" if room is None else str(room),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    duck = duckdb.connect(":memory:", config=config)
    try:
        duck.execute("SET enable_progress_bar = false")
        yield duck
    finally:
        duck.close()


def named(column: str) -> str:
    """A column's name as SQL."""
    return '"' + column.replace('"', '""') + '"'


def literal(path: Path) -> str:
    """A path as a literal of SQL that matches this file only, whatever its folders are called."""
    return quoted(re.sub("([*?[])", r"[\1]", str(path)))


def quoted(value: object) -> str:
    """A text as a literal of SQL."""
    return "'" + str(value).replace("'", "''") + "'"
