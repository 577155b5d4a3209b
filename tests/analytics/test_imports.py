"""Importing back-office tables: the WeChat export as units send it, whole or not at all, once."""

import io
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from scenery import make_account
from sqlmodel import select
from xlsxwriter import Workbook

from analytics.articles import Article, FigureSource, Snapshot
from analytics.figures import (
    ArticleFact,
    ArticleFigure,
    Meaning,
    know_metrics,
    source_id,
    store_articles,
    store_snapshots,
)
from analytics.imports import ImportReport, import_figures
from analytics.imports.staging import _TABLES
from analytics.mappings import load_mapping, shipped_mappings
from config import Database, InputError, ManualClock, MeizhenError
from config.secrets import KeyRing
from connectors import connector_for, platforms
from organisation.accounts import Account
from organisation.ledger import LedgerEntry

SAMPLE = Path(__file__).with_name("data") / "wechat-export-sample.csv"
AS_OF = date(2026, 3, 9)
HEADER = "内容标题,发表时间,总阅读人数,阅读完成率,内容url"

Import = Callable[..., ImportReport]


@pytest.fixture
def account(database: Database, keys: KeyRing) -> Account:
    return make_account(database, keys, "wechat", "qnzs")


@pytest.fixture
def run(database: Database, keys: KeyRing, account: Account) -> Import:
    clock = ManualClock(datetime(2026, 3, 9, 1, tzinfo=UTC))

    def imported(path: Path, **options: Any) -> ImportReport:
        target = options.pop("account", account)
        return import_figures(database, keys, clock, path, target, actor="cli:test", **options)

    return imported


def table(tmp_path: Path, *rows: str, header: str = HEADER, encoding: str = "utf-8") -> Path:
    path = tmp_path / "export.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding=encoding)
    return path


def stored(database: Database, metric: str) -> dict[str, Decimal]:
    with database.read() as session:
        rows = session.exec(
            select(Article.title, Snapshot.value)
            .join(Snapshot, Snapshot.article_id == Article.id)  # type: ignore[arg-type]
            .where(Snapshot.metric == metric)
        )
        return dict(rows.all())


def count(database: Database, kind: type[Any]) -> int:
    with database.read() as session:
        return len(session.exec(select(kind)).all())


def test_the_wechat_export_is_known_by_its_header(database: Database, run: Import) -> None:
    report = run(SAMPLE)
    assert (report.rows, report.new_articles, report.matched_articles) == (4, 4, 0)
    assert report.figures == 48
    assert report.left_out == ("每次分享带来阅读次数",)
    assert stored(database, "read_people") == {
        "西部计划志愿者招募开始啦": 1832,
        "“青年之声”答疑:就业补贴怎么申请": 4120,
        "=1+1 这一行标题以等号开头": 12,
        "学雷锋月 | 十二所高校同日启动志愿服务周": 3204,
    }
    assert stored(database, "finish_rate")["学雷锋月 | 十二所高校同日启动志愿服务周"] == Decimal("0.612")


def test_people_and_events_keep_two_names(database: Database, run: Import) -> None:
    run(SAMPLE)
    first = "西部计划志愿者招募开始啦"
    assert (stored(database, "read_people")[first], stored(database, "read_events")[first]) == (1832, 2210)
    assert (stored(database, "share")[first], stored(database, "share_events")[first]) == (96, 121)


def test_every_figure_names_its_file_and_row(database: Database, run: Import) -> None:
    report = run(SAMPLE)
    with database.read() as session:
        source = session.exec(select(FigureSource)).one()
        rows = set(session.exec(select(Snapshot.source_row, Snapshot.as_of)))
    assert (source.kind, source.name, source.digest) == ("import", SAMPLE.name, report.digest)
    assert rows == {(row, AS_OF) for row in (2, 3, 4, 5)}


def test_the_import_is_in_the_ledger(database: Database, run: Import) -> None:
    report = run(SAMPLE)
    with database.read() as session:
        entry = session.exec(select(LedgerEntry)).one()
    assert (entry.act, entry.actor, entry.subject) == ("figures.import", "cli:test", "wechat:qnzs")
    assert entry.details["sha256"] == report.digest


