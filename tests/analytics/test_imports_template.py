"""The house's own template: written, filled in by many accounts, imported; bad rows skipped only if asked."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from scenery import make_account
from sqlmodel import select
from xlsxwriter import Workbook

from analytics.articles import AccountDayFigure, Article, KnownMetric, Snapshot
from analytics.imports import ImportReport, import_figures
from analytics.imports.template import write_template
from config import Database, InputError, ManualClock, MeizhenError
from config.errors import Problem
from config.secrets import KeyRing
from config.table_files import open_table
from organisation.accounts import Account

NOW = datetime(2026, 3, 9, 1, tzinfo=UTC)
Import = Callable[..., ImportReport]


@pytest.fixture
def accounts(database: Database, keys: KeyRing) -> dict[str, Account]:
    return {
        f"{platform}:{handle}": make_account(database, keys, platform, handle)
        for platform, handle in (("wechat", "nm"), ("weibo", "nm"), ("weibo", "bt"))
    }


@pytest.fixture
def run(database: Database, keys: KeyRing, accounts: dict[str, Account]) -> Import:
    def imported(path: Path, account: Account | None = None, **options: Any) -> ImportReport:
        return import_figures(database, keys, ManualClock(NOW), path, account, actor="cli:test", **options)

    return imported


@pytest.fixture
def template(database: Database, accounts: dict[str, Account], tmp_path: Path) -> Path:
    path = tmp_path / "template.xlsx"
    with database.read() as session:
        assert write_template(session, path, at=NOW) == 3
    return path


def filled(template: Path, *rows: dict[str, object]) -> Path:
    """The template as a person sends it back: its first sheet's headings, and these rows."""
    with open_table(template) as table:
        columns = table.columns
    path = template.with_name("filled.xlsx")
    with Workbook(path, {"strings_to_formulas": False}) as book:
        sheet, other = book.add_worksheet(), book.add_worksheet()
        other.write_string(0, 0, "how to fill it in")
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        for place, name in enumerate(columns):
            sheet.write_string(0, place, name)
            for number, row in enumerate(rows, start=1):
                cell = row.get(name)
                if isinstance(cell, date):
                    sheet.write_datetime(number, place, cell, day)
                elif cell is not None:
                    sheet.write(number, place, cell)
        assert {name for row in rows for name in row} <= set(columns)
    return path


ARTICLE = {"Account": "wechat:nm", "Day": date(2026, 3, 8), "Title": "甲", "Published": date(2026, 3, 2)}


def test_many_accounts_articles_and_days_come_in_one_file(
    database: Database, run: Import, template: Path
) -> None:
    path = filled(
        template,
        ARTICLE | {"Readers": 1832, "Likes": 12},
        ARTICLE | {"Day": date(2026, 3, 9), "Readers": 1900},
        ARTICLE | {"Account": "weibo:bt", "Reads": "1.2万", "Address": "https://weibo.test/1"},
        {"Account": "bt", "Day": "2026年3月8日", "Followers": 5120},
    )
    report = run(path)
    assert (report.rows, report.figures, report.new_articles, report.accounts) == (4, 5, 2, 2)
    assert (report.account, report.as_of) == ("", None)
    with database.read() as session:
        figures = session.exec(
            select(Article.account_id, Snapshot.metric, Snapshot.as_of, Snapshot.value).join(
                Snapshot,
                Snapshot.article_id == Article.id,  # type: ignore[arg-type]
            )
        ).all()
        days = session.exec(select(AccountDayFigure)).all()
        counts = {(one.platform, one.name): one.unit for one in session.exec(select(KnownMetric))}
    assert sorted((metric, day.day, int(value)) for _, metric, day, value in figures) == [
        ("like", 8, 12),
        ("read_events", 8, 12_000),
        ("read_people", 8, 1832),
        ("read_people", 9, 1900),
    ]
    assert [(one.metric, one.day, one.value, one.source_row) for one in days] == [
        ("followers_total", date(2026, 3, 8), Decimal(5120), 5)
    ]
    # What a name counts is what its platform says.
    assert (counts["wechat", "like"], counts["weibo", "read_events"]) == ("people", "events")


