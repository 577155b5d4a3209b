"""Group robots: built from a kind and a key only, sealed, exact requests, and every answer told apart."""

import json
import logging
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from hmac import new
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest
import responses
from hypothesis import given
from hypothesis import strategies as st
from raw_server import Server, answering, serving
from sqlalchemy import text
from structlog.testing import capture_logs

from analytics.reports import robots
from analytics.reports.deliveries import Outcome, State
from analytics.reports.messages import send_message
from analytics.reports.robots import (
    Kind,
    RobotKey,
    add_robot,
    find_robot,
    fitted,
    open_robot,
    parse_key,
    rotate_robots,
)
from analytics.reports.schedules import remove_robot
from config import Database, InputError, ManualClock, MeizhenError
from config.secrets import KeyRing, add_master_key, load_key_file
from connectors import Http
from organisation import verify

KEY = "canary-0123456789abcdef"
SECRET = "SECcanary0123456789"
AT = datetime(2026, 11, 15, 23, 30, tzinfo=UTC)
ADDRESSES = {
    Kind.WECOM: "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=",
    Kind.DINGTALK: "https://oapi.dingtalk.com/robot/send?access_token=",
    Kind.FEISHU: "https://open.feishu.cn/open-apis/bot/v2/hook/",
}


def sent(kind: Kind, secret: str = "", *, told: str = "周报") -> Outcome:
    return send_message(Http(f"robot-{kind}", seconds=2), RobotKey(kind, KEY, secret), told, AT)


# --- keys -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ADDRESSES)
def test_a_pasted_address_and_a_bare_key_are_the_same_robot(kind: Kind) -> None:
    whole = parse_key(kind, f" {ADDRESSES[kind]}{KEY}\n")
    assert whole == parse_key(kind, KEY) == RobotKey(kind, KEY)
    assert whole.address == ADDRESSES[kind] + KEY


