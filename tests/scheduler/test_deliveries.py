"""The states of a delivery, as drawn, as coded, as guarded by the database."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from scenery import delivery, make_account, queue_posts
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from config import Database, ManualClock
from config.messages import LANGUAGES, catalogue
from config.secrets import KeyRing
from scheduler.deliveries import FOLLOWERS, Delivery, State

DRAWING = Path(__file__).parents[2] / "docs/explanation/deliveries.md"


def test_the_drawing_shows_exactly_the_transitions_of_the_code() -> None:
    drawn = set(re.findall(r"^ +(\w+) --> (\w+)", DRAWING.read_text("utf-8"), re.MULTILINE))
    coded = {(str(before), str(after)) for before, afters in FOLLOWERS.items() for after in afters}
    assert drawn == coded


def test_every_state_has_a_name_for_people() -> None:
    texts = catalogue("delivery")
    assert all(texts[f"state_{state}"][language] for state in State for language in LANGUAGES)


def test_published_and_cancelled_are_final() -> None:
    assert not FOLLOWERS[State.PUBLISHED] and not FOLLOWERS[State.CANCELLED]


def test_the_database_refuses_what_is_no_state(database: Database, keys: KeyRing, clock: ManualClock) -> None:
    account = make_account(database, keys, "webhook", "a")
    [id_] = queue_posts(database, account, ["一"], due=clock.now())
    with pytest.raises(IntegrityError), database.write() as session:
        session.execute(update(Delivery).where(col(Delivery.id) == id_).values(state="lost"))
    assert delivery(database, id_).state == State.QUEUED


def test_the_database_refuses_published_without_a_time(
    database: Database, keys: KeyRing, clock: ManualClock
) -> None:
    account = make_account(database, keys, "webhook", "a")
    [id_] = queue_posts(database, account, ["一"], due=clock.now())
    with pytest.raises(IntegrityError), database.write() as session:
        session.execute(update(Delivery).where(col(Delivery.id) == id_).values(state="published"))


def test_the_database_refuses_two_posts_under_way_in_one_account(
    database: Database, keys: KeyRing, clock: ManualClock
) -> None:
    account = make_account(database, keys, "webhook", "a")
    ids = queue_posts(database, account, ["一", "二"], due=clock.now())
    with pytest.raises(IntegrityError), database.write() as session:
        session.execute(update(Delivery).where(col(Delivery.id).in_(ids)).values(state="sending"))


def test_a_naive_time_is_refused(database: Database, keys: KeyRing) -> None:
    account = make_account(database, keys, "webhook", "a")
    with pytest.raises(Exception, match=r"(?i)naive|timezone|aware"):
        queue_posts(
            database,
            account,
            ["一"],
            due=datetime(2026, 3, 2, tzinfo=UTC).replace(tzinfo=None),
            now=datetime(2026, 3, 2, tzinfo=UTC),
        )
