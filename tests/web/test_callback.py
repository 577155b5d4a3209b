"""The callback address over real HTTP: what is let in brings settling forward, all else is the same 403."""

import http.client
import json
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scenery import delivery, make_account, queue_posts
from sqlmodel import col, select, update
from web_node import WebNode, web_node
from wechat_callback import AES_KEY, APPID, TOKEN, finished, seal, sealed_post, signature

from config import Database, ManualClock
from config.logging import configure_logging
from config.secrets import KeyRing
from organisation.accounts import Account
from scheduler.deliveries import Delivery, State
from scheduler.lanes import Lane
from scheduler.settling import CallbackEvent

SECRET = "0123456789abcdef0123456789abcdef"
CREDENTIALS = {"appid": APPID, "secret": SECRET, "callback_token": TOKEN, "encoding_aes_key": AES_KEY}
PATH = "/callback/wechat/binhe"


@pytest.fixture
def node(database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path) -> Iterator[WebNode]:
    with web_node(database, keys, clock, tmp_path) as running:
        yield running


@pytest.fixture
def binhe(database: Database, keys: KeyRing) -> Account:
    return make_account(database, keys, "wechat", "binhe", credentials=CREDENTIALS)


@pytest.fixture
def accepted(database: Database, clock: ManualClock, binhe: Account) -> int:
    """A delivery that WeChat works on as job 2650184411, to be polled in five minutes."""
    [id_] = queue_posts(database, binhe, ["一"], due=clock.now())
    with database.write() as session:
        taken = update(Delivery).where(col(Delivery.id) == id_)
        session.execute(taken.values(state=State.SENDING))
        session.execute(
            taken.values(
                state=State.ACCEPTED,
                remote_id="2650184411",
                not_before=clock.now() + timedelta(minutes=5),
                waiting_since=clock.now(),
            )
        )
    return id_


def stamp(clock: ManualClock) -> int:
    return int(clock.now().timestamp())


def lane(database: Database) -> Lane:
    with database.read() as session:
        return session.exec(select(Lane)).one()


def heard(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.exec(select(CallbackEvent.name)))


def refused(answer: requests.Response) -> bool:
    """The one refusal there is."""
    return (answer.status_code, answer.content) == (403, b"")


# --- what is let in ---------------------------------------------------------------------------------------


def test_the_address_is_verified_once(node: WebNode, clock: ManualClock, binhe: Account) -> None:
    at = str(stamp(clock))
    query = {"timestamp": at, "nonce": "1", "signature": signature(TOKEN, at, "1"), "echostr": "5927"}
    answer = node.get(PATH, params=query)
    assert (answer.status_code, answer.text) == (200, "5927")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert refused(node.get(PATH, params={**query, "echostr": "<script>"})), "a replayed signature"


def test_an_event_has_its_delivery_asked_about_at_once(
    node: WebNode, database: Database, clock: ManualClock, accepted: int
) -> None:
    before = lane(database).wakeups
    query, body = sealed_post(finished("2650184411"), stamp(clock))
    answer = node.post(PATH, params=query, data=body)
    assert (answer.status_code, answer.text) == (200, "success")
    found = delivery(database, accepted)
    assert (found.state, found.not_before) == (State.ACCEPTED, clock.now())
    assert (lane(database).next_at, lane(database).wakeups) == (clock.now(), before + 1)
    assert heard(database) == ["PUBLISHJOBFINISH"]


def test_a_connector_sees_the_headers_that_hold_a_signature(
    node: WebNode, database: Database, keys: KeyRing
) -> None:
    credentials = {"client_key": "ck01", "client_secret": "dysecret01", "open_id": "_0001"}
    tokens = {"access_token": "act.5a1b2c3d", "refresh_token": "rft.9z8y7x6w"}
    make_account(database, keys, "douyin", "binhe", credentials={**credentials, **tokens})
    body = '{"event":"verify_webhook","client_key":"ck01","content":{"challenge":90817}}'
    signed = {"X-Douyin-Signature": "31d97ea24fab3995ecb9d2e7600fb91d0e08bd18"}  # signature-vectors.md
    answer = node.post("/callback/douyin/binhe", data=body, headers=signed)
    assert (answer.status_code, answer.json()) == (200, {"challenge": 90817})
    assert refused(node.post("/callback/douyin/binhe", data=body))


@pytest.mark.parametrize("nonce", ["847362", "111111"])
def test_an_event_that_comes_twice_changes_nothing(
    node: WebNode, database: Database, clock: ManualClock, accepted: int, nonce: str
) -> None:
    query, body = sealed_post(finished("2650184411"), stamp(clock))
    node.post(PATH, params=query, data=body)
    later = clock.now() + timedelta(minutes=5)
    with database.write() as session:
        session.execute(update(Delivery).values(not_before=later))
    before = lane(database).wakeups
    clock.advance(20)
    query, body = sealed_post(finished("2650184411"), stamp(clock), nonce=nonce)
    answer = node.post(PATH, params=query, data=body)
    assert (answer.status_code, answer.text) == (200, "success"), "or WeChat goes on repeating it"
    assert delivery(database, accepted).not_before == later
    assert lane(database).wakeups == before
    assert len(heard(database)) == 1


