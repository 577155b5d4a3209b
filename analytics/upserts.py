"""Figures into their tables, thousands in one statement: JSON on SQLite, arrays or COPY on PostgreSQL.

A value equal to the stored one writes nothing. Measured by `benchmarks/upserts.py`.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import ARRAY, BigInteger, Date, Integer, String, bindparam, func, literal, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine
from sqlmodel import Session, SQLModel
from sqlmodel.sql.sqltypes import UTCDateTime

from config.batch import BatchStatement

Key: TypeAlias = tuple[str, str, str]
Number: TypeAlias = Decimal | int
Row: TypeAlias = tuple[int, str, date, Number | None, int | None]

COPIED_FROM = 2_000
"""Rows from which a staging table and COPY are quicker on PostgreSQL than arrays."""

_CHANGED = ("value", "source_row", "collected_at")
_NULL = "\\N"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def write_figures(
    session: Session, table: type[SQLModel], key: Key, source: int, at: datetime, rows: Sequence[Row]
) -> None:
    """Upserts figures of one source; no two rows have the same key. Every value is known."""
    given = [
        (subject, metric, day, _millionths(value), row)
        for subject, metric, day, value, row in rows
        if value is not None
    ]
    write: Callable[..., None]
    if session.get_bind().dialect.name == "sqlite":
        write = _write_json
    else:
        write = _copy if len(given) >= COPIED_FROM else _write_arrays
    write(session, table, key, source, at, given)


class Packed(NamedTuple):
    """Figures of one article (or account) and day as the database takes them; made where nobody waits for it.

    `figures` is a JSON object, metric → millionths; `known` is how many.
    """

    day: date
    figures: str
    known: int


def pack(day: date, values: Mapping[str, Number]) -> Packed:
    """Raises ValueError for a value with more than six places."""
    figures = {metric: _millionths(value) for metric, value in values.items()}
    return Packed(day, json.dumps(figures), len(figures))


class Group(NamedTuple):
    """What is packed, and the article (or account) that it is of."""

    subject: int
    packed: Packed


def write_groups(
    session: Session, table: type[SQLModel], key: Key, source: int, at: datetime, groups: Iterable[Group]
) -> int:
    """Upserts figures that come by day, as platforms tell them; gives how many.

    No row is made of each figure before the database makes it: that took longer than storing it.
    """
    merged: dict[tuple[int, date], Packed] = {}
    for subject, packed in groups:
        same = (subject, packed.day)
        merged[same] = _both(merged[same], packed) if same in merged else packed
    if not merged:
        return 0
    rows = [(subject, day.isoformat(), packed.figures) for (subject, day), packed in merged.items()]
    _grouped(str(table.__tablename__), key).run(session.connection(), rows, source=source, now=at)
    return sum(packed.known for packed in merged.values())


def _both(first: Packed, second: Packed) -> Packed:
    """A platform that tells an article's day twice: what it told last counts."""
    figures = json.loads(first.figures) | json.loads(second.figures)
    return Packed(first.day, json.dumps(figures), len(figures))


@cache
def _grouped(name: str, key: Key) -> BatchStatement:
    into = (
        f"INSERT INTO {name} ({', '.join(key)}, value, source_id, collected_at) "  # noqa: S608
        "SELECT told.subject, figure.key, told.day, {value}, :source, {now} FROM "
    )
    end = f" WHERE true {_conflict(name, key)}"
    columns = {"subject": "integer", "day": "date", "figures": "json"}
    return BatchStatement(
        into.replace("{value}", "figure.value").replace("{now}", ":now")
        + "{rows} AS told, json_each(told.figures) AS figure"
        + end,
        columns,
        on_postgresql=into.replace("{value}", "CAST(figure.value AS bigint)").replace(
            "{now}", "CAST(:now AS timestamptz)"
        )
        + "{rows} AS told, json_each_text(told.figures) AS figure"
        + end,
    )


