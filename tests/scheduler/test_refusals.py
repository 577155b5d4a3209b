"""What the database itself refuses, whatever the code would let through: raw SQL, on both databases."""

from importlib import import_module
from itertools import product
from typing import Any

import pytest
from scenery import attempts, delivery, make_account, queue_posts, story
from sqlalchemy import insert, text
from sqlalchemy.exc import IntegrityError

from config import Database, ManualClock
from config.secrets import KeyRing
from scheduler.deliveries import FOLLOWERS, Attempt, State

MIGRATION = import_module("migrations.versions.0007_transitions")


@pytest.fixture
def ids(database: Database, keys: KeyRing, clock: ManualClock) -> list[int]:
    """Two queued deliveries of one account, the first with an attempt that has ended."""
    account = make_account(database, keys, "webhook", "a")
    queued = queue_posts(database, account, ["一", "二"], due=clock.now())
    with database.write() as session:
        begun = {"delivery_id": queued[0], "number": 1, "purpose": "publish", "node": "n"}
        ended = {"started_at": clock.now(), "finished_at": clock.now(), "outcome": "unreachable"}
        session.execute(insert(Attempt), [begun | ended])
    return queued


REFUSED = {
    "an unknown state": "UPDATE delivery SET state = 'lost' WHERE id = :first",
    "no state": "UPDATE delivery SET state = NULL WHERE id = :first",
    "sent without an attempt": (
        "UPDATE delivery SET state = 'published', published_at = due WHERE id = :first"
    ),
    "published without its time": (
        "INSERT INTO delivery (post_id, account_id, key, seq, state, due, not_before, late_after, attempts, "
        "calls, looks, fence, remote_id, url, detail, needs_person, outcome_code, outcome_text) "
        "SELECT post_id + 1, account_id, 'k', 9, 'published', due, not_before, late_after, 0, 0, 0, 0, '', "
        "'', detail, needs_person, '', '' FROM delivery WHERE id = :second"
    ),
    "two under way in one account": "UPDATE delivery SET state = 'sending'",
    "a post twice for one account": (
        "UPDATE delivery SET post_id = (SELECT post_id FROM delivery WHERE id = :first) WHERE id = :second"
    ),
    "a key twice": (
        "UPDATE delivery SET key = (SELECT key FROM delivery WHERE id = :first) WHERE id = :second"
    ),
    "a delivery of no post": "UPDATE delivery SET post_id = 999999 WHERE id = :first",
    "a delivery for no account": "UPDATE delivery SET account_id = 999999 WHERE id = :first",
    "a delivery deleted": "DELETE FROM delivery WHERE id = :second",
    "an attempt number twice": (
        "INSERT INTO attempt SELECT delivery_id, number, purpose, node, started_at, finished_at, outcome, "
        "platform_code, platform_text, request_id, remedy_zh, remedy_en FROM attempt"
    ),
    "an attempt of no delivery": (
        "INSERT INTO attempt SELECT 999999, number, purpose, node, started_at, finished_at, outcome, "
        "platform_code, platform_text, request_id, remedy_zh, remedy_en FROM attempt"
    ),
    "an attempt moved to another delivery": "UPDATE attempt SET delivery_id = :second",
    "an attempt's start changed": "UPDATE attempt SET started_at = (SELECT late_after FROM delivery LIMIT 1)",
    "an attempt's node changed": "UPDATE attempt SET node = 'another'",
    "an attempt no longer ended": "UPDATE attempt SET finished_at = NULL",
    "an attempt deleted": "DELETE FROM attempt",
    "an event changed": "UPDATE delivery_event SET actor = 'nobody' WHERE delivery_id = :first",
    "an event deleted": "DELETE FROM delivery_event WHERE delivery_id = :first",
    "an event of no delivery": (
        "INSERT INTO delivery_event (delivery_id, at, from_state, to_state, actor, code, told) "
        "SELECT 999999, at, from_state, to_state, actor, code, told FROM delivery_event "
        "WHERE delivery_id = :first"
    ),
    "a lane of no account": "UPDATE lane SET account_id = 999999",
}


@pytest.mark.parametrize("statement", REFUSED.values(), ids=[name.replace(" ", "-") for name in REFUSED])
def test_the_database_refuses(database: Database, ids: list[int], statement: str) -> None:
    def stand() -> list[Any]:
        return [
            *(delivery(database, id_).model_dump() for id_ in ids),
            *(story(database, id_) for id_ in ids),
            *(attempt.model_dump() for id_ in ids for attempt in attempts(database, id_)),
        ]

    before = stand()
    given = {f":{name}": id_ for name, id_ in zip(("first", "second"), ids, strict=True)}
    params = {name[1:]: id_ for name, id_ in given.items() if name in statement}
    with pytest.raises(IntegrityError), database.write() as session:
        session.execute(text(statement), params)
    assert stand() == before


def test_the_database_takes_exactly_the_transitions_of_the_code(database: Database, ids: list[int]) -> None:
    place = text("UPDATE delivery SET published_at = due, state = :state WHERE id = :id")
    copy = text(
        "INSERT INTO delivery (post_id, account_id, key, seq, state, due, not_before, late_after, attempts, "
        "calls, looks, fence, remote_id, url, detail, needs_person, outcome_code, outcome_text, "
        "published_at) SELECT :post, account_id, :key, 1, :state, due, not_before, late_after, 0, 0, 0, 0, "
        "'', '', detail, needs_person, '', '', due FROM delivery WHERE id = :id RETURNING id"
    )
    post = text(
        "INSERT INTO post (title, text, media, options, created_at, created_by) "
        "SELECT title, text, media, options, created_at, created_by FROM post LIMIT 1 RETURNING id"
    )
    taken: dict[State, set[State]] = {state: set() for state in State}
    for before, after in product(State, State):
        if before is after:
            continue
        try:
            with database.write() as session:
                made = session.execute(post).scalar_one()
                given = {"post": made, "key": f"{before}-{after}", "state": before, "id": ids[0]}
                id_ = session.execute(copy, given).scalar_one()
                with session.begin_nested():
                    session.execute(place, {"state": after, "id": id_})
                raise _Undone
        except _Undone:
            taken[before].add(after)
        except IntegrityError:
            continue
    assert taken == {before: set(afters) for before, afters in FOLLOWERS.items()}


class _Undone(Exception):
    """The transition was taken; it is rolled back."""


def test_the_newest_table_of_transitions_is_the_code_s() -> None:
    assert {before: set(afters) for before, afters in MIGRATION.FOLLOWERS.items()} == {
        str(before): {str(after) for after in afters} for before, afters in FOLLOWERS.items()
    }


def test_a_state_may_be_written_over_by_itself(database: Database, ids: list[int]) -> None:
    with database.write() as session:
        changed = session.execute(text("UPDATE delivery SET state = state, url = 'https://example.org/1'"))
    assert len(ids) == 2
    assert delivery(database, ids[0]).url == "https://example.org/1", changed


def test_an_attempt_that_ended_may_be_told_better(database: Database, ids: list[int]) -> None:
    with database.write() as session:
        session.execute(text("UPDATE attempt SET outcome = 'published'"))
    assert [attempt.outcome for attempt in attempts(database, ids[0])] == ["published"]
