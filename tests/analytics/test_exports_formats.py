"""The week's files together: the same bytes anywhere, fixed columns, harmless texts, a unit's own subtree."""

import csv
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import openpyxl
import pytest
import time_machine
from postgres import Postgres
from scenery import make_account
from weeks import AT, MONDAY, SUNDAY, WEEK, account_days, know_wechat, publish, workbook

from analytics.articles import CollectionGap
from analytics.exports import FORMATS, export_week
from analytics.exports.columns import VERSION, layout_for
from analytics.exports.content import read_report
from analytics.exports.paper import page_facts, paper
from analytics.exports.rows import COLUMNS
from analytics.exports.week import Week
from analytics.figures import Meaning, know_metrics
from config import Database, MeizhenError
from config.database import connect
from config.secrets import KeyRing
from organisation.accounts import Account
from organisation.units import Unit

DANGEROUS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "<r><t>x</t></r>", "＝1+1", " =1", "_x0041_")


def scene(database: Database, keys: KeyRing) -> None:
    """Three platforms, a unit below, last year, a hole, titles that would like to be formulas."""
    know_wechat(database)
    with database.write() as session:
        know_metrics(session, "weibo", [Meaning("repost", "events", "cumulative")])
    wechat = make_account(database, keys, "wechat", "qnzs")
    weibo = make_account(database, keys, "weibo", "qnzs")
    for number, title in enumerate(DANGEROUS):
        day = MONDAY + timedelta(days=number % 7)
        publish(database, wechat, day, [(SUNDAY, 100 - number)], remote_id=f"d{number}", title=title)
    at = datetime(2026, 11, 12, 10, 30, tzinfo=UTC)
    publish(database, weibo, at.date(), [(SUNDAY, 7)], at=at, metric="repost", name="weibo statuses")
    publish(database, wechat, MONDAY - timedelta(7), [(SUNDAY - timedelta(7), 500)])
    publish(database, wechat, MONDAY - timedelta(weeks=52), [(SUNDAY - timedelta(weeks=52), 400)])
    account_days(database, wechat, "followers_total", {SUNDAY: 12_345, SUNDAY - timedelta(7): 12_000})
    with database.write() as session:
        below = Unit(code="NM/1", kind="league", name_zh="某盟", path="1/999/", parent_id=wechat.unit_id)
        session.add(below)
        session.flush()
        below.path = f"{wechat.unit_id}/{below.id}/"
        session.add(Account(unit_id=below.id or 0, platform="weibo", handle="meng", name="某盟微博"))
        session.add(
            CollectionGap(
                account_id=wechat.known_id,
                subject="articles",
                day=SUNDAY,
                code="61503",
                told="=cmd|' /C calc'!A0",
                seen_at=AT,
            )
        )


@contextmanager
def elsewhere(zone: str, at: datetime, language: str) -> Iterator[None]:
    """Another machine: its zone, its time, its language."""
    before = {name: os.environ.get(name) for name in ("TZ", "MEIZHEN_LANGUAGE")}
    os.environ |= {"TZ": zone, "MEIZHEN_LANGUAGE": language}
    time.tzset()
    try:
        with time_machine.travel(at, tick=False):
            yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)
        time.tzset()


def contents(paths: Mapping[str, Path]) -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in paths.items()}


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_every_machine_zone_language_and_database_gives_the_same_bytes(
    _sqlite_template: Path, _postgres: Postgres, keys: KeyRing, tmp_path: Path
) -> None:
    path = tmp_path / "m.sqlite"
    path.write_bytes(_sqlite_template.read_bytes())
    sqlite = connect(f"sqlite:///{path}")
    scene(sqlite, keys)
    with elsewhere("Asia/Shanghai", datetime(2026, 11, 16, 1, tzinfo=UTC), "zh"):
        first = contents(export_week(sqlite, WEEK, tmp_path / "a"))
    sqlite.close()
    with _postgres.database() as address:
        postgresql = connect(address)
        scene(postgresql, keys)
        with elsewhere("America/St_Johns", datetime(2029, 2, 28, 23, 59, tzinfo=UTC), "en"):
            second = contents(export_week(postgresql, WEEK, tmp_path / "b"))
        postgresql.close()
    program = f"""
from pathlib import Path
from analytics.exports import export_week
from config.database import connect
export_week(connect("sqlite:///{path}"), "{WEEK}", Path("{tmp_path / "c"}"))
"""
    environment = os.environ | {"PYTHONHASHSEED": "7", "LC_ALL": "C", "TZ": "Pacific/Apia"}
    subprocess.run([sys.executable, "-c", program], env=environment, timeout=120, check=True)
    third = {name: (tmp_path / "c" / f"meizhen-weekly-{WEEK}.{name}").read_bytes() for name in FORMATS}
    for name in FORMATS:
        assert first[name] == second[name] == third[name], name