def test_a_repeat_is_known_on_every_node(
    node: WebNode, database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path, accepted: int
) -> None:
    query, body = sealed_post(finished("2650184411"), stamp(clock))
    node.post(PATH, params=query, data=body)
    with database.write() as session:
        session.execute(update(Delivery).values(not_before=clock.now() + timedelta(minutes=5)))
    with web_node(database, keys, clock, tmp_path) as other:
        assert other.post(PATH, params=query, data=body).text == "success"
        assert 'meizhen_callbacks_total{result="repeated"} 1.0' in other.get("/metrics").text
    assert delivery(database, accepted).not_before > clock.now()


def test_an_event_that_comes_before_our_own_answer_is_recorded_changes_nothing(
    node: WebNode, database: Database, clock: ManualClock, binhe: Account
) -> None:
    [id_] = queue_posts(database, binhe, ["一"], due=clock.now())
    before = delivery(database, id_)
    query, body = sealed_post(finished("2650184411"), stamp(clock))
    assert node.post(PATH, params=query, data=body).text == "success"
    assert delivery(database, id_) == before


def test_an_event_moves_only_the_delivery_of_its_own_account(
    node: WebNode, database: Database, keys: KeyRing, clock: ManualClock, accepted: int
) -> None:
    make_account(database, keys, "wechat", "other", credentials=CREDENTIALS)
    query, body = sealed_post(finished("2650184411"), stamp(clock))
    assert node.post("/callback/wechat/other", params=query, data=body).text == "success"
    assert delivery(database, accepted).not_before > clock.now()


def test_what_followers_say_is_answered_and_not_kept(
    node: WebNode, database: Database, clock: ManualClock, binhe: Account
) -> None:
    xml = "<xml><FromUserName>oCanary</FromUserName><MsgType>text</MsgType><Content>hello</Content></xml>"
    query, body = sealed_post(xml, stamp(clock))
    assert node.post(PATH, params=query, data=body).text == "success"
    assert heard(database) == []


def test_what_was_heard_is_forgotten_after_a_day(
    node: WebNode, database: Database, clock: ManualClock, binhe: Account
) -> None:
    for number in ("1", "2"):
        query, body = sealed_post(finished(number), stamp(clock))
        assert node.post(PATH, params=query, data=body).text == "success"
        clock.advance(86_401)
    assert len(heard(database)) == 1


# --- what is not ------------------------------------------------------------------------------------------

BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)
)
ENTITIES = {
    "external": '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml><Encrypt>&a;</Encrypt></xml>',
    "billion laughs": f"{BOMB}]><xml><Encrypt>&j;</Encrypt></xml>",
    "parameter": '<!DOCTYPE x [<!ENTITY % a SYSTEM "http://127.0.0.1:9/x"> %a;]><xml/>',
}
PLAIN = "<xml><MsgType>event</MsgType><Event>PUBLISHJOBFINISH</Event></xml>"


@pytest.mark.parametrize("name", sorted(ENTITIES))
@pytest.mark.parametrize("inside", [True, False])
def test_entities_are_refused_outside_and_inside_the_seal(
    node: WebNode, clock: ManualClock, accepted: int, name: str, inside: bool
) -> None:
    query, body = sealed_post(ENTITIES[name], stamp(clock))
    assert refused(node.post(PATH, params=query, data=body if inside else ENTITIES[name].encode()))


def test_every_kind_of_wrong_has_the_same_answer_and_moves_nothing(
    node: WebNode, database: Database, clock: ManualClock, accepted: int
) -> None:
    good, body = sealed_post(finished("2650184411"), stamp(clock))
    old, old_body = sealed_post(finished("2650184411"), stamp(clock) - 301)
    early, early_body = sealed_post(finished("2650184411"), stamp(clock) + 301)
    foreign, foreign_body = sealed_post(finished("2650184411"), stamp(clock), appid="wx0000000000000000")
    unknown = {"timestamp": good["timestamp"], "nonce": good["nonce"], "signature": good["signature"]}
    wrong: dict[str, tuple[str, dict[str, str], bytes]] = {
        "signature": (PATH, {**good, "msg_signature": "0" * 40}, body),
        "body": (PATH, good, body.replace(b"<Encrypt><![CDATA[", b"<Encrypt><![CDATA[A")),
        "old": (PATH, old, old_body),
        "early": (PATH, early, early_body),
        "no timestamp": (PATH, {**good, "timestamp": ""}, body),
        "appid": (PATH, foreign, foreign_body),
        "only the plain signature": (PATH, unknown, body),
        "no Encrypt": (PATH, good, PLAIN.encode()),
        "no body": (PATH, good, b""),
        "nested": (PATH, good, b"<a>" * 20_000),
        "unknown handle": ("/callback/wechat/nobody", good, body),
        "unknown platform": ("/callback/nothing/binhe", good, body),
        "a platform that does not call back": ("/callback/webhook/binhe", good, body),
    }
    for name, (path, query, content) in wrong.items():
        answer = node.post(path, params=query, data=content)
        assert refused(answer), name
        assert "Content-Type" not in answer.headers, name
    assert delivery(database, accepted).not_before > clock.now()
    assert heard(database) == []


