"""Undoing imports: byte for byte what was there before, in any order, also after a crash in the middle."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scenery import make_account
from sqlalchemy import select as fields
from sqlalchemy import text
from sqlmodel import select

from analytics.archive import archive_months
from analytics.articles import Article, Snapshot
from analytics.exports.week import Week, read_week
from analytics.figures import (
    ArticleFact,
    ArticleFigure,
    Meaning,
    adopt,
    know_metrics,
    source_id,
    store_articles,
    store_snapshots,
)
from analytics.imports import (
    FigureImport,
    ImportReport,
    applying,
    import_figures,
    list_imports,
    undo_import,
    undoing,
)
from analytics.imports.staging import Staging
from config import Database, ManualClock, MeizhenError
from config.database import ArchivePlace, connect
from config.progress import Progress
from config.secrets import KeyRing
from organisation.accounts import Account
from organisation.ledger import LedgerEntry

NOW = datetime(2026, 3, 9, 1, tzinfo=UTC)
HEADER = "内容标题,发表时间,总阅读人数,总阅读次数,内容url"
TABLES = ("article", "snapshot", "account_day_figure", "figure_source", "metric")


def state(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table that imports write to, but their own records and the ledger."""
    with database.read() as session:
        every = {table: session.execute(fields(text("*")).select_from(text(table))) for table in TABLES}
        return {table: sorted(map(tuple, rows), key=repr) for table, rows in every.items()}


class House:
    """One database with two accounts; imports files and undoes them."""

    def __init__(self, database: Database, keys: KeyRing, folder: Path) -> None:
        self.database = database
        self.keys = keys
        self.clock = ManualClock(NOW)
        self.folder = folder
        self.accounts = [make_account(database, keys, "wechat", handle) for handle in ("one", "two")]
        self._numbers = count()

    def take(self, *rows: str, header: str = HEADER, **options: Any) -> ImportReport:
        path = self.folder / f"{next(self._numbers)}.csv"
        path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        account = options.pop("account", self.accounts[0])
        self.clock.advance(1)
        return import_figures(
            self.database, self.keys, self.clock, path, account, actor="cli:test", **options
        )

    def undo(self, number: int | None, **options: Any) -> FigureImport:
        assert number is not None
        return undo_import(self.database, self.keys, self.clock, number, actor="cli:other", **options)

    def tell(self, account: Account, remote: str, title: str, day: date, value: int) -> None:
        """What a platform tells of an article, as the daily collection stores it."""
        at = self.clock.now()
        fact = ArticleFact(remote, title, "", at, day)
        with self.database.write() as session:
            know_metrics(session, "wechat", [Meaning("read_people", "people", "cumulative")])
            adopt(session, account.known_id, [fact])
            ids = store_articles(session, account.known_id, [fact])
            source = source_id(session, "api", "wechat articles", at)
            figure = ArticleFigure(ids[remote], "read_people", date(2026, 3, 9), value)
            store_snapshots(session, source, at, [figure])


@pytest.fixture
def house(database_address: str, keys: KeyRing, tmp_path: Path) -> Iterator[House]:
    database = connect(database_address, archive=ArchivePlace(tmp_path / "archive", tmp_path / "temporary"))
    yield House(database, keys, tmp_path)
    database.close()


def test_undo_restores_what_was_there_before(house: House) -> None:
    house.tell(house.accounts[0], "100_1", "甲", date(2026, 3, 2), 7)
    before = state(house.database)
    report = house.take("甲,2026-03-02,8,9,", "乙,2026-03-03,,5,https://mp.test/s/2")
    assert state(house.database) != before
    undone = house.undo(report.number)
    assert state(house.database) == before
    assert (undone.state, undone.undone_by, undone.undone_at) == ("undone", "cli:other", house.clock.now())


def test_both_acts_are_in_the_ledger_and_the_list(house: House) -> None:
    report = house.take("甲,2026-03-02,8,9,")
    house.undo(report.number)
    with house.database.read() as session:
        acts = [(entry.act, entry.actor, entry.subject) for entry in session.exec(select(LedgerEntry))]
        (listed,) = list_imports(session)
    assert acts[-2:] == [
        ("figures.import", "cli:test", "wechat:one"),
        ("figures.undo", "cli:other", "wechat:one"),
    ]
    assert (listed.file, listed.row_count, listed.figure_count, listed.state) == ("0.csv", 1, 2, "undone")