def test_weeks_over_the_turn_of_a_year_are_made_again_alike(
    database: Database, keys: KeyRing, tmp_path: Path
) -> None:
    know_wechat(database)
    account = make_account(database, keys, "wechat", "qnzs")
    for back in range(60):
        day = date(2027, 1, 8) - timedelta(weeks=back)
        publish(database, account, day, [(day, 100 + back)], remote_id=f"{back}")
    weeks = ("2026-W01", "2026-W52", "2026-W53", "2027-W01")
    formats = ("xlsx", "csv")
    made = [contents(export_week(database, week, tmp_path / "a", formats=formats)) for week in weeks]
    again = [contents(export_week(database, week, tmp_path / "b", formats=formats)) for week in weeks]
    assert made == again
    assert len({content for files in made for content in files.values()}) == 8
    last = rows_of(tmp_path / "a" / "meizhen-weekly-2027-W01.csv")
    reads = next(row for row in last if row["metric"] == "read_people")
    # W53 is the week before, and 52 weeks before W01 of 2027 is W02 of 2026.
    assert (reads["this_week"], reads["last_week"], reads["last_year"]) == ("100", "101", "152")


def test_no_text_becomes_a_formula_in_the_workbook(database: Database, keys: KeyRing, tmp_path: Path) -> None:
    scene(database, keys)
    book = openpyxl.load_workbook(workbook(database, tmp_path))
    cells = [cell for page in book.worksheets for row in page.iter_rows() for cell in row]
    assert [cell.value for cell in cells if cell.data_type not in ("s", "n")] == []
    assert [cell.coordinate for cell in cells if cell.hyperlink] == []
    shown = [row[4].value for row in book["热门文章"].iter_rows(min_row=5) if row[0].value == "微信公众号"]
    # The mark-up look-alike gains a blank, which keeps it text; openpyxl leaves a return as it is stored.
    assert [told.replace("_x000D_", "\r").removesuffix(" ") for told in shown] == list(DANGEROUS)


def test_no_text_becomes_a_formula_in_the_csv_file_and_parquet_keeps_it(
    database: Database, keys: KeyRing, tmp_path: Path
) -> None:
    know_wechat(database)
    for number, name in enumerate(DANGEROUS):
        account = make_account(database, keys, "wechat", f"h{number}")
        with database.write() as session:
            account.name = name
            session.add(account)
    paths = export_week(database, WEEK, tmp_path, formats=["csv", "parquet"])
    assert paths["csv"].read_bytes().startswith(b"\xef\xbb\xbf")
    told = {row["name"] for row in rows_of(paths["csv"])}
    assert told == {
        *(f"'{name}" for name in DANGEROUS if name not in ("<r><t>x</t></r>", "_x0041_")),
        *("<r><t>x</t></r>", "_x0041_"),
    }
    kept = duckdb.read_parquet(str(paths["parquet"])).project("name").fetchall()
    assert {name for (name,) in kept} == set(DANGEROUS)


def test_last_year_stands_beside_and_is_blank_where_it_is_unknown(
    database: Database, keys: KeyRing, tmp_path: Path
) -> None:
    know_wechat(database)
    old, new = (make_account(database, keys, "wechat", handle) for handle in ("old", "new"))
    last_year = MONDAY - timedelta(weeks=52)
    publish(database, old, last_year, [(last_year, 400)])
    publish(database, old, MONDAY, [(SUNDAY, 500)])
    publish(database, new, MONDAY, [(SUNDAY, 5)])
    rows = rows_of(export_week(database, WEEK, tmp_path, formats=["csv"])["csv"])
    by_name = {(row["account"], row["metric"]): row for row in rows}
    row = by_name["wechat:old", "read_people"]
    assert [row[name] for name in ("last_year", "year_change", "year_change_share")] == ["400", "100", "0.25"]
    assert [row[name] for name in ("last_week", "change", "change_share")] == ["", "", ""]
    assert by_name["wechat:old", "posts"]["last_year"] == "1"
    # A year ago nothing was known of this account: that is no year without posts.
    assert by_name["wechat:new", "posts"]["last_year"] == ""
    assert by_name["wechat:new", "posts"]["last_week"] == "0"


