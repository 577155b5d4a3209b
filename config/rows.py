"""Many rows as one parameter: what `INSERT … SELECT` and `UPDATE … FROM` take instead of a list of them.

A statement with a parameter a value costs more in the drivers than the database's own work; here a batch is
one statement with a few parameters, whatever its size: arrays on PostgreSQL, one JSON text on SQLite.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Dialect, String, cast, column, func, literal, type_coerce
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import TypeEngine
from sqlmodel import Session

Column = tuple[TypeEngine[Any], Sequence[object]]


def rows(session: Session, columns: Mapping[str, Column]) -> dict[str, ColumnElement[Any]]:
    """Columns, given as type and values of equal length, as `select` takes them; all of one source of rows.

    On SQLite only what JSON holds: numbers, texts, moments, None. Raises ValueError for unequal lengths.
    """
    if len({len(values) for _, values in columns.values()}) > 1:
        raise ValueError("expected columns of equal length")
    dialect = session.get_bind().dialect
    return _from_json(dialect, columns) if dialect.name == "sqlite" else _from_arrays(dialect, columns)


def _from_arrays(dialect: Dialect, columns: Mapping[str, Column]) -> dict[str, ColumnElement[Any]]:
    # Written out here: the driver looks at every value with three regular expressions.
    arrays = [
        cast(literal(f"{{{','.join(_checked(kind, dialect, values))}}}", String()), ARRAY(kind))
        for kind, values in columns.values()
    ]
    named = [column(name, kind) for name, (kind, _) in columns.items()]
    source = func.unnest(*arrays).table_valued(*named, name="given").render_derived()
    return dict(source.c.items())


def _checked(kind: TypeEngine[Any], dialect: Dialect, values: Sequence[object]) -> Iterator[str]:
    convert = kind.dialect_impl(dialect).bind_processor(dialect)
    return map(cache(lambda value: _element(convert(value) if convert else value)), values)


def _element(value: object) -> str:
    """A value inside an array as PostgreSQL reads it."""
    if value is None:
        return "NULL"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _from_json(dialect: Dialect, columns: Mapping[str, Column]) -> dict[str, ColumnElement[Any]]:
    stored = [_stored(kind, dialect, values) for kind, values in columns.values()]
    told = json.dumps(list(zip(*stored, strict=True)), separators=(",", ":"))
    source = func.json_each(told).table_valued("value", name="given")
    return {
        name: type_coerce(func.json_extract(source.c.value, f"$[{place}]"), kind)
        for place, (name, (kind, _)) in enumerate(columns.items())
    }


def _stored(kind: TypeEngine[Any], dialect: Dialect, values: Sequence[object]) -> Sequence[object]:
    """The values as the driver stores them; equal ones are converted once, since moments repeat."""
    convert: Callable[[Any], Any] | None = kind.dialect_impl(dialect).bind_processor(dialect)
    return values if convert is None else list(map(cache(convert), values))