def test_the_same_file_twice_changes_nothing_and_says_so(
    database: Database, run: Import, tmp_path: Path
) -> None:
    first = run(SAMPLE)
    renamed = Path(shutil.copy(SAMPLE, tmp_path / "另一个名字.csv"))
    again = run(renamed)
    assert first.already is None
    assert again.already == datetime(2026, 3, 9, 1, tzinfo=UTC)
    assert (count(database, FigureSource), count(database, LedgerEntry)) == (1, 1)


def test_a_dry_run_checks_and_changes_nothing(database: Database, run: Import) -> None:
    report = run(SAMPLE, dry_run=True)
    assert (report.figures, report.new_articles, report.dry_run) == (48, 4, True)
    assert (count(database, Article), count(database, FigureSource), count(database, LedgerEntry)) == (
        0,
        0,
        0,
    )


def test_every_bad_cell_is_named_and_nothing_is_applied(
    database: Database, run: Import, tmp_path: Path
) -> None:
    path = table(
        tmp_path,
        "好的一行,2026-03-02,12,0.5,https://mp.test/s/1",
        ",昨天,10万+,61.2,javascript:alert(1)",
        "太早了,2026-03-10,1,0.1,",
        "好的一行,2026/3/2,13,0.5,https://mp.test/s/1",
    )
    with pytest.raises(InputError) as raised:
        run(path)
    assert [(problem.row, problem.column, problem.code) for problem in raised.value.problems] == [
        (3, "内容标题", "input.required"),
        (3, "内容url", "figures.not_an_address"),
        (3, "发表时间", "input.not_a_date"),
        (3, "总阅读人数", "figures.not_a_count"),
        (3, "阅读完成率", "figures.not_a_rate"),
        (4, "发表时间", "figures.published_later"),
        (5, "内容标题", "figures.article_twice"),
    ]
    assert "10万+" in str(raised.value)
    assert count(database, Article) == 0


def test_a_blank_cell_is_unknown_and_a_zero_is_zero(database: Database, run: Import, tmp_path: Path) -> None:
    report = run(table(tmp_path, "甲,2026-03-02,,0.5,", "乙,2026-03-02,0,—,"))
    assert (report.figures, report.unknown) == (2, 2)
    assert stored(database, "read_people") == {"乙": 0}
    assert stored(database, "finish_rate") == {"甲": Decimal("0.5")}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk"])
def test_the_encodings_that_excel_writes_are_read(
    database: Database, run: Import, tmp_path: Path, encoding: str
) -> None:
    run(table(tmp_path, "学雷锋月,20260302,１，２３４,61.2%,", encoding=encoding))
    assert stored(database, "read_people") == {"学雷锋月": 1234}


def test_an_xlsx_is_read_like_a_csv(database: Database, run: Import, tmp_path: Path) -> None:
    content = io.BytesIO()
    book = Workbook(content, {"strings_to_formulas": False})
    sheet = book.add_worksheet()
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    percent = book.add_format({"num_format": "0.0%"})
    for column, name in enumerate(HEADER.split(",")):
        sheet.write_string(0, column, name)
    sheet.write_string(1, 0, "=1+1")
    sheet.write_datetime(1, 1, datetime(2026, 3, 2), day)  # noqa: DTZ001 (a sheet's cell has no zone)
    sheet.write_number(1, 2, 3204)
    sheet.write_number(1, 3, 0.61212345678, percent)
    book.close()
    path = tmp_path / "export.xlsx"
    path.write_bytes(content.getvalue())
    run(path)
    assert stored(database, "read_people") == {"=1+1": 3204}
    assert stored(database, "finish_rate") == {"=1+1": Decimal("0.612123")}


def known_article(database: Database, account: Account, **changes: Any) -> int:
    at = datetime(2026, 3, 2, 2, tzinfo=UTC)
    wanted = ArticleFact("100_1", "招募", "https://mp.test/s/1", at, date(2026, 3, 2))._replace(**changes)
    with database.write() as session:
        know_metrics(session, "wechat", [Meaning("read_people", "people", "cumulative")])
        article = store_articles(session, account.known_id, [wanted])["100_1"]
        api = source_id(session, "api", "wechat test", at)
        store_snapshots(session, api, at, [ArticleFigure(article, "read_people", AS_OF, 99)])
    return article


