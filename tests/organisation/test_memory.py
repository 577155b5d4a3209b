"""What connectors remember: sealed, for its time, spent exactly once, renewed by one at a time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from config import Database, ManualClock, MeizhenError
from config.database import connect
from config.secrets import KeyRing
from connectors import Memory
from organisation import Account, SealedMemory, Unit
from organisation.memory import AccountLease, AccountMemory

LEASE = timedelta(seconds=60)


@pytest.fixture
def account(database: Database) -> int:
    with database.write() as session:
        return stored(session, "first").known_id


def stored(session: Session, handle: str) -> Account:
    unit = session.exec(select(Unit).where(Unit.code == "NM")).one_or_none()
    if unit is None:
        unit = Unit(code="NM", kind="region", name_zh="内蒙古", path="1/")
        session.add(unit)
        session.flush()
    account = Account(
        unit_id=unit.id or 0, platform="webhook", handle=handle, name=handle, filed=date(2026, 1, 1)
    )
    session.add(account)
    session.flush()
    return account


@pytest.fixture
def memory(database: Database, keys: KeyRing, account: int, clock: ManualClock) -> SealedMemory:
    return SealedMemory(database, keys, account, clock=clock, lease=LEASE)


def test_it_is_the_memory_that_connectors_ask_for(memory: SealedMemory) -> None:
    asked: Memory = memory
    asked.put("token", "令牌")
    assert asked.get("token") == "令牌"
    assert asked.get("other") is None


def test_a_value_is_gone_at_its_end_and_swept_by_the_next(
    memory: SealedMemory, database: Database, clock: ManualClock
) -> None:
    memory.put("token", "a", until=clock.now() + timedelta(seconds=10))
    memory.put("for ever", "b")
    clock.advance(9.9)
    assert memory.get("token") == "a"
    clock.advance(0.1)
    assert memory.get("token") is None
    memory.put("new", "c", until=clock.now() + timedelta(seconds=1))
    with database.read() as session:
        kept = {row.key for row in session.exec(select(AccountMemory))}
    assert kept == {"for ever", "new"}


def test_the_newest_value_stands_and_may_be_forgotten(memory: SealedMemory) -> None:
    memory.put("token", "a")
    memory.put("token", "b")
    assert memory.get("token") == "b"
    memory.forget("token")
    memory.forget("token")
    assert memory.get("token") is None


def test_a_value_opens_for_no_other_account_and_key(
    memory: SealedMemory, database: Database, keys: KeyRing, clock: ManualClock
) -> None:
    with database.write() as session:
        other = stored(session, "second").known_id
    memory.put("token", "a")
    with database.write() as session:
        session.execute(text("UPDATE account_memory SET account_id = :id"), {"id": other})
    with pytest.raises(MeizhenError, match="do not open"):
        SealedMemory(database, keys, other, clock=clock, lease=LEASE).get("token")


@pytest.mark.parametrize("key", ["", "k" * 161])
def test_a_key_that_the_column_cannot_hold_is_refused(memory: SealedMemory, key: str) -> None:
    with pytest.raises(ValueError, match="1 to 160"):
        memory.put(key, "a")


def test_a_budget_is_spent_to_its_limit_and_new_after_its_end(
    memory: SealedMemory, clock: ManualClock
) -> None:
    end = clock.now() + timedelta(hours=1)
    assert memory.spend("calls", 60, 100, end)
    assert not memory.spend("calls", 41, 100, end)
    assert memory.spend("calls", 40, 100, end)
    assert not memory.spend("calls", 1, 100, end)
    clock.move_to(end)
    later = end + timedelta(hours=1)
    assert memory.spend("calls", 100, 100, later)
    assert not memory.spend("calls", 1, 100, later)


def test_an_amount_over_the_limit_never_fits_also_not_the_first(
    memory: SealedMemory, clock: ManualClock
) -> None:
    assert not memory.spend("calls", 2, 1, clock.now() + timedelta(hours=1))
    with pytest.raises(ValueError, match="0 or more"):
        memory.spend("calls", -1, 1, clock.now())


def test_callers_side_by_side_never_pass_the_limit(memory: SealedMemory, clock: ManualClock) -> None:
    end = clock.now() + timedelta(hours=1)
    with ThreadPoolExecutor(8) as pool:
        granted = list(pool.map(lambda _: memory.spend("calls", 3, 50, end), range(40)))
    assert sum(granted) == 16


def test_threads_renew_one_at_a_time(memory: SealedMemory) -> None:
    inside, most, guard = 0, 0, threading.Lock()
    renewed = []

    def renew(_: int) -> None:
        nonlocal inside, most
        with memory.single_flight("token"):
            with guard:
                inside += 1
                most = max(most, inside)
            if memory.get("token") is None:
                renewed.append(1)
                memory.put("token", "new")
            with guard:
                inside -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(renew, range(24)))
    assert (most, len(renewed)) == (1, 1)


def test_two_nodes_renew_one_at_a_time(
    database_address: str, keys: KeyRing, account: int, clock: ManualClock
) -> None:
    """Two engines stand for two processes: only the database's lease is common to them."""
    nodes = [connect(database_address) for _ in range(2)]
    memories = [SealedMemory(node, keys, account, clock=clock, lease=LEASE) for node in nodes]
    renewed = []

    def renew(memory: SealedMemory) -> None:
        with memory.single_flight("token"):
            if memory.get("token") is None:
                renewed.append(1)
                memory.put("token", "new")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(renew, memories * 6))
    for node in nodes:
        node.close()
    assert renewed == [1]


