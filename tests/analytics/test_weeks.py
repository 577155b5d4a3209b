"""`weekly`: a row per account and week, the week before and the same week last year beside."""

import math
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from archived import Told, write_archive
from scenery import make_account

from analytics import weekly
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
)
from analytics.weeks import COLUMNS
from config import Database
from config.secrets import KeyRing

AT = datetime(2026, 3, 9, 0, 5, tzinfo=UTC)
MONDAY = date(2026, 3, 2)


@pytest.fixture
def house(database: Database, keys: KeyRing) -> Database:
    """One article a week for two weeks; each has a figure of its Sunday and a later one."""
    account = make_account(database, keys, "wechat", "qnzs")
    with database.write() as session:
        know_metrics(
            session,
            "wechat",
            [
                Meaning("read_people", "people", "cumulative"),
                Meaning("followers_total", "people", "snapshot", "account"),
                Meaning("comment", "events", "per_day", "account"),
            ],
        )
        told = source_id(session, "api", "wechat", AT)
        for weeks, reads in ((0, 120), (1, 80)):
            day = MONDAY - timedelta(weeks=weeks) + timedelta(days=3)
            fact = ArticleFact(f"{weeks}_1", "题", "", AT, day)
            article = store_articles(session, account.known_id, [fact])[fact.remote_id]
            figures = [
                ArticleFigure(
                    article, "read_people", day + timedelta(days=age), reads * (1 if age < 4 else 9)
                )
                for age in (1, 3, 30)
            ]
            store_snapshots(session, told, AT, figures)
        days = [
            AccountFigure(account.known_id, name, MONDAY + timedelta(days=n), value)
            for n in range(-3, 7)
            for name, value in (("followers_total", 100 + n), ("comment", 2))
        ]
        store_account_days(session, told, AT, days)
    return database


def test_a_week_is_read_at_its_sunday_with_the_weeks_beside_it(house: Database, tmp_path: Path) -> None:
    last_year = date.fromisocalendar(2025, 10, 1)
    old = Told("wechat", "qnzs", "NM", "old", last_year, "read_people", "people", "cumulative", 3, 60 * 10**6)
    write_archive(tmp_path, [old])
    frame = weekly(house, metric="read_people", since=MONDAY, until=MONDAY, archive=tmp_path)
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == COLUMNS
    assert frame.to_dict("records") == [
        {
            "week": "2026-W10",
            "monday": frame["monday"][0],
            "account": "wechat:qnzs",
            "account_name": "账号qnzs",
            "platform": "wechat",
            "unit": "NM",
            "counts": "people",
            "figures": 1,
            "value": 120.0,
            "last_week": 80.0,
            "last_year": 60.0,
        }
    ]
    assert frame["monday"][0].date() == MONDAY


def test_an_account_s_total_is_the_last_of_the_week(house: Database) -> None:
    frame = weekly(house, metric="followers_total", since=MONDAY - timedelta(days=7), until=MONDAY)
    assert list(zip(frame["week"], frame["value"], strict=True)) == [("2026-W09", 99.0), ("2026-W10", 106.0)]
    assert list(frame["last_week"].fillna(-1)) == [-1.0, 99.0]


def test_a_week_with_a_missing_day_has_no_sum(house: Database) -> None:
    frame = weekly(house, metric="comment", since=MONDAY - timedelta(days=7), until=MONDAY)
    assert list(zip(frame["figures"], frame["value"].fillna(-1), strict=True)) == [(3, -1.0), (7, 14.0)]
    assert math.isnan(frame["last_week"][1])


def test_weeks_without_figures_have_no_row_and_the_dtypes_stay(house: Database) -> None:
    frame = weekly(house, metric="read_people", since=date(2020, 1, 1), until=date(2020, 2, 1))
    assert frame.empty
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == COLUMNS
