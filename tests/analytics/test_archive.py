"""The archive: the same question has the same answer before and after, whatever breaks in between."""

import csv
import json
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from archiving import AT, CLOSED, assert_same, everything, store, stored, three_months
from pandas.testing import assert_frame_equal
from scenery import make_account
from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

import analytics
from analytics import export_week, load, run_award
from analytics.archive import archive_months, archived_figures, is_archived, removing, with_archive, writing
from analytics.archive.partitions import ArchivedMonth
from analytics.archive.verifying import list_archive, verify_archive
from analytics.articles import CollectionGap, FigureSource, Snapshot
from analytics.exports import export_figures
from analytics.figures import (
    AccountFigure,
    source_id,
    store_account_days,
)
from analytics.frames import COLUMNS
from analytics.selection import selected_figures
from config import Database, ManualClock, MeizhenError
from config.database import ArchivePlace, connect
from config.secrets import KeyRing
from organisation import verify
from organisation.accounts import Account


@pytest.fixture
def house(database_address: str, tmp_path: Path) -> Iterator[Database]:
    """A database that knows where its archive lies."""
    opened = connect(database_address, archive=ArchivePlace(tmp_path / "archive", tmp_path / "temporary"))
    yield opened
    opened.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(CLOSED)


@pytest.fixture
def account(house: Database, keys: KeyRing) -> Account:
    return make_account(house, keys, "wechat", "qnzs")


Archive = Callable[..., writing.ArchiveReport]


@pytest.fixture
def archive(house: Database, keys: KeyRing, clock: ManualClock) -> Archive:
    def run(**options: object) -> writing.ArchiveReport:
        return archive_months(house, keys, clock, actor="test", **options)  # type: ignore[arg-type]

    return run


def test_after_archiving_every_question_has_the_same_answer(house, account, archive) -> None:  # type: ignore[no-untyped-def]
    three_months(house, account)
    questions = (
        {},
        {"since": date(2026, 3, 14), "until": date(2026, 4, 1)},
        {"platform": "wechat", "until": date(2026, 4, 30)},
        {"platform": "weibo"},
        {"unit": "NM", "since": date(2026, 5, 28)},
    )
    before = [everything(house, **question) for question in questions]
    newest = load(house, newest=True)
    report = archive()
    assert stored(house) == (0, 0)
    assert {(done.partition.kind, done.partition.month, done.rows) for done in report.done} == {
        ("articles", f"2026-0{month}", 10) for month in (3, 4, 5)
    } | {("account_days", f"2026-0{month}", 3) for month in (3, 4, 5)}
    for question, told in zip(questions, before, strict=True):
        assert_same(told, everything(house, **question))
    assert_frame_equal(newest, load(house, newest=True))
    with house.read() as session:
        assert (
            session.execute(select(func.count()).select_from(Snapshot)).scalar_one() == 0
        )  # shadows are gone


def test_a_file_has_the_layout_that_every_engine_reads(
    house: Database, account: Account, keys: KeyRing, archive: Archive, tmp_path: Path
) -> None:
    import duckdb

    three_months(house, account)
    store(house, make_account(house, keys, "wechat", "abc"), date(2026, 3, 1), {("like", 1): 3})
    archive()
    folder = tmp_path / "archive"
    assert not list(folder.rglob("*.partial"))
    files = duckdb.read_parquet(f"{folder}/articles/*/*/*.parquet", hive_partitioning=True)
    rows = files.filter("month = '2026-03' AND platform = 'wechat'")
    plain = [name for name in COLUMNS["articles"] if name != "age"]
    assert {*rows.columns} == {*plain, "source_id", "month"}
    kinds = dict(zip(rows.columns, map(str, rows.types), strict=True))
    assert (kinds["value"], kinds["published_at"], kinds["as_of"]) == (
        "BIGINT",
        "TIMESTAMP WITH TIME ZONE",
        "DATE",
    )
    order = rows.select("account, metric, published_day").fetchall()
    assert order == sorted(order) and len({account for account, _, _ in order}) == 2
    assert rows.filter("metric = 'like' AND source_kind = 'import'").select(
        "value, source_row"
    ).fetchall() == [(581603, 3)]
    manifest = json.loads(
        (folder / "articles/month=2026-03/platform=wechat/manifest.json").read_text("utf-8")
    )
    assert manifest["rows"] == len(order)
    assert manifest["sum"] == str(sum(value for (value,) in rows.select("value").fetchall()))
    with house.read() as session:
        known = session.get(ArchivedMonth, ("articles", "2026-03", "wechat"))
        assert known is not None and (known.checksum, known.value_sum) == (
            manifest["checksum"],
            manifest["sum"],
        )
        assert verify(session, keys).fault is None


