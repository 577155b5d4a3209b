"""Work that comes again runs once a fire time, whoever dies, ticks late or has its clock set back."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from sqlmodel import col, select

from config import Database, ManualClock, SystemClock
from config.clock import SHANGHAI
from scheduler import register_periodic
from scheduler.periodic import DONE, MAX_TAKINGS, PeriodicRun, finish, last_fire, run_due, take

DAILY = CronTrigger(hour="8", minute="5", timezone=SHANGHAI)
AT_0805 = datetime(2026, 3, 2, 0, 5, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Node:
    """A node that ticks when it is told to; `done` is shared and holds who ran when."""

    def __init__(self, database: Database, clock: ManualClock, name: str, done: list[str]) -> None:
        self.name = name
        self._database, self._clock, self._done = database, clock, done
        self.work: Callable[[], None] = lambda: done.append(name)

    def tick(self) -> bool:
        return run_due(
            "collect",
            DAILY,
            lambda: self.work(),
            database=self._database,
            clock=self._clock,
            node=self.name,
            at_most=HOUR,
            grace=DAY,
        )

    def die(self) -> None:
        """Takes what is due and is never heard of again."""
        fire_at = last_fire(DAILY, self._clock.now())
        assert fire_at is not None
        now = self._clock.now()
        assert take(self._database, "collect", fire_at, node=self.name, now=now, at_most=HOUR) is not None


@pytest.fixture
def done() -> list[str]:
    return []


@pytest.fixture
def a(database: Database, clock: ManualClock, done: list[str]) -> Node:
    clock.move_to(AT_0805)
    return Node(database, clock, "a", done)


@pytest.fixture
def b(database: Database, clock: ManualClock, done: list[str]) -> Node:
    return Node(database, clock, "b", done)


def runs(database: Database) -> list[PeriodicRun]:
    with database.read() as session:
        return list(session.exec(select(PeriodicRun).order_by(col(PeriodicRun.fire_at))))


# --- which fire time --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "late", [timedelta(0), timedelta(seconds=40), timedelta(hours=3), timedelta(hours=23)]
)
def test_a_late_tick_still_belongs_to_its_fire_time(late: timedelta) -> None:
    assert last_fire(DAILY, AT_0805 + late) == AT_0805


def test_before_the_first_fire_of_the_day_it_is_yesterdays() -> None:
    assert last_fire(DAILY, AT_0805 - timedelta(seconds=1)) == AT_0805 - DAY


def test_what_is_older_than_the_grace_is_left_out() -> None:
    assert last_fire(DAILY, AT_0805 + 2 * HOUR, grace=HOUR) is None


def test_the_beijing_time_of_a_fire_is_the_same_moment_all_year() -> None:
    for day in range(366):
        at = AT_0805 + timedelta(days=day)
        assert last_fire(DAILY, at) == at
        assert last_fire(DAILY, at - timedelta(microseconds=1)) == at - DAY


# --- who runs it ------------------------------------------------------------------------------------------


def test_one_of_many_nodes_gets_a_fire_time(database: Database, clock: ManualClock) -> None:
    won: list[str] = []

    def claim(node: str) -> None:
        if take(database, "collect", AT_0805, node=node, now=clock.now(), at_most=HOUR):
            won.append(node)

    threads = [threading.Thread(target=claim, args=(f"n{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert take(database, "collect", AT_0805 + DAY, node="n1", now=clock.now(), at_most=HOUR)
    assert take(database, "report", AT_0805, node="n1", now=clock.now(), at_most=HOUR)


def test_a_hundred_fire_times_on_two_nodes_run_once_each(
    database: Database, clock: ManualClock, a: Node, b: Node, done: list[str]
) -> None:
    ran: list[datetime] = []
    a.work = b.work = lambda: ran.append(clock.now())
    for _ in range(100):
        clock.advance(DAY.total_seconds())
        threads = [threading.Thread(target=node.tick) for node in (a, b, a, b)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert ran == [AT_0805 + timedelta(days=day) for day in range(1, 101)]
    assert {(run.outcome, run.takings, run.lease_until) for run in runs(database)} == {(DONE, 1, None)}


def test_a_node_that_died_in_the_run_is_followed_after_its_lease_and_never_before(
    database: Database, clock: ManualClock, a: Node, b: Node, done: list[str]
) -> None:
    a.die()
    clock.advance(HOUR.total_seconds() - 1)
    assert not b.tick() and done == []
    clock.advance(1)
    assert b.tick() and done == ["b"]
    assert not a.tick() and not b.tick() and done == ["b"]
    [run] = runs(database)
    assert (run.node, run.takings, run.outcome) == ("b", 2, DONE)


def test_two_nodes_after_one_dead_do_not_both_take_over(
    database: Database, clock: ManualClock, a: Node, done: list[str]
) -> None:
    a.die()
    clock.advance(HOUR.total_seconds())
    others = [Node(database, clock, f"n{number}", done) for number in range(4)]
    threads = [threading.Thread(target=node.tick) for node in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 1


def test_a_fire_time_is_taken_three_times_at_most(
    database: Database, clock: ManualClock, a: Node, b: Node, done: list[str]
) -> None:
    for node in (a, b, a):
        node.die()
        clock.advance(HOUR.total_seconds())
    assert not b.tick() and done == []
    assert [(run.takings, run.finished_at) for run in runs(database)] == [(MAX_TAKINGS, None)]
    clock.move_to(AT_0805 + DAY)
    assert b.tick() and done == ["b"]


def test_a_holder_that_comes_back_after_it_was_followed_changes_nothing(
    database: Database, clock: ManualClock, b: Node
) -> None:
    clock.move_to(AT_0805)
    lease = take(database, "collect", AT_0805, node="a", now=clock.now(), at_most=HOUR)
    assert lease is not None
    clock.advance(HOUR.total_seconds())
    b.work = lambda: finish(database, lease, now=clock.now())
    assert b.tick()
    [run] = runs(database)
    assert (run.node, run.takings, run.outcome) == ("b", 2, DONE)


# --- what goes wrong --------------------------------------------------------------------------------------


def test_a_failed_run_is_recorded_by_its_class_and_tried_again_until_three(
    database: Database, clock: ManualClock, a: Node, b: Node, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ConnectionError("token=canary")

    a.work = b.work = fail
    assert [node.tick() for node in (a, b, b, a)] == [True, True, True, False]
    [run] = runs(database)
    assert (run.outcome, run.takings, run.lease_until) == ("ConnectionError", 3, None)
    assert run.finished_at == clock.now()
    assert "canary" not in caplog.text


def test_a_run_that_works_the_second_time_is_done(
    database: Database, clock: ManualClock, a: Node, done: list[str]
) -> None:
    tries = iter([False, True])

    def work() -> None:
        if not next(tries):
            raise ValueError
        done.append("a")

    a.work = work
    assert [a.tick() for _ in range(3)] == [True, True, False]
    assert done == ["a"]
    assert [(run.outcome, run.takings) for run in runs(database)] == [(DONE, 2)]


def test_a_clock_that_goes_back_an_hour_runs_nothing_twice(
    database: Database, clock: ManualClock, a: Node, b: Node, done: list[str]
) -> None:
    assert a.tick()
    for minute in range(-60, 120):
        clock.move_to(AT_0805 + timedelta(minutes=minute))
        assert not a.tick() and not b.tick()
    assert done == ["a"]
    assert [run.fire_at for run in runs(database)] == [AT_0805]


def test_after_days_without_a_node_only_the_newest_fire_time_is_made_up(
    database: Database, clock: ManualClock, a: Node, b: Node, done: list[str]
) -> None:
    assert a.tick()
    clock.move_to(AT_0805 + 3 * DAY + 5 * HOUR)
    assert b.tick()
    assert not a.tick() and not b.tick()
    assert done == ["a", "b"]
    assert [run.fire_at for run in runs(database)] == [AT_0805, AT_0805 + 3 * DAY]


def test_rows_of_a_quarter_ago_are_swept(
    database: Database, clock: ManualClock, a: Node, done: list[str]
) -> None:
    for day in range(100):
        clock.move_to(AT_0805 + timedelta(days=day))
        assert a.tick()
    assert [run.fire_at for run in runs(database)] == [AT_0805 + timedelta(days=day) for day in range(9, 100)]


# --- APScheduler only ticks -------------------------------------------------------------------------------


def test_the_ticker_asks_at_once_and_goes_on_after_an_exception(database: Database) -> None:
    tried, twice = [], threading.Event()

    def work() -> None:
        tried.append(threading.get_ident())
        if len(tried) == 2:
            twice.set()
        raise RuntimeError("the first of three")

    ticker = BackgroundScheduler(timezone=SHANGHAI)
    every_second = CronTrigger(second="*", timezone=SHANGHAI)
    ticker.start()
    try:
        register_periodic(
            ticker,
            "often",
            every_second,
            work,
            database=database,
            clock=SystemClock(),
            node="a",
            grace=timedelta(seconds=5),
        )
        ticker.reschedule_job("often", trigger="interval", seconds=1)
        assert twice.wait(20)
    finally:
        ticker.shutdown()
    assert {run.outcome for run in runs(database)} == {"RuntimeError"}


def test_a_tick_while_the_work_still_runs_returns_at_once(database: Database, clock: ManualClock) -> None:
    ticker = BackgroundScheduler(timezone=SHANGHAI)
    entered, leave = threading.Event(), threading.Event()
    ran: list[int] = []

    def work() -> None:
        ran.append(1)
        entered.set()
        assert leave.wait(20)

    register_periodic(ticker, "collect", DAILY, work, database=database, clock=clock, node="a")
    ticker.start(paused=True)
    tick = ticker.get_job("collect").func
    ticker.shutdown()
    first = threading.Thread(target=tick)
    first.start()
    assert entered.wait(20)
    clock.advance(DAY.total_seconds())
    tick()
    leave.set()
    first.join(20)
    assert ran == [1]
