"""The database goes away under real nodes, or stays shut: nothing leaves unwritten, all of it leaves once."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from installed import CALL, SHORT_LEASE, Installation, shut
from postgres import Postgres, running_postgres

from benchmarks._nodes import Nursery, wait_until
from config.database import connect
from config.secrets import KeyRing
from sandbox.world import Fault

if TYPE_CHECKING:
    from conftest import RunningSandbox

ACCOUNTS, EACH = 8, 6


def pause(seconds: float) -> None:
    threading.Event().wait(seconds)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server that these tests may stop: no other test uses it."""
    with running_postgres(durable=True) as server:
        yield server


@pytest.fixture
def house(
    server: Postgres, nursery: Nursery, tmp_path: Path, keys: KeyRing, sandbox: "RunningSandbox"
) -> Iterator[Installation]:
    """An installation at that server, its platform slow enough that publishing takes a while."""
    with server.database() as address:
        database = connect(address)
        made = Installation(nursery, tmp_path, address, database, keys, sandbox)
        made.add_accounts(ACCOUNTS)
        made.world.set_faults(Fault("hang", path="/publish", value="0.2"))
        yield made
        made.close()
        database.close()


def assert_nothing_leaves_for(house: Installation, seconds: float) -> None:
    """What was committed before may still leave, at once; then nothing does."""
    pause(CALL)
    before = house.arrived()
    pause(seconds)
    assert house.arrived() == before


def assert_all_out(house: Installation) -> None:
    house.wait_until_published()
    house.assert_once_and_in_order()
    assert house.attempts() >= house.queued  # none left without its attempt


@pytest.mark.fault(8)
def test_nothing_leaves_while_postgresql_is_down_and_all_leaves_once_after(
    house: Installation, server: Postgres
) -> None:
    house.queue(EACH)
    nodes = [house.start(lease=SHORT_LEASE), house.start(lease=SHORT_LEASE)]
    house.wait_for_arrivals(6)
    server.crash()
    assert_nothing_leaves_for(house, SHORT_LEASE * 1.5)
    server.start()
    assert_all_out(house)
    assert all(node.alive for node in nodes), house.logs()


@pytest.mark.fault(8)
def test_nothing_leaves_while_postgresql_does_not_answer_and_all_leaves_once_after(
    house: Installation, server: Postgres
) -> None:
    house.queue(EACH)
    nodes = [house.start(lease=SHORT_LEASE), house.start(lease=SHORT_LEASE)]
    house.wait_for_arrivals(6)
    server.freeze()
    try:
        assert_nothing_leaves_for(house, SHORT_LEASE * 1.5)
    finally:
        server.thaw()
    assert_all_out(house)
    assert all(node.alive for node in nodes), house.logs()


@pytest.mark.fault(8)
def test_nodes_whose_connections_are_ended_go_on(house: Installation, server: Postgres) -> None:
    house.queue(EACH)
    nodes = [house.start(lease=SHORT_LEASE), house.start(lease=SHORT_LEASE)]
    for arrived in (4, 12, 24):
        house.wait_for_arrivals(arrived)
        server.terminate_connections()
    assert_all_out(house)
    assert all(node.alive for node in nodes), house.logs()


@pytest.mark.fault(8)
def test_a_node_that_starts_while_postgresql_is_down_waits_for_it(
    house: Installation, server: Postgres
) -> None:
    house.queue(1)
    server.crash()
    try:
        node = house.start()
        pause(2)
        alive = node.alive
    finally:
        server.start()
    assert alive, node.log.read_text()
    assert_all_out(house)


@pytest.mark.fault(9)
@pytest.mark.fault(16)
def test_a_node_frozen_with_rows_locked_holds_the_others_up_only_for_a_while(
    house: Installation, server: Postgres
) -> None:
    """PostgreSQL ends the transaction of one that stands still, and the frozen one lives through that."""
    house.queue(EACH)
    frozen = house.start(lease=SHORT_LEASE)
    house.wait_for_arrivals(6)
    house.freeze_at_work(frozen)
    house.start()
    house.wait_until_published()
    frozen.thaw()
    house.queue(1)
    assert_all_out(house)
    wait_until(lambda: "database_unreachable" in frozen.log.read_text(), "it noticed")
    assert frozen.alive, frozen.log.read_text()


@pytest.mark.fault(9)
def test_nothing_leaves_while_the_database_is_locked_and_all_leaves_once_after(
    installation: Installation,
) -> None:
    """Another process holds the SQLite file, or PostgreSQL's rows, for longer than anybody's patience."""
    installation.add_accounts(ACCOUNTS)
    installation.queue(EACH)
    installation.world.set_faults(Fault("hang", path="/publish", value="0.2"))
    node = installation.start()
    installation.wait_for_arrivals(6)
    with shut(installation.address):
        assert_nothing_leaves_for(installation, 16)  # SQLite's time-out is 15 s
    assert_all_out(installation)
    assert node.alive, node.log.read_text()