@pytest.mark.parametrize(
    ("title", "url"),
    [("改过的标题", "http://mp.test/s/1?scene=1#rd"), ("招募", ""), ("招募", "https://mp.test/s/2")],
)
def test_a_known_article_is_found_by_address_else_by_title_and_day(
    database: Database, run: Import, account: Account, tmp_path: Path, title: str, url: str
) -> None:
    known_article(database, account)
    report = run(table(tmp_path, f"{title},2026-03-02,101,,{url}"))
    assert (report.matched_articles, report.new_articles, count(database, Article)) == (1, 0, 1)


def test_an_import_stands_beside_what_the_platform_told(
    database: Database, run: Import, account: Account, tmp_path: Path
) -> None:
    known_article(database, account)
    run(table(tmp_path, "招募,2026-03-02,101,,"))
    with database.read() as session:
        assert sorted(session.exec(select(Snapshot.value))) == [99, 101]


def test_the_same_title_on_another_day_is_another_article(
    database: Database, run: Import, account: Account, tmp_path: Path
) -> None:
    known_article(database, account)
    assert run(table(tmp_path, "招募,2026-03-03,101,,")).new_articles == 1


def test_without_account_the_platforms_only_one_is_taken(
    database: Database, keys: KeyRing, run: Import, account: Account
) -> None:
    assert run(SAMPLE, account=None, dry_run=True).account == "wechat:qnzs"
    make_account(database, keys, "wechat", "second")
    with pytest.raises(MeizhenError) as raised:
        run(SAMPLE, account=None)
    assert raised.value.code == "figures.which_account"


def test_a_file_of_another_platform_is_refused(database: Database, keys: KeyRing, run: Import) -> None:
    weibo = make_account(database, keys, "weibo", "qnzs")
    with pytest.raises(MeizhenError) as raised:
        run(SAMPLE, account=weibo)
    assert raised.value.code == "figures.other_platform"


def test_the_day_can_be_given_but_not_from_the_future(run: Import) -> None:
    assert run(SAMPLE, as_of=date(2026, 3, 8), dry_run=True).as_of == date(2026, 3, 8)
    with pytest.raises(InputError) as raised:
        run(SAMPLE, as_of=date(2026, 3, 10))
    assert raised.value.problems[0].code == "figures.as_of_in_future"


