"""What became late in a stop or an outage: a person decides, and none of it pours out."""

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scenery import delivery, make_account, make_node, queue_posts, run_until_idle, story
from sqlalchemy import event
from sqlmodel import Session, select

from config import Database, ManualClock, MeizhenError
from config.secrets import KeyRing
from organisation.accounts import Account
from organisation.ledger import LedgerEntry
from sandbox.platforms import webhook
from scheduler import transitions
from scheduler.backlog import APART, Backlog, Extent, Late, decide, late_backlog
from scheduler.deliveries import State
from scheduler.queue import stop_accounts, stop_queue

if TYPE_CHECKING:
    from conftest import RunningSandbox

HOURS = 3600.0
EVERYTHING = Extent()


@pytest.fixture
def make(database: Database, keys: KeyRing, sandbox: "RunningSandbox") -> Callable[[str], Account]:
    def made(handle: str) -> Account:
        there = webhook.example(sandbox.world, handle)
        base = f"{sandbox.url}/webhook"
        return make_account(database, keys, "webhook", handle, api_base=base, credentials=there.credentials)

    return made


class Desk:
    """A person at the queue's switch, and one node."""

    def __init__(self, database: Database, keys: KeyRing, clock: ManualClock, folder: Path) -> None:
        self.database, self.keys, self.clock, self.folder = database, keys, clock, folder

    def stop(self, accounts: Sequence[Account] | None = None, *, stopped: bool = True) -> None:
        with self.database.write() as session:
            self._switch(session, accounts, stopped)

    def _switch(self, session: Session, accounts: Sequence[Account] | None, stopped: bool) -> None:
        now = self.clock.now()
        if accounts is None:
            stop_queue(session, self.keys, now=now, actor="li", stopped=stopped)
        else:
            stop_accounts(session, self.keys, accounts, now=now, actor="li", stopped=stopped)

    def open(self, choice: Late, accounts: Sequence[Account] | None = None) -> int:
        ids = None if accounts is None else [account.known_id for account in accounts]
        with self.database.write() as session:
            count = decide(
                session, self.keys, choice, Extent(ids), now=self.clock.now(), actor="li", subject="queue"
            )
            self._switch(session, accounts, stopped=False)
        return count

    def work(self, patience: timedelta = timedelta(hours=1)) -> None:
        run_until_idle(make_node(self.database, self.keys, self.clock, self.folder), patience)


@pytest.fixture
def desk(database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path) -> Desk:
    return Desk(database, keys, clock, tmp_path)


def out(sandbox: "RunningSandbox", handle: str) -> list[str]:
    return [item.text for item in sandbox.world.of("webhook", handle)]


def test_only_what_is_past_its_limit_counts(
    database: Database, clock: ManualClock, make: Callable[[str], Account]
) -> None:
    a, b = make("a"), make("b")
    first = clock.now()
    queue_posts(database, a, ["一", "二"], due=first)
    queue_posts(database, b, ["三"], due=first + timedelta(minutes=1))
    queue_posts(database, b, ["久"], due=first, lateness=timedelta(hours=30))
    with database.read() as session:
        assert late_backlog(session, EVERYTHING, clock.now()) == Backlog(0, 0, None)
        clock.advance(3 * HOURS)
        assert late_backlog(session, EVERYTHING, clock.now()) == Backlog(3, 2, first)
        assert late_backlog(session, Extent([b.known_id]), clock.now()).deliveries == 1
        assert late_backlog(session, Extent([]), clock.now()).deliveries == 0


def test_held_posts_wait_for_a_person_and_the_others_go_out(
    desk: Desk,
    database: Database,
    clock: ManualClock,
    sandbox: "RunningSandbox",
    make: Callable[[str], Account],
) -> None:
    a = make("a")
    desk.stop()
    late = queue_posts(database, a, ["旧一", "旧二"], due=clock.now())
    clock.advance(3 * HOURS)
    queue_posts(database, a, ["新"], due=clock.now())
    assert desk.open(Late.HOLD) == 2
    desk.work()
    assert out(sandbox, "a") == ["新"]
    for id_ in late:
        assert (delivery(database, id_).state, delivery(database, id_).needs_person) == (State.MISSED, True)
        assert story(database, id_) == [("", "queued", ""), ("queued", "missed", "late")]


