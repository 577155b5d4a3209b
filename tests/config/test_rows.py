"""Many rows as one parameter: what goes in comes out, on both databases."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Integer, String, select
from sqlmodel.sql.sqltypes import UTCDateTime

from config import Database
from config.rows import rows

BEIJING = timezone(timedelta(hours=8))


def test_rows_come_back_as_they_were_given(database: Database) -> None:
    texts = ["媒阵", 'a "quoted", {braced} one', "back\\slash\\", "NULL", "", None]
    moments = [datetime(2026, 3, 2, 1, minute, 0, 7, tzinfo=UTC) for minute in range(5)] + [None]
    numbers = [1, -2, 3, 2**31 - 1, 0, None]
    given = {"text": (String(), texts), "at": (UTCDateTime(), moments), "number": (Integer(), numbers)}
    with database.read() as session:
        found = session.execute(select(*rows(session, given).values())).all()
    assert sorted(map(tuple, found), key=str) == sorted(zip(texts, moments, numbers, strict=True), key=str)


def test_moments_are_stored_in_utc(database: Database) -> None:
    at = datetime(2026, 3, 2, 9, tzinfo=BEIJING)
    with database.read() as session:
        [found] = session.execute(select(rows(session, {"at": (UTCDateTime(), [at])})["at"])).scalars()
    assert (found, found.utcoffset()) == (at, timedelta(0))


def test_no_rows_are_no_rows(database: Database) -> None:
    with database.read() as session:
        assert session.execute(select(rows(session, {"n": (Integer(), [])})["n"])).all() == []


def test_a_naive_moment_is_refused(database: Database) -> None:
    naive = datetime(2026, 3, 2, tzinfo=UTC).replace(tzinfo=None)
    with database.read() as session, pytest.raises(ValueError, match="timezone"):
        rows(session, {"at": (UTCDateTime(), [naive])})


def test_columns_of_unequal_length_are_refused(database: Database) -> None:
    with database.read() as session, pytest.raises(ValueError, match="equal length"):
        rows(session, {"a": (Integer(), [1]), "b": (Integer(), [1, 2])})