def test_an_unknown_header_says_what_is_known(run: Import, tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        run(table(tmp_path, "甲,1", header="标题,阅读"))
    assert raised.value.problems[0].code == "figures.no_mapping"


OWN = """
schema = 1
platform = "wechat"
label = { zh = "自制表", en = "own table" }
title = "标题"
published = "日期"
[[figure]]
column = "阅读"
metric = "read_people"
unit = "people"
kind = "cumulative"
"""


def test_a_mapping_file_of_ones_own_is_followed(database: Database, run: Import, tmp_path: Path) -> None:
    mapping = tmp_path / "own.toml"
    mapping.write_text(OWN, "utf-8")
    run(table(tmp_path, "甲,2026.3.2,1.2万", header="标题,日期,阅读"), mapping=mapping)
    assert stored(database, "read_people") == {"甲": 12_000}


def test_a_mapping_that_makes_events_of_people_is_refused_whole(
    database: Database, run: Import, tmp_path: Path
) -> None:
    run(SAMPLE)
    mapping = tmp_path / "own.toml"
    mapping.write_text(OWN.replace('"people"', '"events"'), "utf-8")
    with pytest.raises(MeizhenError) as raised:
        run(table(tmp_path, "甲,2026.3.2,5", header="标题,日期,阅读"), mapping=mapping)
    assert raised.value.code == "figures.other_meaning"
    assert count(database, FigureSource) == 1


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (OWN.replace('unit = "people"', 'unit = "heads"'), "index.key_not_one_of"),
        (OWN.replace("schema = 1", "schema = 2"), "index.schema"),
        (OWN + OWN[OWN.index("[[figure]]") :], "figures.mapped_twice"),
        (OWN.replace('title = "标题"', ""), "index.key_missing"),
        (OWN.replace("[[figure]]", 'colour = "red"\n[[figure]]'), "index.key_unknown"),
    ],
)
def test_a_wrong_mapping_file_is_refused(tmp_path: Path, wrong: str, code: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(wrong, "utf-8")
    with pytest.raises(InputError) as raised:
        load_mapping(path)
    assert code in {problem.code for problem in raised.value.problems}


def test_shipped_mappings_agree_with_the_connectors_on_what_a_name_counts() -> None:
    for mapping in shipped_mappings():
        if not mapping.platform:  # each row's platform says what a name counts
            continue
        assert mapping.platform in platforms()
        declared = {
            metric.name: (metric.unit.value, metric.kind.value)
            for metric in connector_for(mapping.platform).metrics
            if metric.level == "article"
        }
        for figure in mapping.figures:
            ours = (figure.meaning.unit, figure.meaning.kind)
            assert declared.get(figure.meaning.name, ours) == ours


DOUYIN = Path(__file__).parents[2] / "docs" / "how-to" / "mappings" / "douyin.toml"


@pytest.mark.parametrize(
    ("platform", "mapping", "header", "metric"),
    [
        ("weibo", None, "微博内容,发布时间,阅读数,转发数,评论数,点赞数,微博链接", "read_events"),
        ("weibo", None, "正文,博文内容,发博时间,阅读量,转发,评论,赞,博文链接", "read_events"),
        ("douyin", DOUYIN, "作品名称,发布时间,播放量,点赞量,评论量,分享量,作品链接", "play_events"),
    ],
)
def test_other_back_offices_come_by_mapping_files(
    database: Database,
    keys: KeyRing,
    run: Import,
    tmp_path: Path,
    platform: str,
    mapping: Path | None,
    header: str,
    metric: str,
) -> None:
    other = make_account(database, keys, platform, "qn")
    spare = "," if header.startswith("正文") else ""
    row = f"{spare}{'青' * 600},2026-03-02 09:30,1.5万,3,2,1,https://post.test/1"
    report = run(table(tmp_path, row, header=header), account=other, mapping=mapping)
    assert (report.account, report.figures) == (f"{platform}:qn", 4)
    assert stored(database, metric) == {"青" * 500: 15_000}


def test_a_column_under_two_of_its_headings_is_refused(
    database: Database, keys: KeyRing, run: Import, tmp_path: Path
) -> None:
    weibo = make_account(database, keys, "weibo", "qn")
    header = "微博内容,发布时间,阅读数,阅读量"
    with pytest.raises(InputError) as raised:
        run(table(tmp_path, "甲,2026-03-02,1,2", header=header), account=weibo)
    assert raised.value.problems[0].code == "figures.same_column"


def test_a_preview_shows_the_first_rows_as_understood(
    database: Database, run: Import, account: Account, tmp_path: Path
) -> None:
    known_article(database, account)
    rows = ["招募,2026年3月2日,１.２万,61.2%,", *(f"第{n}期,2026-03-03,{n},," for n in range(9))]
    report = run(table(tmp_path, *rows), dry_run=True)
    first, *others = report.first_rows
    assert (first.row, first.account, first.title, first.day) == (2, "wechat:qnzs", "招募", AS_OF)
    assert first.figures == {"read_people": 12_000, "finish_rate": Decimal("0.612")}
    assert (first.known, [other.known for other in others]) == (True, [False] * 4)
    assert (report.conflicts, report.first_conflicts[0].told) == (1, 99)


def test_a_temporary_folder_without_room_is_named_and_nothing_is_imported(
    database: Database, run: Import, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analytics.imports.staging._TABLES", "PRAGMA max_page_count = 8;" + _TABLES)
    rows = [f"{'很长的标题' * 20}{number},2026-03-02,{number},," for number in range(2_000)]
    with pytest.raises(MeizhenError) as raised:
        run(table(tmp_path, *rows))
    assert raised.value.code == "figures.no_room"
    assert count(database, Article) == 0


@pytest.mark.parametrize("cell", ["9000000000000", "1" * 16, "900000000亿", "=1+1", "+5", "1e9", "٣"])
def test_what_is_no_count_of_anything_is_refused(run: Import, tmp_path: Path, cell: str) -> None:
    with pytest.raises(InputError) as raised:
        run(table(tmp_path, f"甲,2026-03-02,{cell},,"))
    assert [problem.code for problem in raised.value.problems] == ["figures.not_a_count"]
