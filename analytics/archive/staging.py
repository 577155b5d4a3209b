"""From the database into DuckDB: a month's figures in batches, then the words that go with them.

Constant memory: no more than one batch is held, DuckDB keeps the rest within its own limit.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, ColumnElement, Select, String, func, select, type_coerce
from sqlmodel import Session, col

from analytics.archive.checksum import Sums
from analytics.archive.partitions import TABLES, Partition
from analytics.articles import AccountDayFigure, Article, FigureSource, KnownMetric, Snapshot
from analytics.figures import batches
from organisation.accounts import Account
from organisation.units import Unit

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ROWS_AT_ONCE = 50_000
_NONE = -(2**63)

_FIGURES = {
    "subject": "BIGINT",
    "metric": "VARCHAR",
    "day": "DATE",
    "source_id": "BIGINT",
    "value": "BIGINT",
    "source_row": "BIGINT",
    "seen": "TIMESTAMP",
}
_OF_ACCOUNT = {"account": "VARCHAR", "name": "VARCHAR", "unit": "VARCHAR", "track": "VARCHAR"}
_OF_ARTICLE = {
    "remote_id": "VARCHAR",
    "title": "VARCHAR",
    "url": "VARCHAR",
    "published_at": "TIMESTAMP",
    "published_day": "DATE",
    "position": "BIGINT",
    "article_kind": "VARCHAR",
    "original": "BOOLEAN",
}
WORDS: Mapping[str, Mapping[str, str]] = {
    "articles": {"subject": "BIGINT", **_OF_ACCOUNT, **_OF_ARTICLE},
    "account_days": {"subject": "BIGINT", **_OF_ACCOUNT},
}
_METRICS = {"metric": "VARCHAR", "counts": "VARCHAR", "kind": "VARCHAR"}
_SOURCES = {"source_id": "BIGINT", "source_kind": "VARCHAR", "source": "VARCHAR"}


def stage_figures(session: Session, duck: "DuckDBPyConnection", partition: Partition) -> Iterator[Sums]:
    """Fills the table `figures` of DuckDB; gives the sums of the database's rows so far, batch by batch."""
    _create(duck, "figures", _FIGURES)
    sums = Sums()
    rows = session.connection().execution_options(yield_per=ROWS_AT_ONCE)
    for batch in rows.execute(_figures(session, partition)).partitions():
        _insert(duck, "figures", _FIGURES, batch)
        sums = sums.plus(batch)
        yield sums


def stage_words(session: Session, duck: "DuckDBPyConnection", partition: Partition, figures: str) -> None:
    """Fills `words`, `metrics` and `sources` for the figures in the table `figures` of DuckDB."""
    columns = WORDS[partition.kind]
    _create(duck, "words", columns)
    subjects = [
        row[0] for row in duck.execute(f"SELECT DISTINCT subject FROM {figures} ORDER BY 1").fetchall()
    ]
    query = _articles(session) if partition.kind == "articles" else _accounts()
    key = col(Article.id) if partition.kind == "articles" else col(Account.id)
    for batch in batches(subjects, 500):
        _insert(duck, "words", columns, session.execute(query.where(key.in_(batch))).all())
    _create(duck, "metrics", _METRICS)
    level = "article" if partition.kind == "articles" else "account"
    known = select(col(KnownMetric.name), col(KnownMetric.unit), col(KnownMetric.kind)).where(
        col(KnownMetric.platform) == partition.platform, col(KnownMetric.level) == level
    )
    _insert(duck, "metrics", _METRICS, session.execute(known).all())
    _create(duck, "sources", _SOURCES)
    ids = [row[0] for row in duck.execute(f"SELECT DISTINCT source_id FROM {figures} ORDER BY 1").fetchall()]
    named = select(col(FigureSource.id), col(FigureSource.kind), col(FigureSource.name))
    for batch in batches(ids, 500):
        told = session.execute(named.where(col(FigureSource.id).in_(batch))).all()
        _insert(duck, "sources", _SOURCES, told)


