"""Whatever people, nodes, clock, database and platform do: no illegal transition, nothing doubled or lost.

Hypothesis plays days of an organisation's queue against the real dispatcher and a real database. Turns and
calls happen one after the other, so that every failing play can be repeated.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from delivery_laws import (
    Scene,
    check_begun,
    check_history,
    check_platform,
    check_standing,
    forgotten,
    read_scene,
    stuck,
)
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from model_platform import CLASSES, Ending, ModelAccounts, ModelConnector, ModelPlatform
from postgres import Postgres
from scenery import make_account
from sqlalchemy import event
from stepping import CUTS, Steady, SteppedNode, steadied

from config import Database, ManualClock
from config.database import connect
from config.errors import MeizhenError
from config.secrets import KeyRing
from connectors import Uncertain
from organisation import accounts as moves
from organisation.accounts import Account
from scheduler import Enqueued, Pace, cancel, enqueue, lanes, pause, reschedule, resolve, resume, retry
from scheduler.deliveries import State
from scheduler.posts import Post
from scheduler.queue import stop_accounts, stop_queue
from scheduler.senders import Answer, Job

PACE = {senders: Pace(senders=senders) for senders in (1, 8)}
CALL_SECONDS = PACE[8].call.total_seconds()
TICK = PACE[8].tick
START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
ANY = st.integers(0, 11)
ENDINGS = st.sampled_from(Ending)
ADVANCES = st.sampled_from((1, 2, 5, 11, 29, 50, 61, 130, 400, 1800, 7300, 90_000))


@dataclass
class Call:
    """A call between node and platform. `node` is None once the node died."""

    node: SteppedNode | None
    job: Job
    left_at: float | None = None  # steady clock; None: still with the sender
    effects: tuple[Any, ...] = ()
    answer: Answer | None = None


class DeliveryMachine(RuleBasedStateMachine):
    """Deliveries, nodes, clock and faults; `open_fresh` gives a migrated database that nobody used."""

    open_fresh: ClassVar[Callable[[], AbstractContextManager[Database]]]
    keys: ClassVar[KeyRing]
    folder: ClassVar[Path]
    steady: ClassVar[Steady]

    def __init__(self) -> None:
        super().__init__()
        self._scope = type(self).open_fresh()
        self.database = self._scope.__enter__()
        self.clock = ManualClock(START)
        self.platform = ModelPlatform(self.clock, self.steady)
        self.accounts: list[Account] = []
        self.connectors: dict[int, ModelConnector] = {}
        self.nodes: list[SteppedNode] = []
        self.calls: list[Call] = []
        self.told: set[int] = set()  # deliveries of which a person decided what is out
        self.touched: dict[int, datetime] = {}
        self.scene: Scene | None = None  # as last read; every commit outdates it
        event.listen(self.database.engine, "commit", self._forget_scene)

    @initialize(
        classes=st.lists(st.sampled_from(CLASSES), min_size=1, max_size=5), senders=st.sampled_from((1, 8))
    )
    def open_house(self, classes: list[type[ModelConnector]], senders: int) -> None:
        for number, kind in enumerate(classes):
            account = make_account(self.database, self.keys, "model", f"a{number}")
            self.accounts.append(account)
            self.connectors[account.known_id] = kind(self.platform)
        self.start_node(senders)
        self.start_node(8)

    # --- people -------------------------------------------------------------------------------------------

    @rule(
        wanted=st.lists(ANY, min_size=1, max_size=3),
        posts=st.integers(1, 3),
        due=st.sampled_from((-7300, -60, 0, 0, 0, 30, 3600, 90_000)),
        lateness=st.sampled_from((40, 7200, 260_000)),
    )
    def enqueue(self, wanted: list[int], posts: int, due: int, lateness: int) -> None:
        now = self.clock.now()
        ids = {self._account(pick).known_id for pick in wanted}
        with self.database.write() as session:
            made = [Post(title="t", text=f"x{n}", created_at=now, created_by="test") for n in range(posts)]
            session.add_all(made)
            session.flush()
            items = [
                Enqueued(post.id or 0, id_, now + timedelta(seconds=due), timedelta(seconds=lateness))
                for post in made
                for id_ in sorted(ids)
            ]
            enqueue(session, items, now=now, actor="person")
        self._touch(*ids)

    @rule(stopped=st.booleans())
    def switch_queue(self, stopped: bool) -> None:
        with self.database.write() as session:
            stop_queue(session, self.keys, now=self.clock.now(), actor="person", stopped=stopped)
        self._touch(*self.connectors)

    @rule(pick=ANY, stopped=st.booleans())
    def switch_lane(self, pick: int, stopped: bool) -> None:
        account = self._account(pick)
        with self.database.write() as session:
            stop_accounts(
                session, self.keys, [account], now=self.clock.now(), actor="person", stopped=stopped
            )
        self._touch(account.known_id)

    @rule(pick=ANY, move=st.sampled_from((moves.pause_account, moves.resume_account, moves.resume_account)))
    def move_account(self, pick: int, move: Callable[..., bool]) -> None:
        account, now = self._account(pick), self.clock.now()
        with self.database.write() as session:
            if move(session, self.keys, account, at=now, actor="person"):
                lanes.wake(session, [account.known_id], now)
        self._touch(account.known_id)

    @precondition(lambda self: len(self.accounts) > 1)
    @rule()
    def retire_last_account(self) -> None:
        self.move_account(len(self.accounts) - 1, moves.retire_account)

    @precondition(lambda self: self._deliveries())
    @rule(pick=ANY, act=st.sampled_from((cancel, pause, resume, retry)))
    def act(self, pick: int, act: Callable[..., None]) -> None:
        self._act(pick, act)

    @precondition(lambda self: self._deliveries())
    @rule(pick=ANY, due=st.sampled_from((0, 0, 60, 3600, 90_000)))
    def move_post(self, pick: int, due: int) -> None:
        self._act(pick, reschedule, due=self.clock.now() + timedelta(seconds=due))

    @precondition(lambda self: self._needing())
    @rule(pick=ANY)
    def decide(self, pick: int) -> None:
        """A person looks at the platform and says what is there; nothing of it is under way any more."""
        needing = self._needing()
        row = needing[pick % len(needing)]
        if any(call.job.work.id == row.id for call in self.calls):
            return
        url = "https://platform.example.org/seen" if self.platform.has(row.key) else None
        self._resolve(row.id, url)
        if url is None and row.state == State.HANDED_OVER:
            self.told.add(row.id)

    @precondition(lambda self: self._needing())
    @rule(pick=ANY, published=st.booleans())
    def decide_wrongly(self, pick: int, published: bool) -> None:
        needing = self._needing()
        row = needing[pick % len(needing)]
        self.told.add(row.id)
        self._resolve(row.id, "https://platform.example.org/believed" if published else None)

    # --- time and nodes -----------------------------------------------------------------------------------

    @rule(seconds=ADVANCES)
    def advance(self, seconds: float) -> None:
        """Time passes everywhere; calls under way end within their time."""
        until = self.steady.seconds + seconds
        for call in list(self.calls):
            if call.left_at is not None and call.left_at + CALL_SECONDS < until:
                self._land(call, in_time=False)
        self.steady.seconds = until
        self.clock.advance(seconds)

    @rule()
    def set_clock_back(self) -> None:
        self.clock.advance(-3600)
        self._touch(*self.connectors)

    @precondition(lambda self: len(self.nodes) < 3)
    @rule(senders=st.sampled_from((1, 8)))
    def start_node(self, senders: int) -> None:
        accounts = ModelAccounts(self.connectors, self.clock)
        self.nodes.append(SteppedNode(self.database, self.clock, accounts, self.folder, PACE[senders]))

    @precondition(lambda self: self.nodes)
    @rule(pick=ANY)
    def kill_node(self, pick: int) -> None:
        """Gone without a word: its leases stay, what it had put on the wire arrives."""
        node = self.nodes.pop(pick % len(self.nodes))
        self.calls = [call for call in self.calls if call.node is not node or call.left_at is not None]
        for call in self.calls:
            call.node = None if call.node is node else call.node

    @precondition(lambda self: self.nodes)
    @rule(pick=ANY, cut=st.sampled_from(CUTS))
    def cut_database(self, pick: int, cut: str) -> None:
        """The node's next write breaks: at its begin, before its commit, or after."""
        self.nodes[pick % len(self.nodes)].link.cut = cut

    @precondition(lambda self: self.nodes)
    @rule(pick=ANY)
    def turn(self, pick: int) -> None:
        self._turn(self.nodes[pick % len(self.nodes)])

    @precondition(lambda self: any(call.left_at is None for call in self.calls))
    @rule(pick=ANY, ending=ENDINGS)
    def leave(self, pick: int, ending: Ending) -> None:
        """A sender makes its call."""
        handed = [call for call in self.calls if call.left_at is None]
        self._leave(handed[pick % len(handed)], ending)

    @precondition(lambda self: any(call.left_at is not None for call in self.calls))
    @rule(pick=ANY)
    def land(self, pick: int) -> None:
        """A call reaches the platform, and its answer the node."""
        left = [call for call in self.calls if call.left_at is not None]
        self._land(left[pick % len(left)])

    @precondition(lambda self: self.nodes)
    @rule(pick=ANY, endings=st.lists(ENDINGS, min_size=1, max_size=3), seconds=st.sampled_from((0, 1, 61)))
    def work(self, pick: int, endings: list[Ending], seconds: int) -> None:
        """A node does all that there is to do now, and hears how it ended."""
        node = self.nodes[pick % len(self.nodes)]
        self._turn(node)
        for number, call in enumerate([call for call in self.calls if call.node is node]):
            if call.left_at is None:
                self._leave(call, endings[number % len(endings)])
            if call in self.calls:
                self._land(call)
        if seconds:
            self.advance(seconds)
        self._turn(node)

    # --- what must hold -----------------------------------------------------------------------------------

    @invariant()
    def laws_hold(self) -> None:
        scene = self._read()
        check_history(scene)
        check_standing(scene)
        check_platform(scene, self.platform, self.connectors, self.told)

    def teardown(self) -> None:
        try:
            if self.accounts:
                self._heal()
                # Shorter than a lease: what a node sits on stays with it.
                self._let_time_pass(*[50] * 18, 1)
                alive = {node.name for node in self.nodes}
                sat_on = stuck(self._read(), self.clock.now() - timedelta(seconds=1), alive)
                assert not sat_on, sat_on
                self._let_time_pass(*[7200, 61, 1, 29_000, 61, 1] * 4)
                self.laws_hold()
                left = forgotten(self._read(), self.clock.now())
                assert not left, left
        finally:
            self._scope.__exit__(None, None, None)

    def _heal(self) -> None:
        """People open what they closed, links hold; the nodes that are left go on, beside a fresh one."""
        # What was answered is heard and written first: an answer may close what people then open.
        for call in [call for call in self.calls if call.left_at is not None]:
            self._land(call)
        for node in self.nodes:
            node.link.cut = ""
            self._turn(node)
        now = self.clock.now()
        with self.database.write() as session:
            stop_queue(session, self.keys, now=now, actor="person", stopped=False)
            stop_accounts(session, self.keys, self.accounts, now=now, actor="person", stopped=False)
        for number in range(len(self.accounts)):
            self.move_account(number, moves.resume_account)
        self.start_node(8)

    def _let_time_pass(self, *pauses: int) -> None:
        """Every node takes its turns, and the platform is in good health."""
        for seconds in pauses:
            for node in self.nodes:
                self._turn(node)
            # A gate that is paced lets through so many a second: none while the clock stands still.
            while self.calls or any(node.waits_its_turn() for node in self.nodes):
                if not self.calls:
                    self.advance(0.1)
                for call in list(self.calls):
                    if call.left_at is None:
                        self._leave(call, Ending.PUBLISHED)
                    if call in self.calls:
                        self._land(call)
                for node in self.nodes:
                    self._turn(node)
            self.advance(seconds)

    # --- steps --------------------------------------------------------------------------------------------

    def _turn(self, node: SteppedNode) -> None:
        before, now = self._read(), self.clock.now()
        cut = node.link.cut
        handed = node.turn()
        after = self._read()
        settled = {id_ for id_ in self.connectors if self.touched.get(id_, START) + TICK <= now}
        check_begun(before, after, now=now, node=node.name, settled=settled)
        assert not (cut and not node.link.cut and handed), "calls were handed over without their commit"
        for job in handed:
            attempt = after.attempts.get((job.work.id, job.work.calls))
            assert attempt is not None and attempt[3] is None, "a call without its committed attempt"
            self.calls.append(Call(node, job))

    def _leave(self, call: Call, ending: Ending) -> None:
        assert call.node is not None
        publishes = call.job.work.purpose == "publish"
        self.platform.ending = ending
        call.answer = call.node.call(call.job)
        call.effects, self.platform.on_the_wire = tuple(self.platform.on_the_wire), []
        call.left_at = self.steady.seconds
        if not publishes:
            self._land(call)

    def _land(self, call: Call, *, in_time: bool = True) -> None:
        self.calls.remove(call)
        for effect in call.effects:
            self.platform.arrive(*effect)
        if call.node is None or call.answer is None:
            return
        late = Answer(call.job, Uncertain("timed out", platform_code="timeout"))
        call.node.hear(call.answer if in_time or not call.effects else late)

    def _act(self, pick: int, act: Callable[..., None], **more: Any) -> None:
        rows = self._deliveries()
        row = rows[pick % len(rows)]
        try:
            with self.database.write() as session:
                act(session, self.keys, [row.id], now=self.clock.now(), actor="person", **more)
        except MeizhenError as error:
            assert error.code == "delivery.wrong_state"
            return
        self._touch(row.account_id)

    def _resolve(self, delivery_id: int, url: str | None) -> None:
        with self.database.write() as session:
            now = self.clock.now()
            resolve(session, self.keys, delivery_id, published_url=url, now=now, actor="person")
        self.told |= {delivery_id} if url else set()
        self._touch(*self.connectors)

    def _account(self, pick: int) -> Account:
        return self.accounts[pick % len(self.accounts)]

    def _touch(self, *account_ids: int) -> None:
        self.touched |= dict.fromkeys(account_ids, self.clock.now())

    def _read(self) -> Scene:
        if self.scene is None:
            with self.database.read() as session:
                self.scene = read_scene(session)
        return self.scene

    def _forget_scene(self, _connection: object) -> None:
        self.scene = None

    def _deliveries(self) -> list[Any]:
        return list(self._read().deliveries.values())

    def _needing(self) -> list[Any]:
        return [row for row in self._deliveries() if row.state in (State.UNCERTAIN, State.HANDED_OVER)]


