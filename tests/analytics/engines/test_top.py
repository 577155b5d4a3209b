"""`top` and `answer`: archive and database as one, by the figure's kind and unit, places with ties."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from archived import Told, write_archive
from scenery import make_account, make_unit

from analytics import top
from analytics.engines.top import COLUMNS, Answer, answer
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
from config import Database, InputError, MeizhenError
from config.secrets import KeyRing
from organisation.units import Unit

AT = datetime(2026, 2, 9, 0, 5, tzinfo=UTC)
YEAR = {"since": date(2025, 12, 1), "until": date(2026, 1, 31)}
DECEMBER, JANUARY = date(2025, 12, 30), date(2026, 1, 6)


@pytest.fixture
def house(database: Database, keys: KeyRing) -> Database:
    """Two WeChat accounts and a Weibo one, their figures of January in the database."""
    meanings = {
        "wechat": [
            Meaning("read_people", "people", "cumulative"),
            Meaning("finish_rate", "rate", "cumulative"),
            Meaning("like", "people", "cumulative"),
            Meaning("followers_new", "people", "per_day", "account"),
            Meaning("finish_rate", "rate", "per_day", "account"),
        ],
        "weibo": [
            Meaning("like", "events", "cumulative"),
            Meaning("followers_new", "events", "per_day", "account"),
        ],
    }
    for platform, handle in (("wechat", "a"), ("wechat", "b"), ("weibo", "a")):
        account = make_account(database, keys, platform, handle)
        with database.write() as session:
            know_metrics(session, platform, meanings[platform])
            fact = ArticleFact(f"{handle}-live", "题", "", AT - timedelta(days=34), JANUARY)
            article = store_articles(session, account.known_id, [fact])[fact.remote_id]
            told = source_id(session, "api", platform, AT)
            figures = [ArticleFigure(article, "like", JANUARY + timedelta(days=7), 10)]
            if platform == "wechat":
                figures += [
                    ArticleFigure(article, "read_people", JANUARY + timedelta(days=1), 30),
                    ArticleFigure(article, "read_people", JANUARY + timedelta(days=7), 100),
                    ArticleFigure(article, "finish_rate", JANUARY + timedelta(days=7), Decimal("0.5")),
                ]
            store_snapshots(session, told, AT, figures)
            days = [
                AccountFigure(account.known_id, "followers_new", JANUARY + timedelta(days=n), 5 + n)
                for n in range(3)
            ]
            store_account_days(session, told, AT, days)
    return database


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """December of both WeChat accounts: as many reads for each, but b's are typed and imported."""
    told = Told("wechat", "a", "NM", "a-old", DECEMBER, "read_people", "people", "cumulative", 7, 300 * 10**6)
    typed = Told(
        "wechat", "b", "NM", "b-old", DECEMBER, "read_people", "people", "cumulative", 9, 900 * 10**6, "typed"
    )
    imported = Told(
        "wechat",
        "b",
        "NM",
        "b-old",
        DECEMBER,
        "read_people",
        "people",
        "cumulative",
        3,
        300 * 10**6,
        "import",
    )
    rate = Told("wechat", "a", "NM", "a-old", DECEMBER, "finish_rate", "rate", "cumulative", 7, 900_000)
    write_archive(tmp_path, [told, typed, imported, rate])
    return tmp_path


def rows(found: Answer) -> list[tuple[Any, ...]]:
    return [(row.place, row.name, row.value, row.figures) for row in found.rows]


def test_archive_and_database_are_one_and_equal_values_share_a_place(house: Database, archive: Path) -> None:
    found = answer(house, metric="read_people", archive=archive, **YEAR)
    assert rows(found) == [(1, "wechat:a", 400, 2), (1, "wechat:b", 400, 2)]
    assert (found.files, found.live_rows, found.engine) == (1, 4, "duckdb")


def test_a_shared_last_place_is_not_cut(house: Database, archive: Path) -> None:
    assert len(answer(house, metric="read_people", archive=archive, limit=1, **YEAR).rows) == 2


def test_without_an_archive_the_database_answers(house: Database, tmp_path: Path) -> None:
    for folder in (None, tmp_path / "none"):
        found = answer(house, metric="read_people", archive=folder, **YEAR)
        assert rows(found) == [(1, "wechat:a", 100, 1), (1, "wechat:b", 100, 1)]


