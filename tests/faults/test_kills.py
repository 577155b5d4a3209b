"""Nodes killed and frozen as real processes, on both databases: 0 lost, 0 doubled, order kept."""

import random
import signal
import threading
from datetime import UTC, datetime, timedelta

import pytest
from installed import SHORT_LEASE, Installation, shut

from benchmarks._nodes import wait_until
from sandbox.world import Fault


def pause(seconds: float) -> None:
    threading.Event().wait(seconds)


@pytest.mark.fault(1)
def test_nodes_killed_as_they_start_leave_nothing_behind(installation: Installation) -> None:
    installation.add_accounts(4)
    installation.queue(5)
    chance = random.Random(1)
    for _ in range(6):
        node = installation.start()
        pause(chance.uniform(0.02, 0.3))
        node.kill()
    installation.start()
    installation.wait_until_published()
    installation.assert_once_and_in_order()


@pytest.mark.fault(2)
def test_a_node_killed_after_it_took_its_lanes_has_sent_nothing_and_another_goes_on(
    installation: Installation,
) -> None:
    """Lanes are taken two ticks before their time: between the two the node dies."""
    installation.add_accounts(3)
    installation.queue(2, due=datetime.now(UTC) + timedelta(seconds=8))  # a busy machine starts it in time
    node = installation.start(tick=4.0)
    wait_until(lambda: installation.held_by(node) == 3, "the lanes are taken")
    node.kill()
    assert (installation.arrived(), installation.attempts()) == (0, 0)
    installation.start()
    installation.wait_until_published()
    installation.assert_once_and_in_order()


@pytest.mark.fault(3)
def test_a_node_killed_before_the_answer_leaves_a_doubt_that_settles_by_itself(
    installation: Installation,
) -> None:
    """The platform has the posts and has not answered yet."""
    installation.add_accounts(4)
    installation.queue(3)
    installation.world.set_faults(Fault("hang", path="/publish", times=4, value="20"))
    node = installation.start()
    installation.wait_for_arrivals(4)
    node.kill()
    assert installation.open_attempts() == 4
    installation.start()
    installation.wait_until_published()
    installation.assert_once_and_in_order()


@pytest.mark.fault(3)
def test_a_node_killed_as_its_requests_leave_leaves_a_doubt_that_settles_by_itself(
    installation: Installation,
) -> None:
    """Nobody knows whether they left: some are found, the others are sent once the platform has none."""
    installation.add_accounts(12)
    installation.queue(2)
    node = installation.start(senders=2)
    wait_until(lambda: installation.open_attempts() > 0, "attempts are committed", pause=0.001)
    node.kill()
    installation.start()
    installation.wait_until_published()
    installation.assert_once_and_in_order()


@pytest.mark.fault(4)
def test_a_node_killed_between_the_answer_and_its_commit_leaves_a_doubt_that_settles_by_itself(
    installation: Installation,
) -> None:
    """The database is held shut while the answers come, so that none of them can be written."""
    installation.add_accounts(3)
    installation.queue(2)
    installation.world.set_faults(Fault("hang", path="/publish", times=3, value="0.6"))
    node = installation.start(call=5)
    installation.wait_for_arrivals(3)
    with shut(installation.address):
        assert installation.open_attempts() == 3
        pause(1.0)  # the answers are there by now
        node.kill()
    assert installation.open_attempts() == 3
    installation.start()
    installation.wait_until_published()
    installation.assert_once_and_in_order()


@pytest.mark.fault(1)
@pytest.mark.fault(3)
@pytest.mark.fault(15)
def test_two_nodes_killed_at_random_moments_while_answers_get_lost(installation: Installation) -> None:
    installation.add_accounts(10)
    installation.queue(6)
    installation.world.set_faults(Fault("cut_after", path="/publish", probability=0.1))
    chance = random.Random(15)
    nodes = [installation.start(), installation.start()]
    for _ in range(6):
        victim = chance.randrange(2)
        pause(min(chance.expovariate(1 / 0.25), 0.8))
        assert all(node.alive for node in nodes), installation.logs()
        nodes[victim].kill()
        nodes[victim] = installation.start()
    installation.wait_until_published()
    installation.assert_once_and_in_order()


