"""Webhooks hear of posts, reviews and pauses in the transaction of what they tell of."""

import json
from pathlib import Path

import pytest
from newsroom import Newsroom, make_newsroom
from sqlmodel import select

from config import Database, ManualClock
from config.secrets import KeyRing
from connectors import Reach
from organisation import Account, Unit
from organisation.webhook_messages import WebhookMessage
from organisation.webhooks import Wanted, add_webhook, check_wanted
from scheduler.queue import stop_accounts


@pytest.fixture
def room(database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path) -> Newsroom:
    made = make_newsroom(database, keys, clock, tmp_path)
    wanted = Wanted("portal", "http://127.0.0.1:9/hook")
    host = check_wanted(wanted, Reach("127.0.0.1"))
    with database.write() as session:
        unit = session.get_one(Unit, made.units["NM"].id)
        add_webhook(session, keys, wanted, host, unit, now=clock.now(), actor="test")
    return made


def told(room: Newsroom) -> list[tuple[str, dict[str, object]]]:
    with room.database.read() as session:
        rows = session.exec(select(WebhookMessage).order_by(WebhookMessage.id)).all()  # type: ignore[arg-type]
    return [(row.event, json.loads(row.body)["data"]) for row in rows]


def approved(room: Newsroom) -> int:
    post = room.draft()
    room.submit(post)
    room.approve(post, "yi", "er", "san")
    room.send(post)
    room.clock.advance(3600)
    return post


@pytest.mark.parametrize(("ending", "event"), [("published", "post.published"), ("refused", "post.failed")])
def test_a_post_is_told_of_from_asking_to_its_end(room: Newsroom, ending: str, event: str) -> None:
    post = approved(room)
    (job,) = room.turn()
    room.end(job, ending)
    events = told(room)
    assert [name for name, _ in events] == ["review.asked", "review.decided", event]
    asked, decided, ended = (data for _, data in events)
    assert asked["post"] == decided["post"] == ended["post"] == post
    assert (asked["state"], decided["state"], decided["signed"]) == ("open", "approved", 3)
    assert (ended["account"], ended["unit"]) == ("webhook:hh", "HH")
    assert "草原" not in json.dumps(events, ensure_ascii=False)  # facts, not texts


def test_a_returned_post_is_told_of_with_the_reason(room: Newsroom) -> None:
    post = room.draft()
    room.submit(post)
    room.send_back(post, "yi", "写明地点")
    name, data = told(room)[-1]
    assert (name, data["state"], data["reason"]) == ("review.decided", "returned", "写明地点")


def test_a_doubt_is_told_of(room: Newsroom) -> None:
    approved(room)
    (job,) = room.turn()
    room.end(job, "lost_after")
    assert told(room)[-1][0] == "post.uncertain"


def test_a_pause_is_told_of_once_whoever_paused(room: Newsroom) -> None:
    approved(room)
    (job,) = room.turn()
    room.end(job, "needs_person")
    paused = [data for name, data in told(room) if name == "account.paused"]
    assert [(one["account"], one["unit"]) for one in paused] == [("webhook:hh", "HH")]
    with room.database.write() as session:
        account = session.get_one(Account, room.account.id)
        stop_accounts(session, room.keys, [account], now=room.clock.now(), actor="person:fa", stopped=True)
    assert told(room)[-1] == (
        "account.paused",
        {"account": "webhook:hh", "unit": "HH", "code": "paused", "by": "person:fa"},
    )
