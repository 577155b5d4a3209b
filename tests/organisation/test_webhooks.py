"""Webhooks: told in the transaction of what they tell of, signed, tried for a day, by one node at a time."""

import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from people import make_tree
from raw_server import Server, answering, serving
from sqlmodel import select
from standardwebhooks.webhooks import Webhook as Verifier

from config import Database, ManualClock
from config.errors import InputError, MeizhenError
from config.secrets import KeyRing, add_master_key, load_key_file
from connectors import Http, Reach
from organisation import Unit
from organisation.webhook_messages import (
    WebhookMessage,
    announce_one,
    messages_of,
    resend,
    sweep_messages,
)
from organisation.webhook_sending import Post, run_round, send_test
from organisation.webhooks import (
    Event,
    Wanted,
    Webhook,
    add_webhook,
    check_wanted,
    find_webhook,
    open_webhook,
    remove_webhook,
    rotate_webhooks,
)

HERE = Reach("127.0.0.0/8")
SQLITE = pytest.mark.parametrize("database_address", ["sqlite"], indirect=True)
GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "webhooks.md"


class Office:
    """The tree of units with webhooks, and a node that sends to them."""

    def __init__(self, database: Database, keys: KeyRing, clock: ManualClock) -> None:
        self.database, self.keys, self.clock = database, keys, clock
        self.units: dict[str, Unit] = make_tree(database)

    def add(self, name: str, url: str, unit: str = "NM", *events: str) -> str:
        wanted = Wanted(name, url, events)
        host = check_wanted(wanted, HERE)
        with self.database.write() as session:
            place = session.get_one(Unit, self.units[unit].id)
            now = self.clock.now()
            return add_webhook(session, self.keys, wanted, host, place, now=now, actor="test")[1]

    def happen(self, unit: str = "HH", event: Event = Event.POST_PUBLISHED, **data: object) -> int:
        with self.database.write() as session:
            return announce_one(session, event, [self.units[unit].path], data, self.clock.now())

    def post(self, node: str = "a", reach: Reach = HERE) -> Post:
        return Post(self.database, self.keys, self.clock, Http("hook", seconds=2, reach=reach), node)

    def messages(self, name: str = "portal") -> list[WebhookMessage]:
        with self.database.read() as session:
            return messages_of(session, find_webhook(session, name))

    def webhook(self, name: str = "portal") -> Webhook:
        with self.database.read() as session:
            return find_webhook(session, name)


@pytest.fixture
def office(database: Database, keys: KeyRing, clock: ManualClock) -> Office:
    return Office(database, keys, clock)


@pytest.fixture
def receiver() -> Iterator[Server]:
    with serving(answering(b"")) as server:
        yield server


def parts(request: bytes) -> tuple[dict[str, str], bytes]:
    head, body = request.split(b"\r\n\r\n", 1)
    lines = head.decode().split("\r\n")[1:]
    return {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}, body


