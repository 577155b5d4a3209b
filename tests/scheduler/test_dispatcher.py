"""The publishing node over real HTTP, on both databases: once, in order, whatever breaks."""

import threading
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scenery import (
    attempts,
    delivery,
    make_account,
    make_node,
    queue_posts,
    run_until_idle,
    story,
)
from sqlmodel import col, select

from config import Database, ManualClock
from config.secrets import KeyRing
from organisation.accounts import Account
from sandbox.platforms import webhook
from sandbox.world import Fault
from scheduler import cancel, queue_status, reschedule, resolve, retry
from scheduler.deliveries import Delivery, State
from scheduler.lanes import Lane
from scheduler.queue import stop_accounts, stop_queue

if TYPE_CHECKING:
    from conftest import RunningSandbox


@pytest.fixture
def site(database: Database, keys: KeyRing, sandbox: "RunningSandbox") -> Account:
    """A webhook account whose platform is the sandbox."""
    there = webhook.example(sandbox.world, "site")
    return make_account(
        database,
        keys,
        "webhook",
        "site",
        api_base=f"{sandbox.url}/webhook",
        credentials=there.credentials,
    )


def arrived(sandbox: "RunningSandbox") -> list[str]:
    return [item.text for item in sandbox.world.of("webhook", "site")]


def test_due_posts_go_out_once_in_order(
    database: Database,
    keys: KeyRing,
    clock: ManualClock,
    tmp_path: Path,
    sandbox: "RunningSandbox",
    site: Account,
) -> None:
    texts = [f"第{number}篇" for number in range(50)]
    ids = queue_posts(database, site, texts, due=clock.now())
    run_until_idle(make_node(database, keys, clock, tmp_path))
    assert arrived(sandbox) == texts
    first = delivery(database, ids[0])
    assert (first.state, first.attempts, bool(first.remote_id)) == (State.PUBLISHED, 1, True)
    assert [step[1] for step in story(database, ids[0])] == ["queued", "sending", "published"]


def test_a_post_waits_for_its_time(
    database: Database,
    keys: KeyRing,
    clock: ManualClock,
    tmp_path: Path,
    sandbox: "RunningSandbox",
    site: Account,
) -> None:
    due = clock.now() + timedelta(hours=3)
    [id_] = queue_posts(database, site, ["以后"], due=due, now=clock.now())
    run_until_idle(make_node(database, keys, clock, tmp_path), patience=timedelta(minutes=5))
    assert delivery(database, id_).state == State.QUEUED
    run_until_idle(make_node(database, keys, clock, tmp_path), patience=timedelta(hours=4))
    published = delivery(database, id_)
    assert published.state == State.PUBLISHED
    assert published.published_at is not None
    assert timedelta(0) <= published.published_at - due <= timedelta(seconds=5)


@pytest.mark.parametrize("kind", ["cut_after", "truncated_json", "html_after", "status_after"])
def test_a_lost_answer_is_looked_up_and_the_post_is_out_once(
    kind: str,
    database: Database,
    keys: KeyRing,
    clock: ManualClock,
    tmp_path: Path,
    sandbox: "RunningSandbox",
    site: Account,
) -> None:
    sandbox.world.faults.append((Fault(kind, path="/publish", times=1, value="500"), [0]))
    ids = queue_posts(database, site, ["一", "二"], due=clock.now())
    run_until_idle(make_node(database, keys, clock, tmp_path))
    assert arrived(sandbox) == ["一", "二"]
    assert sandbox.world.of("webhook", "site")[0].received == 1
    assert [step[1] for step in story(database, ids[0])] == ["queued", "sending", "uncertain", "published"]
    assert [call.purpose for call in attempts(database, ids[0])] == ["publish", "find"]


@pytest.mark.parametrize("kind", ["cut_before", "html", "status"])
def test_an_answer_that_says_nothing_is_looked_up_before_the_post_is_repeated(
    kind: str,
    database: Database,
    keys: KeyRing,
    clock: ManualClock,
    tmp_path: Path,
    sandbox: "RunningSandbox",
    site: Account,
) -> None:
    sandbox.world.faults.append((Fault(kind, path="/publish", times=1, value="500"), [0]))
    ids = queue_posts(database, site, ["一", "二"], due=clock.now())
    run_until_idle(make_node(database, keys, clock, tmp_path))
    assert arrived(sandbox) == ["一", "二"]
    assert [call.purpose for call in attempts(database, ids[0])] == ["publish", "find", "publish"]


