"""Batches: what goes in as one JSON value comes out as the same rows, on both databases."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import select

from config import Database
from config.batch import BatchQuery, BatchStatement, storable
from scheduler.gates import GateRow

COLUMNS = {"n": "integer", "word": "text", "at": "time", "yes": "boolean", "detail": "json"}
ECHO = BatchQuery("SELECT n, word, at, yes, detail FROM {rows} AS told ORDER BY n", COLUMNS, COLUMNS)
ROWS = [
    [1, "正文 'quoted' \"and\" \\ 🎉", datetime(2026, 3, 2, 1, 0, 0, 5, tzinfo=UTC), True, {"a": "乙"}],
    [2**53 + 1, "", datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC), False, {}],
    [2**60, None, None, False, {"nested": {"x": [1, None]}}],
]


def test_rows_come_back_as_they_went_in(database: Database) -> None:
    with database.read() as session:
        assert ECHO.ask(session.connection(), ROWS) == ROWS
        assert ECHO.ask(session.connection(), []) == []


def test_times_of_other_zones_are_stored_in_utc(database: Database) -> None:
    beijing = datetime(2026, 3, 2, 9, 0, tzinfo=timezone(timedelta(hours=8)))
    with database.read() as session:
        [[_, _, at, _, _]] = ECHO.ask(session.connection(), [(1, "", beijing, True, {})])
    assert (at, at.tzinfo) == (beijing, UTC)


def test_times_compare_with_those_of_columns(database: Database) -> None:
    """SQLite compares texts: one format everywhere, whole seconds too."""
    insert = BatchStatement(
        "INSERT INTO gate (key, shut_until, code) SELECT key, at, '' FROM {rows} AS told",
        {"key": "text", "at": "time"},
    )
    later = BatchQuery("SELECT key FROM gate WHERE shut_until > :now", {"n": "integer"}, {"key": "text"})
    first = datetime(2026, 1, 1, tzinfo=UTC)
    with database.write() as session:
        insert.run(session.connection(), [("0", first), ("1", first + timedelta(seconds=1))])
    with database.read() as session:
        assert later.ask(session.connection(), [], now=first) == [["1"]]
        assert session.execute(select(GateRow.shut_until).order_by(GateRow.key)).scalars().first() == first


def test_what_json_cannot_tell_is_refused(database: Database) -> None:
    with database.read() as session:
        for wrong in (float("nan"), object()):
            with pytest.raises((TypeError, ValueError)):
                ECHO.ask(session.connection(), [(1, "", None, True, wrong)])


@given(st.text(max_size=50), st.integers(0, 60))
def test_foreign_texts_become_storable(told: str, length: int) -> None:
    kept = storable(told, length)
    assert len(kept) <= length
    assert "\x00" not in kept
    kept.encode("utf-8")


def test_half_characters_and_nul_are_kept_as_signs_on_both_databases(database: Database) -> None:
    kept = storable("a\x00b\ud83dc", 100)
    with database.read() as session:
        assert session.execute(text("SELECT :told"), {"told": kept}).scalar_one() == kept
        assert ECHO.ask(session.connection(), [(1, kept, None, True, {kept: kept})])[0][1] == kept
