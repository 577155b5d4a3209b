"""Gates: who is asked to wait waits, everybody behind it, on every node; after that the pace is found."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from scenery import attempts, delivery, make_account, make_node, queue_posts, run_until_idle

from config import Database, ManualClock
from config.secrets import KeyRing
from organisation.accounts import Account
from sandbox.platforms import webhook
from sandbox.world import Fault
from scheduler.deliveries import State
from scheduler.gates import Gate, Gates

if TYPE_CHECKING:
    from conftest import RunningSandbox

SECOND = timedelta(seconds=1)


def test_a_shut_gate_lets_nothing_through_until_its_time(clock: ManualClock) -> None:
    gate = Gate("k", clock)
    gate.shut(clock.now() + 10 * SECOND)
    gate.shut(clock.now() + 5 * SECOND)  # never shortened
    assert not gate.pass_one(clock.now())
    assert gate.open_at(clock.now()) == clock.now() + 10 * SECOND
    clock.advance(9.9)
    assert gate.shut_until() is not None
    clock.advance(0.1)
    assert gate.pass_one(clock.now())


def test_after_it_was_shut_one_call_goes_first(clock: ManualClock) -> None:
    gate = Gate("k", clock)
    gate.refused(clock.now())
    assert gate.pass_one(clock.now())
    assert not gate.pass_one(clock.now())
    assert gate.open_at(clock.now()) is None  # only its answer decides
    gate.put_back()
    assert gate.pass_one(clock.now())  # one that was not made is not waited for
    gate.took(clock.now())
    assert gate.open_at(clock.now()) is not None


def drive(clock: ManualClock, limit: int, seconds: int) -> tuple[int, int]:
    """A platform that takes `limit` in a second and then asks for one of peace: (taken, refused)."""
    gate, taken, refused, window, in_window = Gate("k", clock), 0, 0, -1, 0
    began = clock.now()
    for _ in range(seconds * 1000):
        now = clock.now()
        if gate.pass_one(now):
            passed = int((now - began).total_seconds())
            if passed != window:
                window, in_window = passed, 0
            if in_window < limit:
                in_window, taken = in_window + 1, taken + 1
                gate.took(now)
            else:
                refused += 1
                gate.shut(now + SECOND)
                gate.refused(now)
        clock.advance(0.001)
    return taken, refused


@given(limit=st.integers(5, 400))
def test_a_limit_is_met_rarely_and_used_well(limit: int) -> None:
    from datetime import UTC, datetime

    taken, refused = drive(ManualClock(datetime(2026, 3, 2, tzinfo=UTC)), limit, 20)
    assert refused <= 0.08 * (taken + refused)
    assert taken >= 0.5 * limit * 20


def open_site(
    database: Database, keys: KeyRing, sandbox: "RunningSandbox", handle: str, platform: str = "webhook"
) -> Account:
    there = webhook.example(sandbox.world, handle)
    return make_account(
        database,
        keys,
        platform,
        handle,
        api_base=f"{sandbox.url}/webhook",
        credentials=there.credentials,
    )


def test_a_site_that_slows_down_one_account_is_left_in_peace_by_all(
    database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path, sandbox: "RunningSandbox"
) -> None:
    began = clock.now()
    ids = [
        queue_posts(database, open_site(database, keys, sandbox, f"s{number}"), ["一"], due=began)[0]
        for number in range(6)
    ]
    sandbox.world.set_faults(Fault("throttle", path="/publish", times=1, value="90"))
    run_until_idle(make_node(database, keys, clock, tmp_path, senders=1))
    assert {delivery(database, id_).state for id_ in ids} == {State.PUBLISHED}
    calls = [call for id_ in ids for call in attempts(database, id_)]
    made = [call for call in calls if call.platform_code != "held-back"]
    refused_at = min(call.finished_at for call in made if call.outcome == "throttled" and call.finished_at)
    for call in made:
        assert call.started_at <= refused_at or call.started_at >= began + timedelta(seconds=90)
    assert {delivery(database, id_).attempts for id_ in ids} == {1}  # only what was done counts


def test_another_node_and_a_node_after_a_restart_find_the_gate_shut(
    database: Database, clock: ManualClock
) -> None:
    until = clock.now() + timedelta(hours=1)
    with database.write() as session:
        Gates.write(session, {"webhook x": (until, "429")})
        Gates.write(session, {"webhook x": (until - SECOND, "429")})  # the longer wait stands
    other = Gates(clock)
    assert other.of("webhook x").shut_until() is None
    with database.read() as session:
        other.read(session, clock.now())
    assert other.of("webhook x").shut_until() == until
    assert other.of("webhook y").shut_until() is None
    clock.advance(3601)
    with database.read() as session:
        later = Gates(clock)
        later.read(session, clock.now())
    assert later.of("webhook x").shut_until() is None


def test_a_gate_that_is_shut_for_hours_keeps_no_lane(
    database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path, sandbox: "RunningSandbox"
) -> None:
    from sqlmodel import select

    from scheduler.lanes import Lane

    due = clock.now()
    for number in range(4):
        queue_posts(database, open_site(database, keys, sandbox, f"s{number}"), ["一"], due=due)
    sandbox.world.set_faults(Fault("throttle", path="/publish", times=1, value="3600"))
    run_until_idle(make_node(database, keys, clock, tmp_path, senders=1), patience=timedelta(minutes=1))
    with database.read() as session:
        waits = session.exec(select(Lane.next_at)).all()
    assert all(at is not None and at >= due + timedelta(seconds=3600) for at in waits)