def test_posts_sent_after_all_keep_their_order_and_go_out_one_after_the_other(
    desk: Desk,
    database: Database,
    clock: ManualClock,
    sandbox: "RunningSandbox",
    make: Callable[[str], Account],
) -> None:
    a, b = make("a"), make("b")
    desk.stop()
    ids = queue_posts(database, a, ["一", "二", "三"], due=clock.now())
    queue_posts(database, b, ["乙"], due=clock.now(), lateness=timedelta(minutes=5))
    clock.advance(30 * HOURS)
    opened = clock.now()
    assert desk.open(Late.SEND) == 4
    times = [delivery(database, id_) for id_ in ids]
    assert [one.due for one in times] == [opened, opened + APART, opened + 2 * APART]
    assert {one.late_after - one.due for one in times} == {timedelta(hours=2)}
    desk.work()
    assert (out(sandbox, "a"), out(sandbox, "b")) == (["一", "二", "三"], ["乙"])
    published = [delivery(database, id_).published_at for id_ in ids]
    assert [at is not None and at >= one.due for at, one in zip(published, times, strict=True)] == [True] * 3
    assert story(database, ids[0])[1] == ("queued", "queued", "sent-late")


def test_posts_in_time_are_not_held_up_by_those_sent_after_all(
    desk: Desk,
    database: Database,
    clock: ManualClock,
    sandbox: "RunningSandbox",
    make: Callable[[str], Account],
) -> None:
    a = make("a")
    desk.stop()
    queue_posts(database, a, ["旧一", "旧二"], due=clock.now())
    clock.advance(3 * HOURS)
    queue_posts(database, a, ["新"], due=clock.now() + timedelta(seconds=20), now=clock.now())
    desk.open(Late.SEND)
    desk.work()
    assert out(sandbox, "a") == ["旧一", "新", "旧二"]


def test_posts_called_off_never_leave(
    desk: Desk,
    database: Database,
    clock: ManualClock,
    sandbox: "RunningSandbox",
    make: Callable[[str], Account],
) -> None:
    [id_] = queue_posts(database, make("a"), ["一"], due=clock.now())
    desk.stop()
    clock.advance(3 * HOURS)
    assert desk.open(Late.CANCEL) == 1
    desk.work()
    assert out(sandbox, "a") == []
    assert delivery(database, id_).state == State.CANCELLED
    assert not delivery(database, id_).needs_person


def test_a_decision_about_some_accounts_leaves_the_others_stopped(
    desk: Desk,
    database: Database,
    clock: ManualClock,
    sandbox: "RunningSandbox",
    make: Callable[[str], Account],
) -> None:
    a, b = make("a"), make("b")
    queue_posts(database, a, ["一"], due=clock.now())
    [other] = queue_posts(database, b, ["二"], due=clock.now())
    desk.stop([a, b])
    clock.advance(3 * HOURS)
    assert desk.open(Late.SEND, [a]) == 1
    desk.work()
    assert (out(sandbox, "a"), out(sandbox, "b")) == (["一"], [])
    assert delivery(database, other).state == State.QUEUED


def test_what_became_late_while_stopped_waits_undecided_until_it_is_opened(
    desk: Desk,
    database: Database,
    clock: ManualClock,
    sandbox: "RunningSandbox",
    make: Callable[[str], Account],
) -> None:
    a = make("a")
    desk.stop([a])
    [id_] = queue_posts(database, a, ["一"], due=clock.now())
    clock.advance(3 * HOURS)
    desk.work()  # a node that looks at the stopped lane decides nothing
    assert delivery(database, id_).state == State.QUEUED
    assert desk.open(Late.SEND, [a]) == 1
    desk.work()
    assert out(sandbox, "a") == ["一"]


