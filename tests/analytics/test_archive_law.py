"""The law of the archive: whatever is stored, and comes later, no answer changes by archiving."""

import shutil
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from archiving import AT, CLOSED, assert_same, everything, store, stored
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scenery import make_account
from sqlalchemy import delete, select
from sqlmodel import col

from analytics.archive import archive_months
from analytics.archive.partitions import ArchivedAccount, ArchivedMonth, ArchivedSource
from analytics.archive.verifying import verify_archive
from analytics.articles import AccountDayFigure, Article, FigureSource, Snapshot
from analytics.figures import (
    thin,
)
from config import Database, ManualClock
from config.database import ArchivePlace, connect
from config.secrets import KeyRing
from organisation.accounts import Account


@pytest.fixture
def house(database_address: str, tmp_path: Path) -> Iterator[Database]:
    """A database that knows where its archive lies."""
    opened = connect(database_address, archive=ArchivePlace(tmp_path / "archive", tmp_path / "temporary"))
    yield opened
    opened.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(CLOSED)


@pytest.fixture
def account(house: Database, keys: KeyRing) -> Account:
    return make_account(house, keys, "wechat", "qnzs")


figures = st.dictionaries(
    st.tuples(st.sampled_from(["like", "share"]), st.sampled_from([0, 1, 2, 5, 7, 12, 30, 37])),
    st.one_of(st.integers(-5, 2**42), st.decimals(0, 9, places=6, allow_nan=False, allow_infinity=False)),
    max_size=4,
)
stories = st.lists(
    st.tuples(
        st.dates(date(2026, 3, 29), date(2026, 4, 3)),
        figures,
        st.dictionaries(st.dates(date(2026, 3, 30), date(2026, 4, 2)), st.integers(0, 99), max_size=2),
        st.sampled_from(["api", "import", "typed"]),
        st.sampled_from([None, 1, 70_000]),
    ),
    max_size=6,
)


@pytest.fixture
def twin(_sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    """A database in which the same happens and nothing is ever archived."""
    shutil.copy(_sqlite_template, tmp_path / "twin.sqlite")
    opened = connect(f"sqlite:///{tmp_path / 'twin.sqlite'}")
    yield opened
    opened.close()


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=stories, later=stories, thinned=st.booleans())
def test_law_archiving_changes_no_answer_also_with_what_comes_later(
    house: Database,
    twin: Database,
    account: Account,
    keys: KeyRing,
    clock: ManualClock,
    first: list[Any],
    later: list[Any],
    thinned: bool,
) -> None:
    with twin.write() as session:
        known = session.get(Account, account.known_id)
    same = known or make_account(twin, keys, "wechat", "qnzs")
    for database, owner in ((house, account), (twin, same)):
        empty(database)
        tell(database, owner, first, AT)
        if thinned:
            with database.write() as session:
                for source in session.execute(select(col(FigureSource.id))).scalars().all():
                    thin(session, source, session.execute(select(col(Article.id))).scalars().all())
    before = everything(house)
    archive_months(house, keys, clock, actor="test")
    assert stored(house) == (0, 0)
    assert_same(before, everything(house))
    for database, owner in ((house, account), (twin, same)):
        tell(database, owner, later, AT + timedelta(days=90))
    both = everything(house)
    assert_same(without_ids(everything(twin)), without_ids(both))
    archive_months(house, keys, clock, actor="test")
    assert stored(house) == (0, 0)
    assert_same(both, everything(house))
    assert verify_archive(house) == []


def tell(database: Database, account: Account, story: list[Any], at: datetime) -> None:
    for place, (day, figures, days, kind, row) in enumerate(story):
        remote_id = f"r{place % 3}_{day}"
        store(database, account, day, figures, days=days, kind=kind, row=row, remote_id=remote_id, at=at)


def empty(database: Database) -> None:
    tables = (
        ArchivedSource,
        ArchivedMonth,
        ArchivedAccount,
        Snapshot,
        AccountDayFigure,
        Article,
        FigureSource,
    )
    with database.write() as session:
        for table in tables:
            session.execute(delete(table))
    if database.archive is not None:
        shutil.rmtree(database.archive.folder, ignore_errors=True)


def without_ids(frames: dict[str, "pd.DataFrame"]) -> dict[str, "pd.DataFrame"]:
    """Without what two databases number differently, and without when an equal value was seen first."""
    left_out = ["article_id", "collected_at", "source_row"]
    return {kind: frame.drop(columns=left_out, errors="ignore") for kind, frame in frames.items()}
