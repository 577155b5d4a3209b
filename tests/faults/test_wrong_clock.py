"""Real nodes whose wall clock jumps or is wrong (libfaketime): nothing early, nothing twice, nothing lost."""

import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from installed import Installation

from benchmarks._nodes import Nursery, wait_until
from benchmarks._nodes import nursery as warm_parent
from sandbox.world import Fault

HOUR = timedelta(hours=1)
RIGHT = timedelta(0)
BOUNDARIES = {
    "year end in Beijing": datetime(2027, 12, 31, 16, tzinfo=UTC),
    "leap day begins in Beijing": datetime(2028, 2, 28, 16, tzinfo=UTC),
    "leap day ends in UTC": datetime(2028, 3, 1, tzinfo=UTC),
}


def library() -> Path:
    """Where libfaketime is."""
    for folder in (Path("/usr/lib"), Path("/usr/local/lib"), Path("/usr/lib64")):
        for found in sorted(folder.glob("**/faketime/libfaketime.so.1")):
            return found
    raise AssertionError("libfaketime is not there: install it with `apt-get install faketime`")


class WallClock:
    """The wall clock of the nodes started by `nursery`; it can be set while they run."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "faketime"
        self.variables = {
            "LD_PRELOAD": str(library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # nobody can set that clock
        }
        self.ahead(RIGHT)
        self.nursery: Nursery

    def ahead(self, offset: timedelta) -> None:
        """Sets it `offset` ahead of the true time."""
        whole = self._file.with_suffix(".new")
        whole.write_text(f"{offset.total_seconds():+.3f}\n", "ascii")
        whole.replace(self._file)


@pytest.fixture(scope="module")
def _wall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WallClock]:
    folder = tmp_path_factory.mktemp("clock")
    clock = WallClock(folder)
    with warm_parent(folder, clock.variables) as clock.nursery:
        yield clock


@pytest.fixture
def wall(_wall: WallClock) -> WallClock:
    """Right until a test sets it."""
    _wall.ahead(RIGHT)
    return _wall


@pytest.mark.fault(10)
def test_a_clock_set_an_hour_ahead_sends_nothing_early_and_gives_nothing_up_as_late(
    installation: Installation, wall: WallClock
) -> None:
    installation.add_accounts(4)
    installation.world.set_faults(Fault("hang", path="/publish", value="0.1"))
    begin = datetime.now(UTC)
    installation.queue(4)
    node = installation.start(nursery=wall.nursery, call=15)
    installation.wait_for_arrivals(4)
    wall.ahead(HOUR)
    installation.queue(2, due=begin + timedelta(seconds=4), lateness=timedelta(minutes=30))
    installation.wait_until_published()
    installation.queue(1, due=datetime.now(UTC) + timedelta(minutes=30))
    node.signal(signal.SIGTERM)
    assert node.ended() == 0
    assert installation.states() == {"published": 24, "queued": 4}
    assert installation.arrived() == 24
    assert installation.early() == []


@pytest.mark.fault(11)
def test_a_clock_set_an_hour_back_sends_nothing_twice_and_nothing_an_hour_late(
    installation: Installation, wall: WallClock
) -> None:
    installation.add_accounts(4)
    installation.world.set_faults(Fault("hang", path="/publish", value="0.2"))
    installation.queue(4)
    node = installation.start(nursery=wall.nursery, call=15)
    installation.wait_for_arrivals(4)
    wall.ahead(-HOUR)
    installation.queue(2)
    installation.wait_until_published()
    installation.assert_once_and_in_order()
    assert installation.attempts() == installation.queued, installation.logs()
    assert node.alive


@pytest.mark.fault(10)
@pytest.mark.fault(15)
def test_two_nodes_whose_clocks_differ_by_an_hour_send_nothing_twice(
    installation: Installation, wall: WallClock
) -> None:
    """Alone with a file, to the one ahead every lease of the other has run out: it takes its lanes while it
    is at work. Where a server tells the time, both agree, and the one ahead waits.
    """
    installation.add_accounts(2)
    installation.queue(1)
    installation.world.set_faults(Fault("hang", path="/publish", times=2))
    right = installation.start(lease=60, call=60)
    installation.wait_for_arrivals(2)
    wall.ahead(HOUR)
    installation.freeze_at_rest(right)
    installation.add_accounts(1)
    installation.queue(1)
    installation.start(nursery=wall.nursery)
    alone = installation.queued if installation.database.is_sqlite else 1
    wait_until(lambda: installation.published() == alone, "the one ahead did what it may")
    right.thaw()
    installation.world.set_faults()  # both calls end
    installation.wait_until_published()
    if installation.database.is_sqlite:
        wait_until(lambda: "answer_after_lane_was_lost" in right.log.read_text(), "the calls ended")
    right.signal(signal.SIGTERM)
    assert right.ended() == 0
    assert ("answer_after_lane_was_lost" in right.log.read_text()) == installation.database.is_sqlite
    installation.assert_once_and_in_order()


@pytest.mark.fault(12)
@pytest.mark.parametrize("boundary", BOUNDARIES.values(), ids=BOUNDARIES.keys())
def test_posts_around_a_boundary_of_the_calendar_go_out_at_their_time(
    installation: Installation, wall: WallClock, boundary: datetime
) -> None:
    """Due a second before it, at it, and a second after it, by the clock that counts."""
    if not installation.database.is_sqlite:
        # A server's clock counts there, and none of it is ours to set: a node's wrong one changes nothing.
        boundary = datetime.now(UTC) + timedelta(seconds=2.5)
        wall.ahead(HOUR)
    true_boundary = datetime.now(UTC) + timedelta(seconds=2.5)
    ahead = boundary - true_boundary
    if installation.database.is_sqlite:
        wall.ahead(ahead)
    installation.add_accounts(2)
    for seconds in (-1, 0, 1):
        installation.queue(1, due=true_boundary + timedelta(seconds=seconds), ahead=ahead)
    installation.start(nursery=wall.nursery, call=15)
    installation.wait_until_published()
    installation.assert_once_and_in_order()
    assert installation.attempts() == installation.queued, installation.logs()
