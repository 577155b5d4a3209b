"""DuckDB for the archive: bounded in memory and threads, its overflow in the home folder, no downloads."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from config.database import ArchivePlace
from config.errors import MeizhenError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SUBJECTS = {"articles": ("article_id", "as_of"), "account_days": ("account_id", "day")}
"""Kind of figures → the columns that say what a figure is of and of which day."""

TABLES_PREFIX = "archiving-"
"""How the folder begins that holds the tables of an archiving: only one runs at a time."""


@contextmanager
def open_duck(place: ArchivePlace, *, tables: bool = False) -> Iterator["DuckDBPyConnection"]:
    """A DuckDB of one piece of work; what does not fit lies in a folder of its own, which goes with it.

    `tables` are kept in that folder: one that only reads files needs none.
    """
    import duckdb

    place.temporary.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=TABLES_PREFIX if tables else "reading-", dir=place.temporary) as folder:
        settings: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": place.memory,
            "threads": place.threads,
            "temp_directory": folder,
            "pandas_analyze_sample": 0,  # text columns are text, whatever stands in them first
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        connection = duckdb.connect(
            str(Path(folder) / "work.duckdb") if tables else ":memory:", config=settings
        )
        try:
            connection.execute("SET enable_progress_bar = false")
            yield connection
        finally:
            connection.close()


@contextmanager
def reading_file(file: str) -> Iterator[None]:
    """Within this, a file of the archive that is not there or is damaged raises MeizhenError."""
    import duckdb

    try:
        yield
    except duckdb.IOException as error:
        if "No files found" in str(error):
            raise MeizhenError("archive.file_missing", file=file) from None
        raise MeizhenError("archive.unreadable", file=file, reason=_first_line(error)) from None
    except duckdb.Error as error:
        raise MeizhenError("archive.unreadable", file=file, reason=_first_line(error)) from None


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def plain_file(kind: str, path: Path) -> str:
    """A query for the plain columns of one file of the archive, to stand behind FROM."""
    subject, day = SUBJECTS[kind]
    return (
        f"(SELECT {subject} AS subject, metric, {day} AS day, source_id, value, source_row, "
        f"make_timestamp(epoch_us(collected_at)) AS seen FROM read_parquet({quoted(path)}))"
    )


def quoted(path: Path | str) -> str:
    """A path as a literal of SQL."""
    return "'" + str(path).replace("'", "''") + "'"
