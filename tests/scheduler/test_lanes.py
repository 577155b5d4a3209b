"""Lanes: taken by one, given back only when nothing woke them, taken over when their node died."""

import os
import subprocess
import sys
import threading
from datetime import timedelta

from scenery import make_account, queue_posts
from sqlmodel import col, select

from config import Database, ManualClock
from config.clock import SHANGHAI
from config.secrets import KeyRing
from scheduler import lanes
from scheduler.lanes import Held, Lane
from scheduler.nodes import is_dead, this_node
from scheduler.queue import release_dead_nodes

AHEAD, LEASE = timedelta(seconds=2), timedelta(seconds=60)


def fill(database: Database, keys: KeyRing, clock: ManualClock, count: int) -> list[int]:
    ids = []
    for number in range(count):
        account = make_account(database, keys, "webhook", f"a{number}")
        queue_posts(database, account, ["一"], due=clock.now())
        ids.append(account.known_id)
    return ids


def claim(database: Database, node: str, clock: ManualClock, limit: int = 100) -> list[Held]:
    with database.write() as session:
        return lanes.claim(session, node, now=clock.now(), ahead=AHEAD, lease=LEASE, limit=limit)


def test_only_due_lanes_without_a_living_holder_are_taken(
    database: Database, keys: KeyRing, clock: ManualClock
) -> None:
    due = fill(database, keys, clock, 3)
    later = make_account(database, keys, "webhook", "later")
    queue_posts(database, later, ["一"], due=clock.now() + timedelta(hours=1), now=clock.now())
    assert sorted(lane.account_id for lane in claim(database, "a", clock)) == due
    assert claim(database, "b", clock) == []
    clock.advance(61)
    taken = claim(database, "b", clock)
    assert sorted(lane.account_id for lane in taken) == due
    assert {lane.fence for lane in taken} == {2}


def test_many_nodes_never_take_the_same_lane(database: Database, keys: KeyRing, clock: ManualClock) -> None:
    due = fill(database, keys, clock, 24)
    taken: list[int] = []

    def work(node: str) -> None:
        while lot := claim(database, node, clock, limit=3):
            taken.extend(lane.account_id for lane in lot)

    threads = [threading.Thread(target=work, args=(f"n{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # A node whose statement found only rows that another was just taking stops early: nothing is taken twice.
    taken += [lane.account_id for lane in claim(database, "last", clock)]
    assert sorted(taken) == due


def test_no_more_lanes_are_taken_than_asked_for_however_the_rows_are_looked_up(
    database: Database, keys: KeyRing, clock: ManualClock
) -> None:
    due = fill(database, keys, clock, 24)
    for by_key in (True, False):
        with database.write(by_key=by_key) as session:
            taken = lanes.claim(session, "a", now=clock.now(), ahead=AHEAD, lease=LEASE, limit=5)
        assert sorted(lane.account_id for lane in taken) == due[:5]
        del due[:5]


def test_a_lane_that_was_woken_meanwhile_is_not_given_back(
    database: Database, keys: KeyRing, clock: ManualClock
) -> None:
    [account_id] = fill(database, keys, clock, 1)
    [held] = claim(database, "a", clock)
    with database.write() as session:
        lanes.wake(session, [account_id], clock.now())
    with database.write() as session:
        assert lanes.release(session, "a", [(held, None)]) == set()
        fresh = lanes.look(session, "a", [account_id])[account_id]
        assert lanes.release(session, "a", [(fresh, None)]) == {account_id}
    assert claim(database, "b", clock) == []
    with database.write() as session:
        lanes.wake(session, [account_id], clock.now())
    assert [lane.account_id for lane in claim(database, "b", clock)] == [account_id]


def test_a_node_that_lost_its_lane_neither_renews_nor_gives_back(
    database: Database, keys: KeyRing, clock: ManualClock
) -> None:
    [account_id] = fill(database, keys, clock, 1)
    [held] = claim(database, "a", clock)
    clock.advance(61)
    claim(database, "b", clock)
    with database.write() as session:
        assert lanes.renew(session, "a", now=clock.now(), lease=LEASE) == {}
        assert lanes.release(session, "a", [(held, None)]) == set()
    with database.read() as session:
        assert session.exec(select(Lane.node).where(col(Lane.account_id) == account_id)).one() == "b"


def test_a_node_of_this_machine_that_is_gone_is_known_to_be_dead(
    database: Database, keys: KeyRing, clock: ManualClock
) -> None:
    [account_id] = fill(database, keys, clock, 1)
    ask = "from scheduler.nodes import this_node; print(this_node())"
    gone = subprocess.run(
        [sys.executable, "-c", ask], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert is_dead(gone)
    assert not is_dead(this_node())
    assert not is_dead("elsewhere:boot-1:1:1:aa")
    assert not is_dead("nonsense")
    claim(database, gone, clock)
    with database.write() as session:
        release_dead_nodes(session, f"{os.getpid()}", clock.now(), is_dead)
    assert [lane.account_id for lane in claim(database, "b", clock)] == [account_id]


def test_a_closed_lane_opens_at_the_latest_time_told_whatever_its_zone(
    database: Database, keys: KeyRing, clock: ManualClock
) -> None:
    [account_id] = fill(database, keys, clock, 1)
    until = (clock.now() + timedelta(hours=15)).astimezone(SHANGHAI)
    for told in (until, until - timedelta(hours=9)):
        with database.write() as session:
            lanes.hold_until(session, account_id, told)
            assert session.get_one(Lane, account_id).open_from == until
