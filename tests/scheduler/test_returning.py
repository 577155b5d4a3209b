"""Posts that come back into the queue after a call: in their place, and not before their time."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from model_platform import Ending, Keyed, KeyedBlind, ModelAccounts, ModelConnector, ModelPlatform
from scenery import make_account, queue_posts
from stepping import Steady, SteppedNode, steadied

from config import Database, ManualClock
from config.secrets import KeyRing
from organisation import Account
from scheduler import Pace


class Desk:
    """One account with a node that takes its turns when told to."""

    def __init__(
        self, database: Database, keys: KeyRing, clock: ManualClock, folder: Path, kind: type[ModelConnector]
    ) -> None:
        self.database, self.clock, self.steady = database, clock, Steady()
        self.platform = ModelPlatform(clock, self.steady)
        self.account: Account = make_account(database, keys, "model", "a")
        opened = ModelAccounts({self.account.known_id: kind(self.platform)}, clock)
        self.node = SteppedNode(database, clock, opened, folder, Pace(senders=1))

    def pass_time(self, seconds: float) -> None:
        self.steady.seconds += max(seconds, 0)
        self.clock.advance(seconds)

    def turns(self, ending: Ending, seconds: float = 0) -> list[int]:
        """A turn; the deliveries that were called about, all with this ending. Its end is heard."""
        self.pass_time(seconds)
        called = []
        for job in self.node.turn():
            self.platform.ending = ending
            called.append(job.work.id)
            answer = self.node.call(job)
            for effect in self.platform.on_the_wire:
                self.platform.arrive(*effect)
            self.platform.on_the_wire = []
            self.node.hear(answer)
        return called


@pytest.fixture
def desk(
    request: pytest.FixtureRequest, database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path
) -> Iterator[Desk]:
    made = Desk(database, keys, clock, tmp_path, request.param)
    with steadied(made.steady):
        yield made


@pytest.mark.parametrize("desk", [KeyedBlind], indirect=True)
def test_a_repeat_waits_for_its_time_when_the_clock_was_set_back(desk: Desk) -> None:
    [post] = queue_posts(desk.database, desk.account, ["x"], due=desk.clock.now())
    assert desk.turns(Ending.LOST_BEFORE) == [post]
    desk.clock.advance(-3600)
    for _ in range(10):
        assert desk.turns(Ending.PUBLISHED, 20) == []
    assert desk.turns(Ending.PUBLISHED, 3600) == [post]
    assert desk.platform.taken and len(desk.platform.taken) == 1


@pytest.mark.parametrize("desk", [Keyed], indirect=True)
def test_what_was_queued_for_an_earlier_time_goes_before_a_post_that_comes_back(desk: Desk) -> None:
    now = desk.clock.now()
    [first] = queue_posts(desk.database, desk.account, ["first"], due=now)
    assert desk.turns(Ending.LOST_BEFORE) == [first]
    assert desk.turns(Ending.PUBLISHED) == []  # in doubt: to be looked for
    [earlier] = queue_posts(desk.database, desk.account, ["earlier"], due=now - timedelta(minutes=1), now=now)
    order: list[int] = []
    for _ in range(10):
        order += desk.turns(Ending.PUBLISHED, 20)
    assert order == [first, earlier, first]  # looked for and absent, then both in due order
