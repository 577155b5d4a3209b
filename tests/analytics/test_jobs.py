"""Jobs over figures: an import that is called off or killed half-way leaves nothing half done; awards."""

import io
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from award_world import World, small_rule, wechat
from people import make_person, make_tree
from sqlalchemy import select as fields
from sqlalchemy import text
from sqlmodel import select

from analytics.awards.keeping import Awards
from analytics.imports import FigureImport, applying
from analytics.imports.drafts import Drafts
from analytics.jobs import awards, figures, job_kinds, weekly
from config import Database, ManualClock
from config.secrets import KeyRing
from config.settings import load_settings
from organisation import Account, Person, Role, job_runner, standing_of
from organisation.job_runner import LEASE, Done, JobKind, JobRunner, Work, made_file
from organisation.jobs import Asker, Job, JobState, Order, ask_job, cancel_job
from organisation.ledger import LedgerEntry
from organisation.permissions import Standing

TABLES = ("article", "snapshot", "account_day_figure", "figure_source", "metric")
HEADER = "账号,数据日期,标题,发表日期,链接,阅读人数,点赞"


class Killed(BaseException):
    """The process ends here: nothing after it is run."""


class At(JobKind):
    """A kind of job at whose step the test does something."""

    def __init__(self, kind: JobKind, step: str, then: Callable[[Work], None]) -> None:
        self.name, self._kind, self._step, self._then = kind.name, kind, step, then
        self.met = 0

    def run(self, work: Work, person: Standing) -> Done:
        tell = work.tell

        def told(step: str, done: int, total: int) -> None:
            if step.startswith(self._step) and done:
                self.met += 1
                self._then(work)
            tell(step, done, total)

        work.tell = told  # type: ignore[method-assign]
        return self._kind.run(work, person)

    def passes(self, code: str) -> bool:
        return self._kind.passes(code)

    def abandon(self, work: Work) -> None:
        self._kind.abandon(work)

    def tidy(self, work: Work) -> None:
        self._kind.tidy(work)


class Desk:
    """A house with its owner; a node that does its jobs."""

    def __init__(self, database: Database, keys: KeyRing, clock: ManualClock, home: Path) -> None:
        self.database, self.keys, self.clock, self.home = database, keys, clock, home
        self.settings = load_settings({"MEIZHEN_HOME": str(home)})
        self.drafts = Drafts(home)
        self.kinds = dict(job_kinds(self.settings, database, keys, clock))
        self.chief = make_person(database, keys, "chief", at=clock.now(), roles={Role.OWNER: None})

    def open_hh(self) -> None:
        """The account wechat:hh and its analyst `shu`."""
        hh = make_tree(self.database)["HH"]
        with self.database.write() as session:
            session.add(Account(unit_id=hh.id or 0, platform="wechat", handle="hh", name="hh"))
        self.shu = make_person(self.database, self.keys, "shu", at=self.clock.now(), roles={Role.ANALYST: hh})

    def asker(self, person: Person) -> Asker:
        with self.database.read() as session:
            standing = standing_of(session, person)
        return Asker(standing, standing.subject, "en")

    def ask(self, order: Order, person: Person | None = None) -> Job:
        with self.database.write() as session:
            asker = self.asker(person or self.shu)
            return ask_job(session, self.keys, order, asker, now=self.clock.now())

    def ask_import(self, rows: int) -> Job:
        lines = [f"wechat:hh,2026-03-01,第 {one} 篇,2026-02-25,,{100 + one},5" for one in range(rows)]
        content = io.BytesIO("\n".join([HEADER, *lines]).encode())
        draft = self.drafts.keep(content, "x.csv", owner="person:shu", at=self.clock.now())
        with self.database.read() as session:
            order = figures.order_import(session, draft, self.asker(self.shu).person, skip=False)
        return self.ask(order)

    def node(self, kind: JobKind | None = None) -> JobRunner:
        kinds = self.kinds if kind is None else {kind.name: kind}
        return JobRunner(
            self.database, self.keys, self.clock, kinds, self.settings.jobs_folder, node="n"
        )  # fmt: skip

    def at(self, kind: str, step: str, then: Callable[[Work], None]) -> At:
        return At(self.kinds[kind], step, then)

    def job(self, job: Job) -> Job:
        with self.database.read() as session:
            return session.get_one(Job, job.known_id)

    def cancel(self, job: Job) -> None:
        with self.database.write() as session:
            cancel_job(session, self.keys, job, actor="person:shu", now=self.clock.now())

    def state(self) -> dict[str, list[tuple[object, ...]]]:
        with self.database.read() as session:
            every = {table: session.execute(fields(text("*")).select_from(text(table))) for table in TABLES}
            return {table: sorted(map(tuple, rows), key=repr) for table, rows in every.items()}

    def imports(self) -> list[str]:
        with self.database.read() as session:
            return [one.state for one in session.exec(select(FigureImport).order_by("id"))]

    def acts(self) -> list[str]:
        with self.database.read() as session:
            entries = session.exec(select(LedgerEntry).order_by("seq")).all()
        return [one.act for one in entries if not one.act.startswith(("job.", "role.", "person."))]


