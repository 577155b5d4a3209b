"""Reading the archive again: is every file still what was recorded?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlmodel import col, select

from analytics.archive.checksum import Sums, sums_of
from analytics.archive.duck import open_duck, plain_file, reading_file
from analytics.archive.months import stored_months
from analytics.archive.partitions import ArchivedMonth, Partition
from analytics.archive.writing import sums_recorded
from config.database import ArchivePlace, Database
from config.errors import MeizhenError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

WHOLE, LATE, MISSING = "whole", "late", "missing"
UNREADABLE, DIFFERS, UNRECORDED = "unreadable", "differs", "unrecorded"


@dataclass(frozen=True)
class ArchivedFile:
    """A file of the archive as recorded.

    `state`: whole (it is there), late (the database holds `late` figures of its month, which the next run
    puts into it), missing.
    """

    kind: str
    month: str
    platform: str
    rows: int
    file: str
    archived_at: datetime
    state: str
    late: int = 0
    bytes: int | None = None


@dataclass(frozen=True)
class Difference:
    """A file that is not what was recorded: missing, unreadable, differs, or there without a record."""

    file: str
    state: str
    expected: int | None = None
    found: int | None = None


def list_archive(database: Database) -> list[ArchivedFile]:
    """Every archived month, oldest first. Raises MeizhenError `archive.no_folder`."""
    place = _place(database)
    with database.read() as session:
        stored = stored_months(session)
    return [_listed(month, place, stored) for month in _recorded(database)]


def _listed(month: ArchivedMonth, place: ArchivePlace, stored: Mapping[Partition, int]) -> ArchivedFile:
    path = place.folder / month.file
    late = stored.get(Partition(month.kind, month.month, month.platform), 0)
    there = path.is_file()
    return ArchivedFile(
        kind=month.kind,
        month=month.month,
        platform=month.platform,
        rows=month.rows,
        file=month.file,
        archived_at=month.archived_at,
        state=MISSING if not there else LATE if late else WHOLE,
        late=late,
        bytes=path.stat().st_size if there else None,
    )


def verify_archive(
    database: Database, *, progress: Callable[[int, int], None] | None = None
) -> list[Difference]:
    """Reads every file and compares count, sum and checksum with what was recorded; gives what differs.

    A file that nobody recorded counts too: an archiving was cut short, and the next run finishes it. Raises
    MeizhenError `archive.no_folder`.
    """
    place = _place(database)
    months = _recorded(database)
    found: list[Difference] = []
    with open_duck(place) as duck:
        for number, month in enumerate(months, start=1):
            difference = _checked(duck, place, month)
            if difference is not None:
                found.append(difference)
            if progress is not None:
                progress(number, len(months))
    known = {month.file for month in months}
    there = (
        str(path.relative_to(place.folder)) for path in place.folder.glob("*/month=*/platform=*/*.parquet")
    )
    return found + [Difference(file, UNRECORDED) for file in sorted(there) if file not in known]


def _checked(duck: "DuckDBPyConnection", place: ArchivePlace, month: ArchivedMonth) -> Difference | None:
    expected = sums_recorded(month)
    path = place.folder / month.file
    if not path.is_file():
        return Difference(month.file, MISSING, expected.rows)
    try:
        with reading_file(month.file):
            told: Sums = sums_of(duck, plain_file(month.kind, path))
    except MeizhenError:
        return Difference(month.file, UNREADABLE, expected.rows)
    return None if told == expected else Difference(month.file, DIFFERS, expected.rows, told.rows)


def _place(database: Database) -> ArchivePlace:
    if database.archive is None:
        raise MeizhenError("archive.no_folder")
    return database.archive


def _recorded(database: Database) -> list[ArchivedMonth]:
    wanted = select(ArchivedMonth).order_by(
        col(ArchivedMonth.month), col(ArchivedMonth.platform), col(ArchivedMonth.kind)
    )
    with database.read() as session:
        return list(session.exec(wanted))
