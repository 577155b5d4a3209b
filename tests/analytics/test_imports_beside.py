"""Files beside platforms: figures that differ are shown side by side, and who told nothing is named."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from scenery import make_account
from sqlmodel import select

from analytics.articles import AccountDayFigure, Snapshot
from analytics.exports.week import Week
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
from analytics.imports import ImportReport, import_figures, list_conflicts, undo_import
from analytics.imports.missing import list_missing
from config import Database, ManualClock
from config.secrets import KeyRing
from organisation.accounts import Account, pause_account
from organisation.units import Unit

NOW = datetime(2026, 3, 9, 1, tzinfo=UTC)
DAY = date(2026, 3, 8)
Import = Callable[..., ImportReport]


@pytest.fixture
def account(database: Database, keys: KeyRing) -> Account:
    return make_account(database, keys, "wechat", "nm")


@pytest.fixture
def run(database: Database, keys: KeyRing, account: Account, tmp_path: Path) -> Import:
    def imported(*rows: str, header: str, **options: Any) -> ImportReport:
        path = tmp_path / "file.csv"
        path.write_text("\n".join([header, *rows]), encoding="utf-8")
        target = options.pop("account", account)
        return import_figures(database, keys, ManualClock(NOW), path, target, actor="cli:test", **options)

    return imported


ARTICLES = "内容标题,发表时间,总阅读人数,总分享人数"
DAYS = "账号,数据日期,粉丝总数"


def tell(database: Database, account: Account, published: date, as_of: date, reads: int = 99) -> None:
    with database.write() as session:
        know_metrics(session, account.platform, [Meaning("read_people", "people", "cumulative")])
        fact = ArticleFact(f"{published}_1", "甲", "", NOW, published)
        ids = store_articles(session, account.known_id, [fact])
        source = source_id(session, "api", "wechat articles", NOW)
        figure = ArticleFigure(ids[fact.remote_id], "read_people", as_of, reads)
        store_snapshots(session, source, NOW, [figure])


def tell_day(database: Database, account: Account, day: date, followers: int = 5) -> None:
    with database.write() as session:
        know_metrics(session, account.platform, [Meaning("followers_total", "people", "snapshot", "account")])
        source = source_id(session, "api", "wechat days", NOW)
        figure = AccountFigure(account.known_id, "followers_total", day, followers)
        store_account_days(session, source, NOW, [figure])


def test_figures_that_differ_stand_side_by_side_and_both_stay(
    database: Database, keys: KeyRing, run: Import, account: Account
) -> None:
    tell(database, account, date(2026, 3, 2), DAY)
    tell_day(database, account, DAY)
    seen = run("甲,2026-03-02,101,3", "乙,2026-03-02,7,7", header=ARTICLES, as_of=DAY, dry_run=True)
    assert [(one.row, one.metric, one.imported, one.told) for one in seen.first_conflicts] == [
        (2, "read_people", 101, 99)
    ]
    with database.read() as session:
        assert list_conflicts(session) == []
    report = run("甲,2026-03-02,101,3", "乙,2026-03-02,7,7", header=ARTICLES, as_of=DAY)
    run("wechat:nm,2026-03-08,6", header=DAYS, account=None)
    assert report.conflicts == seen.conflicts == 1
    with database.read() as session:
        found = list_conflicts(session)
        assert sorted(session.exec(select(Snapshot.value).where(Snapshot.metric == "read_people"))) == [
            7,
            99,
            101,
        ]
        assert sorted(session.exec(select(AccountDayFigure.value))) == [5, 6]
        assert list_conflicts(session, until=date(2026, 3, 7)) == []
        assert len(list_conflicts(session, since=DAY, limit=1)) == 2
    told = [(one.account, one.title, one.metric, one.day, one.imported, one.told, one.row) for one in found]
    assert told == [
        ("wechat:nm", "", "followers_total", DAY, 6, 5, 2),
        ("wechat:nm", "甲", "read_people", DAY, 101, 99, 2),
    ]
    assert {one.source for one in found} == {"wechat days", "wechat articles"}
    undo_import(database, keys, ManualClock(NOW), report.number or 0, actor="cli:test")
    with database.read() as session:
        assert [one.metric for one in list_conflicts(session)] == ["followers_total"]


def test_figures_that_agree_or_are_of_other_days_are_no_conflict(
    database: Database, run: Import, account: Account
) -> None:
    tell(database, account, date(2026, 3, 2), DAY)
    tell(database, account, date(2026, 3, 2), date(2026, 3, 7), reads=50)
    report = run("甲,2026-03-02,99,3", header=ARTICLES, as_of=DAY)
    assert report.conflicts == 0
    with database.read() as session:
        assert list_conflicts(session) == []


WEEK = Week.parse("2026-W10")  # 2 to 8 March


def missing(database: Database, week: Week = WEEK, unit: Unit | None = None) -> list[str]:
    with database.read() as session:
        return [one.account for one in list_missing(session, week, unit=unit).accounts]


def test_an_account_without_figures_of_the_week_is_named_with_its_unit(
    database: Database, keys: KeyRing, account: Account
) -> None:
    make_account(database, keys, "weibo", "nm")
    tell_day(database, account, DAY)
    with database.read() as session:
        report = list_missing(session, WEEK)
    assert (report.week, report.expected, report.units) == ("2026-W10", 2, ())
    assert [(one.account, one.unit) for one in report.accounts] == [("weibo:nm", "NM")]
    with database.read() as session:
        assert list_missing(session, WEEK.before).units == ("NM",)


@pytest.mark.parametrize(
    ("published", "as_of", "known"),
    [
        (date(2026, 3, 2), date(2026, 3, 20), True),  # published in the week, read whenever
        (date(2026, 2, 27), date(2026, 3, 8), True),  # read in the week
        (date(2026, 2, 27), date(2026, 3, 1), False),
        (date(2026, 1, 2), date(2026, 3, 5), False),  # nobody collects so old articles
        (date(2026, 3, 9), date(2026, 3, 9), False),
    ],
)
def test_figures_of_articles_count_for_their_week(
    database: Database, account: Account, published: date, as_of: date, known: bool
) -> None:
    tell(database, account, published, as_of)
    assert missing(database) == ([] if known else ["wechat:nm"])


def test_a_file_of_the_week_counts_until_it_is_undone(
    database: Database, keys: KeyRing, run: Import, account: Account
) -> None:
    report = run("旧,2026-01-02,1,1", header=ARTICLES, as_of=DAY)
    assert missing(database) == []
    undo_import(database, keys, ManualClock(NOW), report.number or 0, actor="cli:test")
    assert missing(database) == ["wechat:nm"]


def test_paused_accounts_and_other_units_are_not_asked_for(
    database: Database, keys: KeyRing, account: Account
) -> None:
    with database.write() as session:
        other = Unit(code="BT", kind="league", name_zh="包头", path="99/")
        session.add(other)
    assert missing(database, unit=other) == []
    with database.write() as session:
        pause_account(session, keys, account, at=NOW, actor="cli:test")
    assert missing(database) == []
