"""`analytics.load`: figures as DataFrames of fixed columns and dtypes, filtered in the database."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Literal

import pytest
from scenery import make_account, make_unit
from sqlalchemy import event

import analytics
from analytics import load
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
from analytics.frames import COLUMNS
from config import Database, MeizhenError
from config.secrets import KeyRing
from organisation.units import Unit

AT = datetime(2026, 3, 9, 0, 5, tzinfo=UTC)
LATE = datetime(2026, 3, 2, 17, 30, tzinfo=UTC)  # the third of March in Beijing


@pytest.fixture
def filled(database: Database, keys: KeyRing) -> Database:
    """Two platforms; the WeChat article has figures of two days from the API, and one from a file."""
    for platform in ("wechat", "weibo"):
        account = make_account(database, keys, platform, "qnzs")
        with database.write() as session:
            unit = "people" if platform == "wechat" else "events"
            know_metrics(session, platform, [Meaning("like", unit, "cumulative")])
            know_metrics(session, platform, [Meaning("followers_total", "people", "snapshot", "account")])
            fact = ArticleFact(
                "100_1", "=标题", "https://x.test/1", LATE, date(2026, 3, 3), 1, "pushed", True
            )
            post = store_articles(session, account.known_id, [fact])["100_1"]
            api = source_id(session, "api", f"{platform} articles", AT)
            days = [(4, Decimal(2**40)), (5, Decimal("0.581603"))]
            figures = [ArticleFigure(post, "like", date(2026, 3, day), value) for day, value in days]
            store_snapshots(session, api, AT, figures)
            followers = AccountFigure(account.known_id, "followers_total", date(2026, 3, 4), 900)
            store_account_days(session, api, AT, [followers])
            if platform == "wechat":
                file = source_id(session, "import", "x.csv", AT, "ab")
                store_snapshots(session, file, AT, [ArticleFigure(post, "like", date(2026, 3, 4), 7, 2)])
    return database


@pytest.mark.parametrize("kind", ["articles", "account_days"])
def test_columns_and_dtypes_are_those_documented_with_and_without_rows(
    filled: Database, kind: Literal["articles", "account_days"]
) -> None:
    for until in (None, date(2000, 1, 1)):
        frame = load(filled, kind=kind, until=until)
        assert frame.empty is (until is not None)
        assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == COLUMNS[kind]


def test_a_row_is_one_figure_with_its_meaning_and_source(filled: Database) -> None:
    frame = load(filled, platform="wechat")
    assert list(zip(frame["age"], frame["source_kind"], frame["source_row"].fillna(0), strict=True)) == [
        (1, "api", 0),
        (1, "import", 2),
        (2, "api", 0),
    ]
    first = frame.iloc[0]
    assert (first["account"], first["unit"], first["metric"], first["counts"], first["kind"]) == (
        "wechat:qnzs",
        "NM",
        "like",
        "people",
        "cumulative",
    )
    assert first["published_at"].isoformat() == "2026-03-03T01:30:00+08:00"
    assert first["title"] == "=标题"


def test_whole_numbers_are_exact_and_rates_the_nearest_float(filled: Database) -> None:
    frame = load(filled, platform="weibo")
    assert list(frame["value"]) == [float(2**40), 0.581603]


def test_people_and_events_of_one_name_stay_told_apart(filled: Database) -> None:
    counts = load(filled).groupby("platform", observed=True)["counts"].unique()
    assert {platform: list(units) for platform, units in counts.items()} == {
        "wechat": ["people"],
        "weibo": ["events"],
    }


def test_newest_gives_one_day_a_name_and_source(filled: Database) -> None:
    frame = load(filled, platform="wechat", newest=True)
    assert list(zip(frame["age"], frame["source_kind"], strict=True)) == [(1, "import"), (2, "api")]


def test_the_days_bound_articles_by_publishing_and_account_days_by_day(filled: Database) -> None:
    day = date(2026, 3, 3)
    assert len(load(filled, since=day, until=day)) == 5
    assert load(filled, since=date(2026, 3, 4)).empty
    assert len(load(filled, kind="account_days", since=date(2026, 3, 4))) == 2


def test_a_unit_takes_all_below_it(filled: Database) -> None:
    with filled.write() as session:
        root = make_unit(session)
        below = Unit(code="NM-1", parent_id=root.id, kind="league", name_zh="盟", path=f"{root.path}99/")
        session.add(below)
    assert len(load(filled, unit="NM")) == 5
    assert load(filled, unit="NM-1").empty
    with pytest.raises(MeizhenError) as raised:
        load(filled, unit="XX")
    assert raised.value.code == "org.unknown_unit"


def test_any_number_of_figures_takes_the_same_statements(filled: Database) -> None:
    statements: list[str] = []
    event.listen(filled.engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    load(filled)
    assert (
        len([told for told in statements if told.lstrip().upper().startswith("SELECT")]) == 2
    )  # what is archived, figures


def test_the_public_names_are_there() -> None:
    assert all(callable(getattr(analytics, name)) for name in analytics.__all__)
    with pytest.raises(AttributeError, match="no attribute"):
        _ = analytics.missing