def test_a_closed_port_is_tried_again_until_the_post_is_too_late(
    database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path
) -> None:
    nobody = make_account(database, keys, "webhook", "nobody", api_base="http://127.0.0.1:9")
    [id_] = queue_posts(database, nobody, ["一"], due=clock.now(), lateness=timedelta(minutes=30))
    run_until_idle(make_node(database, keys, clock, tmp_path))
    missed = delivery(database, id_)
    assert (missed.state, missed.needs_person) == (State.MISSED, True)
    assert {call.outcome for call in attempts(database, id_)} == {"unreachable"}
    assert 5 <= missed.attempts <= 40


def test_retry_after_is_obeyed_and_order_is_kept(
    database: Database,
    keys: KeyRing,
    clock: ManualClock,
    tmp_path: Path,
    sandbox: "RunningSandbox",
    site: Account,
) -> None:
    began = clock.now()
    sandbox.world.faults.append((Fault("throttle", path="/publish", times=1, value="90"), [0]))
    ids = queue_posts(database, site, ["一", "二"], due=began)
    run_until_idle(make_node(database, keys, clock, tmp_path))
    assert arrived(sandbox) == ["一", "二"]
    second_try = attempts(database, ids[0])[1]
    assert second_try.started_at - began >= timedelta(seconds=90)
    assert attempts(database, ids[1])[0].started_at >= second_try.started_at


def test_what_the_platform_refuses_fails_with_its_words_and_holds_nothing_up(
    database: Database,
    keys: KeyRing,
    clock: ManualClock,
    tmp_path: Path,
    sandbox: "RunningSandbox",
    site: Account,
) -> None:
    sandbox.world.faults.append((Fault("status", path="/publish", times=1, value="422"), [0]))
    ids = queue_posts(database, site, ["一", "二"], due=clock.now())
    run_until_idle(make_node(database, keys, clock, tmp_path))
    refused = delivery(database, ids[0])
    assert (refused.state, refused.needs_person, refused.outcome_code) == (State.FAILED, True, "422")
    assert arrived(sandbox) == ["二"]
    with database.write() as session:
        retry(session, keys, [ids[0]], now=clock.now(), actor="test")
    run_until_idle(make_node(database, keys, clock, tmp_path))
    assert arrived(sandbox) == ["二", "一"]


def test_a_platform_that_needs_a_person_pauses_the_account_and_resuming_goes_on(
    database: Database,
    keys: KeyRing,
    clock: ManualClock,
    tmp_path: Path,
    sandbox: "RunningSandbox",
    site: Account,
) -> None:
    sandbox.world.faults.append((Fault("status", path="/publish", times=1, value="403"), [0]))
    ids = queue_posts(database, site, ["一", "二"], due=clock.now())
    run_until_idle(make_node(database, keys, clock, tmp_path))
    assert [delivery(database, id_).state for id_ in ids] == [State.FAILED, State.QUEUED]
    assert arrived(sandbox) == []
    with database.write() as session:
        assert queue_status(session, clock.now()).paused_accounts == 1
        stop_accounts(session, keys, [site], now=clock.now(), actor="test", stopped=False)
        retry(session, keys, [ids[0]], now=clock.now(), actor="test")
    run_until_idle(make_node(database, keys, clock, tmp_path))
    assert sorted(arrived(sandbox)) == ["一", "二"]


def test_after_an_outage_the_backlog_does_not_pour_out(
    database: Database,
    keys: KeyRing,
    clock: ManualClock,
    tmp_path: Path,
    sandbox: "RunningSandbox",
    site: Account,
) -> None:
    late = queue_posts(database, site, ["旧"], due=clock.now())
    clock.advance(3 * 3600)
    fresh = queue_posts(database, site, ["新"], due=clock.now())
    run_until_idle(make_node(database, keys, clock, tmp_path))
    assert arrived(sandbox) == ["新"]
    assert delivery(database, late[0]).state == State.MISSED
    with database.write() as session:
        reschedule(session, keys, late, due=clock.now(), now=clock.now(), actor="test")
    run_until_idle(make_node(database, keys, clock, tmp_path))
    assert arrived(sandbox) == ["新", "旧"]
    assert delivery(database, fresh[0]).state == State.PUBLISHED


def test_a_stopped_queue_sends_nothing_and_goes_on_when_opened(
    database: Database,
    keys: KeyRing,
    clock: ManualClock,
    tmp_path: Path,
    sandbox: "RunningSandbox",
    site: Account,
) -> None:
    queue_posts(database, site, ["一"], due=clock.now())
    with database.write() as session:
        stop_queue(session, keys, now=clock.now(), actor="test", stopped=True)
    run_until_idle(make_node(database, keys, clock, tmp_path), patience=timedelta(minutes=1))
    assert arrived(sandbox) == []
    with database.write() as session:
        stop_queue(session, keys, now=clock.now(), actor="test", stopped=False)
    run_until_idle(make_node(database, keys, clock, tmp_path))
    assert arrived(sandbox) == ["一"]