def test_a_month_is_archived_only_when_it_cannot_change_by_itself(
    house: Database, account: Account, archive: Archive, clock: ManualClock
) -> None:
    three_months(house, account)
    clock.move_to(datetime(2026, 5, 7, 15, 59, tzinfo=UTC))  # the last minute of 7 May in Beijing
    with pytest.raises(MeizhenError) as raised:
        archive(month="2026-03")
    assert (raised.value.code, raised.value.params["closes"]) == ("archive.not_closed", date(2026, 5, 8))
    assert archive().planned == []
    clock.advance(60)
    assert {one.partition.month for one in archive(dry_run=True).planned} == {"2026-03"}
    assert stored(house) == (30, 9)
    assert len(archive(month="2026-03").done) == 2
    assert stored(house) == (20, 6)
    with pytest.raises(MeizhenError, match="not a month"):
        archive(month="2026-3")


def test_open_holes_hold_a_month_up_unless_a_person_says_otherwise(
    house: Database, account: Account, archive: Archive
) -> None:
    three_months(house, account)
    holes = (
        ("articles", date(2026, 4, 30)),
        ("account_day", date(2026, 4, 30)),
        ("articles", date(2026, 2, 1)),
    )
    with house.write() as session:
        for subject, day in holes:
            hole = {"account_id": account.known_id, "subject": subject, "day": day}
            session.add(CollectionGap(**hole, code="61503", seen_at=AT))
    report = archive()
    # A hole of 30 April may lack figures of articles of March and of April, and the account's of April.
    held = {(one.partition.kind, one.partition.month): one.holes for one in report.held}
    assert held == {("articles", "2026-03"): 1, ("articles", "2026-04"): 1, ("account_days", "2026-04"): 1}
    with pytest.raises(MeizhenError) as raised:
        archive(month="2026-04")
    assert (raised.value.code, raised.value.params["count"]) == ("archive.open_holes", 2)
    before = everything(house)
    assert len(archive(with_gaps=True).done) == 3
    assert stored(house) == (0, 0)
    assert_same(before, everything(house))