def test_an_account_without_a_callback_has_the_same_answer(
    node: WebNode, database: Database, keys: KeyRing, clock: ManualClock
) -> None:
    make_account(database, keys, "wechat", "bare", credentials={"appid": APPID, "secret": SECRET})
    empty = signature("", str(stamp(clock)), "1")
    query = {"timestamp": str(stamp(clock)), "nonce": "1", "signature": empty, "echostr": "x"}
    assert refused(node.get("/callback/wechat/bare", params=query)), "an empty token signs nothing"


def test_an_empty_appid_opens_nothing(
    node: WebNode, database: Database, keys: KeyRing, clock: ManualClock, binhe: Account
) -> None:
    query, body = sealed_post(finished("1"), stamp(clock), appid="")
    assert refused(node.post(PATH, params=query, data=body))


def test_65_kilobytes_are_cut_before_they_are_read(node: WebNode, clock: ManualClock, binhe: Account) -> None:
    query, body = sealed_post(finished("1"), stamp(clock))
    assert refused(node.post(PATH, params=query, data=body + b" " * (65 * 1024)))

    def endless() -> Iterator[bytes]:
        for _ in range(10_000):  # 10 MB, chunked: no length is declared
            yield b"x" * 1024

    target = urlsplit(node.address)
    connection = http.client.HTTPConnection(target.netloc, timeout=10)
    sent = 0
    try:
        connection.putrequest("POST", PATH)
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        for chunk in endless():
            connection.send(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            sent += len(chunk)
    except OSError:
        pass  # closed under us: that is the point
    else:
        assert connection.getresponse().status == 403
    finally:
        connection.close()
    assert 'meizhen_callbacks_total{result="too-large"} 2.0' in node.get("/metrics").text


def test_a_declared_length_is_enough_to_refuse(node: WebNode, binhe: Account) -> None:
    target = urlsplit(node.address)
    with socket.create_connection((target.hostname, target.port), 10) as connection:
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000000\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 403")


def test_a_body_that_trickles_is_not_waited_for(
    node: WebNode, binhe: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.callback.READ_SECONDS", 0.2)
    target = urlsplit(node.address)
    with socket.create_connection((target.hostname, target.port), 10) as connection:
        connection.sendall(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n<x".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 403")


def test_a_refusal_is_logged_by_its_code_alone(
    node: WebNode, clock: ManualClock, binhe: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("info")
    query, body = sealed_post("<xml><Content>canary-4711</Content></xml>", stamp(clock))
    node.post(PATH, params={**query, "msg_signature": "canary-4712"}, data=body)
    node.post("/callback/canary-4713/canary-4714", data=b"canary-4715")
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    structlog.reset_defaults()
    assert [(line["event"], line["platform"], line["reason"]) for line in told] == [
        ("callback_refused", "wechat", "msg_signature"),
        ("callback_refused", "unknown", "unknown-account"),
    ]
    assert "canary" not in json.dumps(told)


def test_a_database_that_is_away_has_the_platform_repeat(
    node: WebNode, database: Database, clock: ManualClock, accepted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import OperationalError

    def gone() -> None:
        raise OperationalError("INSERT", {}, Exception("gone"))

    query, body = sealed_post(finished("2650184411"), stamp(clock))
    with monkeypatch.context() as away:
        away.setattr(database, "write", gone)
        assert node.post(PATH, params=query, data=body).status_code == 503
    assert node.post(PATH, params=query, data=body).text == "success"
    assert delivery(database, accepted).not_before == clock.now()


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.one_of(
        st.binary(max_size=300), st.text(max_size=100).map(lambda xml: f"<xml>{xml}</xml>".encode())
    ),
    query=st.dictionaries(
        st.sampled_from(["timestamp", "nonce", "signature", "msg_signature", "echostr"]), st.text(max_size=30)
    ),
    method=st.sampled_from(["GET", "POST"]),
)
def test_no_bytes_get_more_than_the_one_refusal(
    node: WebNode, binhe: Account, content: bytes, query: dict[str, str], method: str
) -> None:
    answer = requests.request(method, f"{node.address}{PATH}", params=query, data=content, timeout=10)
    assert refused(answer)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    inside=st.one_of(st.binary(max_size=300), st.text(max_size=100).map(lambda x: f"<xml>{x}</xml>".encode()))
)
def test_no_sealed_bytes_break_it(node: WebNode, clock: ManualClock, binhe: Account, inside: bytes) -> None:
    query, body = sealed_post(inside, stamp(clock))
    answer = node.post(PATH, params=query, data=body)
    assert refused(answer) or answer.text == "success"


def test_the_seal_of_the_tests_is_wechats(clock: ManualClock) -> None:
    from connectors._signatures import wechat_open

    assert wechat_open(AES_KEY, seal(b"<xml/>")) == (b"<xml/>", APPID)
