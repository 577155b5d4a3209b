"""Reading the tables as if nothing had ever been archived.

`with_archive` brings the archived figures of a question back for the length of one reading session: into a
temporary table of the same name, which both databases look up before the stored one. Every statement over
figures then sees both, and none has to know. What a session does not need stays in the archive.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, text, true
from sqlalchemy.schema import CreateTable
from sqlmodel import Session, SQLModel, col

from analytics.archive.duck import SUBJECTS, open_duck, quoted, reading_file
from analytics.archive.partitions import TABLES, ArchivedMonth
from config.database import ArchivePlace, archive_place
from config.errors import MeizhenError

if TYPE_CHECKING:
    import pandas as pd

MOVED_DAYS = 20
"""Days by which an article's day may have been corrected since it was archived, and is still found.

Fewer than a month waits to be closed: a report of this week looks into no archived month.
"""

_ROWS_AT_ONCE = 10_000
_STATE = "archive"


Span: TypeAlias = tuple[date | None, date | None]
"""From one day to another, both included; None is without end."""


def _contains(outer: Span, inner: Span) -> bool:
    (since, until), (first, last) = outer, inner
    begins = since is None or (first is not None and since <= first)
    return begins and (until is None or (last is not None and last <= until))


@dataclass(frozen=True)
class _Scope:
    """What a session has asked for so far; None is everything."""

    platform: str | None
    spans: frozenset[Span]
    metrics: frozenset[str] | None

    def covers(self, other: "_Scope") -> bool:
        inside = all(any(_contains(ours, theirs) for ours in self.spans) for theirs in other.spans)
        return inside and self.joined(other) == _Scope(self.platform, self.spans | other.spans, self.metrics)

    def joined(self, other: "_Scope") -> "_Scope":
        return _Scope(
            self.platform if self.platform == other.platform else None,
            self.spans | other.spans,
            None if self.metrics is None or other.metrics is None else self.metrics | other.metrics,
        )


def with_archive(
    session: Session,
    kind: str,
    *,
    platform: str | None = None,
    since: date | None = None,
    until: date | None = None,
    more: Sequence[Span] = (),
    metrics: Sequence[str] | None = None,
) -> bool:
    """From here on, the session's questions about figures of this kind see the archived ones too.

    Gives whether any had to be brought back.

    Bounds as in `analytics.load`: articles published, or account days, from `since` to `until` of `platform`;
    `more` are further spans of days, `metrics` the names that are needed. Questions beyond the bounds may
    miss figures of articles, so ask for enough. Call it before the first question; a later call widens.
    Nothing happens, and nothing is read but one small table, where no archived month is within the bounds.

    Only for `Database.read()`: in a session that writes it raises RuntimeError, since figures would be
    written into what is gone with the session. Raises MeizhenError `archive.no_folder` where the database was
    opened without settings, `archive.file_missing` and `archive.unreadable`.
    """
    spans = frozenset({(since, until), *more})
    scope = _Scope(platform, spans, None if metrics is None else frozenset(metrics))
    transaction, present = session.info.get((_STATE, kind), (None, None))
    if transaction is not session.get_transaction():
        present = None  # what was brought back went with it
    if present is not None:
        if present.covers(scope):
            return True
        scope = present.joined(scope)
    files = _files(session, kind, scope)
    if not files:
        return False
    connection = session.connection()
    place = archive_place(connection)
    if place is None:
        raise MeizhenError("archive.no_folder")
    if not connection.get_execution_options().get("meizhen_reads"):
        raise RuntimeError("expected a session of Database.read(): archived figures cannot be written")
    shadow = _Shadow(connection, kind, scope)
    if present is not None:
        shadow.drop()
        del session.info[_STATE, kind]
    try:
        shadow.fill(place, files)
    except MeizhenError:
        shadow.drop()  # half of it would pass for all of it
        raise
    session.info[_STATE, kind] = session.get_transaction(), scope
    return True


def _files(session: Session, kind: str, scope: _Scope) -> list[str]:
    """The files that can hold figures within the scope, oldest month first."""
    wanted = select(col(ArchivedMonth.file)).where(col(ArchivedMonth.kind) == kind)
    if scope.platform is not None:
        wanted = wanted.where(col(ArchivedMonth.platform) == scope.platform)
    margin = MOVED_DAYS if kind == "articles" else 0
    spans = []
    for since, until in scope.spans:
        within: list[ColumnElement[bool]] = [true()]
        if since is not None:
            within.append(col(ArchivedMonth.month) >= f"{_shifted(since, -margin):%Y-%m}")
        if until is not None:
            within.append(col(ArchivedMonth.month) <= f"{_shifted(until, margin):%Y-%m}")
        spans.append(and_(*within))
    wanted = wanted.where(or_(*spans))
    wanted = wanted.order_by(col(ArchivedMonth.month), col(ArchivedMonth.platform))
    return list(session.execute(wanted).scalars())


def _shifted(day: date, days: int) -> date:
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return day


class _Shadow:
    """The temporary table that stands before the stored one."""

    def __init__(self, connection: Connection, kind: str, scope: _Scope) -> None:
        self.connection = connection
        self.kind = kind
        self.scope = scope
        self.sqlite = connection.dialect.name == "sqlite"
        self.stored = SQLModel.metadata.tables[str(TABLES[kind].__tablename__)]
        self.name = str(self.stored.name)
        if self.sqlite:
            self.schema, self.temporary = "main", "temp"
        else:
            self.schema = connection.execute(select(func.current_schema())).scalar_one()
            self.temporary = "pg_temp"

    def drop(self) -> None:
        self.connection.exec_driver_sql(f"DROP TABLE {self.temporary}.{self.name}")

    def fill(self, place: ArchivePlace, files: Sequence[str]) -> None:
        """Archived figures first, then the stored ones, which count where they came later."""
        self._create()
        insert = self._insert_statement()
        for batch in self._archived(place, files):
            if self.sqlite:
                self.connection.exec_driver_sql(insert, batch)
            else:
                columns = [list(cells) for cells in zip(*batch, strict=True)]
                self.connection.exec_driver_sql(insert, tuple(columns))
        self._copy_stored()
        if not self.sqlite:
            self.connection.exec_driver_sql(f"ANALYZE {self.temporary}.{self.name}")

    def _create(self) -> None:
        if self.sqlite:
            made = str(CreateTable(self.stored, include_foreign_key_constraints=[]).compile(self.connection))
            self.connection.exec_driver_sql(made.replace("CREATE TABLE ", "CREATE TEMP TABLE temp.", 1))
        else:
            like = f"{self._quoted(self.schema)}.{self.name}"
            self.connection.exec_driver_sql(f"CREATE TEMP TABLE {self.name} (LIKE {like} INCLUDING ALL)")

    def _quoted(self, name: str) -> str:
        return self.connection.dialect.identifier_preparer.quote(name)

    @property
    def _columns(self) -> tuple[str, ...]:
        subject, day = SUBJECTS[self.kind]
        return (subject, "metric", day, "source_id", "value", "source_row", "collected_at")

    @property
    def _if_later(self) -> str:
        """As an upsert of the same source: an equal value stays as it was first seen."""
        return (
            f"ON CONFLICT ({', '.join(self._columns[:4])}) DO UPDATE SET value = excluded.value, "
            "source_row = excluded.source_row, collected_at = excluded.collected_at "
            "WHERE excluded.value <> kept.value AND excluded.collected_at >= kept.collected_at"
        )

    def _insert_statement(self) -> str:
        into = f"INSERT INTO {self.temporary}.{self.name} AS kept ({', '.join(self._columns)})"
        if self.sqlite:
            return f"{into} VALUES (?, ?, ?, ?, ?, ?, ?) {self._if_later}"
        kinds = ("int", "text", "date", "int", "bigint", "int", "timestamp")
        arrays = ", ".join(f"%s::{kind}[]" for kind in kinds)
        picked = "s, m, d, o, v, r, c AT TIME ZONE 'UTC'"
        return f"{into} SELECT {picked} FROM unnest({arrays}) AS a(s, m, d, o, v, r, c) {self._if_later}"

    def _archived(self, place: ArchivePlace, files: Sequence[str]) -> Iterator[list[tuple[Any, ...]]]:
        subject, day = SUBJECTS[self.kind]
        paths = ", ".join(quoted(place.folder / file) for file in files)
        where, bounds = self._bounds()
        query = (
            f"SELECT {subject}, metric, {day}::VARCHAR, source_id, value, source_row, "
            "strftime(make_timestamp(epoch_us(collected_at)), '%Y-%m-%d %H:%M:%S.%f') "
            f"FROM read_parquet([{paths}], hive_partitioning = true, union_by_name = true) WHERE {where}"
        )
        for file in files:
            if not (place.folder / file).is_file():
                raise MeizhenError("archive.file_missing", file=file)
        with open_duck(place) as duck, reading_file(", ".join(files)):
            if self.kind == "articles":
                duck.register("wanted", self._wanted())
            answer = duck.execute(query, bounds)
            while batch := answer.fetchmany(_ROWS_AT_ONCE):
                yield batch

    def _bounds(self) -> tuple[str, list[Any]]:
        """What of the files is needed. An article's day may have been corrected: its id says which it is."""
        parts, values = ["true"], list[Any]()
        if self.kind == "articles":
            parts.append("article_id IN (SELECT id FROM wanted)")
        else:
            spans = []
            for span in sorted(self.scope.spans, key=str):
                within = ["true"]
                for sign, bound in zip((">=", "<="), span, strict=True):
                    if bound is not None:
                        within.append(f"day {sign} ?")
                        values.append(bound)
                spans.append(" AND ".join(within))
            parts.append(f"({' OR '.join(spans)})")
        if self.scope.metrics is not None:
            parts.append("metric IN (SELECT unnest(?))")
            values.append(sorted(self.scope.metrics))
        return " AND ".join(parts), values

    def _wanted(self) -> "pd.DataFrame":
        """The ids of the articles that are asked for."""
        import numpy as np
        import pandas as pd

        where, values = self._of_articles()
        query = f"SELECT a.id FROM article a JOIN account c ON c.id = a.account_id WHERE {where}"
        ids = self.connection.execute(text(query), values).scalars()
        return pd.DataFrame({"id": np.fromiter(ids, dtype="int64")})

    def _of_articles(self) -> tuple[str, dict[str, object]]:
        """Article `a` of account `c` is within the scope."""
        parts, values = ["1 = 1"], dict[str, object]()
        if self.scope.platform is not None:
            parts.append("c.platform = :platform")
            values["platform"] = self.scope.platform
        spans = []
        for span in sorted(self.scope.spans, key=str):
            within = ["1 = 1"]
            for sign, bound in zip((">=", "<="), span, strict=True):
                if bound is not None:
                    within.append(f"a.published_day {sign} :v{len(values)}")
                    values[f"v{len(values)}"] = bound.isoformat() if self.sqlite else bound
            spans.append(" AND ".join(within))
        parts.append(f"({' OR '.join(spans)})")
        return " AND ".join(parts), values

    def _copy_stored(self) -> None:
        """Stored account days come all: they are few, and tell which accounts were heard of."""
        names = ", ".join(self._columns)
        kept = ", ".join(f"s.{name}" for name in self._columns)
        source = f"FROM {self._quoted(self.schema)}.{self.name} s"
        where, values = "1 = 1", dict[str, object]()
        if self.kind == "articles":
            source += " JOIN article a ON a.id = s.article_id JOIN account c ON c.id = a.account_id"
            where, values = self._of_articles()
        self.connection.execute(
            text(
                f"INSERT INTO {self.temporary}.{self.name} AS kept ({names}) "
                f"SELECT {kept} {source} WHERE {where} {self._if_later}"
            ),
            values,
        )
