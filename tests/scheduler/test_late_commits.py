"""A node whose transaction is held up until its lease has run out, and the node that took the lane meanwhile.

PostgreSQL lets both write at once; on SQLite the second waits for the first, and the same must hold.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from model_platform import Keyed, ModelAccounts, ModelPlatform
from scenery import delivery, make_account, queue_posts, story
from sqlalchemy import text
from stepping import Steady, SteppedNode, steadied

from benchmarks._nodes import wait_until
from config import Database, ManualClock
from config.secrets import KeyRing
from scheduler import Pace
from scheduler.deliveries import State
from scheduler.senders import Job

LEASE = 60.0


@pytest.fixture
def steady() -> Iterator[Steady]:
    clock = Steady()
    with steadied(clock):
        yield clock


class Stage:
    """One account with posts due, two nodes, a platform that counts, and a clock that runs past leases."""

    def __init__(
        self, database: Database, keys: KeyRing, clock: ManualClock, steady: Steady, folder: Path
    ) -> None:
        self.database, self._clock, self._steady = database, clock, steady
        self.platform = ModelPlatform(clock, steady)
        self.account = make_account(database, keys, "model", "a")
        self.ids = queue_posts(database, self.account, ["一", "二", "三"], due=clock.now())
        opened = ModelAccounts({self.account.known_id: Keyed(self.platform)}, clock)
        pace = Pace(senders=1, lease=timedelta(seconds=LEASE))
        self.late, self.other = (SteppedNode(database, clock, opened, folder, pace) for _ in range(2))

    def wait(self, seconds: float) -> None:
        self._clock.advance(seconds)
        self._steady.seconds += seconds

    def finish(self) -> None:
        """Both go on, second by second, until nothing is left to do."""
        for _ in range(300):
            for node in (self.late, self.other):
                for job in node.turn():
                    self.make_call(node, job)
            if {delivery(self.database, id_).state for id_ in self.ids} == {State.PUBLISHED}:
                return
            self.wait(1)
        raise AssertionError([story(self.database, id_) for id_ in self.ids])

    def make_call(self, node: SteppedNode, job: Job) -> None:
        """The call of a sender; what it sends arrives at once."""
        answer = node.call(job)
        for sent in self.platform.on_the_wire:
            self.platform.arrive(*sent)
        self.platform.on_the_wire.clear()
        node.hear(answer)

    def assert_once_and_in_order(self) -> None:
        keys = [delivery(self.database, id_).key for id_ in self.ids]
        assert list(self.platform.taken) == keys
        assert [taken.receipts for taken in self.platform.taken.values()] == [1, 1, 1]


@pytest.fixture
def stage(database: Database, keys: KeyRing, clock: ManualClock, steady: Steady, tmp_path: Path) -> Stage:
    return Stage(database, keys, clock, steady, tmp_path)


def waits_for_a_lock(database: Database) -> bool:
    with database.read() as session:
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
        return bool(session.execute(text(f"{waiting}AND datname = current_database()")).scalar_one())


def take_over_before_the_commit(stage: Stage, when_read: Callable[[Job], object] | None = None) -> Job:
    """One node has written that the first post is out and the second begun; before it commits, its lease runs
    out and the other takes the lane. Gives the call that the late one would make, whose time is over; it is
    given to `when_read` while the other has read the queue and has not begun anything."""
    [first] = stage.late.turn()
    stage.make_call(stage.late, first)
    written, go = threading.Event(), threading.Event()

    def held_up() -> None:
        written.set()
        assert go.wait(30)

    stage.late.link.at_commit = held_up
    with ThreadPoolExecutor(2) as threads:
        late = threads.submit(stage.late.turn)
        assert written.wait(30)
        stage.wait(LEASE + 5)
        if when_read is not None:
            stage.other.once_read(lambda: when_read(late.result(30)[0]))
        other = threads.submit(stage.other.turn)
        if not stage.database.is_sqlite:
            wait_until(lambda: other.done() or waits_for_a_lock(stage.database), "the other has met it")
        go.set()
        assert other.result(30) == []
        [second] = late.result(30)
    assert second.work.id == stage.ids[1]
    return second


@pytest.mark.parametrize("late_first", [True, False])
def test_posts_leave_once_and_in_order_though_a_node_committed_after_its_lane_was_taken(
    stage: Stage, late_first: bool
) -> None:
    stage.make_call(stage.late, take_over_before_the_commit(stage))
    if late_first:
        assert stage.late.turn() == []
    stage.finish()
    stage.assert_once_and_in_order()


def test_a_post_that_is_put_back_between_reading_and_beginning_is_not_forgotten(stage: Stage) -> None:
    """The late node says "not sent" just after the other has read: what it read had no such post queued."""

    def put_back(job: Job) -> None:
        stage.make_call(stage.late, job)
        assert stage.late.turn() == []

    if stage.database.is_sqlite:  # nobody writes while another does: just after
        put_back(take_over_before_the_commit(stage))
    else:
        take_over_before_the_commit(stage, put_back)
    stage.finish()
    stage.assert_once_and_in_order()