def test_the_workbook_has_charts_and_is_set_up_for_print(
    database: Database, keys: KeyRing, tmp_path: Path
) -> None:
    scene(database, keys)
    book = openpyxl.load_workbook(workbook(database, tmp_path))
    charts = {page.title: len(page._charts) for page in book.worksheets if page._charts}
    assert charts == {"总览": 1, "趋势与排名": 4}
    for page in book.worksheets:
        assert (str(page.page_setup.paperSize), page.page_setup.orientation) == ("9", "landscape")
        assert page.oddFooter.right.text
    tables = book.worksheets[2:]
    assert all(page.print_title_rows and page.freeze_panes and page.auto_filter.ref for page in tables)
    assert book["微信公众号"].print_title_cols == "$A:$B"
    trend = book["趋势与排名"]._charts[0]
    assert trend.series[0].val.numRef.f == "趋势与排名!$C$5:$C$17"
    values = [row[2].value for row in book["趋势与排名"].iter_rows(min_row=5, max_row=17)]
    assert values == [None] * 11 + [500, 955]
    assert book["总览"].cell(11, 6).value == 955
    assert book["总览"].cell(11, 6).number_format == "#,##0"


# Whoever changes a column raises VERSION and writes the new columns down here: leaders compare weeks.
HEADINGS = {
    "总览": "平台 指标 数的是 账号数 有数据的账号 本周 上周 较上周增减 环比 去年同期 较去年增减 同比",
    "账号明细": "平台 单位 账号 组别 指标 数的是 数据来源 本周 上周 较上周增减 环比 去年同期 较去年增减 同比",
    "热门文章": "平台 名次 账号 单位 标题 发布时间 指标 数值 截至 链接",
    "指标口径": "平台 列 英文名 指标名 数的是 类型 取数规则 本周数据来源",
    "数据缺口": "账号标识 账号 缺什么 日期 原因代码 平台说明",
}
PLAIN = (
    "layout week monday platform unit unit_name account name track metric metric_zh metric_en counts kind "
    "rule source this_week last_week change change_share last_year year_change year_change_share"
)
LAYOUTS = {
    "wechat": "posts read_people like recommend_heart share comment followers_total",
    "weibo": "posts repost comment like followers_total",
    "youth_voice": "questions answers read_events like",
    "webhook": "posts",
}


def test_the_columns_of_layout_2_are_these(database: Database, keys: KeyRing, tmp_path: Path) -> None:
    assert VERSION == 2
    assert list(COLUMNS) == PLAIN.split()
    for platform, names in LAYOUTS.items():
        assert [column.name for column in layout_for(platform).columns] == names.split()
    scene(database, keys)
    book = openpyxl.load_workbook(workbook(database, tmp_path))
    assert book.sheetnames == ["总览", "趋势与排名", "微信公众号", "新浪微博", *list(HEADINGS)[1:]]
    for name, headings in HEADINGS.items():
        found = [[cell.value for cell in row if cell.value is not None] for row in book[name].iter_rows()]
        assert headings.split() in found, name
    wechat = [[cell.value for cell in row] for row in book["微信公众号"].iter_rows(min_row=3, max_row=4)]
    assert wechat[0][:5] == ["单位", "账号", "组别", "数据来源", "有数据篇数"]
    assert wechat[1][5:] == ["本周", "上周", "环比", "去年同期", "同比"] * 7
    assert book.custom_doc_props["layout"].value == VERSION
    assert all(
        "表式第 2 版" in str(page.cell(row, 1).value) for page, row in zip(book, (3, *[2] * 7), strict=True)
    )