def _millionths(value: Number) -> int:
    """As `config.database.Millionths` stores it. Raises ValueError for more than six places."""
    if isinstance(value, int):
        return value * 1_000_000
    scaled = value.scaleb(6)
    if not scaled.is_finite() or scaled != scaled.to_integral_value():
        raise ValueError(f"expected a finite number with at most 6 decimals, got {value}")
    return int(scaled)


_Given: TypeAlias = Sequence[tuple[int, str, date, int, int | None]]


def _write_json(
    session: Session, table: type[SQLModel], key: Key, source: int, at: datetime, rows: _Given
) -> None:
    """One value: a driver that takes rows one by one gives up Python's lock at each (see `config.batch`)."""
    name = str(table.__tablename__)
    picked = ", ".join(f"value ->> {place}" for place in range(5))
    statement = (
        f"INSERT INTO {name} ({', '.join(key)}, value, source_row, source_id, collected_at) "  # noqa: S608
        f"SELECT {picked}, ?, ? FROM json_each(?) WHERE true {_conflict(name, key)}"
    )
    seen = _bound(UTCDateTime(), session)(at)
    packed = json.dumps(rows, default=date.isoformat)
    session.connection().exec_driver_sql(statement, (source, seen, packed))


def _copy(session: Session, table: type[SQLModel], key: Key, source: int, at: datetime, rows: _Given) -> None:
    """COPY into a table of this transaction's own, then one upsert from there."""
    name = str(table.__tablename__)
    staging = f"staging_{name}"
    lines = "".join(
        f"{subject}\t{metric.translate(_ESCAPES)}\t{day}\t{value}\t{_NULL if row is None else row}\n"
        for subject, metric, day, value, row in rows
    )
    driver: Any = session.connection().connection.driver_connection
    with driver.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMP TABLE IF NOT EXISTS {staging} "
            "(subject integer, metric text, day date, value bigint, source_row integer) ON COMMIT DROP"
        )
        cursor.execute(f"TRUNCATE {staging}")
        with cursor.copy(f"COPY {staging} FROM STDIN") as copy:
            copy.write(lines)
        cursor.execute(
            f"INSERT INTO {name} ({', '.join(key)}, value, source_row, source_id, collected_at) "  # noqa: S608
            f"SELECT subject, metric, day, value, source_row, %s, %s FROM {staging} {_conflict(name, key)}",
            (source, at),
        )


def _write_arrays(
    session: Session, table: type[SQLModel], key: Key, source: int, at: datetime, rows: _Given
) -> None:
    """One statement over arrays: a round trip a batch, where executemany makes one a row."""
    types: tuple[TypeEngine[Any], ...] = (Integer(), String(), Date(), BigInteger(), Integer())
    arrays = [
        func.unnest(bindparam(None, list(values), type_=ARRAY(kind)))
        for values, kind in zip(zip(*rows, strict=True), types, strict=True)
    ]
    picked = select(*arrays, literal(source), literal(at, UTCDateTime()))
    insert = postgresql.insert(table).from_select(
        [*key, "value", "source_row", "source_id", "collected_at"], picked
    )
    session.execute(
        insert.on_conflict_do_update(
            index_elements=[*key, "source_id"],
            set_={name: insert.excluded[name] for name in _CHANGED},
            where=insert.table.c.value != insert.excluded.value,
        )
    )


def _conflict(name: str, key: Key) -> str:
    changes = ", ".join(f"{column} = excluded.{column}" for column in _CHANGED)
    return (
        f"ON CONFLICT ({', '.join(key)}, source_id) DO UPDATE SET {changes} "
        f"WHERE {name}.value <> excluded.value"
    )


def _bound(kind: TypeEngine[Any], session: Session) -> Callable[[Any], Any]:
    """How a value of this type is handed to the driver."""
    dialect = session.get_bind().dialect
    return kind.dialect_impl(dialect).bind_processor(dialect) or (lambda value: value)
