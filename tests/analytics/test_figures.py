"""Storing figures: idempotent, exact, one source never over another, thinned by one rule."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scenery import make_account
from sqlmodel import select

from analytics.articles import AccountDayFigure, Article, FigureSource, KnownMetric, Snapshot
from analytics.figures import (
    KEPT_AGES,
    AccountFigure,
    ArticleFact,
    ArticleFigure,
    Meaning,
    adopt,
    is_kept,
    know_metrics,
    six_places,
    source_id,
    store_account_days,
    store_articles,
    store_snapshots,
    store_told_snapshots,
    thin,
)
from analytics.upserts import Group, pack
from config import Database, MeizhenError
from config.secrets import KeyRing
from organisation.accounts import Account

AT = datetime(2026, 3, 2, 0, 5, tzinfo=UTC)
MONDAY = date(2026, 3, 2)


@pytest.fixture
def account(database: Database, keys: KeyRing) -> Account:
    return make_account(database, keys, "wechat", "qnzs")


def fact(remote_id: str = "100_1", title: str = "招募", url: str = "", day: date = MONDAY) -> ArticleFact:
    at = datetime(day.year, day.month, day.day, 2, tzinfo=UTC)
    return ArticleFact(remote_id, title, url, at, day)


def article(database: Database, account: Account, **changes: object) -> int:
    with database.write() as session:
        wanted = fact()._replace(**changes)
        return store_articles(session, account.known_id, [wanted])[wanted.remote_id]


def source(database: Database, kind: str = "api", name: str = "wechat test") -> int:
    with database.write() as session:
        return source_id(session, kind, name, AT)


def store(database: Database, source: int, *figures: ArticleFigure, at: datetime = AT) -> int:
    with database.write() as session:
        return store_snapshots(session, source, at, figures)


def snapshots(database: Database) -> dict[tuple[str, date, int], Decimal]:
    with database.read() as session:
        return {(row.metric, row.as_of, row.source_id): row.value for row in session.exec(select(Snapshot))}


def test_a_figure_stored_twice_is_one_row_with_the_later_value(database: Database, account: Account) -> None:
    post, api = article(database, account), source(database)
    store(database, api, ArticleFigure(post, "read_people", MONDAY, 10))
    store(database, api, ArticleFigure(post, "read_people", MONDAY, 12))
    assert snapshots(database) == {("read_people", MONDAY, api): Decimal(12)}


def test_a_day_told_twice_in_one_answer_is_stored_once_with_what_was_told_last(
    database: Database, account: Account
) -> None:
    post, api = article(database, account), source(database)
    told = ({"read_people": 10, "shares": Decimal("0.5")}, {"read_people": 12, "likes": 3})
    groups = [Group(post, pack(MONDAY, values)) for values in told]
    with database.write() as session:
        assert store_told_snapshots(session, api, AT, groups) == 3
    kept = {"read_people": Decimal(12), "shares": Decimal("0.5"), "likes": Decimal(3)}
    assert snapshots(database) == {(name, MONDAY, api): value for name, value in kept.items()}


def test_the_same_value_again_keeps_when_it_was_first_seen(database: Database, account: Account) -> None:
    post, api = article(database, account), source(database)
    figure = ArticleFigure(post, "read_people", MONDAY, 10)
    store(database, api, figure)
    store(database, api, figure, at=AT + timedelta(days=1))
    with database.read() as session:
        assert [row.collected_at for row in session.exec(select(Snapshot))] == [AT]


def test_of_equal_keys_in_one_batch_the_last_counts(database: Database, account: Account) -> None:
    post, api = article(database, account), source(database)
    figures = [ArticleFigure(post, "like", MONDAY, value) for value in (3, 5, 4)]
    assert store(database, api, *figures) == 1
    assert snapshots(database) == {("like", MONDAY, api): Decimal(4)}


def test_another_sources_figure_stands_beside(database: Database, account: Account) -> None:
    post, api, file = article(database, account), source(database), source(database, "import", "x.csv")
    store(database, api, ArticleFigure(post, "read_people", MONDAY, 10))
    store(database, file, ArticleFigure(post, "read_people", MONDAY, 11, 2))
    assert snapshots(database) == {
        ("read_people", MONDAY, api): Decimal(10),
        ("read_people", MONDAY, file): Decimal(11),
    }


def test_unknown_is_no_row_and_zero_is_one(database: Database, account: Account) -> None:
    post, api = article(database, account), source(database)
    unknown = ArticleFigure(post, "share", MONDAY, None)
    assert store(database, api, unknown, ArticleFigure(post, "like", MONDAY, 0)) == 1
    assert snapshots(database) == {("like", MONDAY, api): Decimal(0)}


def test_six_decimals_come_back_exactly(database: Database, account: Account) -> None:
    post, api = article(database, account), source(database)
    store(database, api, ArticleFigure(post, "finish_rate", MONDAY, Decimal("0.581603")))
    assert snapshots(database)["finish_rate", MONDAY, api] == Decimal("0.581603")


def test_figures_of_many_batches_all_arrive(
    database: Database, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analytics.figures.BATCH", 7)
    post, api = article(database, account), source(database)
    days = [MONDAY + timedelta(days=number) for number in range(30)]
    assert store(database, api, *(ArticleFigure(post, "like", day, day.day) for day in days)) == 30
    assert {day: value for (_, day, _), value in snapshots(database).items()} == {
        day: day.day for day in days
    }


def test_large_loads_are_stored_the_same_way(
    database: Database, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analytics.upserts.COPIED_FROM", 2)
    monkeypatch.setattr("analytics.figures.BATCH", 7)
    post, api = article(database, account), source(database)
    days = [MONDAY + timedelta(days=number) for number in range(20)]
    for more in (0, 1):
        figures = [ArticleFigure(post, "finish_rate", day, Decimal(f"0.{day.day}") + more) for day in days]
        assert store(database, api, *figures) == 20
    told = {day: value for (_, day, _), value in snapshots(database).items()}
    assert told == {day: Decimal(f"0.{day.day}") + 1 for day in days}


def test_account_days_are_upserted_the_same_way(database: Database, account: Account) -> None:
    api = source(database)
    for value in (100, 101):
        with database.write() as session:
            figures = [AccountFigure(account.known_id, "followers_total", MONDAY, value)]
            store_account_days(session, api, AT, figures)
    with database.read() as session:
        assert [row.value for row in session.exec(select(AccountDayFigure))] == [Decimal(101)]


def test_a_source_is_made_once(database: Database) -> None:
    assert source(database) == source(database)
    with database.read() as session:
        assert len(session.exec(select(FigureSource)).all()) == 1


def test_an_article_told_again_keeps_what_is_left_open(database: Database, account: Account) -> None:
    first = article(database, account, url="https://x.test/1", position=1, original=True)
    again = article(database, account, title="新标题", url="", position=None, original=None)
    assert first == again
    with database.read() as session:
        row = session.exec(select(Article)).one()
    assert (row.title, row.url, row.position, row.original) == ("新标题", "https://x.test/1", 1, True)


def test_people_and_events_never_share_a_name(database: Database) -> None:
    people = Meaning("read", "people", "cumulative")
    with database.write() as session:
        know_metrics(session, "wechat", [people])
        know_metrics(session, "wechat", [people])
        know_metrics(session, "weibo", [Meaning("read", "events", "cumulative")])
    with pytest.raises(MeizhenError, match="read") as raised, database.write() as session:
        know_metrics(session, "wechat", [Meaning("read", "events", "cumulative")])
    assert raised.value.code == "figures.other_meaning"
    with database.read() as session:
        assert {(row.platform, row.unit) for row in session.exec(select(KnownMetric))} == {
            ("wechat", "people"),
            ("weibo", "events"),
        }


def test_an_accounts_own_figure_may_mean_something_else_than_an_articles(database: Database) -> None:
    with database.write() as session:
        know_metrics(session, "wechat", [Meaning("like", "people", "cumulative")])
        know_metrics(session, "wechat", [Meaning("like", "people", "per_day", "account")])


@given(published=st.dates(date(2020, 1, 1), date(2030, 1, 1)), age=st.integers(0, 40))
def test_kept_are_the_award_ages_and_the_publishing_weeks_sunday(published: date, age: int) -> None:
    as_of = published + timedelta(days=age)
    same_week = as_of.isocalendar()[:2] == published.isocalendar()[:2]
    assert is_kept(published, as_of) == (age in KEPT_AGES or (same_week and as_of.weekday() == 6))


def test_thinning_drops_what_is_overtaken_and_keeps_each_names_newest(
    database: Database, account: Account
) -> None:
    post, api = article(database, account), source(database)
    ages = range(0, 13)
    store(database, api, *(ArticleFigure(post, "like", MONDAY + timedelta(age), age) for age in ages))
    store(database, api, ArticleFigure(post, "finish_rate", MONDAY + timedelta(5), Decimal("0.5")))
    with database.write() as session:
        assert thin(session, api, [post]) == 7
    kept = {(metric, (day - MONDAY).days) for metric, day, _ in snapshots(database)}
    # Age 6 is the Sunday, 12 the newest; the rate's newest is of age 5.
    assert kept == {("like", age) for age in (1, 2, 3, 6, 7, 12)} | {("finish_rate", 5)}
    with database.write() as session:
        assert thin(session, api, [post]) == 0


def test_thinning_leaves_files_alone(database: Database, account: Account) -> None:
    post, api, file = article(database, account), source(database), source(database, "import", "x.csv")
    store(database, file, *(ArticleFigure(post, "like", MONDAY + timedelta(age), age) for age in (4, 5)))
    store(database, api, ArticleFigure(post, "like", MONDAY + timedelta(9), 9))
    with database.write() as session:
        assert thin(session, api, [post]) == 0


@pytest.mark.parametrize(
    ("by_file", "by_platform"),
    [
        (
            fact("import:a", url="https://mp.test/s/1"),
            fact("100_1", "改过的标题", "http://MP.test/s/1?chksm=9#rd"),
        ),
        (fact("import:a", "同一 标题"), fact("100_1", "同一 标题", "https://mp.test/s/1")),
    ],
)
def test_an_article_known_from_a_file_becomes_the_platforms(
    database: Database, account: Account, by_file: ArticleFact, by_platform: ArticleFact
) -> None:
    with database.write() as session:
        before = store_articles(session, account.known_id, [by_file])
        assert adopt(session, account.known_id, [by_platform]) == 1
        after = store_articles(session, account.known_id, [by_platform])
    assert after == {"100_1": before["import:a"]}


def test_two_articles_of_one_title_and_day_are_not_guessed(database: Database, account: Account) -> None:
    with database.write() as session:
        store_articles(session, account.known_id, [fact("import:a")])
        assert adopt(session, account.known_id, [fact("100_1"), fact("100_2")]) == 0


def test_a_hostile_number_is_no_figure() -> None:
    assert six_places(10**13) is None
    assert six_places(Decimal("NaN")) is None
    assert six_places(Decimal("0.12345678")) == Decimal("0.123457")
