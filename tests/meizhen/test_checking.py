"""Accounts asked every day: kept, told at seven, three and one days, and silent once somebody signed in."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scenery import make_account
from sqlmodel import select

from config import Database, ManualClock
from config.secrets import KeyRing
from config.settings import load_settings
from meizhen.checking import check_accounts
from meizhen.house import House
from organisation.checkups import checkups_of
from sandbox.platforms import weibo
from sandbox.world import Fault
from scheduler.checking import Examiner
from scheduler.notices import Kind, Notice, open_notices

if TYPE_CHECKING:
    from conftest import RunningSandbox


@pytest.fixture
def house(database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path) -> House:
    settings = load_settings({"MEIZHEN_HOME": str(tmp_path), "MEIZHEN_PRIVATE_NETWORKS": "127.0.0.1"})
    return House(settings, database, keys, clock, "test")


def told(database: Database) -> list[tuple[str, str, str]]:
    with database.read() as session:
        return [(notice.kind, notice.subject, notice.code) for notice in open_notices(session)]


def test_an_authorisation_that_ends_is_told_at_seven_three_and_one_days_once_each(
    house: House, clock: ManualClock, keys: KeyRing, sandbox: "RunningSandbox"
) -> None:
    there = weibo.example(sandbox.world, "league")
    account = make_account(
        house.database,
        keys,
        "weibo",
        "league",
        api_base=f"{sandbox.url}/weibo",
        credentials=there.credentials,
    )
    ends = clock.now() + timedelta(days=8, hours=1)
    there.switches["expires_at"] = ends
    seen: list[list[tuple[str, str, str]]] = []
    for _ in range(9):
        check_accounts(house)
        seen.append(told(house.database))
        clock.advance(86_400)
        sandbox.world.move_to(clock.now())
    subject = "weibo:league"
    assert seen[0] == [] and seen[1] == []
    assert [notices[0][2] for notices in seen[2:6]] == ["7"] * 4
    assert seen[6] == [(Kind.ENDING, subject, "3")] == seen[7]
    assert seen[8] == [(Kind.ENDING, subject, "1")]
    there.switches["expires_at"] = clock.now() + timedelta(days=30)
    check_accounts(house)
    assert told(house.database) == []
    with house.database.read() as session:
        kept = checkups_of(session, [account.known_id])[account.known_id]
        assert kept.fine and kept.left == 99
        assert [notice.closed_at is None for notice in session.exec(select(Notice))] == [False] * 3


def test_a_platform_that_cannot_be_asked_changes_nothing_and_a_refusal_does(
    house: House, clock: ManualClock, keys: KeyRing, sandbox: "RunningSandbox"
) -> None:
    there = weibo.example(sandbox.world, "league")
    base = f"{sandbox.url}/weibo"
    account = make_account(
        house.database, keys, "weibo", "league", api_base=base, credentials=there.credentials
    )
    there.switches["expires_at"] = clock.now() + timedelta(days=2)
    check_accounts(house)
    before = told(house.database)
    assert before == [(Kind.ENDING, "weibo:league", "3")]
    clock.advance(86_400)
    sandbox.world.move_to(clock.now())
    sandbox.world.set_faults(Fault("status", path="/weibo", value="503"))
    check_accounts(house)
    with house.database.read() as session:
        assert checkups_of(session, [account.known_id])[account.known_id].checked_at < clock.now()
    assert told(house.database) == before
    sandbox.world.set_faults()
    there.switches["expires_at"] = clock.now()
    check_accounts(house)
    with house.database.read() as session:
        assert not checkups_of(session, [account.known_id])[account.known_id].fine
    assert told(house.database) == before, "a dead token is told by what needs it; the end stands as told"


def test_only_accounts_of_which_nothing_fresh_is_known_are_asked_and_an_unconnected_one_says_so(
    house: House, clock: ManualClock, keys: KeyRing, sandbox: "RunningSandbox"
) -> None:
    there = weibo.example(sandbox.world, "w")
    base = f"{sandbox.url}/weibo"
    account = make_account(house.database, keys, "weibo", "w", api_base=base, credentials=there.credentials)
    bare = make_account(house.database, keys, "weibo", "bare", api_base="http://127.0.0.1:9/weibo")
    examiner = Examiner(house.database, keys, house.settings, clock, at_once=2)
    examiner.ask_unknown([account, bare], 60)
    with house.database.read() as session:
        known = checkups_of(session, [account.known_id, bare.known_id])
        assert known[account.known_id].fine and not known[bare.known_id].fine
        assert known[bare.known_id].told()[0].remedy is not None
    asked = sum(sandbox.world.calls.values())
    examiner.ask_unknown([account, bare], 60)
    assert sum(sandbox.world.calls.values()) == asked
    clock.advance(86_400)
    examiner.ask_unknown([account, bare], 60)
    assert sum(sandbox.world.calls.values()) > asked
    examiner.close()
