"""The archive: the same question has the same answer before and after, whatever breaks in between."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from scenery import make_account
from sqlalchemy import delete, func, select
from sqlmodel import col

import analytics.archive.removing
import analytics.archive.writing
from analytics import load
from analytics.archive import archive_months
from analytics.archive.partitions import ArchivedAccount, ArchivedMonth, ArchivedSource
from analytics.archive.verifying import verify_archive
from analytics.articles import AccountDayFigure, Article, FigureSource, Snapshot
from analytics.figures import (
    AccountFigure,
    ArticleFact,
    ArticleFigure,
    Meaning,
    know_metrics,
    source_id,
    store_account_days,
    store_articles,
    store_snapshots,
    thin,
)
from config import Database, ManualClock
from config.database import ArchivePlace, connect
from config.secrets import KeyRing
from organisation.accounts import Account

AT = datetime(2026, 3, 9, 0, 5, 0, 123456, tzinfo=UTC)
CLOSED = datetime(2026, 7, 9, 1, tzinfo=UTC)  # March, April and May are closed
KINDS = ("articles", "account_days")


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


@pytest.fixture
def archive(
    house: Database, keys: KeyRing, clock: ManualClock
) -> Callable[..., analytics.archive.writing.ArchiveReport]:
    def run(**options: object) -> analytics.archive.writing.ArchiveReport:
        return archive_months(house, keys, clock, actor="test", **options)  # type: ignore[arg-type]

    return run


def store(
    database: Database,
    account: Account,
    day: date,
    figures: dict[tuple[str, int], int | Decimal],
    *,
    days: dict[date, int] | None = None,
    kind: str = "api",
    at: datetime = AT,
    remote_id: str = "",
    row: int | None = None,
    title: str = "=标题,'引号\n第二行",
) -> None:
    """An article of a day with figures by (metric, age), and figures of the account itself."""
    fact = ArticleFact(remote_id or f"{day}_1", title, "", at, day, 1, "pushed", True)
    with database.write() as session:
        metrics = [Meaning(metric, "people", "cumulative") for metric in ("like", "share")]
        know_metrics(session, account.platform, metrics)
        of_account = [Meaning("followers_total", "people", "snapshot", "account")]
        know_metrics(session, account.platform, of_account)
        post = store_articles(session, account.known_id, [fact])[fact.remote_id]
        source = source_id(session, kind, f"{account.platform} {kind}", at)
        told = [
            ArticleFigure(post, metric, day + timedelta(days=age), value, row)
            for (metric, age), value in figures.items()
        ]
        store_snapshots(session, source, at, told)
        store_account_days(
            session,
            source,
            at,
            [
                AccountFigure(account.known_id, "followers_total", on, value)
                for on, value in (days or {}).items()
            ],
        )


def three_months(database: Database, account: Account) -> None:
    for month in (3, 4, 5):
        for day in (1, 14, 28):
            on = date(2026, month, day)
            store(
                database,
                account,
                on,
                {("like", 1): day, ("like", 7): day * 9, ("share", 7): 2},
                days={on: day},
            )
        edge = date(2026, month, 30)
        store(database, account, edge, {("like", 7): Decimal("0.581603")}, kind="import", row=month)


def stored(database: Database) -> tuple[int, int]:
    with database.read() as session:
        counts = [
            session.execute(select(func.count()).select_from(t)).scalar_one()
            for t in (Snapshot, AccountDayFigure)
        ]
    return counts[0], counts[1]


def assert_same(before: dict[str, "pd.DataFrame"], after: dict[str, "pd.DataFrame"]) -> None:
    for kind in KINDS:
        assert_frame_equal(before[kind], after[kind])


def everything(database: Database, **options: object) -> dict[str, "pd.DataFrame"]:
    return {kind: load(database, kind=kind, **options) for kind in KINDS}  # type: ignore[arg-type]


def test_after_archiving_every_question_has_the_same_answer(house, account, archive) -> None:  # type: ignore[no-untyped-def]
    three_months(house, account)
    questions = (
        {},
        {"since": date(2026, 3, 14), "until": date(2026, 4, 1)},
        {"platform": "wechat", "until": date(2026, 4, 30)},
        {"platform": "weibo"},
        {"unit": "NM", "since": date(2026, 5, 28)},
    )
    before = [everything(house, **question) for question in questions]
    newest = load(house, newest=True)
    report = archive()
    assert stored(house) == (0, 0)
    assert {(done.partition.kind, done.partition.month, done.rows) for done in report.done} == {
        ("articles", f"2026-0{month}", 10) for month in (3, 4, 5)
    } | {("account_days", f"2026-0{month}", 3) for month in (3, 4, 5)}
    for question, told in zip(questions, before, strict=True):
        assert_same(told, everything(house, **question))
    assert_frame_equal(newest, load(house, newest=True))
    with house.read() as session:
        assert (
            session.execute(select(func.count()).select_from(Snapshot)).scalar_one() == 0
        )  # shadows are gone


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


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