def test_trap_one_people_and_events_are_in_no_contest(house: Database) -> None:
    by_platform = answer(house, metric="like", by="platform", **YEAR)
    assert [(row.place, row.platform, row.counts, row.value) for row in by_platform.rows] == [
        (1, "wechat", "people", 20),
        (1, "weibo", "events", 10),
    ]
    by_unit = answer(house, metric="like", by="unit", **YEAR)
    assert [(row.platform, row.name, row.value) for row in by_unit.rows] == [
        ("wechat", "NM", 20),
        ("weibo", "NM", 10),
    ]


def test_trap_three_people_of_several_days_are_averaged_and_events_added(house: Database) -> None:
    people = answer(house, metric="followers_new", platform="wechat", **YEAR)
    assert [row.value for row in people.rows] == [Decimal("6.00")] * 2
    events = answer(house, metric="followers_new", platform="weibo", **YEAR)
    assert [row.value for row in events.rows] == [18]
    with pytest.raises(MeizhenError) as raised:
        answer(house, metric="followers_new", **YEAR)
    assert raised.value.code == "engine.several_rules"


def test_trap_four_articles_are_compared_at_equal_ages(house: Database, archive: Path) -> None:
    at_seven = answer(house, metric="read_people", age=7, archive=archive, **YEAR)
    assert rows(at_seven) == [(1, "wechat:a", 400, 2), (2, "wechat:b", 100, 1)]
    assert rows(answer(house, metric="read_people", age=1, **YEAR))[0] == (1, "wechat:a", 30, 1)


def test_trap_twelve_rates_are_weighted_by_readers(house: Database, archive: Path) -> None:
    found = answer(house, metric="finish_rate", archive=archive, limit=1, **YEAR)
    assert rows(found) == [(1, "wechat:a", Decimal("0.800000"), 2)]  # (300 × 0.9 + 100 × 0.5) ÷ 400
    with pytest.raises(MeizhenError) as raised:
        answer(house, metric="finish_rate", level="account_days", **YEAR)
    assert raised.value.code == "engine.no_weight"


def test_months_stand_side_by_side(house: Database, archive: Path) -> None:
    found = answer(house, metric="read_people", by="month", archive=archive, **YEAR)
    assert rows(found) == [(1, "2025-12", 600, 2), (2, "2026-01", 200, 2)]


def test_a_unit_takes_all_below_it(house: Database, archive: Path) -> None:
    with house.write() as session:
        root = make_unit(session)
        session.add(Unit(code="NM-1", parent_id=root.id, kind="league", name_zh="盟", path=f"{root.path}99/"))
    assert len(answer(house, metric="read_people", unit="NM", archive=archive, **YEAR).rows) == 2
    assert answer(house, metric="read_people", unit="NM-1", archive=archive, **YEAR).rows == []
    with pytest.raises(MeizhenError) as raised:
        answer(house, metric="read_people", unit="XX", **YEAR)
    assert raised.value.code == "org.unknown_unit"


def test_what_is_no_question_is_refused_with_what_would_be(house: Database) -> None:
    with pytest.raises(MeizhenError, match="finish_rate, followers_new, like, read_people") as unknown:
        answer(house, metric="reads", **YEAR)
    assert unknown.value.code == "engine.unknown_metric"
    with pytest.raises(MeizhenError) as elsewhere:
        answer(house, metric="read_people", platform="weibo", **YEAR)
    assert elsewhere.value.code == "engine.unknown_metric"
    with pytest.raises(MeizhenError) as aged:
        answer(house, metric="followers_new", platform="weibo", age=7, **YEAR)
    assert aged.value.code == "engine.age_of_a_day"
    for wrong in ({"by": "colour"}, {"engine": "abacus"}, {"since": date(2027, 1, 1)}):
        with pytest.raises(InputError):
            answer(house, **{"metric": "read_people", **YEAR, **wrong})  # type: ignore[arg-type]


def test_the_frame_has_the_columns_and_dtypes_documented(house: Database, archive: Path) -> None:
    frame = top(house, metric="read_people", archive=archive, **YEAR)
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == COLUMNS
    assert list(frame["value"]) == [400.0, 400.0]
    nothing = top(house, metric="read_people", since=date(2020, 1, 1), until=date(2020, 1, 2))
    assert nothing.empty
    assert {name: str(dtype) for name, dtype in nothing.dtypes.items()} == COLUMNS