@pytest.fixture(params=["sqlite", "postgresql"])
def open_fresh(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Callable[[], AbstractContextManager[Database]]:
    """Opens one migrated database after the other, each gone after its use."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("_sqlite_template")

        @contextmanager
        def on_sqlite() -> Iterator[Database]:
            path = tmp_path / f"{uuid4().hex}.sqlite"
            shutil.copy(template, path)
            database = connect(f"sqlite:///{path}")
            event.listen(database.engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF"))
            try:
                yield database
            finally:
                database.close()
                for left in tmp_path.glob(f"{path.name}*"):
                    left.unlink()

        return on_sqlite

    server: Postgres = request.getfixturevalue("_postgres")

    @contextmanager
    def on_postgresql() -> Iterator[Database]:
        with server.database() as address:
            database = connect(address)
            try:
                yield database
            finally:
                database.close()

    return on_postgresql


def test_nothing_that_happens_breaks_the_promise(
    open_fresh: Callable[[], AbstractContextManager[Database]], keys: KeyRing, tmp_path: Path
) -> None:
    steady = Steady()
    machine = type(
        "Played",
        (DeliveryMachine,),
        {"open_fresh": staticmethod(open_fresh), "keys": keys, "folder": tmp_path, "steady": steady},
    )
    with steadied(steady):
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=40,
                stateful_step_count=40,
                suppress_health_check=list(HealthCheck),
            ),
        )