@pytest.mark.fault(15)
def test_two_nodes_share_one_queue(installation: Installation) -> None:
    installation.add_accounts(12)
    nodes = [installation.start(senders=2, call=15), installation.start(senders=2, call=15)]
    installation.queue(5)
    installation.wait_until_published()
    assert installation.attempts() == installation.queued
    installation.assert_once_and_in_order()
    assert all(node.alive for node in nodes)


@pytest.mark.fault(16)
def test_a_node_frozen_for_longer_than_its_lease_sends_nothing_stale_when_it_wakes(
    installation: Installation,
) -> None:
    """Its second post waits behind a hanging call, its attempt committed, while another node sends it."""
    installation.add_accounts(2)
    installation.queue(1)
    installation.world.set_faults(Fault("hang", path="/publish", times=1))
    frozen = installation.start(senders=1, call=60, lease=SHORT_LEASE)
    installation.wait_for_arrivals(1)
    # Looked at often: half a second later the hanging call has a stand-in, and the second post leaves.
    wait_until(lambda: installation.open_attempts() == 2, "both attempts are committed", pause=0.001)
    installation.freeze_at_rest(frozen)
    other = installation.start()
    installation.wait_until_published()
    assert installation.held_by(frozen) == 0
    frozen.thaw()
    installation.world.set_faults()  # the call ends
    wait_until(lambda: "answer_after_lane_was_lost" in frozen.log.read_text(), "the hanging call ended")
    frozen.signal(signal.SIGTERM)
    assert frozen.ended() == 0
    installation.assert_once_and_in_order()
    assert other.alive


@pytest.mark.fault(16)
def test_frozen_nodes_go_on_together_after_they_wake(installation: Installation) -> None:
    installation.add_accounts(8)
    installation.queue(5)
    installation.world.set_faults(Fault("hang", path="/publish", value="0.3"))
    nodes = [installation.start(lease=SHORT_LEASE), installation.start(lease=SHORT_LEASE)]
    wait_until(lambda: any(map(installation.held_by, nodes)), "one of them works")
    frozen = max(nodes, key=installation.held_by)
    installation.freeze_at_rest(frozen)
    pause(SHORT_LEASE * 1.5)
    assert installation.held_by(frozen) == 0
    frozen.thaw()
    installation.queue(2)
    installation.wait_until_published()
    installation.assert_once_and_in_order()
    assert all(node.alive for node in nodes), installation.logs()


@pytest.mark.fault(17)
def test_posts_that_came_due_three_days_ago_while_no_node_ran_wait_for_a_person(
    installation: Installation,
) -> None:
    installation.add_accounts(2)
    before = installation.start()
    installation.queue(1)
    installation.wait_until_published()
    before.kill()
    installation.queue(2, due=datetime.now(UTC) - timedelta(days=3))
    installation.start()
    wait_until(lambda: installation.states() == {"published": 2, "missed": 4}, "missed")
    assert installation.arrived() == 2


def test_a_node_that_is_told_to_stop_finishes_its_calls_and_another_goes_on_at_once(
    installation: Installation,
) -> None:
    installation.add_accounts(4)
    installation.queue(4)
    installation.world.set_faults(Fault("hang", path="/publish", times=4, value="1"))
    node = installation.start(lease=60, call=10)
    installation.wait_for_arrivals(4)
    node.signal(signal.SIGTERM)
    assert node.ended() == 0, node.log.read_text()
    assert (installation.held_by(node), installation.open_attempts()) == (0, 0)
    assert installation.states() == {"published": 4, "queued": 12}
    began = datetime.now(UTC)
    installation.start(lease=60, call=15)
    installation.wait_for_arrivals(5)
    assert datetime.now(UTC) - began < timedelta(seconds=30), "the lease of a minute was waited for"
    installation.wait_until_published()
    assert installation.attempts() == installation.queued
    installation.assert_once_and_in_order()