@SQLITE
def test_a_message_is_signed_as_others_verify_it_and_as_the_guide_does(
    office: Office, receiver: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = office.add("portal", receiver.address("/hook?token=s3cr3t"))
    assert office.happen(title="五四青年节", post=7) == 1
    assert run_round(office.post()) == 1
    headers, body = parts(receiver.requests[0])
    now = office.clock.now().timestamp()
    monkeypatch.setattr("standardwebhooks.webhooks.datetime", _Stopped(office.clock))
    told = Verifier(secret).verify(body, headers)
    assert told == {
        "type": "post.published",
        "timestamp": "2026-03-02T01:00:00.000Z",
        "data": {"title": "五四青年节", "post": 7},
    }
    guide: dict[str, object] = {}
    (sample,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.S)
    exec(compile(sample, str(GUIDE), "exec"), guide)  # noqa: S102 - our own page, as readers copy it
    monkeypatch.setattr("time.time", lambda: now + 200)
    verified = guide["verified"]
    assert callable(verified)
    assert verified(secret, headers, body)
    assert not verified(secret, headers, body + b" ")
    assert not verified(secret, headers | {"webhook-id": "msg_other"}, body)
    assert not verified("whsec_" + "A" * 44, headers, body)
    monkeypatch.setattr("time.time", lambda: now + 400)
    assert not verified(secret, headers, body)
    assert [(one.state, one.outcome, one.tries) for one in office.messages()] == [("delivered", "200", 1)]


class _Stopped:
    """The verifier's clock, where ours stands."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock

    def __getattr__(self, name: str) -> object:
        import datetime

        return getattr(datetime.datetime, name)

    def now(self, tz: object = None) -> object:
        return self._clock.now()


def test_only_webhooks_at_or_above_the_unit_are_told_and_only_of_what_they_want(office: Office) -> None:
    office.add("region", "https://a.example/h", "NM")
    office.add("league", "https://b.example/h", "HH", "post.failed")
    office.add("other", "https://c.example/h", "BJ")
    assert office.happen("HH") == 1
    assert office.happen("HH", Event.POST_FAILED) == 2
    assert office.happen("NM", Event.POST_FAILED) == 1
    assert [one.event for one in office.messages("league")] == ["post.failed"]
    assert office.messages("other") == []


@SQLITE
def test_what_is_rolled_back_is_not_told(office: Office) -> None:
    office.add("portal", "https://a.example/h")
    with pytest.raises(RuntimeError), office.database.write() as session:
        announce_one(session, Event.POST_FAILED, [office.units["HH"].path], {}, office.clock.now())
        raise RuntimeError
    assert office.messages() == []


def test_it_is_tried_for_a_day_with_growing_pauses_and_then_given_up(office: Office) -> None:
    with serving(answering(b"", "503 Service Unavailable")) as server:
        office.add("portal", server.address())
        office.happen()
        started, tries = office.clock.now(), []
        for _ in range(12):
            if run_round(office.post()):
                tries.append(office.clock.now() - started)
            (message,) = office.messages()
            if message.ended_at is not None:
                break
            office.clock.move_to(message.due)
        pauses = [after - before for before, after in pairwise(tries)]
        assert len(server.requests) == len(tries) == 9
        assert pauses[0] == timedelta(seconds=5) and pauses[1] == timedelta(minutes=5)
        assert timedelta(hours=20) < tries[-1] <= timedelta(hours=24)
        assert (message.state, message.outcome) == ("given_up", "503")
        ids = {parts(request)[0]["webhook-id"] for request in server.requests}
        bodies = {parts(request)[1] for request in server.requests}
        signatures = {parts(request)[0]["webhook-signature"] for request in server.requests}
        assert len(ids) == len(bodies) == 1 and len(signatures) == len(tries)


@SQLITE
def test_a_given_up_message_is_sent_again_by_hand_with_the_same_id(office: Office, receiver: Server) -> None:
    with serving(answering(b"", "410 Gone")) as gone:
        office.add("portal", gone.address())
        office.happen()
        office.happen()
        run_round(office.post())
        assert len(gone.requests) >= 1
    assert office.webhook().stopped == "gone"
    office.clock.advance(3600)
    assert run_round(office.post()) == 0 and office.happen() == 0
    with pytest.raises(MeizhenError) as refused:
        send_test(office.post(), "portal")
    assert refused.value.code == "webhook.stopped"


def test_resending_begins_a_new_day(office: Office, receiver: Server) -> None:
    office.add("portal", receiver.address())
    office.happen()
    run_round(office.post())
    (message,) = office.messages()
    office.clock.advance(100_000)
    with office.database.write() as session:
        again = resend(session, office.keys, message.uid, now=office.clock.now(), actor="test")
        assert (again.state, again.tries, again.due) == ("queued", 0, office.clock.now())
    with pytest.raises(MeizhenError) as refused, office.database.write() as session:
        resend(session, office.keys, message.uid, now=office.clock.now(), actor="test")
    assert refused.value.code == "webhook.still_queued"
    assert run_round(office.post()) == 1
    first, second = (parts(request) for request in receiver.requests)
    assert first[0]["webhook-id"] == second[0]["webhook-id"] and first[1] == second[1]


def test_of_two_nodes_one_sends(office: Office, receiver: Server) -> None:
    office.add("portal", receiver.address())
    for number in range(6):
        office.happen(number=number)
    nodes = [threading.Thread(target=run_round, args=(office.post(name),)) for name in "ab"]
    for node in nodes:
        node.start()
    for node in nodes:
        node.join()
    assert len(receiver.requests) == 6
    assert office.webhook().lease_until is None
    bodies = [parts(request)[1] for request in receiver.requests]
    assert bodies == sorted(bodies)  # in the order in which things happened


@SQLITE
def test_what_a_dead_node_held_is_served_after_its_lease(office: Office, receiver: Server) -> None:
    office.add("portal", receiver.address())
    office.happen()
    with office.database.write() as session:
        row = find_webhook(session, "portal")
        row.node, row.lease_until = "dead", office.clock.now() + timedelta(minutes=3)
        session.add(row)
    assert run_round(office.post()) == 0
    office.clock.advance(181)
    assert run_round(office.post()) == 1


@SQLITE
def test_an_address_that_turns_private_is_not_connected_to(office: Office, receiver: Server) -> None:
    office.add("portal", receiver.address())
    office.happen()
    run_round(office.post(reach=Reach()))
    assert receiver.connections == 0
    assert [(one.state, one.outcome) for one in office.messages()] == [("queued", "out-of-reach")]


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example/x",
        "https://user:pass@a.example/x",
        "https://a.example/x#part",
        "https:///x",
        "a.example/x",
        "https://a.example:99999/x",
        "https://a .example/",
        "https://a.example\\@127.0.0.1/",
        "https://例子.example/",
        "https://a.example/" + "x" * 500,
        "file:///etc/passwd",
        "",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(InputError) as refused:
        check_wanted(Wanted("portal", url), Reach())
    assert [one.code for one in refused.value.problems] == ["webhook.bad_address"]


def test_an_address_inside_is_refused_when_it_is_entered() -> None:
    for url in ("http://127.1:80/", "http://[::ffff:10.0.0.1]/", "http://169.254.169.254/latest"):
        with pytest.raises(InputError) as refused:
            check_wanted(Wanted("portal", url), Reach())
        assert [one.code for one in refused.value.problems] == ["webhook.out_of_reach"]
    with pytest.raises(InputError) as refused:
        check_wanted(Wanted("a b", "https://a.example/", ("post.seen",)), Reach())
    assert {one.code for one in refused.value.problems} == {"input.bad_word", "input.not_one_of"}


@SQLITE
def test_a_test_message_is_sent_once_and_at_once(office: Office, receiver: Server) -> None:
    office.add("portal", receiver.address())
    assert send_test(office.post(), "portal").state == "delivered"
    headers, body = parts(receiver.requests[0])
    assert b'"type":"webhook.test"' in body and headers["content-type"] == "application/json"
    with serving(answering(b"", "500 Oops")) as broken:
        office.add("broken", broken.address())
        ended = send_test(office.post(), "broken")
        assert (ended.state, ended.outcome) == ("given_up", "500")


@SQLITE
def test_secrets_stay_sealed_through_rotation_and_go_with_the_webhook(
    office: Office, receiver: Server, tmp_path: Path
) -> None:
    secret = office.add("portal", receiver.address())
    add_master_key(tmp_path / "keys.json")
    newer = load_key_file(tmp_path / "keys.json")
    with office.database.write() as session:
        assert (rotate_webhooks(session, newer), rotate_webhooks(session, newer)) == (1, 0)
        target = open_webhook(newer, find_webhook(session, "portal"))
        assert (target.secret, target.url) == (secret, receiver.address())
        assert secret not in repr(target) and receiver.address() not in repr(target)
    office.happen()
    with office.database.write() as session:
        remove_webhook(session, office.keys, "portal", now=office.clock.now(), actor="test")
        assert session.exec(select(WebhookMessage)).all() == []
        assert session.exec(select(Webhook)).all() == []


def test_ended_messages_are_forgotten_after_a_month(office: Office, receiver: Server) -> None:
    office.add("portal", receiver.address())
    office.happen()
    run_round(office.post())
    office.clock.advance(29 * 86_400)
    with office.database.write() as session:
        sweep_messages(session, office.clock.now())
    assert len(office.messages()) == 1
    office.clock.advance(2 * 86_400)
    office.happen()
    with office.database.write() as session:
        sweep_messages(session, office.clock.now())
    assert [one.state for one in office.messages()] == ["queued"]
