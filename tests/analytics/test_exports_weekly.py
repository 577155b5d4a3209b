"""The weekly workbook: the same bytes twice, unknown blank, equal ages, nothing added that must not be."""

import zipfile
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook
from scenery import make_account
from weeks import (
    AT,
    MONDAY,
    SUNDAY,
    account_days,
    know_wechat,
    platform_row,
    publish,
    sheet,
    workbook,
)

from analytics.articles import CollectionGap
from analytics.exports.columns import Rule, layout_for
from analytics.exports.week import Week
from analytics.figures import source_id, thin
from config import Database, MeizhenError
from config.secrets import KeyRing
from connectors import Unit as Counted
from connectors import connector_for, platforms
from organisation.accounts import Account, retire_account
from organisation.units import Unit

LAST = ["账号明细", "热门文章", "指标口径", "数据缺口"]


@pytest.fixture
def wechat(database: Database, keys: KeyRing) -> Account:
    know_wechat(database)
    return make_account(database, keys, "wechat", "qnzs")


def test_two_runs_give_the_same_bytes(database: Database, wechat: Account, tmp_path: Path) -> None:
    publish(database, wechat, MONDAY, [(SUNDAY, 120)])
    first = workbook(database, tmp_path / "a")
    second = workbook(database, tmp_path / "b")
    assert first.name == "meizhen-weekly-2026-W46.xlsx"
    assert first.read_bytes() == second.read_bytes()
    assert list(first.parent.iterdir()) == [first]


def test_a_week_stands_beside_the_week_before(database: Database, wechat: Account, tmp_path: Path) -> None:
    publish(database, wechat, MONDAY, [(SUNDAY, 100)])
    publish(database, wechat, SUNDAY, [(SUNDAY, 50)])
    publish(database, wechat, MONDAY - timedelta(7), [(SUNDAY - timedelta(7), 120)])
    publish(database, wechat, MONDAY - timedelta(8), [(SUNDAY, 999)])  # of neither week
    row = platform_row(workbook(database, tmp_path))
    assert row["发布篇数"][:3] == [2, 1, 1]
    assert row["阅读人数"][:3] == [150, 120, 0.25]
    assert row["有数据篇数"] == [2]
    assert row["数据来源"] == ["接口"]


def test_both_weeks_are_read_at_their_own_sunday(database: Database, wechat: Account, tmp_path: Path) -> None:
    last = MONDAY - timedelta(7)
    publish(database, wechat, last, [(SUNDAY - timedelta(7), 10), (SUNDAY, 500)])
    publish(database, wechat, MONDAY, [(MONDAY, 1), (SUNDAY, 20), (SUNDAY + timedelta(1), 600)])
    assert platform_row(workbook(database, tmp_path))["阅读人数"][:3] == [20, 10, 1]


def test_without_a_figure_by_sunday_the_first_one_of_the_next_seven_days_counts(
    database: Database, wechat: Account, tmp_path: Path
) -> None:
    publish(database, wechat, SUNDAY, [(SUNDAY + timedelta(2), 30), (SUNDAY + timedelta(1), 20)])
    publish(database, wechat, MONDAY, [(SUNDAY + timedelta(8), 900)])
    row = platform_row(workbook(database, tmp_path))
    assert (row["阅读人数"][0], row["有数据篇数"]) == (20, [1])


def test_a_week_is_the_same_after_its_figures_were_thinned(
    database: Database, wechat: Account, tmp_path: Path
) -> None:
    for offset in range(7):
        day = MONDAY + timedelta(offset)
        publish(database, wechat, day, [(day + timedelta(age), 10 * age) for age in range(7 - offset)])
    before = workbook(database, tmp_path / "a").read_bytes()
    for offset in range(7):
        day = MONDAY + timedelta(offset)
        publish(database, wechat, day, [(day + timedelta(30), 1000)])
    with database.write() as session:
        assert thin(session, source_id(session, "api", "wechat articles", AT), list(range(1, 8))) > 0
    assert workbook(database, tmp_path / "b").read_bytes() == before


def test_unknown_stays_blank_and_zero_is_zero(
    database: Database, keys: KeyRing, wechat: Account, tmp_path: Path
) -> None:
    publish(database, wechat, MONDAY)  # fewer than three readers: WeChat tells nothing
    make_account(database, keys, "wechat", "silent")
    path = workbook(database, tmp_path)
    row = platform_row(path)
    assert row["发布篇数"][:3] == [1, 0, ""]
    assert row["阅读人数"][:3] == ["", "", ""]
    assert row["关注人数"][:3] == ["", "", ""]
    # Nothing was ever heard of this account: even its number of posts is unknown.
    assert platform_row(path, account="账号silent")["发布篇数"][:3] == ["", "", ""]


