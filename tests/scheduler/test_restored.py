"""The first promise through a disaster: what went out after the backup does not go out again."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from backups import Home, bare_home, empty_database, made_home, path_with_programs
from scenery import WorldClock, delivery, make_account, make_node, queue_posts, run_until_idle, story

from config import ManualClock
from meizhen.backup import restore, take_backup
from meizhen.house import House
from sandbox.platforms import webhook
from scheduler import resolve, retry, transitions
from scheduler.deliveries import Attempt, Delivery, State
from scheduler.lanes import Lane
from scheduler.notices import open_notices
from scheduler.queue import stop_of, stop_queue
from scheduler.restored import paused_by_restore

if TYPE_CHECKING:
    from conftest import RunningSandbox

MINUTE = timedelta(minutes=1)


@pytest.fixture
def homes(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    database_address: str,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tuple[Home, Home]]:
    monkeypatch.setenv("PATH", path_with_programs())
    server = None if database_address.startswith("sqlite") else request.getfixturevalue("_postgres")
    home = made_home(tmp_path / "home", database_address, clock)
    with empty_database(database_address, server) as address:
        yield home, bare_home(tmp_path / "target", address, home)


def work(house: House, clock: WorldClock, minutes: int) -> None:
    """A node works until then."""
    end = clock.now() + minutes * MINUTE
    run_until_idle(make_node(house.database, house.keys, clock, house.settings.home), minutes * MINUTE)
    clock.move_to(max(end, clock.now()))


def test_nothing_goes_out_twice_after_a_restore_and_nothing_at_all_before_a_person_says_so(
    homes: tuple[Home, Home], sandbox: "RunningSandbox", clock: ManualClock, tmp_path: Path
) -> None:
    """Of four posts two go out after the backup, one of them moved up by a person; then all is lost."""
    home, target = homes
    ours = WorldClock(clock.now(), sandbox.world)
    there = webhook.example(sandbox.world, "us")
    texts = ["soon", "later", "moved up", "tomorrow"]
    with home.opened(ours) as house:
        account = make_account(
            house.database, house.keys, "webhook", "us",
            api_base=f"{sandbox.url}/webhook", credentials=there.credentials,
        )  # fmt: skip
        dues = [ours.now() + minutes * MINUTE for minutes in (10, 50, 3000, 1440)]
        soon, later, moved, tomorrow = (
            queue_posts(house.database, account, [words], due=due, now=ours.now())[0]
            for words, due in zip(texts, dues, strict=True)
        )
        backup = take_backup(house, tmp_path / "b.tar").file
        with house.database.write() as session:
            transitions.reschedule(
                session, house.keys, [moved], due=ours.now() + 15 * MINUTE, now=ours.now(), actor="li"
            )
        work(house, ours, 30)
    arrived = ["soon", "moved up"]
    assert [one.text for one in sandbox.world.published] == arrived

    ours.move_to(ours.now() + 30 * MINUTE)
    held = restore(backup, target.variables, ours).held
    assert (held["uncertain"], held["paused"]) == (2, 2)
    with target.opened(ours) as house:
        with house.database.read() as session:
            assert (stop := stop_of(session)) is not None and "backup" in stop.reason.lower()
            assert [notice.kind for notice in open_notices(session)] == ["uncertain"]
        work(house, ours, 5)
        with house.database.write() as session:
            stop_queue(session, house.keys, now=ours.now(), actor="li", stopped=False)
        work(house, ours, 3 * 1440)  # past every time there ever was
        assert [one.text for one in sandbox.world.published] == arrived
        assert delivery(house.database, soon).state == State.UNCERTAIN
        assert story(house.database, moved)[-1] == ("queued", "paused", "restored")
        with house.database.write() as session:
            now, keys = ours.now(), house.keys
            resolve(session, keys, soon, published_url="https://a.cn/1", now=now, actor="li")
            resolve(session, keys, later, published_url=None, now=now, actor="li")
            transitions.cancel(session, keys, [moved], now=now, actor="li")
            assert paused_by_restore(session) == [tomorrow]
            transitions.reschedule(session, keys, [tomorrow], due=now + MINUTE, now=now, actor="li")
            transitions.resume(session, keys, [tomorrow], now=now, actor="li")
            retry(session, keys, [later], now=now, actor="li")
        work(house, ours, 10)
    assert [one.text for one in sandbox.world.published] == [*arrived, "later", "tomorrow"]
    assert all(one.received == 1 for one in sandbox.world.published)


@pytest.mark.parametrize("database_address", ["sqlite"], indirect=True)  # the way is that of the test above
def test_a_call_that_was_under_way_is_a_doubt_for_a_person_and_is_not_looked_up_alone(
    homes: tuple[Home, Home], sandbox: "RunningSandbox", clock: ManualClock, tmp_path: Path
) -> None:
    """As it stands in a backup of that very moment: sending, its attempt open, its lane held."""
    home, target = homes
    ours = WorldClock(clock.now(), sandbox.world)
    there = webhook.example(sandbox.world, "us")
    with home.opened(ours) as house:
        account = make_account(
            house.database, house.keys, "webhook", "us",
            api_base=f"{sandbox.url}/webhook", credentials=there.credentials,
        )  # fmt: skip
        (sent,) = queue_posts(house.database, account, ["one"], due=ours.now())
        with house.database.write() as session:
            one = session.get_one(Delivery, sent)
            one.state, one.attempts, one.calls, one.fence = State.SENDING, 1, 1, 1
            lane = session.get_one(Lane, account.known_id)
            lane.node, lane.lease_until, lane.fence = "n", ours.now() + 60 * MINUTE, 1
            session.add_all([one, lane])
            session.add(
                Attempt(delivery_id=sent, number=1, purpose="publish", node="n", started_at=ours.now())
            )
        backup = take_backup(house, tmp_path / "b.tar").file
    assert restore(backup, target.variables, ours).held["uncertain"] == 1
    with target.opened(ours) as house:
        with house.database.write() as session:
            stop_queue(session, house.keys, now=ours.now(), actor="li", stopped=False)
        work(house, ours, 1440)
        one = delivery(house.database, sent)
        assert (one.state, one.needs_person, one.outcome_code) == (State.UNCERTAIN, True, "restored")
        assert one.outcome_text.startswith("Restored from the backup of 2026-03-02")
    assert sandbox.world.published == []
