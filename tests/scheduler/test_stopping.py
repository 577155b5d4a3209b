"""Stop everything: within five seconds of the command nothing new leaves, on either of two nodes."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scenery import make_account, make_node, make_unit, queue_posts
from sqlmodel import select

from config import Database, SystemClock
from config.secrets import KeyRing
from config.settings import load_settings
from organisation.accounts import Account, accounts_of
from organisation.units import Unit, find_unit
from sandbox.platforms import webhook
from sandbox.world import Fault
from scheduler import Dispatcher, Pace
from scheduler.deliveries import Attempt
from scheduler.opening import OpenedAccounts
from scheduler.queue import stop_accounts, stop_queue

if TYPE_CHECKING:
    from conftest import RunningSandbox

LIMIT = timedelta(seconds=5)
PATIENCE = 60.0


class Region:
    """Two units with eight accounts each, all with more posts due than two nodes can send in the test."""

    def __init__(self, database: Database, keys: KeyRing, sandbox: "RunningSandbox") -> None:
        self.database, self.keys, self.sandbox = database, keys, sandbox
        self.clock = SystemClock()
        sandbox.world.reset(real_time=True)
        with database.write() as session:
            root = make_unit(session)
            below = Unit(code="HH", parent_id=root.id, kind="league", name_zh="盟", path="HH/")
            session.add(below)
            session.flush()
            below.path = f"{root.path}{below.id}/"
            session.add(below)
        self.accounts = [self._account(f"s{number}") for number in range(16)]
        with database.write() as session:
            for account in self.accounts[:8]:
                account.unit_id = below.id or 0
                session.add(account)

    def _account(self, handle: str) -> Account:
        there = webhook.example(self.sandbox.world, handle)
        return make_account(
            self.database,
            self.keys,
            "webhook",
            handle,
            api_base=f"{self.sandbox.url}/webhook",
            credentials=there.credentials,
        )

    def queue(self, posts: int) -> None:
        now = self.clock.now()
        for account in self.accounts:
            texts = [f"{account.handle}-{number}" for number in range(posts)]
            queue_posts(self.database, account, texts, due=now)

    def stop(self, what: str) -> tuple[datetime, set[str]]:
        """Stops everything, a unit or an account; gives when, and the handles that are meant."""
        at = self.clock.now()
        with self.database.write() as session:
            if what == "everything":
                stop_queue(session, self.keys, now=at, actor="li", stopped=True)
                return self.clock.now(), {account.handle for account in self.accounts}
            meant = self.accounts[:1]
            if what == "unit":
                meant = accounts_of(session, unit=find_unit(session, "HH"))
            stop_accounts(session, self.keys, meant, now=at, actor="li", stopped=True)
        return self.clock.now(), {account.handle for account in meant}

    def wait(self, holds: Callable[[], bool]) -> None:
        pause = threading.Event()
        deadline = self.clock.now() + timedelta(seconds=PATIENCE)
        while not holds():
            assert self.clock.now() < deadline, "waited in vain"
            pause.wait(0.02)

    def senders(self) -> set[str]:
        """The nodes that have sent something."""
        with self.database.read() as session:
            return set(session.exec(select(Attempt.node).distinct()))

    def arrived(self) -> list[tuple[str, datetime]]:
        return [(item.account, item.at) for item in list(self.sandbox.world.published)]


@pytest.fixture
def region(database: Database, keys: KeyRing, sandbox: "RunningSandbox") -> Region:
    return Region(database, keys, sandbox)


@contextmanager
def running(*nodes: Dispatcher) -> Iterator[None]:
    stop = threading.Event()
    threads = [threading.Thread(target=node.run, args=(stop,)) for node in nodes]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(PATIENCE)


@pytest.mark.parametrize("what", ["everything", "unit", "account"])
def test_nothing_new_leaves_five_seconds_after_the_stop(region: Region, tmp_path: Path, what: str) -> None:
    region.sandbox.world.set_faults(Fault("hang", path="/publish", value="0.2"))
    region.queue(100)
    # Two senders hold eight lanes: no node can have them all.
    nodes = [make_node(region.database, region.keys, region.clock, tmp_path, senders=2) for _ in range(2)]
    names = {node.node for node in nodes}
    with running(*nodes):
        region.wait(lambda: "s0" in dict(region.arrived()) and region.senders() == names)
        stopped_at, meant = region.stop(what)
        region.wait(lambda: region.clock.now() > stopped_at + LIMIT + timedelta(seconds=2))
    late = [(account, at) for account, at in region.arrived() if at > stopped_at + LIMIT]
    assert [(account, at - stopped_at) for account, at in late if account in meant] == []
    others = {account.handle for account in region.accounts} - meant
    assert bool(late) is bool(others), "the others went on"
    sent = [account for account, _ in region.arrived() if account in meant]
    assert len(sent) < 100 * len(meant), "there was more to send"


def test_a_post_that_waits_for_a_sender_does_not_leave_after_the_stop(region: Region, tmp_path: Path) -> None:
    region.sandbox.world.set_faults(Fault("hang", path="/publish", value="7"))
    region.queue(2)
    settings = load_settings(
        {
            "MEIZHEN_HOME": str(tmp_path),
            "MEIZHEN_CALL_SECONDS": "20",
            "MEIZHEN_PRIVATE_NETWORKS": "127.0.0.0/8",
        }
    )
    accounts = OpenedAccounts(region.database, region.keys, region.clock, settings)
    pace = Pace(senders=1, call=timedelta(seconds=20))
    node = Dispatcher(region.database, region.clock, accounts, tmp_path, pace)
    with running(node):
        region.wait(lambda: len(region.arrived()) == 1)
        stopped_at, _ = region.stop("everything")
        region.wait(lambda: region.clock.now() > stopped_at + LIMIT + timedelta(seconds=4))
    assert [at - stopped_at for _, at in region.arrived() if at > stopped_at + LIMIT] == []