def test_followers_are_the_weeks_last_known_day(database: Database, wechat: Account, tmp_path: Path) -> None:
    days = {MONDAY: 900, SUNDAY - timedelta(1): 950, SUNDAY - timedelta(7): 800, SUNDAY + timedelta(1): 1}
    account_days(database, wechat, "followers_total", days)
    assert platform_row(workbook(database, tmp_path))["关注人数"][:3] == [950, 800, 0.1875]


def test_seven_days_of_events_are_summed_and_six_are_not(
    database: Database, keys: KeyRing, tmp_path: Path
) -> None:
    account = make_account(database, keys, "youth_voice", "qnzs")
    whole = {MONDAY + timedelta(n): 10 + n for n in range(7)}
    holed = {day - timedelta(7): value for day, value in whole.items() if day != SUNDAY}
    account_days(database, account, "answers", whole | holed)
    row = platform_row(workbook(database, tmp_path), "青年之声")
    assert row["回答数"][:3] == [91, "", ""]


def test_the_platforms_own_figure_comes_before_an_imported_one(
    database: Database, wechat: Account, tmp_path: Path
) -> None:
    publish(database, wechat, MONDAY, [(SUNDAY, 100)])
    publish(database, wechat, MONDAY, [(SUNDAY, 777)], kind="import", name="x.csv")
    publish(database, wechat, SUNDAY, [(SUNDAY, 5)], kind="import", name="x.csv")
    row = platform_row(workbook(database, tmp_path))
    assert (row["阅读人数"][0], row["数据来源"]) == (105, ["接口+导入"])


def test_only_what_may_be_added_is_a_column() -> None:
    """No rate, no second, no money is summed; no day's people are; a platform has one unit a name."""
    for platform in platforms():
        layout = layout_for(platform)
        assert layout.columns[0].rule is Rule.POSTS
        declared = {(m.level, m.name): m for m in connector_for(platform).metrics}
        for column in layout.columns[1:]:
            metric = declared["article" if column.rule is Rule.ARTICLES else "account", column.metric]
            assert metric.unit in (Counted.PEOPLE, Counted.EVENTS)
            assert column.rule is not Rule.DAYS or metric.unit is Counted.EVENTS
            assert column.title
            assert column.counts(platform) == metric.unit.value


def test_the_most_read_come_first_and_the_unknown_last(
    database: Database, keys: KeyRing, wechat: Account, tmp_path: Path
) -> None:
    for handle, value in (("a", 5), ("b", 500)):
        publish(database, make_account(database, keys, "wechat", handle), MONDAY, [(SUNDAY, value)])
    names = [row[1] for row in sheet(workbook(database, tmp_path), "微信公众号")[4:7]]
    assert names == ["账号b", "账号a", "账号qnzs"]


def test_the_summary_and_the_holes_are_told(database: Database, wechat: Account, tmp_path: Path) -> None:
    publish(database, wechat, MONDAY, [(SUNDAY, 100)])
    with database.write() as session:
        for day, closed in ((SUNDAY, None), (MONDAY, AT), (MONDAY - timedelta(30), None)):
            session.add(
                CollectionGap(
                    account_id=wechat.known_id,
                    subject="articles",
                    day=day,
                    code="40164",
                    told="ip not in whitelist",
                    seen_at=AT,
                    closed_at=closed,
                )
            )
    path = workbook(database, tmp_path)
    summary = sheet(path, "总览")
    assert summary[1][0] == "本周 1 个账号发布 1 篇(上周 0 篇),0 个账号没有发布,未补上的缺口 1 处。"
    assert summary[5] == ["微信公众号", "发布篇数", 1, 1, 0, 1, 0, 1, "", "", "", ""]
    assert summary[9] == ["微信公众号", "阅读人数", "人数", 1, 1, 100, "", "", "", "", "", ""]
    holes = [row for row in sheet(path, "数据缺口") if row[0] == "wechat:qnzs"]
    assert [row[2:6] for row in holes] == [["文章数据", "2026-11-15", "40164", "ip not in whitelist"]]