def test_parquet_has_types_and_what_the_csv_file_has(
    database: Database, keys: KeyRing, tmp_path: Path
) -> None:
    scene(database, keys)
    paths = export_week(database, WEEK, tmp_path, formats=["csv", "parquet"])
    table = duckdb.read_parquet(str(paths["parquet"]))
    assert dict(zip(table.columns, map(str, table.types), strict=True)) == COLUMNS
    stored = [dict(zip(table.columns, row, strict=True)) for row in table.fetchall()]
    told = rows_of(paths["csv"])
    assert len(stored) == len(told) > 10
    for row, cells in zip(stored, told, strict=True):
        assert (row["account"], row["metric"], str(row["monday"])) == (
            *(cells["account"], cells["metric"]),
            *(cells["monday"],),
        )
        for name in ("this_week", "last_week", "change_share", "last_year"):
            assert row[name] == (None if cells[name] == "" else Decimal(cells[name]))
    query = "SELECT key, value FROM parquet_kv_metadata($1)"
    metadata = duckdb.execute(query, [str(paths["parquet"])]).fetchall()
    assert {(b"layout", b"2"), (b"week", b"2026-W46")} <= set(metadata)


def test_the_pdf_has_two_pages_whatever_the_house_and_no_missing_letter(
    database: Database, keys: KeyRing
) -> None:
    know_wechat(database)
    for number in range(14):  # more platforms, accounts, units, articles and holes than fit
        with database.write() as session:
            unit = Unit(code=f"U{number}", kind="league", name_zh=f"盟{number}" * 9, path=f"u{number}/")
            session.add(unit)
            session.flush()
            unit.path = f"{unit.id}/"
            platform = "wechat" if number % 2 else f"other{number}"
            account = Account(unit_id=unit.id or 0, platform=platform, handle=f"h{number}", name="🏆名" * 30)
            session.add(account)
            session.flush()
            for day in range(7):
                gap = {"day": MONDAY + timedelta(days=day), "code": "61503", "told": "", "seen_at": AT}
                session.add(CollectionGap(account_id=account.known_id, subject="articles", **gap))
        for article in range(3):
            reads = [(SUNDAY, 10**9 + article)]
            publish(database, account, MONDAY, reads, remote_id=f"{article}", title="题 #let x = $1$ 🏆" * 20)
    with database.read() as session:
        report = read_report(session, Week.parse(WEEK), None)
    content = paper(report)
    assert content.startswith(b"%PDF-")
    assert content.count(b"/Type/Page/") == 2
    letters = {one for told in texts(page_facts(report)) for one in told if not told.startswith("<?xml")}
    from config.paper import known_characters

    assert {ord(letter) for letter in letters} <= known_characters()


def texts(facts: object) -> Iterator[str]:
    if isinstance(facts, str):
        yield facts
    elif isinstance(facts, Mapping):
        for value in facts.values():
            yield from texts(value)
    elif isinstance(facts, list | tuple):
        for value in facts:
            yield from texts(value)


def test_every_format_of_a_unit_tells_of_its_subtree_only(
    database: Database, keys: KeyRing, tmp_path: Path
) -> None:
    scene(database, keys)
    paths = export_week(database, WEEK, tmp_path, unit="NM/1", formats=["csv", "parquet"])
    assert {path.name for path in paths.values()} == {
        f"meizhen-weekly-2026-W46-NM_1.{name}" for name in paths
    }
    assert {row["account"] for row in rows_of(paths["csv"])} == {"weibo:meng"}
    kept = duckdb.read_parquet(str(paths["parquet"])).project("account").fetchall()
    assert set(kept) == {("weibo:meng",)}
    with database.read() as session:
        report = read_report(session, Week.parse(WEEK), "NM/1")
    assert (report.gaps, report.hours.posts, [one.top for one in report.platforms]) == ([], {}, [[]])
    assert [unit.name for unit in report.units] == ["某盟"]


def test_what_is_no_format_is_refused_before_anything_is_written(database: Database, tmp_path: Path) -> None:
    with pytest.raises(MeizhenError, match="docx"):
        export_week(database, WEEK, tmp_path / "out", formats=["xlsx", "docx"])
    with pytest.raises(MeizhenError, match="xlsx, csv, parquet, pdf"):
        export_week(database, WEEK, tmp_path / "out", formats=[])
    assert not (tmp_path / "out").exists()