def test_a_file_can_be_imported_again_once_it_was_undone(house: House) -> None:
    first = house.take("甲,2026-03-02,8,9,")
    after = state(house.database)
    house.undo(first.number)
    second = house.take("甲,2026-03-02,8,9,")
    assert (second.already, second.number == first.number) == (None, False)
    assert len(state(house.database)["snapshot"]) == len(after["snapshot"]) == 2


def reads(house: House) -> Mapping[str, int]:
    """What a report reads as `read_people` of the one week."""
    with house.database.read() as session:
        figures = session.exec(
            select(Article.title, Snapshot.value, Snapshot.source_id)
            .join(Snapshot, Snapshot.article_id == Article.id)  # type: ignore[arg-type]
            .where(Snapshot.metric == "read_people")
            .order_by(Snapshot.source_id)  # type: ignore[arg-type]
        )
        return {title: int(value) for title, value, _ in figures}


def test_the_corrected_file_counts_and_undoing_it_brings_the_first_one_back(house: House) -> None:
    house.take("甲,2026-03-02,8,9,", as_of=date(2026, 3, 8))
    between = state(house.database)
    week = Week(date(2026, 3, 2))

    def reported() -> list[object]:
        with house.database.read() as session:
            found = read_week(session, week)["wechat"]
        return [dict(one.this) for one in found if one.account.handle == "one"]

    wrong = reported()
    corrected = house.take("甲,2026-03-02,18,19,", as_of=date(2026, 3, 8))
    assert reads(house) == {"甲": 18}
    assert reported() != wrong
    house.undo(corrected.number)
    assert state(house.database) == between
    assert reported() == wrong


def test_an_article_goes_with_the_last_import_that_tells_of_it(house: House) -> None:
    before = state(house.database)
    first = house.take("甲,2026-03-02,8,9,", "乙,2026-03-02,,,")
    second = house.take("甲,2026-03-02,10,11,", "乙,2026-03-02,,,", "丙,2026-03-02,1,1,")
    house.undo(first.number)
    assert sorted(row[3] for row in state(house.database)["article"]) == sorted("甲乙丙")  # type: ignore[type-var]
    house.undo(second.number)
    assert state(house.database) == before


def test_what_a_platform_told_of_meanwhile_stays(house: House) -> None:
    report = house.take("甲,2026-03-02,8,9,", "乙,2026-03-02,8,9,")
    house.tell(house.accounts[0], "100_1", "甲", date(2026, 3, 2), 7)
    house.undo(report.number)
    left = state(house.database)
    assert [row[2] for row in left["article"]] == ["100_1"]
    assert len(left["snapshot"]) == len(left["figure_source"]) == 1
    assert {row[2] for row in left["metric"]} == {"read_people"}


def test_undo_of_nothing_is_refused(house: House) -> None:
    with pytest.raises(MeizhenError) as unknown:
        house.undo(7)
    report = house.take("甲,2026-03-02,8,9,")
    house.undo(report.number)
    with pytest.raises(MeizhenError) as twice:
        house.undo(report.number)
    assert (unknown.value.code, twice.value.code) == ("figures.unknown_import", "figures.undone_before")


def test_an_import_of_a_closed_month_stays_and_the_month_is_named(house: House) -> None:
    report = house.take("甲,2026-02-27,8,9,", "乙,2026-03-02,8,9,")
    later = house.take("丙,2026-03-02,8,9,")
    house.clock.move_to(datetime(2026, 4, 9, 1, tzinfo=UTC))  # February is closed, March is not
    [done] = archive_months(house.database, house.keys, house.clock, actor="cli:test").done
    assert (done.partition.month, done.rows) == ("2026-02", 2)
    after = state(house.database)
    with pytest.raises(MeizhenError) as refused:
        house.undo(report.number)
    assert refused.value.code == "figures.undo_archived"
    assert "2026-02" in str(refused.value) and "2026-03" not in str(refused.value)
    assert state(house.database) == after
    house.undo(later.number)
    assert {row[2] for row in state(house.database)["metric"]} == {"read_people", "read_events"}