def test_a_name_that_looks_like_a_formula_stays_text(
    database: Database, keys: KeyRing, tmp_path: Path
) -> None:
    account = make_account(database, keys, "wechat", "x")
    with database.write() as session:
        account.name = '=HYPERLINK("https://x.test")'
        session.add(account)
    path = workbook(database, tmp_path)
    with zipfile.ZipFile(path) as archive:
        sheets = [archive.read(name) for name in archive.namelist() if name.startswith("xl/worksheets/")]
    assert not any(b"<f>" in content or b"<hyperlink" in content for content in sheets)
    assert platform_row(path, account=account.name)["单位"]


def test_a_unit_gets_its_subtree_only(
    database: Database, keys: KeyRing, wechat: Account, tmp_path: Path
) -> None:
    with database.write() as session:
        below = Unit(code="NM/1", kind="league", name_zh="某盟", path="1/999/")
        session.add(below)
        session.flush()
        session.add(Account(unit_id=below.id or 0, platform="weibo", handle="meng", name="某盟微博"))
    path = workbook(database, tmp_path, unit="NM/1")
    assert path.name == "meizhen-weekly-2026-W46-NM_1.xlsx"
    assert CalamineWorkbook.from_path(path).sheet_names == ["总览", "趋势与排名", "新浪微博", *LAST]


def test_a_retired_account_stands_there_only_with_articles(
    database: Database, keys: KeyRing, wechat: Account, tmp_path: Path
) -> None:
    for handle in ("wrote", "gone"):
        account = make_account(database, keys, "wechat", handle)
        if handle == "wrote":
            publish(database, account, MONDAY - timedelta(7), [(MONDAY, 3)])
        with database.write() as session:
            retire_account(session, keys, account, at=AT, actor="test")
    names = {row[1] for row in sheet(workbook(database, tmp_path), "微信公众号")}
    assert {"账号wrote", "账号qnzs"} <= names
    assert "账号gone" not in names


def test_a_platform_of_which_nothing_is_known_is_told_and_not_drawn(
    database: Database, keys: KeyRing, wechat: Account, tmp_path: Path
) -> None:
    make_account(database, keys, "weibo", "wb")
    publish(database, wechat, MONDAY, [(SUNDAY, 100)])
    path = workbook(database, tmp_path)
    told = [row[0] for row in sheet(path, "趋势与排名")]
    assert "新浪微博:近 13 周都没有数据,没有画图。" in told
    assert not any(str(one).startswith("微信公众号:") for one in told)
    with zipfile.ZipFile(path) as archive:
        charts = [archive.read(name) for name in archive.namelist() if name.startswith("xl/charts/chart")]
    drawn = b"".join(charts).decode()
    assert (drawn.count("<c:lineChart>"), drawn.count('<c:barDir val="bar"/>')) == (1, 1)


def test_two_weeks_of_which_nothing_is_known_have_no_bars_beside_a_trend_that_has_some(
    database: Database, wechat: Account, tmp_path: Path
) -> None:
    publish(database, wechat, MONDAY - timedelta(28), [(SUNDAY - timedelta(28), 100)])
    with zipfile.ZipFile(workbook(database, tmp_path)) as archive:
        charts = [archive.read(name) for name in archive.namelist() if name.startswith("xl/charts/chart")]
    drawn = b"".join(charts).decode()
    assert (drawn.count("<c:lineChart>"), drawn.count('<c:barDir val="bar"/>')) == (1, 0)


def test_an_empty_house_gives_an_empty_report(database: Database, tmp_path: Path) -> None:
    path = workbook(database, tmp_path, week="2026-W53")
    assert CalamineWorkbook.from_path(path).sheet_names == ["总览", "趋势与排名", *LAST]


@pytest.mark.parametrize("told", ["2026-W54", "2025-W53", "2026-W00", "2026W46", "46", "", "2026-W4６"])
def test_what_is_no_week_is_refused(told: str) -> None:
    with pytest.raises(MeizhenError) as raised:
        Week.parse(told)
    assert raised.value.code == "report.not_a_week"


def test_weeks_follow_each_other_over_the_year() -> None:
    week = Week.of(date(2027, 1, 3))
    assert (str(week), str(week.before)) == ("2026-W53", "2026-W52")
    assert (Week.parse("2026-w53").monday, week.sunday) == (date(2026, 12, 28), date(2027, 1, 3))


def test_a_change_needs_both_weeks_and_a_last_week_that_is_not_zero() -> None:
    from analytics.exports.week import change

    assert change(Decimal(3), Decimal(4)) == Decimal("-0.25")
    assert change(Decimal(3), Decimal(0)) is None
    assert change(None, Decimal(4)) is None
    assert change(Decimal(3), None) is None