def _figures(session: Session, partition: Partition) -> Select[*tuple[Any, ...]]:
    table = TABLES[partition.kind]
    subject, day = (
        (col(Snapshot.article_id), col(Snapshot.as_of))
        if partition.kind == "articles"
        else (col(AccountDayFigure.account_id), col(AccountDayFigure.day))
    )
    query = select(
        subject,
        col(table.metric),
        _day(session, day),
        col(table.source_id),
        type_coerce(col(table.value), BigInteger),
        col(table.source_row),
        _moment(session, col(table.collected_at)),
    )
    if partition.kind == "articles":
        query = query.join(Article, col(Article.id) == subject)
        query = query.join(Account, col(Account.id) == col(Article.account_id))
        day = col(Article.published_day)
    else:
        query = query.join(Account, col(Account.id) == subject)
    return query.where(
        col(Account.platform) == partition.platform, day.between(partition.first, partition.last)
    )


def _day(session: Session, day: Any) -> ColumnElement[str]:
    """A day as `2026-03-02`: text, since no date a row is needed."""
    if session.get_bind().dialect.name == "sqlite":
        return type_coerce(day, String)
    return func.to_char(day, "YYYY-MM-DD")


def _moment(session: Session, moment: Any) -> ColumnElement[str]:
    """A moment as `2026-03-02 01:00:00.000000`, in UTC."""
    if session.get_bind().dialect.name == "sqlite":
        return type_coerce(moment, String)
    return func.to_char(func.timezone("UTC", moment), "YYYY-MM-DD HH24:MI:SS.US")


def _of_account() -> tuple[ColumnElement[Any], ...]:
    handle = col(Account.platform) + ":" + col(Account.handle)
    return (handle, col(Account.name), col(Unit.code), col(Account.track))  # type: ignore[return-value]


def _articles(session: Session) -> Select[*tuple[Any, ...]]:
    return (
        select(
            col(Article.id),
            *_of_account(),
            col(Article.remote_id),
            col(Article.title),
            col(Article.url),
            _moment(session, col(Article.published_at)),
            _day(session, col(Article.published_day)),
            col(Article.position),
            col(Article.kind),
            col(Article.original),
        )
        .join(Account, col(Account.id) == col(Article.account_id))
        .join(Unit, col(Unit.id) == col(Account.unit_id))
    )


def _accounts() -> Select[*tuple[Any, ...]]:
    return select(col(Account.id), *_of_account()).join(Unit, col(Unit.id) == col(Account.unit_id))


def _create(duck: "DuckDBPyConnection", table: str, columns: Mapping[str, str]) -> None:
    duck.execute(
        f"CREATE OR REPLACE TABLE {table} ({', '.join(f'{name} {kind}' for name, kind in columns.items())})"
    )


def _insert(
    duck: "DuckDBPyConnection", table: str, columns: Mapping[str, str], rows: Iterable[Sequence[Any]]
) -> None:
    """A batch as one frame: DuckDB's row-by-row inserts take a hundred times as long."""
    import pandas as pd

    cells = list(zip(*rows, strict=True))
    if not cells:
        return
    frame = pd.DataFrame(
        {name: _series(column, kind) for (name, kind), column in zip(columns.items(), cells, strict=True)}
    )
    picked = (
        f"nullif({name}, {_NONE})" if kind == "BIGINT" else f"{name}::{kind}"
        for name, kind in columns.items()
    )
    duck.register("batch", frame)
    try:
        duck.execute(f"INSERT INTO {table} SELECT {', '.join(picked)} FROM batch")
    finally:
        duck.unregister("batch")


def _series(column: Sequence[Any], kind: str) -> Any:
    """As DuckDB takes it without guessing: whole numbers with a number for None, all else as text or None."""
    import numpy as np
    import pandas as pd

    if kind == "BIGINT":
        return np.array([_NONE if cell is None else cell for cell in column], dtype="int64")
    if kind == "BOOLEAN":
        column = [None if cell is None else str(bool(cell)) for cell in column]
    return pd.Series(column, dtype="object")
