"""Figures that are in the archive leave the database: in short transactions, and only as they were archived.

A figure that was overwritten in the meantime stays: it is late, and the next run takes it.
"""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlmodel import Session

from analytics.archive.duck import SUBJECTS
from analytics.archive.partitions import TABLES, Partition
from config.database import Database

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

BATCH = 10_000
"""Figures that one transaction removes: other writers wait for a fraction of a second."""

PATIENCE = 60.0
"""Seconds to wait until readers that began before the file was recorded are done."""

_ASK_AGAIN = 0.2
_NOW = text("SELECT clock_timestamp()")
_OLDER_READERS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
    "AND backend_type = 'client backend' AND xact_start < :since"
)


def remove_figures(
    database: Database, duck: "DuckDBPyConnection", partition: Partition, step: Callable[[int], None]
) -> tuple[int, int]:
    """Removes what DuckDB's table `figures` holds; gives how many are gone, and how many stay."""
    told = duck.execute("SELECT count(*) FROM figures").fetchone()
    count = int(told[0]) if told else 0
    if not _await_older_readers(database):
        return 0, count
    removed = 0
    for start in range(0, count, BATCH):
        batch = duck.execute(
            "SELECT subject, metric, day::VARCHAR, source_id, value, "
            "strftime(seen, '%Y-%m-%d %H:%M:%S.%f') FROM figures WHERE rowid >= ? AND rowid < ?",
            [start, start + BATCH],
        ).fetchall()
        with database.write() as session:
            removed += _remove(session, partition, batch)
        step(len(batch))
    return removed, count - removed


def _await_older_readers(database: Database) -> bool:
    """Waits for those who looked for archived months before this one was recorded: they read the tables only.

    SQLite gives every reader one state from beginning to end; PostgreSQL gives every statement its own.
    """
    if database.is_sqlite:
        return True
    with database.read() as session:
        since: datetime = session.execute(_NOW).scalar_one()
    pause = threading.Event()
    for _ in range(round(PATIENCE / _ASK_AGAIN) + 1):
        with database.read() as session:
            if not session.execute(_OLDER_READERS, {"since": since}).scalar_one():
                return True
        pause.wait(_ASK_AGAIN)
    return False


def _remove(session: Session, partition: Partition, batch: Sequence[tuple[Any, ...]]) -> int:
    """Straight to the driver: see `analytics.figures`."""
    table = str(TABLES[partition.kind].__tablename__)
    subject, day = SUBJECTS[partition.kind]
    columns = (subject, "metric", day, "source_id", "value", "collected_at")
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        same = " AND ".join(f"{name} = ?" for name in columns)
        return connection.exec_driver_sql(f"DELETE FROM {table} WHERE {same}", list(batch)).rowcount
    kinds = ("int", "text", "date", "int", "bigint", "timestamp")
    arrays = ", ".join(f"%s::{kind}[]" for kind in kinds)
    same = " AND ".join(f"kept.{name} = gone.{name}" for name in columns[:-1])
    return connection.exec_driver_sql(
        f"DELETE FROM {table} kept USING unnest({arrays}) AS gone({', '.join(columns)}) "
        f"WHERE {same} AND kept.collected_at = gone.collected_at AT TIME ZONE 'UTC'",
        tuple(list(column) for column in zip(*batch, strict=True)),
    ).rowcount
