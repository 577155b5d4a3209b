"""Matrix rooms: one event a delivery whatever is lost, every answer told apart, the server a setting only."""

import json
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from raw_server import Server, answering, serving

from analytics.reports.deliveries import State
from analytics.reports.robots import Kind, RobotKey, parse_key
from analytics.reports.rooms import send_to_room
from config import InputError
from connectors import Http

ROOM, TOKEN = "!abcDEF123:example.org", "syt_canary_0123456789abcdef"
AT = datetime(2026, 11, 15, 23, 30, tzinfo=UTC)
FINE = b'HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{"event_id": "$1"}'


def send(address: str, told: str = "周报", seconds: float = 2) -> tuple[State, str, timedelta, str]:
    robot = parse_key(Kind.MATRIX, f"{ROOM}\n{TOKEN}")
    outcome = send_to_room(Http("robot-matrix", seconds=seconds), address, robot, told, "t0ken", AT)
    assert TOKEN not in repr(outcome)
    return outcome.state, outcome.code, outcome.again_after, outcome.told


def losing(times: int) -> Callable[[socket.socket, Server], None]:
    """Takes requests and closes without a word, so many times; then answers."""

    def talk(connection: socket.socket, server: Server) -> None:
        server.read_request(connection)
        if len(server.requests) > times:
            connection.sendall(FINE)

    return talk


def test_a_text_goes_to_the_room_under_the_deliverys_own_name() -> None:
    with serving(losing(0)) as server:
        assert send(server.address(""))[0] is State.SENT
    (request,) = server.requests
    head, _, body = request.partition(b"\r\n\r\n")
    path = "/_matrix/client/v3/rooms/%21abcDEF123%3Aexample.org/send/m.room.message/t0ken"
    assert head.startswith(f"PUT {path} ".encode())
    assert f"Authorization: Bearer {TOKEN}".encode() in head
    assert json.loads(body) == {"msgtype": "m.text", "body": "周报"}


@pytest.mark.parametrize(
    ("lost", "state", "calls"), [(1, State.SENT, 2), (2, State.SENT, 3), (9, State.UNCERTAIN, 3)]
)
def test_a_lost_answer_is_asked_for_again_under_the_same_name(lost: int, state: State, calls: int) -> None:
    with serving(losing(lost)) as server:
        assert send(server.address(""))[0] is state
    assert len(server.requests) == calls
    assert len({request.split(b"\r\n", 1)[0] for request in server.requests}) == 1


def test_after_a_doubt_a_refusal_does_not_mean_that_nothing_went_out() -> None:
    def talk(connection: socket.socket, server: Server) -> None:
        server.read_request(connection)
        if len(server.requests) > 1:
            connection.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}")

    with serving(talk) as server:
        assert send(server.address(""))[:2] == (State.UNCERTAIN, "robot_uncertain")


@pytest.mark.parametrize(
    ("status", "headers", "body", "state", "code", "again"),
    [
        ("200 OK", (), b'{"event_id": "$1"}', State.SENT, "", timedelta(0)),
        (
            "429 Too Many Requests",
            ("Retry-After: 40",),
            b'{"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 39717}',
            State.PLANNED,
            "robot_busy",
            timedelta(seconds=40),
        ),
        (
            "401 Unauthorized",
            (),
            b'{"errcode": "M_UNKNOWN_TOKEN"}',
            State.FAILED,
            "robot_refused",
            timedelta(0),
        ),
        ("403 Forbidden", (), b'{"errcode": "M_FORBIDDEN"}', State.FAILED, "robot_refused", timedelta(0)),
        ("500 Oops", (), b"", State.UNCERTAIN, "robot_uncertain", timedelta(0)),
        ("200 OK", (), b"<html>", State.UNCERTAIN, "robot_uncertain", timedelta(0)),
        ("200 OK", (), b"{}", State.UNCERTAIN, "robot_uncertain", timedelta(0)),
    ],
)
def test_every_answer_is_told_apart(
    status: str, headers: tuple[str, ...], body: bytes, state: State, code: str, again: timedelta
) -> None:
    with serving(answering(body, status, *headers)) as server:
        assert send(server.address(""))[:3] == (state, code, again)


def test_without_a_server_or_with_one_that_is_away_nothing_went_out() -> None:
    assert send("")[:2] == (State.FAILED, "robot_no_server")
    assert send("http://127.0.0.1:9")[:2] == (State.PLANNED, "robot_unreachable")


@pytest.mark.parametrize(
    "told",
    [
        ROOM,
        f"{ROOM}\nshort",
        f"https://evil.example/!a:b\n{TOKEN}",
        f"abc:example.org\n{TOKEN}",
        f"!a/../b:example.org\n{TOKEN}",
        f"{ROOM}\n{TOKEN} X",
        f"{ROOM}\n{TOKEN}\nmore",
    ],
)
def test_what_is_no_room_and_token_is_refused(told: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_key(Kind.MATRIX, told)
    assert TOKEN not in str(caught.value)


def test_a_room_is_shown_without_its_keys() -> None:
    robot = RobotKey(Kind.MATRIX, ROOM, TOKEN)
    assert TOKEN not in repr(robot) and ROOM not in repr(robot)
