"""Which lanes a node holds: enough for its senders at once, then its part of the rest, for a while."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from model_platform import Keyed, ModelAccounts, ModelPlatform
from scenery import make_account, queue_posts
from sqlalchemy import func
from sqlmodel import Session, col, select
from stepping import Steady, SteppedNode, steadied

from config import Database, ManualClock
from config.errors import MeizhenError
from config.secrets import KeyRing
from scheduler import Pace, lanes
from scheduler.dispatcher import Opened
from scheduler.lanes import Lane
from scheduler.notices import Kind, open_notices

AHEAD = timedelta(seconds=2)


@pytest.fixture
def steady() -> Iterator[Steady]:
    """One steady clock for nodes and platform: the machine's own tells how long it has been up."""
    clock = Steady()
    with steadied(clock):
        yield clock


@pytest.fixture
def start(
    database: Database, keys: KeyRing, clock: ManualClock, steady: Steady, tmp_path: Path
) -> Callable[[int], Callable[[], SteppedNode]]:
    """Makes so many accounts with thirty due posts each; gives what starts nodes with one sender."""

    def with_accounts(count: int) -> Callable[[], SteppedNode]:
        platform = ModelPlatform(clock, steady)
        accounts = [make_account(database, keys, "model", f"a{number}") for number in range(count)]
        for account in accounts:
            queue_posts(database, account, [str(number) for number in range(30)], due=clock.now())
        opened = ModelAccounts({account.known_id: Keyed(platform) for account in accounts}, clock)
        return lambda: SteppedNode(database, clock, opened, tmp_path, Pace(senders=1))

    return with_accounts


def held(database: Database) -> dict[str | None, int]:
    """How many lanes each node holds."""
    with database.read() as session:
        rows = session.exec(
            select(Lane.node, func.count()).where(col(Lane.node).is_not(None)).group_by(col(Lane.node))
        )
        return dict(rows.all())


def step(node: SteppedNode) -> None:
    """A turn, and its calls: they end before the next."""
    for job in node.turn():
        node.hear(node.call(job))


def test_a_node_alone_takes_three_lanes_a_sender_at_once_and_then_all_the_rest(
    database: Database, start: Callable[[int], Callable[[], SteppedNode]]
) -> None:
    node = start(10)()
    step(node)
    assert held(database) == {node.name: 3}
    step(node)
    assert held(database) == {node.name: 10}


def test_nodes_that_come_up_together_share_the_rest(
    database: Database, start: Callable[[int], Callable[[], SteppedNode]]
) -> None:
    new = start(12)
    nodes = [new(), new()]
    for _ in range(5):
        for node in nodes:
            step(node)
    assert held(database) == {nodes[0].name: 7, nodes[1].name: 5}


def test_a_node_that_comes_up_later_gets_lanes_that_the_first_gives_back(
    database: Database, clock: ManualClock, start: Callable[[int], Callable[[], SteppedNode]]
) -> None:
    new = start(12)
    first = new()
    step(first)
    step(first)
    assert held(database) == {first.name: 12}
    second = new()
    step(second)
    assert held(database) == {first.name: 12}
    clock.advance(5)
    step(first)
    step(first)  # not at once again: the other has until the next tick
    kept = held(database)[first.name]
    assert kept < 12
    step(second)
    clock.advance(1)
    for _ in range(4):
        step(second)
        step(first)
    shares = held(database)
    assert shares[second.name] >= 3
    assert sum(shares.values()) == 12


def test_what_a_node_holds_beyond_its_senders_has_an_end(
    database: Database, start: Callable[[int], Callable[[], SteppedNode]]
) -> None:
    node = start(40)()
    for _ in range(6):
        step(node)
    assert held(database) == {node.name: 16}


def test_the_rest_is_shared_among_the_nodes_that_hold_lanes(
    database: Database, clock: ManualClock, start: Callable[[int], Callable[[], SteppedNode]]
) -> None:
    start(11)

    def claim(node: str, limit: int) -> None:
        with database.write() as session:
            lanes.claim(session, node, now=clock.now(), ahead=AHEAD, lease=timedelta(seconds=60), limit=limit)

    def share(node: str, limit: int = 100) -> int:
        with database.read() as session:
            return lanes.share_of_rest(session, node, now=clock.now(), ahead=AHEAD, limit=limit)

    assert share("a") == 11
    claim("a", 2)
    claim("b", 2)
    assert (share("a"), share("c"), share("a", limit=4)) == (4, 3, 2)
    claim("a", 7)
    assert share("a") == 0
    clock.advance(61)  # all leases ran out
    assert share("a") == 11


def test_an_account_that_does_not_open_is_paused_and_told_and_holds_no_other_up(
    database: Database, keys: KeyRing, clock: ManualClock, steady: Steady, tmp_path: Path
) -> None:
    platform = ModelPlatform(clock, steady)
    well, ill = (make_account(database, keys, "model", name) for name in ("well", "ill"))
    for account in (well, ill):
        queue_posts(database, account, ["一"], due=clock.now())

    class Accounts(ModelAccounts):
        def open(self, session: Session, account_ids: Sequence[int]) -> dict[int, Opened]:
            broken: dict[int, Opened] = {ill.known_id: MeizhenError("secrets.wrong_key", owner="a")}
            return super().open(session, account_ids) | broken

    accounts = Accounts({well.known_id: Keyed(platform)}, clock)
    node = SteppedNode(database, clock, accounts, tmp_path, Pace(senders=1))
    assert [job.work.account_id for job in node.turn()] == [well.known_id]
    with database.read() as session:
        [notice] = open_notices(session)
        assert (notice.kind, notice.account_id, notice.code) == (
            Kind.ACCOUNT_PAUSED,
            ill.known_id,
            "secrets.wrong_key",
        )
        assert session.exec(select(Lane.paused).where(col(Lane.account_id) == ill.known_id)).one()