def test_the_template_comes_in_the_reader_s_language_and_is_read_in_both(
    database: Database, run: Import, template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEIZHEN_LANGUAGE", "zh")
    chinese = template.with_name("填报.xlsx")
    with database.read() as session:
        write_template(session, chinese, at=NOW)
    article: dict[str, object] = {"账号": "wechat:nm", "标题": "甲", "发表日期": "2026.3.2"}
    path = filled(chinese, article | {"数据日期": "20260308", "阅读人数": 7})
    assert run(path).figures == 1


def test_a_template_that_is_there_is_not_overwritten(database: Database, template: Path) -> None:
    before = template.read_bytes()
    with database.read() as session, pytest.raises(MeizhenError) as raised:
        write_template(session, template, at=NOW)
    assert raised.value.code == "figures.template_exists"
    assert template.read_bytes() == before


def test_what_is_wrong_in_a_template_is_named(run: Import, template: Path) -> None:
    path = filled(
        template,
        ARTICLE | {"Account": "wechat:nobody", "Readers": 1},
        ARTICLE | {"Account": "nm", "Readers": 1},
        ARTICLE | {"Day": date(2026, 3, 10), "Readers": 1},
        ARTICLE | {"Followers": 5},
        {"Account": "weibo:bt", "Day": date(2026, 3, 8), "Readers": 5},
        {"Account": "weibo:bt", "Day": date(2026, 3, 7), "Followers": 5},
        {"Account": "weibo:bt", "Day": "2026-03-07", "Followers": 6},
        {"Title": "乙", "Readers": 5},
    )
    with pytest.raises(InputError) as raised:
        run(path)
    assert [(one.row, one.column, one.code) for one in raised.value.problems] == [
        (2, "Account", "figures.no_such_account"),
        (3, "Account", "figures.no_such_account"),  # two platforms have that handle
        (4, "Day", "figures.as_of_in_future"),
        (5, "Followers", "figures.of_the_account"),
        (6, "Readers", "figures.of_an_article"),
        (8, "Day", "figures.day_twice"),
        (9, "Account", "input.required"),
        (9, "Day", "input.required"),
        (9, "Published", "input.not_a_date"),
    ]


def test_an_account_that_is_given_keeps_other_accounts_out(
    run: Import, template: Path, accounts: dict[str, Account]
) -> None:
    path = filled(template, ARTICLE | {"Readers": 1}, ARTICLE | {"Account": "weibo:bt", "Reads": 1})
    with pytest.raises(InputError) as raised:
        run(path, accounts["wechat:nm"])
    assert [(one.row, one.code) for one in raised.value.problems] == [(3, "figures.another_account")]


def test_good_rows_come_in_beside_bad_ones_only_if_asked(
    database: Database, run: Import, template: Path
) -> None:
    good, bad = ARTICLE | {"Readers": 1}, ARTICLE | {"Title": "乙", "Readers": "10万+", "Likes": "many"}
    path = filled(template, bad, good)
    told: list[Problem] = []
    with pytest.raises(InputError):
        run(path)
    report = run(path, skip_bad_rows=True, each_problem=told.append)
    assert (report.rows, report.skipped, report.problems) == (1, 1, 2)
    assert [(one.row, one.column) for one in told] == [(2, "Readers"), (2, "Likes")]
    with database.read() as session:
        assert [article.title for article in session.exec(select(Article))] == ["甲"]


def test_a_file_of_bad_rows_only_is_refused_even_so(run: Import, template: Path) -> None:
    with pytest.raises(InputError):
        run(filled(template, ARTICLE | {"Readers": "many"}), skip_bad_rows=True)


def test_of_very_many_bad_cells_all_are_told_and_some_are_kept(
    run: Import, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analytics.imports.importing.MOST_TOLD", 3)
    path = tmp_path / "bad.csv"
    path.write_text("内容标题,发表时间,总阅读人数\n" + "甲,2026-03-02,many\n" * 30, encoding="utf-8")
    told: list[Problem] = []
    with pytest.raises(InputError) as raised:
        run(path, each_problem=told.append)
    assert (len(told), raised.value.count, len(raised.value.problems)) == (30, 30, 3)
    assert "27 more" in str(raised.value)