def test_killed_at_any_point_no_answer_changes_and_the_next_run_goes_on(
    house: Database, account: Account, archive: Archive, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    points = (
        *((writing, "stage_words", 1), (writing, "_sync", 1), (writing, "_sync", 8)),
        *((os, "replace", 1), (os, "replace", 2), (os, "replace", 6)),  # manifest, file
        *((writing._Writing, "_record", 1), (writing, "record", 3)),
        *((writing, "remove_figures", 1), (removing, "_remove", 3)),
    )
    first = date(2025, 1, 1)
    store(house, account, first, {("like", 1): 5}, days={first: 5})
    archive()
    left = tmp_path / "temporary" / "archiving-killed"
    left.mkdir()
    for number, (module, name, call) in enumerate(points, start=1):
        # Something late for the month that is archived, and a month that is not: two files each.
        at = AT + timedelta(days=number)
        store(house, account, first, {("like", 1): number}, days={first: number}, at=at)
        new = date(2025, number, 9)
        store(house, account, new, {("share", 7): 2}, days={new: 3}, at=at)
        before = everything(house)
        with monkeypatch.context() as patch, pytest.raises(PowerCut):
            patch.setattr(module, name, cut(getattr(module, name), call))
            archive()
        assert_same(before, everything(house))
    archive()
    assert stored(house) == (0, 0)
    assert_same(before, everything(house))
    assert verify_archive(house) == []
    assert archive().done == []
    assert not left.exists()


class PowerCut(BaseException):
    """Nothing catches it: the process is gone."""


def cut(function: Callable[..., Any], call: int) -> Callable[..., Any]:
    """Runs the function until its call of that number, which dies."""
    calls = iter(range(1, 99))

    def dying(*arguments: Any, **named: Any) -> Any:
        if next(calls) == call:
            raise PowerCut
        return function(*arguments, **named)

    return dying


def test_a_file_that_does_not_hold_everything_is_refused_and_nothing_is_removed(
    house: Database, account: Account, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    three_months(house, account)
    before = everything(house)
    wide = writing._wide
    for spoilt in (" LIMIT 2", " OFFSET 1"):
        monkeypatch.setattr(writing, "_wide", lambda partition, end=spoilt: wide(partition) + end)
        with pytest.raises(MeizhenError) as raised:
            archive()
        assert raised.value.code == "archive.not_the_same"
    assert stored(house) == (30, 9)
    assert_same(before, everything(house))


def test_values_that_changed_places_show(
    house: Database, account: Account, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(house, account, date(2026, 3, 2), {("like", 1): 5, ("like", 7): 6})
    wide = writing._wide
    monkeypatch.setattr(
        writing,
        "_wide",
        lambda partition: wide(partition).replace("f.value", "(11000000 - f.value)::BIGINT AS value"),
    )
    with pytest.raises(MeizhenError) as raised:
        archive()
    assert raised.value.code == "archive.not_the_same"


def test_what_is_missing_damaged_or_not_recorded_is_found(
    house: Database, account: Account, archive: Archive, tmp_path: Path
) -> None:
    three_months(house, account)
    archive()
    assert {one.state for one in list_archive(house)} == {"whole"}
    files = [
        tmp_path / "archive" / f"articles/month=2026-0{month}/platform=wechat/part.parquet"
        for month in (3, 4, 5)
    ]
    files[0].rename(files[0].with_name("elsewhere"))
    files[1].write_bytes(files[1].read_bytes()[:200])
    shutil.copy(tmp_path / "archive" / "account_days/month=2026-05/platform=wechat/part.parquet", files[2])
    stray = tmp_path / "archive" / "articles/month=2026-01/platform=wechat/part.parquet"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"")
    found = {one.file: one.state for one in verify_archive(house)}
    names = [str(file.relative_to(tmp_path / "archive")) for file in (*files, stray)]
    assert found == dict(zip(names, ("missing", "unreadable", "unreadable", "unrecorded"), strict=True))
    assert sum(one.state == "missing" for one in list_archive(house)) == 1
    for month, code in ((3, "archive.file_missing"), (4, "archive.unreadable")):
        if month == 4:
            shutil.copy(files[0].with_name("elsewhere"), files[0])
        with pytest.raises(MeizhenError) as raised:
            load(house, since=date(2026, month, 10), until=date(2026, month, 20))
        assert raised.value.code == code
        store(house, account, date(2026, month, 14), {("like", 30): 1})
        with pytest.raises(MeizhenError) as raised:
            archive(month=f"2026-0{month}")
        assert raised.value.code == code
    assert stored(house) == (2, 0)


def test_nothing_is_added_to_a_file_that_is_not_what_was_recorded(
    house: Database, account: Account, archive: Archive, tmp_path: Path
) -> None:
    three_months(house, account)
    archive()
    folder = tmp_path / "archive" / "articles"
    shutil.copy(
        folder / "month=2026-04/platform=wechat/part.parquet", folder / "month=2026-03/platform=wechat"
    )
    (difference,) = verify_archive(house)
    assert (difference.state, difference.expected, difference.found) == ("differs", 10, 10)
    store(house, account, date(2026, 3, 14), {("like", 30): 1})
    with pytest.raises(MeizhenError) as raised:
        archive()
    assert raised.value.code == "archive.damaged"
    assert stored(house) == (1, 0)


def test_a_figure_overwritten_while_it_was_archived_stays_and_counts(
    house: Database, account: Account, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(house, account, date(2026, 3, 2), {("like", 1): 5, ("like", 7): 6})
    remove = writing.remove_figures

    def late(*arguments: Any) -> tuple[int, int]:
        store(house, account, date(2026, 3, 2), {("like", 7): 7}, at=AT + timedelta(days=99))
        return remove(*arguments)

    monkeypatch.setattr(writing, "remove_figures", late)
    (done,) = archive().done
    assert (done.rows, done.removed, done.left) == (2, 1, 1)
    assert list(load(house)["value"]) == [5, 7]
    assert [(one.state, one.late) for one in list_archive(house)] == [("late", 1)]
    monkeypatch.setattr(writing, "remove_figures", remove)
    archive()
    assert stored(house) == (0, 0)
    assert list(load(house)["value"]) == [5, 7]


def test_a_reader_that_began_before_keeps_its_figures(
    house: Database, account: Account, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looked for archived months when there were none, and reads the tables only now."""
    three_months(house, account)
    monkeypatch.setattr(removing, "PATIENCE", 0)
    with house.read() as session:
        query = selected_figures(session, "articles")
        archive()
        assert len(session.execute(query).all()) == 30
    archive()
    assert stored(house) == (0, 0)


def test_a_source_in_the_archive_is_told_and_cannot_be_deleted(
    house: Database, account: Account, archive: Archive
) -> None:
    three_months(house, account)
    archive(month="2026-03")
    with house.read() as session:
        ids = dict(session.execute(select(col(FigureSource.kind), col(FigureSource.id))).all())
        assert [(one.kind, one.month, one.rows) for one in archived_figures(session, ids["api"])] == [
            ("articles", "2026-03", 9),
            ("account_days", "2026-03", 3),
        ]
        assert [(one.month, one.rows) for one in archived_figures(session, ids["import"])] == [("2026-03", 1)]
        assert is_archived(session, "articles", "wechat", date(2026, 3, 31))
        assert not is_archived(session, "articles", "wechat", date(2026, 4, 1))
    with pytest.raises(IntegrityError), house.write() as session:
        session.execute(delete(Snapshot))
        session.execute(delete(FigureSource).where(col(FigureSource.kind) == "import"))


def test_an_article_whose_day_was_corrected_is_found_in_its_new_month(
    house: Database, account: Account, archive: Archive
) -> None:
    store(house, account, date(2026, 3, 31), {("like", 1): 5}, remote_id="r")
    archive()
    store(house, account, date(2026, 4, 1), {}, remote_id="r")
    assert load(house, until=date(2026, 3, 31)).empty
    assert list(load(house, since=date(2026, 4, 1))["value"]) == [5]


def test_a_session_asks_for_ever_more(
    house: Database, account: Account, archive: Archive, tmp_path: Path
) -> None:
    three_months(house, account)
    archive(month="2026-03")
    archive(month="2026-04")
    with house.read() as session:
        for month, count in ((3, 10), (3, 10), (5, 20)):
            with_archive(session, "articles", since=date(2026, month, 1), until=date(2026, month, 31))
            found = session.execute(select(func.count()).select_from(Snapshot)).scalar_one()
            assert found == count
        session.rollback()
        with_archive(session, "articles", since=date(2026, 4, 10), until=date(2026, 4, 14))
        assert session.execute(select(func.count()).select_from(Snapshot)).scalar_one() == 3
        file = tmp_path / "archive/articles/month=2026-03/platform=wechat/part.parquet"
        file.rename(file.with_name("elsewhere"))
        for _ in range(2):  # refused as often as it is asked, with nothing half done left behind
            with pytest.raises(MeizhenError) as raised:
                with_archive(session, "articles", since=date(2026, 3, 1))
            assert raised.value.code == "archive.file_missing"
        assert session.execute(select(func.count()).select_from(Snapshot)).scalar_one() == 10
    file.with_name("elsewhere").rename(file)
    with pytest.raises(RuntimeError, match="expected a session"), house.write() as session:
        with_archive(session, "articles")
    blind = connect(house.engine.url.render_as_string(hide_password=False))
    with pytest.raises(MeizhenError) as raised:
        load(blind, until=date(2026, 3, 31))
    assert raised.value.code == "archive.no_folder"
    assert len(load(blind, since=date(2026, 5, 25))) == 4
    blind.close()


def test_reports_awards_and_tables_over_archived_months_are_the_same_bytes(
    house: Database, account: Account, keys: KeyRing, archive: Archive, tmp_path: Path
) -> None:
    three_months(house, account)
    silent = make_account(house, keys, "wechat", "silent")  # it has told of itself only, and long ago
    with house.write() as session:
        source = source_id(session, "api", "wechat days", AT)
        store_account_days(
            session, source, AT, [AccountFigure(silent.known_id, "followers_total", date(2026, 3, 1), 7)]
        )
    before = files_of(house, tmp_path / "before")
    archive()
    assert files_of(house, tmp_path / "after") == before
    assert {"weeks", "figures.csv", "award"} <= {name.partition("/")[0] for name in before}
    with (tmp_path / "before/award/wechat/articles.csv").open(encoding="utf-8", newline="") as lines:
        assert len(list(csv.reader(lines))) == 13


def files_of(database: Database, folder: Path) -> dict[str, bytes]:
    for week in ("2026-W10", "2026-W14", "2026-W20", "2026-W30"):  # within a month, across two, of none
        export_week(database, week, folder / "weeks")
    export_figures(database, folder / "figures.csv", since=date(2026, 3, 14))
    rule = folder / "rule.toml"
    rule.write_text(RULE, "utf-8")
    run_award(database, rule, folder / "award")
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


RULE = """
schema = 1
[award]
id = "small"
title = "小评选"
period = { start = 2026-03-01, end = 2026-05-31 }
read_age_days = 7
[[category]]
id = "wechat"
tracks = [{ id = "league", label = "盟市", places = 1 }]
eligibility = [{ rule = "min_posts", value = 1 }]
[category.index]
formula = "wci"
version = "14.2b"
variables = { R = "like", Z = "share", L = "like", RE = "share" }
[category.score]
data = { weight = "1", scale = "fixed_anchor", anchor = 1000 }
tie_break = ["index", "shares_per_post", "earlier_filed"]
"""


def test_whoever_reads_figures_from_the_tables_is_known_here() -> None:
    """A new reader of the tables calls `with_archive` first: archived figures are not in them."""
    root = Path(analytics.__file__).parents[1]
    readers = {
        str(path.relative_to(root))
        for package in ("analytics", "web", "meizhen", "scheduler", "organisation")
        for path in (root / package).rglob("*.py")
        if not path.is_relative_to(root / "analytics" / "archive")
        and any(name in path.read_text("utf-8") for name in ("Snapshot", "AccountDayFigure"))
    }
    asking = {path for path in readers if "with_archive(" in (root / path).read_text("utf-8")}
    # They make the tables, and write to them; what is archived is never undone, nor collected; engines read
    # the files themselves; three ask through `selection` and `awards/freeze.read_archived`.
    assert readers - asking == {
        "analytics/article_pages.py",
        "analytics/articles.py",
        "analytics/awards/freezing.py",
        "analytics/closing/reach.py",
        "analytics/figures.py",
        "analytics/storing.py",
        "analytics/engines/live.py",
        "analytics/imports/undoing.py",
    }
    assert {"analytics/selection.py", "analytics/exports/week.py", "analytics/awards/freeze.py"} <= asking
