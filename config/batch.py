"""Many rows in one statement: handed over and read back as one JSON value.

A driver that takes rows one by one gives up Python's lock at each of them, and gets it back only behind every
sender thread: on SQLite that took longer than all the rest of publishing. One value is one step.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, CursorResult, TextClause, bindparam, text
from sqlmodel.sql.sqltypes import UTCDateTime

# The kinds of columns, as PostgreSQL casts them; SQLite takes JSON's own types.
_CASTS = {
    "integer": "bigint",
    "text": "text",
    "date": "date",
    "time": "timestamptz",
    "boolean": "boolean",
    "json": "json",
}


class BatchStatement:
    """A statement over rows: `{rows}` in its text stands for a table of them with these columns.

    `columns` gives each column's kind: integer, text, date (as ISO text), time, boolean or json. `now` may be
    a parameter of the text beside others that are no times. `on_postgresql` is another text for that
    database, where one does not serve both.
    """

    def __init__(
        self, statement: str, columns: Mapping[str, str], *, on_postgresql: str | None = None
    ) -> None:
        self._columns = dict(columns)
        self._texts = {
            "sqlite": _text(statement, self._sqlite_rows()),
            "postgresql": _text(on_postgresql or statement, self._postgresql_rows()),
        }

    def run(
        self, connection: Connection, rows: Sequence[Sequence[object]], **parameters: object
    ) -> CursorResult[Any]:
        """Executes it over `rows`, each in the order of the columns."""
        dialect = connection.dialect.name
        packed = json.dumps(rows, default=_sqlite_value if dialect == "sqlite" else _iso, allow_nan=False)
        return connection.execute(self._texts[dialect], {"rows": packed, **parameters})

    def _sqlite_rows(self) -> str:
        picked = ", ".join(f"value ->> {place} AS {name}" for place, name in enumerate(self._columns))
        return f"(SELECT {picked} FROM json_each(:rows))"

    def _postgresql_rows(self) -> str:
        picked = ", ".join(
            f"CAST(value ->> {place} AS {_CASTS[kind]}) AS {name}"
            for place, (name, kind) in enumerate(self._columns.items())
        )
        return f"(SELECT {picked} FROM jsonb_array_elements(CAST(:rows AS jsonb)))"


class BatchQuery(BatchStatement):
    """A question whose rows come back as one JSON value; `gives` are its columns with their kinds."""

    def __init__(
        self,
        statement: str,
        columns: Mapping[str, str],
        gives: Mapping[str, str],
        *,
        on_postgresql: str | None = None,
    ) -> None:
        nested = ", ".join(f"json({name})" if kind == "json" else name for name, kind in gives.items())
        plain = ", ".join(gives)
        super().__init__(
            f"SELECT json_group_array(json_array({nested})) FROM ({statement}) AS given",
            columns,
            on_postgresql=f"SELECT COALESCE(json_agg(json_build_array({plain})), '[]') "
            f"FROM ({on_postgresql or statement}) AS given",
        )
        self._times = [place for place, kind in enumerate(gives.values()) if kind == "time"]
        self._truths = [place for place, kind in enumerate(gives.values()) if kind == "boolean"]

    def ask(
        self, connection: Connection, rows: Sequence[Sequence[object]], **parameters: object
    ) -> list[list[Any]]:
        """The rows given, each in the order of `gives`; times are aware, in UTC."""
        told = self.run(connection, rows, **parameters).scalar_one()
        given: list[list[Any]] = json.loads(told) if isinstance(told, str) else told
        for row in given:
            for place in self._times:
                if row[place] is not None:
                    row[place] = _moment(row[place])
            for place in self._truths:
                row[place] = bool(row[place])
        return given


def storable(told: str, length: int) -> str:
    """A foreign text as both databases keep it: no NUL, no half characters, at most `length` characters."""
    if told.isascii() and "\x00" not in told:
        return told[:length]
    return told.encode("utf-8", "replace").decode().replace("\x00", "�")[:length]


def _text(statement: str, rows: str) -> TextClause:
    clause = text(statement.replace("{rows}", rows))
    if ":now" in statement:
        clause = clause.bindparams(bindparam("now", type_=UTCDateTime()))
    return clause


def _moment(written: str) -> datetime:
    moment = datetime.fromisoformat(written)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _utc(value: datetime) -> datetime:
    if value.utcoffset() is None:
        raise ValueError("expected an aware datetime, got a naive one: give it a timezone")
    return value.astimezone(UTC)


def _iso(value: object) -> str:
    if isinstance(value, datetime):
        return _utc(value).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"expected a value that JSON or a time column takes, got {type(value).__name__}")


def _sqlite_value(value: object) -> str:
    """As SQLAlchemy writes times into SQLite, so that they compare as texts."""
    if isinstance(value, datetime):
        return _utc(value).replace(tzinfo=None).isoformat(" ", "microseconds")
    return _iso(value)
