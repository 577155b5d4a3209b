"""Archiving: a closed month's figures into a Parquet file, read back and compared, recorded, then removed.

Killed at any point, the next run goes on: the file appears under its name only when it was read back and
holds what the database holds; figures leave the database only after their file is recorded; figures that are
in both are told once.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert
from sqlmodel import Session, col

from analytics.archive.checksum import Sums, sums_of
from analytics.archive.duck import SUBJECTS, TABLES_PREFIX, open_duck, plain_file, quoted, reading_file
from analytics.archive.months import HOLES, LATE, OPEN, READY, Candidate, plan_archive
from analytics.archive.partitions import (
    ArchivedAccount,
    ArchivedMonth,
    ArchivedSource,
    Partition,
)
from analytics.archive.removing import remove_figures
from analytics.archive.staging import WORDS, stage_figures, stage_words
from analytics.figures import upsert
from config.clock import Clock, shanghai_day
from config.database import ArchivePlace, Database
from config.errors import MeizhenError
from config.secrets import KeyRing
from organisation.ledger import record

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Archived:
    """What became of one month: `rows` its file holds now, `removed` figures that left the database.

    `left` of its figures stay in the database until the next run: somebody was reading them.
    """

    partition: Partition
    rows: int
    removed: int
    left: int = 0


@dataclass
class ArchiveReport:
    """What a run did, or would do (`dry_run`): `held` are months that cannot be archived yet."""

    done: list[Archived] = field(default_factory=list)
    planned: list[Candidate] = field(default_factory=list)
    held: list[Candidate] = field(default_factory=list)
    dry_run: bool = False


def archive_months(
    database: Database,
    keys: KeyRing,
    clock: Clock,
    *,
    actor: str,
    month: str | None = None,
    with_gaps: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> ArchiveReport:
    """Archives every closed month (or the one asked for), and figures that came late for archived ones.

    `month` is `2026-03`. `with_gaps` archives months with open holes too; what fills them later is late.
    `progress` is told how many steps of how many are done. Doing it again changes nothing.

    Raises MeizhenError: `archive.no_folder`, `archive.not_a_month`, for a month asked for
    `archive.not_closed` or `archive.open_holes`; `archive.busy` where another run is under way;
    `archive.damaged` where a file that late figures belong into is not what was recorded;
    `archive.not_the_same` where what was read back differs: nothing is removed then.
    """
    place = database.archive
    if place is None:
        raise MeizhenError("archive.no_folder")
    if month is not None:
        _require_month(month)
    with database.read() as session:
        candidates = plan_archive(session, shanghai_day(clock.now()), month=month)
    taken = {READY, LATE, HOLES} if with_gaps else {READY, LATE}
    report = ArchiveReport(
        planned=[one for one in candidates if one.state in taken],
        held=[one for one in candidates if one.state not in taken],
        dry_run=dry_run,
    )
    if month is not None:
        _require_closed(month, report.held)
    if dry_run or not report.planned:
        return report
    steps = _Steps(sum(2 * one.rows for one in report.planned), progress)
    with alone(place), open_duck(place, tables=True) as duck:
        for one in report.planned:
            writing = _Writing(database, keys, clock, actor, place, one.partition, steps, duck)
            report.done.append(writing.run())
    return report


def _require_month(told: str) -> None:
    try:
        if len(told) == 7 and date.fromisoformat(f"{told}-01"):
            return
    except ValueError:
        pass
    raise MeizhenError("archive.not_a_month", received=told)


def _require_closed(month: str, held: list[Candidate]) -> None:
    """A month that was asked for by name is not passed over in silence."""
    for one in held:
        if one.state == OPEN:
            raise MeizhenError("archive.not_closed", month=month, closes=one.closes_on)
    holes = sum(one.holes for one in held)
    if holes:
        raise MeizhenError("archive.open_holes", month=month, count=holes)


@dataclass
class _Steps:
    """Counts what is done for whoever looks."""

    total: int
    tell: Progress | None
    done: int = 0

    def add(self, count: int) -> None:
        self.done += count
        if self.tell is not None:
            self.tell(min(self.done, self.total), self.total)


@contextmanager
def alone(place: ArchivePlace) -> Iterator[None]:
    """Nobody else writes the archive within this, on whatever node; the lock goes with its process.

    Raises MeizhenError `archive.busy`.
    """
    place.folder.mkdir(parents=True, exist_ok=True)
    with (place.folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise MeizhenError("archive.busy", folder=place.folder) from None
        for left in place.temporary.glob(f"{TABLES_PREFIX}*"):  # of a run that was killed
            shutil.rmtree(left, ignore_errors=True)
        yield


@dataclass
class _Writing:
    """One month's way into its file."""

    database: Database
    keys: KeyRing
    clock: Clock
    actor: str
    place: ArchivePlace
    partition: Partition
    steps: _Steps
    duck: "DuckDBPyConnection"

    def run(self) -> Archived:
        if not self._stage():  # another run was faster
            return Archived(self.partition, 0, 0)
        before = self._merge()
        sums = sums_of(self.duck, "merged")
        if before is None or sums != before:
            with self.database.read() as session:
                stage_words(session, self.duck, self.partition, "merged")
            self._write(sums)
            self._record(sums)
        removed, left = remove_figures(self.database, self.duck, self.partition, self.steps.add)
        return Archived(self.partition, sums.rows, removed, left)

    def _stage(self) -> int:
        """The database's figures, counted and summed on both sides of the way; gives how many."""
        told, stepped = Sums(), 0
        with self.database.read() as session:
            for told in stage_figures(session, self.duck, self.partition):
                self.steps.add(told.rows - stepped)
                stepped = told.rows
        self._compare(told, sums_of(self.duck, "figures"))
        return told.rows

    def _merge(self) -> Sums | None:
        """Puts `merged` together; gives the sums of the file as it is, None where there is none."""
        with self.database.read() as session:
            known = session.get(ArchivedMonth, _key(self.partition))
        if known is None:
            self.duck.execute("CREATE OR REPLACE VIEW merged AS SELECT * FROM figures")
            return None
        path = self.place.folder / known.file
        recorded = sums_recorded(known)
        with reading_file(known.file):
            self.duck.execute(
                f"CREATE OR REPLACE TABLE before AS SELECT * FROM {plain_file(self.partition.kind, path)}"
            )
        found = sums_of(self.duck, "before")
        # Killed between renaming and recording, the file is the one that its manifest tells of.
        if found not in (recorded, _sums_promised(path.parent)):
            raise MeizhenError("archive.damaged", file=known.file)
        self.duck.execute(_MERGE)
        self.duck.execute("CREATE OR REPLACE VIEW merged AS SELECT * FROM combined")
        return recorded

    def _write(self, sums: Sums) -> None:
        folder = self.place.folder / self.partition.folder
        folder.mkdir(parents=True, exist_ok=True)
        path = self.place.folder / self.partition.file
        partial = path.with_name(f"{path.name}.partial")
        self.duck.execute(
            f"COPY ({_wide(self.partition)}) TO {quoted(partial)} (FORMAT parquet, COMPRESSION zstd)"
        )
        _sync(partial)
        with reading_file(f"{self.partition.file}.partial"):
            self._compare(sums, sums_of(self.duck, plain_file(self.partition.kind, partial)))
        self._promise(folder, sums)
        os.replace(partial, path)
        for made in (folder, folder.parent, folder.parent.parent, self.place.folder):
            _sync(made)

    def _compare(self, expected: Sums, found: Sums) -> None:
        if expected != found:
            raise MeizhenError(
                "archive.not_the_same", month=str(self.partition), expected=expected.rows, found=found.rows
            )

    def _promise(self, folder: Path, sums: Sums) -> None:
        """The manifest, before the file has its name."""
        manifest = folder / "manifest.json"
        partial = manifest.with_name("manifest.json.partial")
        facts = {
            "kind": self.partition.kind,
            "month": self.partition.month,
            "platform": self.partition.platform,
            "rows": sums.rows,
            "sum": str(sums.value_sum),
            "checksum": str(sums.checksum),
            "archived_at": self.clock.now().isoformat(timespec="seconds"),
        }
        partial.write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
        _sync(partial)
        os.replace(partial, manifest)

    def _record(self, sums: Sums) -> None:
        sources = self.duck.execute("SELECT source_id, count(*) FROM merged GROUP BY 1 ORDER BY 1").fetchall()
        accounts = self._accounts()
        kind, month, platform = _key(self.partition)
        at = self.clock.now()
        with self.database.write() as session:
            _remember(session, self.partition, sums, at)
            here = (col(ArchivedSource.kind) == kind, col(ArchivedSource.month) == month)
            session.execute(delete(ArchivedSource).where(*here, col(ArchivedSource.platform) == platform))
            rows = [
                {"kind": kind, "month": month, "platform": platform, "source_id": source, "rows": count}
                for source, count in sources
            ]
            session.execute(insert(ArchivedSource), rows)
            if accounts:
                heard = upsert(session, ArchivedAccount)
                earlier = {"first_day": heard.excluded.first_day}
                is_earlier = heard.excluded.first_day < col(ArchivedAccount.first_day)
                session.execute(
                    heard.on_conflict_do_update(
                        index_elements=["account_id"], set_=earlier, where=is_earlier
                    ),
                    [{"account_id": account, "first_day": first} for account, first in accounts],
                )
            record(
                session,
                self.keys,
                at=at,
                actor=self.actor,
                act="figures.archive",
                subject=str(self.partition),
                details={"rows": sums.rows, "checksum": str(sums.checksum), "file": self.partition.file},
            )

    def _accounts(self) -> list[tuple[int, date]]:
        """The accounts that have told figures of their own, each with the first day of them."""
        if self.partition.kind != "account_days":
            return []
        firsts = "SELECT subject, min(day)::VARCHAR FROM merged GROUP BY subject ORDER BY subject"
        return [(account, date.fromisoformat(day)) for account, day in self.duck.execute(firsts).fetchall()]