# --- long imports, cut off in the middle --------------------------------------------------------------


@pytest.fixture
def in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every import counts as a long one, written two rows at a time."""
    monkeypatch.setattr(applying, "AT_ONCE", 0)
    monkeypatch.setattr(undoing, "AT_ONCE", 0)
    monkeypatch.setattr(applying, "BATCH_ROWS", 2)
    monkeypatch.setattr(undoing, "_BATCH_ARTICLES", 2)


ROWS = [f"第{number}期,2026-03-02,{number},{number}," for number in range(7)]


class PowerCut(Exception):
    """The process is gone."""


def cut_after(monkeypatch: pytest.MonkeyPatch, owner: type[Any], name: str, calls: int) -> None:
    """The power goes before the call after `calls` of a method."""
    whole: Callable[..., Any] = getattr(owner, name)
    done = count()

    def cut(self: Any, *arguments: Any) -> Any:
        if next(done) == calls:
            raise PowerCut
        return whole(self, *arguments)

    monkeypatch.setattr(owner, name, cut)


@pytest.mark.usefixtures("in_batches")
@pytest.mark.parametrize("calls", [0, 1, 3])
def test_an_import_that_was_cut_off_is_carried_on_by_the_same_file(
    house: House, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    path = house.folder / "long.csv"
    path.write_text("\n".join([HEADER, *ROWS]) + "\n", encoding="utf-8")

    def take() -> ImportReport:
        account = house.accounts[0]
        return import_figures(house.database, house.keys, house.clock, path, account, actor="cli:test")

    with monkeypatch.context() as patched:
        cut_after(patched, applying.Application, "_write", calls)
        with pytest.raises(PowerCut):
            take()
    with house.database.read() as session:
        (half,) = list_imports(session)
    assert half.state == "applying"
    with pytest.raises(MeizhenError) as early:
        take()  # perhaps somebody is still at it
    assert early.value.code == "figures.import_under_way"
    house.clock.advance(121)
    report = take()
    assert report.number == half.id
    with house.database.read() as session:
        (done,) = list_imports(session)
    assert (done.state, done.new_articles, len(reads(house))) == ("applied", 7, 7)
    house.undo(report.number)
    assert all(rows == [] for rows in state(house.database).values())


@pytest.mark.usefixtures("in_batches")
def test_an_import_that_was_cut_off_can_be_undone(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.tell(house.accounts[0], "100_1", "第3期", date(2026, 3, 2), 7)
    before = state(house.database)
    with monkeypatch.context() as patched:
        cut_after(patched, applying.Application, "_write", 2)
        with pytest.raises(PowerCut):
            house.take(*ROWS)
    assert state(house.database) != before
    with house.database.read() as session:
        (half,) = list_imports(session)
    with pytest.raises(MeizhenError) as early:
        house.undo(half.id)
    assert early.value.code == "figures.import_under_way"
    house.clock.advance(121)
    house.undo(half.id)
    assert state(house.database) == before


@pytest.mark.usefixtures("in_batches")
def test_an_undo_that_was_cut_off_is_carried_on(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    report = house.take(*ROWS)
    with monkeypatch.context() as patched:
        cut_after(patched, undoing._Undoing, "_drop_batch", 2)
        with pytest.raises(PowerCut):
            house.undo(report.number)
    with pytest.raises(MeizhenError) as half:
        house.take(*ROWS)
    house.clock.advance(121)
    house.undo(report.number)
    assert all(rows == [] for rows in state(house.database).values())
    assert half.value.code == "figures.import_under_way"


@pytest.mark.usefixtures("in_batches")
def test_a_process_that_wakes_late_leaves_the_import_to_the_one_that_took_it_over(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = applying.Application._write
    slept = []

    def sleep_in_the_middle(self: Any, session: Any, lines: Any) -> None:
        whole(self, session, lines)
        if not slept:
            slept.append(True)

    def taken_over(self: Any, session: Any) -> None:
        if slept == [True]:
            slept.append(True)
            self._touched_at -= timedelta(seconds=1)  # as if another had written since
        hold(self, session)

    hold = applying.Application._hold
    monkeypatch.setattr(applying.Application, "_write", sleep_in_the_middle)
    monkeypatch.setattr(applying.Application, "_hold", taken_over)
    with pytest.raises(MeizhenError) as late:
        house.take(*ROWS)
    assert late.value.code == "figures.import_under_way"
    assert len(reads(house)) == 2


@pytest.mark.usefixtures("in_batches")
def test_an_article_that_a_platform_tells_of_meanwhile_is_not_made_twice(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Staging.batches

    def batches(self: Staging, size: int, *, known: bool = False) -> Iterator[Any]:
        if not known:  # they are about to be written
            house.tell(house.accounts[0], "100_1", "第6期", date(2026, 3, 2), 7)
        yield from whole(self, size, known=known)

    monkeypatch.setattr(Staging, "batches", batches)
    house.take(*ROWS)
    titles = [row[3] for row in state(house.database)["article"]]
    assert len(titles) == len(set(titles)) == 7


# --- any files, in any order --------------------------------------------------------------------------


FILES = st.lists(
    st.tuples(
        st.sampled_from(["甲", "乙", "丙"]),
        st.sampled_from(["2026-03-02", "2026/3/3"]),
        st.sampled_from(["", "0", "5", "1.2万"]),
        st.sampled_from(["", "3"]),
        st.sampled_from(["", "https://mp.test/s/1", "https://mp.test/s/2?scene=1"]),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda row: row[4] or (row[0], row[1].replace("/", "-").replace("-3", "-03")),
)


@pytest.fixture(scope="module")
def shared(_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One database for all examples of a law: each leaves it as it was."""
    import shutil

    from config.database import connect
    from config.secrets import create_key_file, load_key_file

    folder = tmp_path_factory.mktemp("undo")
    shutil.copy(_sqlite_template, folder / "house.sqlite")
    create_key_file(folder / "keys.json")
    database = connect(f"sqlite:///{folder / 'house.sqlite'}")
    house = House(database, load_key_file(folder / "keys.json"), folder)
    house.tell(house.accounts[0], "100_1", "甲", date(2026, 3, 2), 7)
    yield house
    database.close()


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.lists(FILES, min_size=1, max_size=3), chance=st.randoms(use_true_random=False))
def test_imports_undone_in_any_order_leave_what_was_there(
    shared: House, files: list[list[tuple[str, ...]]], chance: Any
) -> None:
    before = state(shared.database)
    taken = []
    for rows in files:
        account = chance.choice(shared.accounts)
        # A title of its own makes every file another one.
        own = f"{next(shared._numbers)},2026-03-02,1,1,"
        report = shared.take(own, *(",".join(row) for row in rows), account=account)
        taken.append(report.number)
        again = shared.take(own, *(",".join(row) for row in rows), account=account)
        assert again.already is not None
    chance.shuffle(taken)
    for number in taken:
        shared.undo(number)
    assert state(shared.database) == before


def test_of_two_who_import_the_same_file_at_once_one_does(house: House) -> None:
    path = house.folder / "same.csv"
    path.write_text("\n".join([HEADER, *ROWS]) + "\n", encoding="utf-8")
    together = Barrier(2, timeout=30)
    whole = applying.Application.run

    def run(self: applying.Application, progress: Progress) -> int:
        together.wait()  # both have read the file and found that nobody imported it
        return whole(self, progress)

    def take(_: int) -> str:
        try:
            return "done" if import_at_once().already is None else "already"
        except MeizhenError as error:
            return error.code

    def import_at_once() -> ImportReport:
        return import_figures(house.database, house.keys, house.clock, path, house.accounts[0], actor="cli:t")

    with pytest.MonkeyPatch.context() as patched, ThreadPoolExecutor(2) as threads:
        patched.setattr(applying.Application, "run", run)
        outcomes = sorted(threads.map(take, range(2)))
    assert outcomes == ["done", "figures.import_under_way"]
    with house.database.read() as session:
        assert [one.state for one in list_imports(session)] == ["applied"]
    assert len(state(house.database)["snapshot"]) == 14