def test_a_cancelled_post_never_leaves(
    database: Database,
    keys: KeyRing,
    clock: ManualClock,
    tmp_path: Path,
    sandbox: "RunningSandbox",
    site: Account,
) -> None:
    ids = queue_posts(database, site, ["一", "二"], due=clock.now())
    with database.write() as session:
        cancel(session, keys, [ids[0]], now=clock.now(), actor="test")
    run_until_idle(make_node(database, keys, clock, tmp_path))
    assert arrived(sandbox) == ["二"]


def test_what_a_killed_node_left_open_is_looked_up_by_the_next(
    database: Database,
    keys: KeyRing,
    clock: ManualClock,
    tmp_path: Path,
    sandbox: "RunningSandbox",
    site: Account,
) -> None:
    """The call went out and the node died before it could write so: nothing is sent twice."""
    ids = queue_posts(database, site, ["一", "二"], due=clock.now())
    dead = make_node(database, keys, clock, tmp_path)
    dead.turn()
    dead.turn()
    sent = dead._senders.answers.get(timeout=10)
    assert sent is not None
    assert delivery(database, ids[0]).state == State.SENDING
    clock.advance(120)
    run_until_idle(make_node(database, keys, clock, tmp_path))
    assert arrived(sandbox) == ["一", "二"]
    assert sandbox.world.of("webhook", "site")[0].received == 1
    assert [step[2] for step in story(database, ids[0])][2] == "node-lost"
    # The dead one wakes and wants to write: it is told that the lane is no longer its own.
    dead.turn([sent])
    assert delivery(database, ids[0]).state == State.PUBLISHED
    dead._finish()


def test_two_nodes_share_the_work_and_send_nothing_twice(
    database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path, sandbox: "RunningSandbox"
) -> None:
    from config import SystemClock

    real = SystemClock()
    sandbox.world.move_to(real.now())
    ids = []
    for number in range(12):
        there = webhook.example(sandbox.world, f"s{number}")
        account = make_account(
            database,
            keys,
            "webhook",
            f"s{number}",
            api_base=f"{sandbox.url}/webhook",
            credentials=there.credentials,
        )
        ids += queue_posts(database, account, [f"{number}-{n}" for n in range(5)], due=real.now())
    nodes = [make_node(database, keys, real, tmp_path, senders=2) for _ in range(2)]
    threads = [
        threading.Thread(target=node.run, args=(threading.Event(),), kwargs={"until_idle": True})
        for node in nodes
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with database.read() as session:
        states = set(session.exec(select(Delivery.state).where(col(Delivery.id).in_(ids))))
    assert states == {State.PUBLISHED}
    assert len(sandbox.world.published) == 60
    assert all(item.received == 1 for item in sandbox.world.published)


def test_a_person_settles_what_the_platform_cannot_tell(
    database: Database,
    keys: KeyRing,
    clock: ManualClock,
    tmp_path: Path,
    sandbox: "RunningSandbox",
    site: Account,
) -> None:
    sandbox.world.faults.append((Fault("cut_after", path="/publish", times=1), [0]))
    sandbox.world.faults.append((Fault("status", path="/lookup", value="500"), [0]))
    [id_] = queue_posts(database, site, ["一"], due=clock.now())
    run_until_idle(make_node(database, keys, clock, tmp_path), patience=timedelta(hours=12))
    doubt = delivery(database, id_)
    assert (doubt.state, doubt.needs_person) == (State.UNCERTAIN, True)
    with database.write() as session:
        resolve(
            session,
            keys,
            id_,
            published_url="https://site.example/1",
            now=clock.now(),
            actor="test",
        )
    settled = delivery(database, id_)
    assert (settled.state, settled.url, settled.needs_person) == (
        State.PUBLISHED,
        "https://site.example/1",
        False,
    )


def test_a_graceful_stop_leaves_no_lane_held(
    database: Database,
    keys: KeyRing,
    clock: ManualClock,
    tmp_path: Path,
    sandbox: "RunningSandbox",
    site: Account,
) -> None:
    queue_posts(database, site, ["一"], due=clock.now() + timedelta(seconds=1), now=clock.now())
    stop = threading.Event()
    node = make_node(database, keys, clock, tmp_path)
    node.run(stop, until=clock.now() + timedelta(milliseconds=500))
    with database.read() as session:
        assert session.exec(select(Lane.node)).all() == [None]
