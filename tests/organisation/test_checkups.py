"""What platforms say of accounts: asked once for a while, never while nobody waits, and a failure is told."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from scenery import make_account

from config import Database, ManualClock
from config.secrets import KeyRing
from config.settings import load_settings
from organisation import Account
from organisation.checkups import KNOWN_FOR, Checkups, ends_before
from sandbox.platforms import weibo

if TYPE_CHECKING:
    from conftest import RunningSandbox


def test_an_account_is_asked_once_until_its_answer_is_old(
    database: Database, keys: KeyRing, clock: ManualClock, sandbox: "RunningSandbox", tmp_path: Path
) -> None:
    world = sandbox.world
    there = weibo.example(world, "w")
    there.switches["expires_at"] = clock.now() + timedelta(days=3)
    address = f"{sandbox.url}/weibo"
    account = make_account(database, keys, "weibo", "w", api_base=address, credentials=there.credentials)
    bare = make_account(database, keys, "weibo", "bare", api_base="http://127.0.0.1:9/weibo")
    checkups = Checkups(
        database,
        keys,
        load_settings({"MEIZHEN_HOME": str(tmp_path), "MEIZHEN_PRIVATE_NETWORKS": "127.0.0.0/8"}),
        clock,
    )
    both: list[Account] = [account, bare]
    assert checkups.known(both) == {}
    checkups.ask(both, 60)
    said = checkups.known(both)
    life = said[account.known_id][0]
    assert not life.fine and life.ends == clock.now() + timedelta(days=3)
    assert ends_before(said[account.known_id], clock.now() + timedelta(days=4)) == life.ends
    assert ends_before(said[account.known_id], clock.now() + timedelta(days=2)) is None
    assert [one.fine for one in said[bare.known_id]] == [False] and said[bare.known_id][0].remedy
    asked = sum(world.calls.values())
    checkups.ask(both, 60)
    assert sum(world.calls.values()) == asked
    clock.advance(KNOWN_FOR.total_seconds())
    assert checkups.known(both) == {}
    checkups.ask(both, 60)
    assert sum(world.calls.values()) > asked
