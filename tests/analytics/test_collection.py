"""Collecting, with a connector that says what the test wants: what is stored, what stays a hole."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from access import make_access
from scenery import make_account
from sqlmodel import select
from telling import Live, Told, article, followers, reads

from analytics.articles import AccountDayFigure, Article, CollectionGap, Snapshot
from analytics.collection import CollectionReport, collect, collect_window
from analytics.gaps import list_gaps
from config import Database, ManualClock, MeizhenError
from config.secrets import KeyRing
from connectors import (
    Access,
    ArticleFigures,
    Connector,
    Figures,
    NeedsPerson,
    Refused,
    Throttled,
    Unauthorised,
    Unreachable,
)
from organisation.accounts import Account, pause_account

TODAY = date(2026, 3, 2)
YESTERDAY = date(2026, 3, 1)
LATER = datetime(2026, 3, 3, tzinfo=UTC)
IN_AN_HOUR = datetime(2026, 3, 2, 2, tzinfo=UTC)


@pytest.fixture
def account(database: Database, keys: KeyRing) -> Account:
    return make_account(database, keys, "wechat", "qnzs")


def run(database: Database, clock: ManualClock, connector: Connector, **options: Any) -> CollectionReport:
    def opened(account: Account) -> Access:
        return make_access(account.platform, account.handle, credentials={}, api_base="", now=clock.now)

    return collect(database, clock, **{"access_for": opened, "connector_of": lambda _: connector, **options})


def snapshots(database: Database) -> dict[date, Decimal]:
    with database.read() as session:
        return {row.as_of: row.value for row in session.exec(select(Snapshot))}


def gaps(database: Database) -> set[tuple[str, date, str]]:
    with database.read() as session:
        return {(gap.subject, gap.day, gap.code) for gap in list_gaps(session)}


def test_the_window_is_yesterday_and_the_thirty_days_before(clock: ManualClock) -> None:
    assert collect_window(clock) == (date(2026, 1, 30), YESTERDAY)
    clock.move_to(datetime(2026, 3, 2, 16, 30, tzinfo=UTC))  # already Tuesday in Beijing
    assert collect_window(clock)[1] == TODAY


def test_articles_and_account_days_arrive_and_a_second_run_changes_nothing(
    database: Database, clock: ManualClock, account: Account
) -> None:
    connector = Told(told=[article(reads(YESTERDAY, 12), url="https://x.test/1")], day=followers)
    report = run(database, clock, connector)
    assert (report.accounts, report.articles, report.figures) == (1, 1, 32)
    assert (report.opened, report.failures) == (0, [])
    assert connector.windows == [collect_window(clock)]
    assert len(connector.days) == 31
    with database.read() as session:
        before = [tuple(row) for row in session.exec(select(Snapshot.value, Snapshot.collected_at))]
    clock.advance(3600)
    run(database, clock, connector)
    assert len(connector.days) == 31  # the days that are there are not asked again
    with database.read() as session:
        assert [tuple(row) for row in session.exec(select(Snapshot.value, Snapshot.collected_at))] == before
        assert len(session.exec(select(AccountDayFigure)).all()) == 31
        assert session.exec(select(Article)).one().url == "https://x.test/1"


def test_only_the_kept_ages_and_the_newest_are_stored(
    database: Database, clock: ManualClock, account: Account
) -> None:
    monday = date(2026, 2, 16)
    told = article(*(reads(monday + timedelta(age), 10 + age) for age in range(13)), day=monday)
    run(database, clock, Told(told=[told]))
    assert {(day - monday).days for day in snapshots(database)} == {1, 2, 3, 6, 7, 12}
    told = article(*(reads(monday + timedelta(age), 10 + age) for age in range(14)), day=monday)
    run(database, clock, Told(told=[told]))
    assert {(day - monday).days for day in snapshots(database)} == {1, 2, 3, 6, 7, 13}


def test_unknown_is_not_stored_and_undeclared_names_are_not_either(
    database: Database, clock: ManualClock, account: Account
) -> None:
    odd = Figures(YESTERDAY, {"read_people": None, "finish_rate": Decimal("0.58163265"), "mystery": 7}, "e")
    assert run(database, clock, Told(told=[article(odd)])).figures == 1
    assert snapshots(database) == {YESTERDAY: Decimal("0.581633")}


def test_delayed_figures_are_a_hole_until_they_are_final(
    database: Database, clock: ManualClock, account: Account
) -> None:
    waiting = Told(
        told=[article(reads(YESTERDAY, 5, delayed=True))],
        day=lambda day: followers(day, delayed=day == YESTERDAY),
    )
    run(database, clock, waiting)
    assert snapshots(database) == {}
    assert gaps(database) == {("articles", YESTERDAY, "delayed"), ("account_day", YESTERDAY, "delayed")}
    clock.advance(24 * 3600)
    report = run(database, clock, Told(told=[article(reads(YESTERDAY, 6), reads(TODAY, 7))], day=followers))
    assert (gaps(database), report.closed) == (set(), 2)
    with database.read() as session:
        closed = session.exec(select(CollectionGap.closed_at)).all()
    assert closed == [clock.now(), clock.now()]


def test_what_was_final_once_is_no_hole_when_it_is_delayed_again(
    database: Database, clock: ManualClock, account: Account
) -> None:
    run(database, clock, Told(told=[article(reads(YESTERDAY, 6))]))
    run(database, clock, Told(told=[article(reads(YESTERDAY, 6, delayed=True))]))
    assert gaps(database) == set()
    assert snapshots(database) == {YESTERDAY: Decimal(6)}


@pytest.mark.parametrize(
    ("error", "code", "days_asked"),
    [
        (Throttled("too often", until=LATER, platform_code="45009"), "45009", True),
        (NeedsPerson("ip not in whitelist", platform_code="40164"), "40164", False),
        (NeedsPerson("one post only", platform_code="x", account_wide=False), "x", True),
        (Unreachable("no route", platform_code="connect"), "connect", False),
        (Refused("bad date", platform_code="61501"), "61501", True),
        (ValueError("a bug"), "unexpected", False),
    ],
)
def test_a_failure_is_a_hole_with_its_code_and_other_accounts_go_on(
    database: Database,
    clock: ManualClock,
    keys: KeyRing,
    account: Account,
    error: Exception,
    code: str,
    days_asked: bool,
) -> None:
    other = make_account(database, keys, "wechat", "other")
    connector = Told(told=[article(reads(YESTERDAY, 3))], broken={"qnzs"}, error=error)
    report = run(database, clock, connector, since=YESTERDAY)
    assert [(failure.account, failure.code) for failure in report.failures] == [("wechat:qnzs", code)]
    assert ("articles", YESTERDAY, code) in gaps(database)
    assert len(connector.days) == (2 if days_asked else 1)
    assert (("account_day", YESTERDAY, code) in gaps(database)) is not days_asked
    with database.read() as session:
        assert session.exec(select(Article.account_id)).all() == [other.id]


def test_what_came_before_a_failure_is_kept(database: Database, clock: ManualClock, account: Account) -> None:
    broken = Throttled("too often", until=LATER, platform_code="45009")
    run(database, clock, Told(told=[article(reads(YESTERDAY, 3)), broken]))
    assert snapshots(database) == {YESTERDAY: Decimal(3)}
    assert gaps(database) == {("articles", YESTERDAY, "45009")}


def test_the_account_days_after_a_failure_are_holes_and_filled_the_next_time(
    database: Database, clock: ManualClock, account: Account
) -> None:
    def until_the_quota(day: date) -> Figures:
        if day >= date(2026, 2, 27):
            raise Throttled("quota", until=IN_AN_HOUR, platform_code="45009")
        return followers(day)

    run(database, clock, Told(day=until_the_quota))
    holes = {("account_day", date(2026, 2, 27) + timedelta(days=n), "45009") for n in range(3)}
    assert gaps(database) == holes
    again = Told(day=followers)
    clock.move_to(IN_AN_HOUR)
    run(database, clock, again)
    assert again.days == sorted(day for _, day, _ in holes)
    assert gaps(database) == set()


def test_a_dead_token_is_renewed_once(database: Database, clock: ManualClock, account: Account) -> None:
    connector = Told(told=[article(reads(YESTERDAY, 3))], stale=True)
    report = run(database, clock, connector)
    assert (connector.refreshed, report.articles, report.failures) == (1, 1, [])


def test_a_token_that_stays_dead_is_asked_twice_only(
    database: Database, clock: ManualClock, account: Account
) -> None:
    dead = Unauthorised("invalid", platform_code="40001")
    connector = Told(broken={"qnzs"}, error=dead)
    run(database, clock, connector)
    assert (connector.refreshed, len(connector.windows), connector.days) == (1, 2, [])
    assert ("articles", YESTERDAY, "40001") in gaps(database)


def test_credentials_that_do_not_open_are_a_hole(
    database: Database, clock: ManualClock, account: Account
) -> None:
    def closed(account: Account) -> Access:
        raise MeizhenError("secrets.wrong_key", owner=account.stable_id)

    report = run(database, clock, Told(), access_for=closed, since=YESTERDAY)
    assert {code for _, _, code in gaps(database)} == {"secrets.wrong_key"}
    assert report.failures[0].remedy is not None


def test_a_platform_of_now_is_asked_for_today_only_and_a_past_day_stays_a_hole(
    database: Database, clock: ManualClock, account: Account
) -> None:
    down = Live(broken={"qnzs"}, error=Unreachable("down", platform_code="connect"))
    run(database, clock, down)
    assert gaps(database) == {("articles", TODAY, "connect"), ("account_day", TODAY, "connect")}
    clock.advance(24 * 3600)
    tomorrow = TODAY + timedelta(days=1)
    up = Live(told=[article(reads(tomorrow, 9))], day=followers)
    run(database, clock, up)
    assert up.days == [tomorrow]
    assert gaps(database) == {("articles", TODAY, "connect"), ("account_day", TODAY, "connect")}


def test_asked_again_on_the_same_day_the_days_hole_is_filled(
    database: Database, clock: ManualClock, account: Account
) -> None:
    run(database, clock, Live(broken={"qnzs"}, error=Unreachable("down", platform_code="connect")))
    clock.advance(3600)
    run(database, clock, Live(told=[article(reads(TODAY, 9))], day=followers))
    assert gaps(database) == set()


def test_a_day_the_platform_has_nothing_for_is_no_hole(
    database: Database, clock: ManualClock, account: Account
) -> None:
    run(database, clock, Told(day=lambda day: None))
    assert gaps(database) == set()


def test_the_articles_alone_can_be_asked_for(
    database: Database, clock: ManualClock, account: Account
) -> None:
    connector = Told(told=[article(reads(YESTERDAY, 3))], day=followers)
    assert run(database, clock, connector, account_days=False).figures == 1
    assert connector.days == []


def test_paused_accounts_rest_unless_they_are_named(
    database: Database, clock: ManualClock, keys: KeyRing, account: Account
) -> None:
    with database.write() as session:
        pause_account(session, keys, account, at=clock.now(), actor="test")
    assert run(database, clock, Told()).accounts == 0
    assert run(database, clock, Told(), accounts=[account]).accounts == 1


def test_an_account_of_a_vanished_platform_is_passed_over(
    database: Database, clock: ManualClock, keys: KeyRing
) -> None:
    make_account(database, keys, "gone", "old")
    report = collect(database, clock, access_for=lambda account: pytest.fail("not to be opened"))
    assert report.accounts == 0


def test_progress_counts_every_account(database: Database, clock: ManualClock, keys: KeyRing) -> None:
    for number in range(5):
        make_account(database, keys, "wechat", f"n{number}")
    seen: list[tuple[int, int]] = []
    run(database, clock, Told(), progress=lambda done, total: seen.append((done, total)), workers=2)
    assert seen == [(number, 5) for number in range(1, 6)]


@pytest.mark.parametrize("remote_id", ["", "x" * 201])
def test_an_article_without_usable_id_is_a_hole_not_a_crash(
    database: Database, clock: ManualClock, account: Account, remote_id: str
) -> None:
    run(database, clock, Told(told=[article(remote_id=remote_id), article(reads(YESTERDAY, 3))]))
    assert gaps(database) == {("articles", YESTERDAY, "bad-answer")}
    assert snapshots(database) == {YESTERDAY: Decimal(3)}


def test_a_hostile_title_is_stored_as_text(database: Database, clock: ManualClock, account: Account) -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    run(database, clock, Told(told=[ArticleFigures("1", "=a\x00\ud800" + "长" * 600, at, ())]))
    with database.read() as session:
        assert session.exec(select(Article.title)).one() == ("=a?" + "长" * 600)[:500]