@pytest.mark.parametrize("kind", ADDRESSES)
@pytest.mark.parametrize(
    "told",
    [
        "",
        "short",
        "http://127.0.0.1/cgi-bin/webhook/send?key=0123456789abcdef",
        "https://169.254.169.254/latest/meta-data/0123456789abcdef",
        "https://qyapi.weixin.qq.com.evil.test/cgi-bin/webhook/send?key=0123456789abcdef",
        "https://qyapi.weixin.qq.com@evil.test/?key=0123456789abcdef",
        "json://evil.test/0123456789abcdef",
        "0123456789abcdef/../../x",
        "0123456789abcdef?x=1",
        "0123456789abcdef#x",
        "０123456789abcdef",
        "0123456789abcdef\nSECcanary0123456789\nthird",
    ],
)
def test_no_other_address_can_be_given(kind: Kind, told: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_key(kind, told)
    assert caught.value.problems[0].code == "reports.bad_robot_key"
    assert "0123456789" not in str(caught.value) and "evil" not in str(caught.value)


@given(st.text(max_size=200), st.sampled_from(list(ADDRESSES)))
def test_whatever_is_pasted_leads_to_the_platform_or_nowhere(told: str, kind: Kind) -> None:
    try:
        address = urlparse(parse_key(kind, told).address)
    except InputError:
        return
    platform = urlparse(ADDRESSES[kind])
    assert (address.scheme, address.netloc) == (platform.scheme, platform.netloc)
    assert address.path.startswith(platform.path) and ".." not in address.path


@pytest.mark.parametrize(("kind", "works"), [(Kind.DINGTALK, True), (Kind.FEISHU, True), (Kind.WECOM, False)])
def test_a_secret_is_for_platforms_that_sign(kind: Kind, works: bool) -> None:
    if works:
        assert parse_key(kind, f"{KEY}\n{SECRET}").secret == SECRET
        return
    with pytest.raises(InputError) as caught:
        parse_key(kind, f"{KEY}\n{SECRET}")
    assert SECRET not in str(caught.value)


def test_a_robot_is_sealed_listed_without_its_key_and_removed(
    database: Database, keys: KeyRing, clock: ManualClock
) -> None:
    robot = RobotKey(Kind.DINGTALK, KEY, SECRET)
    with database.write() as session:
        row = add_robot(session, keys, "团委群", robot, now=clock.now(), actor="test")
        assert open_robot(keys, row) == robot
    with database.read() as session:
        stored = session.execute(text("SELECT * FROM report_robot")).one()
        ledger = session.execute(text("SELECT act, details FROM ledger_entry")).all()
    assert "canary" not in f"{stored!r} {ledger!r} {row!r} {robot!r}"
    with pytest.raises(InputError), database.write() as session:
        add_robot(session, keys, "团委群", robot, now=clock.now(), actor="test")
    with database.write() as session:
        remove_robot(session, keys, "团委群", now=clock.now(), actor="test")
        assert verify(session, keys).sound
    with pytest.raises(MeizhenError), database.read() as session:
        find_robot(session, "团委群")


def test_keys_are_rotated_and_a_row_moved_to_another_name_does_not_open(
    database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path
) -> None:
    robot = RobotKey(Kind.WECOM, KEY)
    with database.write() as session:
        add_robot(session, keys, "a", robot, now=clock.now(), actor="test")
    add_master_key(tmp_path / "keys.json")
    newer = load_key_file(tmp_path / "keys.json")
    with database.write() as session:
        assert (rotate_robots(session, newer), rotate_robots(session, newer)) == (1, 0)
    with database.write() as session:
        row = find_robot(session, "a")
        assert (row.key_version, open_robot(newer, row)) == (2, robot)
        session.execute(text("UPDATE report_robot SET name = 'b'"))
    with database.read() as session, pytest.raises(MeizhenError):
        open_robot(newer, find_robot(session, "b"))


@pytest.mark.parametrize("name", ["", "a b", "a/b", "x" * 41, "a\n"])
def test_a_bad_name_is_refused(database: Database, keys: KeyRing, clock: ManualClock, name: str) -> None:
    with pytest.raises(InputError), database.write() as session:
        add_robot(session, keys, name, RobotKey(Kind.WECOM, KEY), now=clock.now(), actor="test")


# --- requests ---------------------------------------------------------------------------------------------


@responses.activate
def test_wecom_gets_a_text() -> None:
    responses.post("https://qyapi.weixin.qq.com/cgi-bin/webhook/send", json={"errcode": 0, "errmsg": "ok"})
    assert sent(Kind.WECOM) == Outcome(State.SENT)
    [call] = responses.calls
    assert call.request.url == ADDRESSES[Kind.WECOM] + KEY
    assert json.loads(call.request.body) == {"msgtype": "text", "text": {"content": "周报"}}
    assert call.request.headers["Content-Type"] == "application/json; charset=utf-8"


@responses.activate
def test_dingtalk_gets_a_text_signed_in_its_address() -> None:
    responses.post("https://oapi.dingtalk.com/robot/send", json={"errcode": 0, "errmsg": "ok"})
    assert sent(Kind.DINGTALK, SECRET) == Outcome(State.SENT)
    [call] = responses.calls
    query = parse_qs(urlparse(call.request.url).query)
    stamp = str(int(AT.timestamp() * 1000))
    signature = b64encode(new(SECRET.encode(), f"{stamp}\n{SECRET}".encode(), sha256).digest()).decode()
    assert query == {"access_token": [KEY], "timestamp": [stamp], "sign": [signature]}
    assert json.loads(call.request.body) == {"msgtype": "text", "text": {"content": "周报"}}


@responses.activate
@pytest.mark.parametrize(
    "answer", [{"code": 0, "msg": "success"}, {"StatusCode": 0, "StatusMessage": "success"}]
)
def test_feishu_gets_a_text_signed_in_its_body(answer: dict[str, object]) -> None:
    responses.post(ADDRESSES[Kind.FEISHU] + KEY, json=answer)
    assert sent(Kind.FEISHU, SECRET) == Outcome(State.SENT)
    body = json.loads(responses.calls[0].request.body)
    stamp = str(int(AT.timestamp()))
    signature = b64encode(new(f"{stamp}\n{SECRET}".encode(), b"", sha256).digest()).decode()
    assert body == {"msg_type": "text", "content": {"text": "周报"}, "timestamp": stamp, "sign": signature}


@given(st.text("a周𠀀\n", min_size=1, max_size=9), st.integers(0, 3000), st.sampled_from(list(ADDRESSES)))
def test_a_text_fits_its_platform_and_is_cut_between_characters(part: str, times: int, kind: Kind) -> None:
    whole = part * times
    told = fitted(kind, [whole])
    limit = {Kind.WECOM: 2048, Kind.DINGTALK: 20_000, Kind.FEISHU: 20_000}[kind]
    assert len(told.encode()) <= limit
    assert told == whole or whole.startswith(told.removesuffix("…"))


# --- answers ----------------------------------------------------------------------------------------------


@responses.activate
@pytest.mark.parametrize(
    ("kind", "answer", "state", "code"),
    [
        (Kind.WECOM, {"errcode": 93000, "errmsg": "invalid webhook url"}, State.FAILED, "robot_refused"),
        (Kind.WECOM, {"errcode": 45009, "errmsg": "api freq out of limit"}, State.PLANNED, "robot_busy"),
        (Kind.WECOM, {"errcode": -1, "errmsg": "system busy"}, State.PLANNED, "robot_busy"),
        (Kind.DINGTALK, {"errcode": 310000, "errmsg": "sign not match"}, State.FAILED, "robot_refused"),
        (Kind.DINGTALK, {"errcode": 130101, "errmsg": "send too fast"}, State.PLANNED, "robot_busy"),
        (Kind.FEISHU, {"code": 19001, "msg": "token invalid"}, State.FAILED, "robot_refused"),
        (Kind.FEISHU, {"code": 11232, "msg": "frequency limited"}, State.PLANNED, "robot_busy"),
        (Kind.WECOM, {}, State.UNCERTAIN, "robot_uncertain"),
        (Kind.WECOM, {"errcode": "0"}, State.UNCERTAIN, "robot_uncertain"),
        (Kind.WECOM, {"errcode": None}, State.UNCERTAIN, "robot_uncertain"),
        (Kind.WECOM, {"errcode": False}, State.UNCERTAIN, "robot_uncertain"),
    ],
)
def test_the_code_in_the_body_decides(kind: Kind, answer: dict[str, object], state: State, code: str) -> None:
    responses.post(ADDRESSES[kind] + KEY, json=answer)
    outcome = sent(kind)
    assert (outcome.state, outcome.code) == (state, code)
    if code == "robot_busy":
        assert outcome.again_after > timedelta(minutes=10)  # DingTalk's lock-out


@responses.activate
@pytest.mark.parametrize(
    ("status", "body", "state"),
    [
        (200, "<html>login</html>", State.UNCERTAIN),
        (200, '{"errcode":0', State.UNCERTAIN),
        (200, "[]", State.UNCERTAIN),
        (302, "", State.UNCERTAIN),
        (500, "oops", State.UNCERTAIN),
        (429, "slow down", State.PLANNED),
        (503, "", State.PLANNED),
        (400, "no", State.FAILED),
        (403, "no", State.FAILED),
        (404, "no", State.FAILED),
    ],
)
@pytest.mark.parametrize("kind", ADDRESSES)
def test_an_answer_that_is_none_is_never_a_success(kind: Kind, status: int, body: str, state: State) -> None:
    responses.post(ADDRESSES[kind] + KEY, body=body, status=status)
    assert sent(kind).state is state


def at_local(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    platform = robots._Platform(f"http://127.0.0.1:{port}/send?key=", 15, 2000, signs=True)
    monkeypatch.setattr(robots, "_PLATFORMS", dict.fromkeys(Kind, platform))


@pytest.mark.parametrize("kind", ADDRESSES)
def test_a_lost_answer_is_a_doubt_and_a_closed_port_is_none(
    monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    def lost(connection: object, server: Server) -> None:
        server.read_request(connection)  # type: ignore[arg-type]

    with serving(lost) as server:
        at_local(monkeypatch, server.port)
        assert (sent(kind).state, len(server.requests)) == (State.UNCERTAIN, 1)
    outcome = sent(kind)
    assert (outcome.state, outcome.code) == (State.PLANNED, "robot_unreachable")


def test_neither_logs_nor_what_is_told_hold_the_key(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    echo = f"no such robot {KEY} {SECRET}".encode()
    with serving(answering(echo, "404 Not Found")) as server, capture_logs() as logs:
        at_local(monkeypatch, server.port)
        told = sent(Kind.DINGTALK, SECRET).told
        assert server.requests
    assert "no such robot" in told
    assert "canary" not in f"{told} {caplog.text} {logs}"