@pytest.fixture
def desk(
    database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Desk:
    monkeypatch.setattr(applying, "AT_ONCE", 4)  # each import of a test is a long one
    monkeypatch.setattr(applying, "BATCH_ROWS", 3)
    monkeypatch.setattr(job_runner, "TOLD_EVERY", 0)  # a batch takes no time here
    made = Desk(database, keys, clock, tmp_path)
    made.open_hh()
    return made


def test_an_import_called_off_between_two_batches_takes_back_what_it_wrote(desk: Desk) -> None:
    before, job = desk.state(), desk.ask_import(10)
    kind = desk.at("figures.import", "writing", lambda _: desk.cancel(job))
    assert desk.node(kind).run_next()
    assert (desk.job(job).state, kind.met) == (JobState.CANCELLED, 1)
    assert desk.state() == before and desk.imports() == ["undone"]
    again = desk.ask_import(10)
    assert desk.node().run_next()
    assert desk.job(again).result["rows"] == 10 and desk.imports() == ["undone", "applied"]
    assert not list((desk.home / "uploads").glob(f"{again.arguments['draft']}/*"))


def kill(_: Work) -> None:
    raise Killed


def killed_half_way(desk: Desk) -> Job:
    job = desk.ask_import(10)
    with pytest.raises(Killed):
        desk.node(desk.at("figures.import", "writing", kill)).run_next()
    assert desk.imports() == ["applying"] and desk.job(job).state == JobState.RUNNING
    return job


def test_an_import_whose_node_was_killed_is_carried_to_its_end_by_another(desk: Desk) -> None:
    job = killed_half_way(desk)
    assert not desk.node().run_next()
    desk.clock.advance(LEASE.total_seconds() + 1)
    assert desk.node().run_next()  # what was written looks alive still: it is tried later
    assert desk.job(job).state == JobState.WAITING
    desk.clock.advance(applying.ALIVE.total_seconds())
    assert desk.node().run_next()
    ended = desk.job(job)
    assert (ended.state, ended.result["already"], ended.lost) == (JobState.DONE, False, 1)
    assert desk.imports() == ["applied"] and len(desk.state()["article"]) == 10
    assert desk.acts() == ["figures.import"]


def test_a_killed_import_that_is_called_off_is_taken_back_by_the_next_node(desk: Desk) -> None:
    before = desk.state()
    job = killed_half_way(desk)
    desk.cancel(job)
    desk.clock.advance(LEASE.total_seconds() + applying.ALIVE.total_seconds())
    assert desk.node().run_next()
    assert desk.job(job).state == JobState.CANCELLED
    assert desk.state() == before and desk.imports() == ["undone"]


def test_bad_input_changes_nothing_and_is_told_by_cell(desk: Desk) -> None:
    before = desk.state()
    content = io.BytesIO(f"{HEADER}\nwechat:hh,2026-03-01,坏的,2026-13-01,,abc,5".encode())
    draft = desk.drafts.keep(content, "x.csv", owner="person:shu", at=desk.clock.now())
    with desk.database.read() as session:
        person = desk.asker(desk.shu).person
        orders = [
            figures.order_preview(session, draft, person),
            figures.order_import(session, draft, person, skip=False),
        ]
    looked = desk.ask(orders[0])
    assert desk.node().run_next()
    file = made_file(desk.settings.jobs_folder, desk.job(looked), figures.PREVIEW_FILE)
    assert "2026-13-01" in file.read_text("utf-8")
    applied = desk.ask(orders[1])
    assert desk.node().run_next()
    refusal = desk.job(applied).refusal
    problems = refusal["problems"]
    assert refusal["code"] == "input.refused" and isinstance(problems, list) and len(problems) == 2
    assert desk.state() == before and desk.imports() == []


def test_an_export_called_off_leaves_no_file_to_fetch(desk: Desk) -> None:
    with desk.database.read() as session:
        person = desk.asker(desk.shu).person
        order = weekly.order_week(session, "2026-W09", ["csv", "xlsx"], person)
    job = desk.ask(order)
    kind = desk.at("report.weekly", "making", lambda _: desk.cancel(job))
    assert desk.node(kind).run_next()
    assert (desk.job(job).state, desk.job(job).files, desk.acts()) == (JobState.CANCELLED, [], [])
    again = desk.ask(Order(order.kind, order.arguments, order.act, order.places))
    assert desk.node().run_next()
    assert desk.job(again).files == ["meizhen-weekly-2026-W09.xlsx", "meizhen-weekly-2026-W09.csv"]
    assert desk.acts() == ["report.weekly", "report.weekly"]


@pytest.fixture
def award(database: Database, keys: KeyRing, tmp_path: Path) -> Desk:
    world = World()
    key = world.account("wechat", "demo-a", "league")
    for month in range(1, 13):
        world.article(key, date(2026, month, 2), wechat(900))
    world.store(database, 1)
    clock = ManualClock(datetime.fromisoformat("2027-01-12T09:00+08:00"))
    return Desk(database, keys, clock, tmp_path)


def test_an_award_run_called_off_between_stages_is_carried_on_by_the_next(award: Desk) -> None:
    shelf = Awards(award.settings.awards_root)
    made = shelf.put("2026-a", small_rule(award.home).read_text("utf-8"))
    job = award.ask(awards.order_run(made), award.chief)
    kind = award.at("award.run", "index", lambda _: award.cancel(job))
    assert award.node(kind).run_next()
    assert award.job(job).state == JobState.CANCELLED and made.frozen and not made.ranked
    frozen = (made.run.path / "stages" / "01-freeze.json").read_bytes()
    award.clock.advance(timedelta(days=1).total_seconds())
    again = award.ask(awards.order_run(made), award.chief)
    assert award.node().run_next()
    assert award.job(again).state == JobState.DONE and made.ranked
    assert (made.run.path / "stages" / "01-freeze.json").read_bytes() == frozen
    assert award.acts() == ["award.run"]