def _key(partition: Partition) -> tuple[str, str, str]:
    return (partition.kind, partition.month, partition.platform)


def _remember(session: Session, partition: Partition, sums: Sums, at: datetime) -> None:
    session.merge(
        ArchivedMonth(
            kind=partition.kind,
            month=partition.month,
            platform=partition.platform,
            rows=sums.rows,
            value_sum=str(sums.value_sum),
            checksum=str(sums.checksum),
            file=partition.file,
            archived_at=at,
        )
    )
    session.flush()


def sums_recorded(month: ArchivedMonth) -> Sums:
    """What was recorded of a file."""
    return Sums(month.rows, int(month.value_sum), int(month.checksum))


def _sums_promised(folder: Path) -> Sums | None:
    """What the manifest says; None where there is none that can be read."""
    try:
        told = json.loads((folder / "manifest.json").read_text("utf-8"))
        return Sums(int(told["rows"]), int(told["sum"]), int(told["checksum"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


_SAME_FIGURE = "a.subject = b.subject AND a.metric = b.metric AND a.day = b.day AND a.source_id = b.source_id"
# As an upsert does it: an equal value stays as it was first seen, of two others the one seen later counts.
_MERGE = f"""
CREATE OR REPLACE TABLE combined AS
SELECT a.* FROM figures a LEFT JOIN before b ON {_SAME_FIGURE}
WHERE b.subject IS NULL OR (a.value <> b.value AND a.seen >= b.seen)
UNION ALL
SELECT a.* FROM before a LEFT JOIN figures b ON {_SAME_FIGURE}
WHERE b.subject IS NULL OR a.value = b.value OR b.seen < a.seen
"""


def _wide(partition: Partition) -> str:
    """The rows of the file: every figure with its words, as `analytics.load` gives them, and the ids."""
    subject, day = SUBJECTS[partition.kind]
    words = [name for name in WORDS[partition.kind] if name != "subject"]
    picked = [
        f"make_timestamptz(epoch_us(w.{name})) AS {name}" if name == "published_at" else f"w.{name}"
        for name in words
    ]
    by_day = "w.published_day, " if partition.kind == "articles" else ""
    return f"""
        SELECT {", ".join(picked)}, f.subject AS {subject}, f.day AS {day},
            f.metric, m.counts, m.kind, f.value, s.source_kind, s.source, f.source_row,
            make_timestamptz(epoch_us(f.seen)) AS collected_at, f.source_id
        FROM merged f
        LEFT JOIN words w ON w.subject = f.subject
        LEFT JOIN metrics m ON m.metric = f.metric
        LEFT JOIN sources s ON s.source_id = f.source_id
        ORDER BY w.account, f.metric, {by_day}f.subject, f.day, f.source_id
    """


def _sync(path: Path) -> None:
    """On the disk, also after a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
