"""Jobs: asked for with a right, done once by one node, told of, called off, outlived; who sees them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from job_kinds import Told
from people import make_person, make_tree
from sqlmodel import col, select

from config import Database, ManualClock, MeizhenError
from config.secrets import KeyRing
from organisation import (
    Act,
    Person,
    Role,
    Unit,
    add_key,
    disable_person,
    holder_of,
    revoke_key,
    standing_of,
)
from organisation.job_leases import MOST_LOST, End, Entry, end_job, take_job
from organisation.job_runner import LEASE, Done, JobRunner, Work, made_file, sweep_folders
from organisation.jobs import (
    FILES_KEPT,
    MOST_LIVE,
    ROWS_KEPT,
    Asker,
    Job,
    JobState,
    Order,
    ask_job,
    cancel_job,
    find_job,
    page_of_jobs,
    places_of,
    require_files,
    sweep_jobs,
)
from organisation.ledger import LedgerEntry

ACT = Act.REPORT_READ


@contextmanager
def refused(code: str) -> Iterator[None]:
    with pytest.raises(MeizhenError) as told:
        yield
    assert told.value.code == code


class Office:
    """The tree, `chief` of the house, `hong` who reads HH, `bao` who reads BT; nodes that do `test.told`."""

    def __init__(self, database: Database, keys: KeyRing, clock: ManualClock, folder: Path) -> None:
        self.database, self.keys, self.clock, self.folder = database, keys, clock, folder
        self.units = make_tree(database)
        self.people = {
            "chief": self._person("chief", Role.OWNER, None),
            "hong": self._person("hong", Role.VIEWER, self.units["HH"]),
            "bao": self._person("bao", Role.VIEWER, self.units["BT"]),
        }

    def _person(self, login: str, role: Role, unit: Unit | None) -> Person:
        return make_person(self.database, self.keys, login, at=self.clock.now(), roles={role: unit})

    def asker(self, login: str) -> Asker:
        with self.database.read() as session:
            person = standing_of(session, self.people[login])
        return Asker(person, person.subject, "zh")

    def ask(self, login: str = "hong", unit: str = "HH", subject: str = "") -> Job:
        order = Order("test.told", {}, ACT, [self.units[unit].path], subject)
        with self.database.write() as session:
            return ask_job(session, self.keys, order, self.asker(login), now=self.clock.now())

    def node(self, does: Callable[[Work], Done | None], name: str = "one") -> tuple[JobRunner, Told]:
        kind = Told(does)
        runner = JobRunner(
            self.database, self.keys, self.clock, {kind.name: kind}, self.folder / "jobs", node=name
        )
        return runner, kind

    def job(self, job: Job) -> Job:
        with self.database.read() as session:
            return session.get_one(Job, job.known_id)

    def cancel(self, job: Job) -> Job:
        with self.database.write() as session:
            return cancel_job(session, self.keys, job, actor="person:hong", now=self.clock.now())

    def sees(self, login: str) -> list[int]:
        with self.database.read() as session:
            return [one.known_id for one in page_of_jobs(session, self.asker(login).person)]

    def acts(self, job: Job) -> list[str]:
        with self.database.read() as session:
            wanted = select(LedgerEntry).where(LedgerEntry.subject == job.name)
            return [one.act for one in session.exec(wanted.order_by(col(LedgerEntry.seq)))]


@pytest.fixture
def office(database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path) -> Office:
    return Office(database, keys, clock, tmp_path)


def test_a_job_is_done_once_its_progress_seen_and_its_end_told_in_the_ledger(office: Office) -> None:
    job = office.ask()
    seen: list[tuple[str, str, int, int]] = []

    def does(work: Work) -> Done:
        work.tell("reading", 3, 7)
        now = office.job(job)
        seen.append((now.state, now.step, now.done, now.total))
        (work.folder / "week.csv").write_text("a")
        return Done({"files": ["week.csv"]}, [Entry("report.weekly", "report:x", {})])

    runner, kind = office.node(does)
    assert runner.run_next() and not runner.run_next()
    done = office.job(job)
    assert seen == [("running", "reading", 3, 7)]
    assert (done.state, done.files, done.node, done.ended_at) == (
        JobState.DONE, ["week.csv"], "one", office.clock.now(),
    )  # fmt: skip
    assert kind.tidied == [job.id]
    assert office.acts(job) == ["job.ask", "job.end"]
    assert made_file(office.folder / "jobs", done, "week.csv").read_text() == "a"
    for name in ("../week.csv", "given/x", ""):
        with refused("job.no_file"):
            made_file(office.folder / "jobs", done, name)


def test_two_nodes_never_do_the_same_job(office: Office) -> None:
    jobs = [office.ask(subject=f"x:{number}") for number in range(6)]
    done: list[int | None] = []
    nodes = [office.node(lambda work: done.append(work.job.id), name)[0] for name in ("one", "two")]

    def until_idle(node: JobRunner) -> None:
        while node.run_next():
            pass

    threads = [threading.Thread(target=until_idle, args=(node,)) for node in nodes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(one or 0 for one in done) == [job.id for job in jobs]
    assert {office.job(job).state for job in jobs} == {JobState.DONE}


def test_a_dead_nodes_job_is_taken_up_and_the_late_one_changes_nothing(office: Office) -> None:
    job = office.ask()
    take = {"node": "dead", "now": office.clock.now(), "lease": LEASE}
    taken = take_job(office.database, office.keys, ["test.told"], **take)
    assert taken is not None
    runner, _ = office.node(lambda work: Done({"by": "living"}), "living")
    assert not runner.run_next()  # its lease still holds
    office.clock.advance(LEASE.total_seconds() + 1)
    assert runner.run_next()
    late = End(JobState.DONE, {"by": "dead"}, {}, [Entry("report.weekly", "report:late", {})])
    assert not end_job(office.database, office.keys, taken[1], late, office.clock.now())
    assert (office.job(job).result, office.job(job).node) == ({"by": "living"}, "living")
    assert office.acts(job) == ["job.ask", "job.end"]


def test_a_node_that_was_overtaken_stops_at_its_next_step(office: Office) -> None:
    job = office.ask()
    went_on: list[str] = []

    def does(work: Work) -> None:
        office.clock.advance(LEASE.total_seconds() + 1)
        assert office.node(lambda _: Done({"by": "second"}), "second")[0].run_next()
        work.tell("next", 1, 2)
        went_on.append("first")

    office.node(does, "first")[0].run_next()
    assert (office.job(job).result, went_on) == ({"by": "second"}, [])


def test_a_job_that_kills_its_node_again_and_again_is_given_up(office: Office) -> None:
    job = office.ask()
    for _ in range(MOST_LOST):
        take = {"node": "dying", "now": office.clock.now(), "lease": LEASE}
        assert take_job(office.database, office.keys, ["test.told"], **take) is not None
        office.clock.advance(LEASE.total_seconds() + 1)
    assert not office.node(lambda _: None)[0].run_next()
    ended = office.job(job)
    assert (ended.state, ended.refusal["code"]) == (JobState.FAILED, "job.given_up")


def test_called_off_while_waiting_it_never_runs_and_while_running_it_stops_at_the_next_step(
    office: Office,
) -> None:
    waiting = office.ask()
    assert office.cancel(waiting).state == JobState.CANCELLED
    steps: list[int] = []

    def does(work: Work) -> None:
        work.tell("one", 0, 2)
        assert office.cancel(work.job).state == JobState.RUNNING
        work.tell("two", 1, 2)
        steps.append(1)

    running = office.ask()
    runner, kind = office.node(does)
    assert runner.run_next() and not runner.run_next()
    assert (office.job(running).state, steps, kind.abandoned) == (JobState.CANCELLED, [], [running.id])
    assert office.acts(running) == ["job.ask", "job.cancel", "job.end"]
    with refused("job.ended"):
        office.cancel(running)


def test_a_job_called_off_after_its_nodes_death_is_cleared_up_not_run(office: Office) -> None:
    job = office.ask()
    take = {"node": "dead", "now": office.clock.now(), "lease": LEASE}
    assert take_job(office.database, office.keys, ["test.told"], **take) is not None
    assert office.cancel(job).is_live
    office.clock.advance(LEASE.total_seconds() + 1)
    ran: list[int] = []
    runner, kind = office.node(lambda _: ran.append(1))
    assert runner.run_next()
    assert (office.job(job).state, ran, kind.abandoned) == (JobState.CANCELLED, [], [job.id])


def test_a_node_that_ends_hands_its_job_back_and_half_done_work_is_waited_for(office: Office) -> None:
    job = office.ask()

    def stopped(work: Work) -> None:
        work.tell("one", 0, 2)
        runner.stopping.set()
        work.tell("one", 1, 2)

    runner, _ = office.node(stopped)
    runner.run_next()
    assert (office.job(job).state, office.job(job).lost) == (JobState.WAITING, 0)

    def alive_still(_: Work) -> None:
        raise MeizhenError("figures.import_under_way", file="x")

    again, _ = office.node(alive_still)
    assert again.run_next() and not again.run_next()
    assert office.job(job).state == JobState.WAITING
    office.clock.advance(60)
    assert office.node(lambda _: None)[0].run_next()
    assert office.job(job).state == JobState.DONE


def test_a_refusal_is_kept_in_both_languages_and_a_fault_without_its_words(office: Office) -> None:
    def refused(_: Work) -> None:
        raise MeizhenError("award.sign_incomplete")

    def broken(_: Work) -> None:
        raise ValueError("a secret")

    first, second = office.ask(), office.ask()
    office.node(refused)[0].run_next()
    office.node(broken)[0].run_next()
    told, on_page = office.job(first).refused, office.job(first).refused_on_page
    assert told["code"] == "award.sign_incomplete" and told["zh"] != told["en"]
    assert "--sign" in str(told["remedy_en"]) and "--" not in str(on_page)
    assert "on_page" not in told and set(on_page) == set(told)
    assert office.job(second).refusal["code"] == "job.fault"
    assert "secret" not in str(office.job(second).refusal)


def test_the_right_is_asked_for_when_it_is_asked_and_when_it_is_done(office: Office) -> None:
    with refused("organisation.out_of_sight"):
        office.ask("hong", "BT")
    job = office.ask()
    with office.database.write() as session:
        person = session.get_one(Person, office.people["hong"].known_id)
        disable_person(session, office.keys, person, at=office.clock.now(), actor="test")
    ran: list[int] = []
    runner, kind = office.node(lambda _: ran.append(1))
    runner.run_next()
    assert (office.job(job).refusal["code"], ran, kind.abandoned) == ("job.not_allowed", [], [job.id])


def test_a_job_asked_by_key_is_done_by_the_keys_scopes_while_the_key_lives(office: Office) -> None:
    now, person = office.clock.now(), office.people["hong"]
    with office.database.write() as session:
        key, token = add_key(
            session, office.keys, person, "p", [ACT], days=3, at=now, actor="test"
        )  # fmt: skip
        holder = holder_of(session, token, now)
        assert holder is not None
        asker = Asker(holder.person, holder.actor, "zh", key.known_id)
        order = Order("test.told", {}, ACT, [office.units["HH"].path])
        jobs = [ask_job(session, office.keys, order, asker, now=now)]
        jobs.append(ask_job(session, office.keys, Order("test.told", {}, ACT, order.places), asker, now=now))
        beyond = Order("test.told", {}, Act.UNIT_READ, order.places)
        with refused("organisation.beyond_key"):
            ask_job(session, office.keys, beyond, asker, now=now)
    runner, _ = office.node(lambda _: None)
    runner.run_next()
    with office.database.write() as session:
        revoke_key(session, office.keys, key, at=now, actor="test")
    runner.run_next()
    assert [office.job(one).state for one in jobs] == [JobState.DONE, JobState.FAILED]


def test_a_job_is_seen_by_its_asker_and_by_who_may_the_same_there(office: Office) -> None:
    own, others = office.ask("hong", "HH-1"), office.ask("bao", "BT")
    assert office.sees("hong") == [own.id] and office.sees("bao") == [others.id]
    assert office.sees("chief") == [others.id, own.id]
    with office.database.read() as session:
        for login, job in (("hong", others), ("bao", own)):
            with refused("organisation.out_of_sight"):
                find_job(session, job.known_id, office.asker(login).person)
        assert find_job(session, own.known_id, office.asker("chief").person).id == own.id
        with refused("organisation.out_of_sight"):
            find_job(session, 999, None)
        mine = page_of_jobs(session, office.asker("chief").person, own=True)
    assert mine == []


def test_a_job_over_several_places_lies_above_them_all(office: Office) -> None:
    places = [office.units["HH"].path, office.units["BT"].path]
    order = Order("test.told", {}, ACT, places)
    with office.database.write() as session:
        job = ask_job(session, office.keys, order, office.asker("chief"), now=office.clock.now())
    assert job.path == office.units["NM"].path
    assert office.sees("hong") == []
    hong = office.asker("hong").person
    assert places_of(hong, ACT) == [office.units["HH"].path]
    assert places_of(hong, ACT, office.units["HH-1"]) == [office.units["HH-1"].path]
    assert places_of(hong, ACT, office.units["NM"]) == [office.units["HH"].path]
    assert places_of(hong, ACT, office.units["BT"]) == []
    assert places_of(office.asker("chief").person, ACT) == [""]


def test_one_job_at_a_time_about_a_thing_and_not_too_many_of_a_person(office: Office) -> None:
    office.ask(subject="award:2026")
    with refused("job.under_way"):
        office.ask("chief", subject="award:2026")
    office.node(lambda _: None)[0].run_next()
    office.ask(subject="award:2026")
    for _ in range(MOST_LIVE - 1):
        office.ask()
    with refused("job.too_many"):
        office.ask()


def test_files_are_kept_a_week_and_rows_a_quarter(office: Office) -> None:
    def does(work: Work) -> Done:
        (work.folder / "x.csv").write_text("x")
        return Done({"files": ["x.csv"]})

    job, jobs = office.ask(), office.folder / "jobs"
    office.node(does)[0].run_next()
    hong = office.asker("hong").person
    require_files(office.job(job), hong, office.clock.now())
    with refused("organisation.out_of_sight"):
        require_files(office.job(job), office.asker("bao").person, office.clock.now())
    for later, rows, folders in ((timedelta(), 1, 1), (FILES_KEPT, 1, 0), (ROWS_KEPT, 0, 0)):
        now = office.clock.now() + later + timedelta(seconds=1)
        with office.database.write() as session:
            kept = sweep_jobs(session, now)
            left = len(session.exec(select(Job)).all())
        sweep_folders(jobs, kept, before=2**40)
        assert (left, len(list(jobs.glob("*")))) == (rows, folders)
    with refused("job.no_file"):
        require_files(job, hong, office.clock.now() + FILES_KEPT)


def test_threads_of_a_node_do_what_waits_and_end(office: Office) -> None:
    done = threading.Event()
    runner, _ = office.node(lambda _: done.set())
    with runner.running():
        job = office.ask()
        runner.wake()
        assert done.wait(30)
    assert office.job(job).state == JobState.DONE


def test_a_fault_after_the_end_of_a_job_does_not_end_its_thread(office: Office) -> None:
    done: list[int | None] = []
    over = threading.Event()

    def does(work: Work) -> None:
        done.append(work.job.id)
        if len(done) == 2:
            over.set()

    runner, kind = office.node(does)
    kind.tidy = lambda work: 1 / 0  # type: ignore[assignment, return-value, method-assign]
    jobs = [office.ask(), office.ask()]
    with runner.running():
        for _ in range(600):
            if over.wait(0.1):
                break
            runner.wake()
    assert done == [job.id for job in jobs]