def test_different_keys_do_not_wait_for_each_other(memory: SealedMemory) -> None:
    with memory.single_flight("token"), memory.single_flight("budget"):
        memory.put("a", "b")


def test_a_node_that_died_holds_nobody_up_after_its_lease(
    memory: SealedMemory, database: Database, account: int, clock: ManualClock
) -> None:
    until = clock.now() + LEASE
    with database.write() as session:
        session.add(AccountLease(account_id=account, key="token", holder="a node that died", until=until))
    entered = threading.Event()

    def renew() -> None:
        with memory.single_flight("token"):
            entered.set()

    waiting = threading.Thread(target=renew)
    waiting.start()
    assert not entered.wait(0.3)
    clock.move_to(until)
    assert entered.wait(10)
    waiting.join()
    with database.read() as session:
        assert session.exec(select(AccountLease)).all() == []


def test_a_failure_inside_gives_the_lease_back(memory: SealedMemory, database: Database) -> None:
    with pytest.raises(RuntimeError), memory.single_flight("token"):
        raise RuntimeError
    with memory.single_flight("token"):
        pass
    with database.read() as session:
        assert session.exec(select(AccountLease)).all() == []


def test_the_value_and_the_end_of_its_flight_are_one_transaction(
    memory: SealedMemory, database: Database, account: int, clock: ManualClock
) -> None:
    with memory.single_flight("token"):
        memory.put("another", "value")
        with database.read() as session:
            assert session.get(AccountLease, (account, "token")) is not None
        memory.put("token", "new")
        with database.read() as session:
            assert session.get(AccountLease, (account, "token")) is None
        with database.write() as session:
            session.add(AccountLease(account_id=account, key="token", holder="next", until=clock.now()))
    with database.read() as session:
        assert session.exec(select(AccountLease.holder)).all() == ["next"]


def test_a_put_of_another_thread_does_not_end_a_flight(
    memory: SealedMemory, database: Database, account: int
) -> None:
    with memory.single_flight("token"):
        other = threading.Thread(target=memory.put, args=("token", "of another"))
        other.start()
        other.join()
        with database.read() as session:
            assert session.get(AccountLease, (account, "token")) is not None


def test_a_node_whose_lease_ended_does_not_take_away_its_successors(
    memory: SealedMemory, database: Database, account: int, clock: ManualClock
) -> None:
    with memory.single_flight("token"), database.write() as session:
        lease = session.get(AccountLease, (account, "token"))
        assert lease is not None
        lease.holder = "the successor"
    with database.read() as session:
        assert session.exec(select(AccountLease.holder)).all() == ["the successor"]