@pytest.mark.parametrize(
    ("choice", "state"),
    [(Late.HOLD, State.MISSED), (Late.SEND, State.PUBLISHED), (Late.CANCEL, State.CANCELLED)],
)
def test_a_single_post_that_was_held_back_is_decided_as_it_is_let_go(
    desk: Desk,
    database: Database,
    clock: ManualClock,
    make: Callable[[str], Account],
    choice: Late,
    state: State,
) -> None:
    ids = queue_posts(database, make("a"), ["一", "二"], due=clock.now())
    extent = Extent(deliveries=ids[:1])
    with database.write() as session:
        transitions.pause(session, desk.keys, ids[:1], now=clock.now(), actor="li")
    clock.advance(3 * HOURS)
    with database.write() as session:
        assert late_backlog(session, extent, clock.now()).deliveries == 1
        transitions.resume(session, desk.keys, ids[:1], now=clock.now(), actor="li")
        subject = "post:1"
        told = {"now": clock.now(), "actor": "li", "subject": subject}
        assert decide(session, desk.keys, choice, extent, **told) == 1
    desk.work()
    assert delivery(database, ids[0]).state == state


def test_decision_and_opening_stand_or_fall_together(
    desk: Desk,
    database: Database,
    clock: ManualClock,
    sandbox: "RunningSandbox",
    make: Callable[[str], Account],
) -> None:
    [id_] = queue_posts(database, make("a"), ["一"], due=clock.now())
    desk.stop()
    clock.advance(3 * HOURS)
    with pytest.raises(MeizhenError), database.write() as session:
        told = {"now": clock.now(), "actor": "li", "subject": "queue"}
        assert decide(session, desk.keys, Late.SEND, EVERYTHING, **told) == 1
        stop_queue(session, desk.keys, now=clock.now(), actor="li", stopped=False)
        raise MeizhenError("post.not_found", id=1)
    assert story(database, id_) == [("", "queued", "")]
    desk.work(timedelta(minutes=1))
    assert out(sandbox, "a") == []


@pytest.mark.parametrize("choice", Late)
def test_a_decision_takes_as_many_statements_for_two_hundred_as_for_two(
    desk: Desk, database: Database, clock: ManualClock, make: Callable[[str], Account], choice: Late
) -> None:
    a = make("a")
    counts = []
    for many in (2, 200):
        queue_posts(database, a, [f"{n}" for n in range(many)], due=clock.now())
        clock.advance(3 * HOURS)
        statements: list[str] = []

        def note(*arguments: object, statements: list[str] = statements) -> None:
            statements.append(str(arguments[2]))

        event.listen(database.engine, "before_cursor_execute", note)
        assert desk.open(choice) == many
        event.remove(database.engine, "before_cursor_execute", note)
        counts.append(len(statements))
        desk.stop()
        with database.write() as session:
            decide(session, desk.keys, Late.CANCEL, EVERYTHING, now=clock.now(), actor="li", subject="queue")
        clock.advance(10 * HOURS)
        desk.open(Late.CANCEL)
    assert counts[0] == counts[1]
    with database.read() as session:
        acts = [entry for entry in session.exec(select(LedgerEntry)) if entry.act == "queue.late"]
    first = {"decision": choice.value, "deliveries": 2, "accounts": 1}
    assert (acts[0].details, acts[0].actor, acts[0].subject) == (first, "li", "queue")


def test_after_three_days_down_only_what_is_inside_its_limit_goes_out(
    desk: Desk,
    database: Database,
    clock: ManualClock,
    sandbox: "RunningSandbox",
    make: Callable[[str], Account],
) -> None:
    accounts = [make(f"s{number}") for number in range(20)]
    inside, missed = [], []
    for number in range(200):
        long = number % 25 == 0
        lateness = timedelta(hours=100 if long else 2)
        due = clock.now() + timedelta(days=3) * number / 200
        [id_] = queue_posts(database, accounts[number % 20], [f"{number}"], due=due, lateness=lateness)
        is_inside = due + lateness >= clock.now() + timedelta(days=3)
        (inside if is_inside else missed).append(id_)
    clock.advance(72 * HOURS)
    back = make_node(database, desk.keys, clock, desk.folder)
    back.run(threading.Event(), until_idle=True)
    assert {delivery(database, id_).state for id_ in inside} == {State.PUBLISHED}
    assert {delivery(database, id_).state for id_ in missed} == {State.MISSED}
    assert len(sandbox.world.published) == len(inside)
    assert 8 < len(inside) < 20
    for id_ in missed:
        assert story(database, id_) == [("", "queued", ""), ("queued", "missed", "late")]
