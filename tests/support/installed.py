"""One installation with webhook accounts at the sandbox, and its publishing nodes as real processes."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from scenery import make_account, queue_posts
from sqlalchemy import Connection, func, text
from sqlalchemy.exc import OperationalError
from sqlmodel import col, select

from benchmarks._nodes import Node, Nursery, wait_until
from config import Database
from config.database import connect
from config.secrets import KeyRing
from organisation.accounts import Account
from sandbox.platforms import webhook
from scheduler.deliveries import Attempt, Delivery, State
from scheduler.lanes import Lane

if TYPE_CHECKING:
    from conftest import RunningSandbox

LEASE, CALL, TICK = 10.0, 2.0, 0.2  # seconds
SHORT_LEASE = 2.0  # for tests that wait until it has run out
LOOKS = (1, 3, 10, 30)  # the sandbox's web sites may be asked soon


@contextmanager
def shut(address: str) -> Iterator[None]:
    """Within this, nobody can write a delivery or a lane: the SQLite file, or both tables, are locked."""
    database = connect(address)
    try:
        if database.is_sqlite:
            with database.write() as session:
                session.execute(text("UPDATE delivery SET looks = looks"))
                yield
            return
        with database.engine.connect() as connection:
            while not _locks(connection):  # waiting for one with the other in hand would be a deadlock
                threading.Event().wait(0.003)
            yield
            connection.rollback()
    finally:
        database.close()


def _locks(connection: Connection) -> bool:
    try:
        connection.execute(text("LOCK TABLE delivery, lane IN EXCLUSIVE MODE NOWAIT"))
    except OperationalError:
        connection.rollback()
        return False
    return True


class Installation:
    """Home folder, database and sandbox; nodes that still run at the end are killed by `close`."""

    def __init__(
        self,
        nursery: Nursery,
        home: Path,
        address: str,
        database: Database,
        keys: KeyRing,
        sandbox: "RunningSandbox",
    ) -> None:
        self.home, self.address, self.database = home, address, database
        self._nursery, self._keys = nursery, keys
        self.sandbox, self.world = sandbox, sandbox.world
        self.accounts: list[Account] = []
        self._queued: dict[str, list[str]] = {}
        self._due: dict[str, datetime] = {}
        self._nodes: list[Node] = []
        self.world.reset(real_time=True, seed=1)

    # --- posts --------------------------------------------------------------------------------------------

    def add_accounts(self, count: int) -> None:
        for _ in range(count):
            handle = f"s{len(self.accounts)}"
            there = webhook.example(self.world, handle)
            account = make_account(
                self.database,
                self._keys,
                "webhook",
                handle,
                api_base=f"{self.sandbox.url}/webhook",
                credentials=there.credentials,
            )
            self.accounts.append(account)

    def queue(
        self,
        each: int,
        due: datetime | None = None,
        lateness: timedelta = timedelta(hours=2),
        ahead: timedelta = timedelta(0),
    ) -> None:
        """`each` more posts for every account, due now if nothing else is said.

        `ahead` is how much the nodes' clocks are ahead of the true time, which `due` is in.
        """
        now = datetime.now(UTC)
        due = due or now
        for account in self.accounts:
            texts = self._queued.setdefault(account.handle, [])
            fresh = [f"{account.handle}-{len(texts) + number:03}" for number in range(each)]
            queue_posts(self.database, account, fresh, due=due + ahead, now=now + ahead, lateness=lateness)
            texts += fresh
            self._due |= dict.fromkeys(fresh, due)

    @property
    def queued(self) -> int:
        return sum(map(len, self._queued.values()))

    # --- nodes --------------------------------------------------------------------------------------------

    def start(
        self,
        *,
        senders: int = 4,
        lease: float = LEASE,
        call: float = CALL,
        tick: float = TICK,
        nursery: Nursery | None = None,
        arguments: tuple[str, ...] = ("worker",),
    ) -> Node:
        variables = {
            "MEIZHEN_DATABASE_URL": self.address,
            "MEIZHEN_SENDERS": str(senders),
            "MEIZHEN_LEASE_SECONDS": str(lease),
            "MEIZHEN_CALL_SECONDS": str(call),
            "MEIZHEN_TICK_SECONDS": str(tick),
        }
        node = (nursery or self._nursery).start(self.home, variables, arguments, LOOKS)
        self._nodes.append(node)
        return node

    def close(self) -> None:
        for node in self._nodes:
            if node.alive:
                node.kill()

    def freeze_at_rest(self, node: Node) -> None:
        """Freezes the node outside its transactions: there it holds nothing but its lanes."""
        for _ in range(200):
            node.freeze()
            if self._lanes_are_free():
                return
            node.thaw()
            threading.Event().wait(0.01)
        raise AssertionError("the node was never at rest")

    def freeze_at_work(self, node: Node) -> None:
        """Freezes the node within a transaction, its rows (on SQLite: the file) locked."""
        for _ in range(2000):
            node.freeze()
            if not self._lanes_are_free():
                return
            node.thaw()
            threading.Event().wait(0.003)
        raise AssertionError("the node was never within a transaction")

    def _lanes_are_free(self) -> bool:
        """Could somebody else write the lanes now? A killed or frozen node's locks say no."""
        impatient = connect(self.address)
        try:
            with impatient.engine.connect() as connection:
                if impatient.is_sqlite:
                    driver = connection.connection.driver_connection
                    assert driver is not None
                    driver.execute("PRAGMA busy_timeout=0")
                    driver.execute("BEGIN IMMEDIATE")
                    driver.execute("ROLLBACK")
                else:
                    connection.execute(select(Lane).with_for_update(nowait=True))
        except Exception as error:  # SQLite's comes from the driver, PostgreSQL's through SQLAlchemy
            assert "lock" in str(error), error
            return False
        finally:
            impatient.close()
        return True

    # --- what happened ------------------------------------------------------------------------------------

    def arrived(self) -> int:
        return len(self.world.published)

    def wait_for_arrivals(self, count: int, seconds: float = 60) -> None:
        wait_until(lambda: self.arrived() >= count, f"{count} posts arrived", seconds=seconds, pause=0.005)

    def held_by(self, node: Node) -> int:
        """How many lanes the database gives to that process."""
        return self._count(select(func.count()).where(col(Lane.node).contains(f":{node.pid}:")))

    def open_attempts(self) -> int:
        return self._count(select(func.count()).where(col(Attempt.finished_at).is_(None)))

    def attempts(self) -> int:
        return self._count(select(func.count()).select_from(Attempt))

    def published(self) -> int:
        return self._count(select(func.count()).where(col(Delivery.state) == State.PUBLISHED))

    def wait_until_published(self, seconds: float = 60) -> None:
        """Every post that was queued is published, as the database knows it: nothing stays in doubt."""
        try:
            wait_until(lambda: self.published() == self.queued, "published", seconds=seconds, pause=0.05)
        except AssertionError:
            raise AssertionError(f"{self.states()}\n{self.unfinished()}\n{self.logs()}") from None

    def states(self) -> dict[str, int]:
        with self.database.read() as session:
            states = select(col(Delivery.state), func.count()).group_by(col(Delivery.state))
            return {row[0]: row[1] for row in session.execute(states)}

    def unfinished(self) -> str:
        """How the lanes and posts stand that have work left, for a test that fails."""
        with self.database.read() as session:
            left = session.exec(select(Delivery).where(Delivery.state != State.PUBLISHED)).all()
            lanes = session.exec(
                select(Lane).where(col(Lane.account_id).in_({delivery.account_id for delivery in left}))
            ).all()
            attempts = session.exec(
                select(Attempt)
                .where(col(Attempt.delivery_id).in_({delivery.id for delivery in left}))
                .order_by(col(Attempt.started_at))
            ).all()
        return "\n".join([f"{datetime.now(UTC)}", *map(repr, [*lanes, *left, *attempts])])

    def logs(self) -> str:
        return "\n".join(f"--- {node.pid}\n{node.log.read_text()}" for node in self._nodes)

    def early(self) -> list[str]:
        """What arrived before its time."""
        return [item.text for item in self.world.published if item.at < self._due[item.text]]

    def assert_once_and_in_order(self) -> None:
        """0 lost, 0 doubled (not even for a platform that would drop the repeat), 0 early, order kept."""
        assert self.early() == []
        for handle, texts in self._queued.items():
            assert [item.text for item in self.world.of("webhook", handle)] == texts
        repeated = [item.text for item in self.world.published if item.received != 1]
        assert repeated == [], self.logs()

    def _count(self, question: Callable[..., object] | object) -> int:
        with suppress(OperationalError), self.database.read() as session:
            count: int = session.execute(question).scalar_one()  # type: ignore[call-overload]
            return count
        return -1  # the database is away
