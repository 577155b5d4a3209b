"""What `connectors._http` promises, against real sockets that misbehave."""

import gzip
import logging
import math
import socket
import ssl
import threading
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from raw_server import HOUR, Authority, Server, Talk, answering, serving

from connectors import (
    ConnectorError,
    Http,
    NeedsPerson,
    Refused,
    Throttled,
    Uncertain,
    Unreachable,
    sending_before,
)
from connectors._film import Piece
from connectors._http import MAX_ANSWER_BYTES, Answer

SECRET = "s3cr3t-value-9f8e7d"
NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


def get(server: Server, **options: object) -> Answer:
    return Http("test", seconds=5).call("GET", server.address(), writes=False, **options)  # type: ignore[arg-type]


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


# What certainly did not arrive, and what may have.


@pytest.mark.parametrize("writes", [True, False])
def test_a_closed_port_is_unreachable(writes: bool) -> None:
    with pytest.raises(Unreachable) as raised:
        Http("test").call("POST", f"http://127.0.0.1:{closed_port()}/x", writes=writes)
    assert raised.value.platform_code == "not-sent"


@pytest.mark.parametrize("writes", [True, False])
def test_a_name_that_does_not_resolve_is_unreachable(writes: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    with pytest.raises(Unreachable) as raised:
        Http("test").call("POST", "http://platform.invalid/x", writes=writes)
    assert raised.value.platform_code == "not-sent"
    assert "NameResolutionError" in str(raised.value)


def cut(connection: socket.socket, server: Server) -> None:
    server.read_request(connection)


def reset(connection: socket.socket, server: Server) -> None:
    server.read_request(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def half_headers(connection: socket.socket, server: Server) -> None:
    server.read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-")


def whole_header_lines_only(connection: socket.socket, server: Server) -> None:
    server.read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nServer: x\r\n")


def half_body(connection: socket.socket, server: Server) -> None:
    server.read_request(connection)
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"post_id":')


def half_chunk(connection: socket.socket, server: Server) -> None:
    server.read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n{}")


def nonsense(connection: socket.socket, server: Server) -> None:
    server.read_request(connection)
    connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")


def silence(connection: socket.socket, server: Server) -> None:
    server.read_request(connection)
    server.leave.wait(10)


@pytest.mark.parametrize(
    "talk", [cut, reset, half_headers, whole_header_lines_only, half_body, half_chunk, nonsense, silence]
)
@pytest.mark.parametrize(("writes", "expected"), [(True, Uncertain), (False, Unreachable)])
def test_a_lost_answer_is_uncertain_after_a_write_and_unreachable_after_a_read(
    talk: Talk, writes: bool, expected: type[ConnectorError]
) -> None:
    with serving(talk) as server, pytest.raises(expected):
        Http("test", seconds=0.5).call("POST", server.address(), writes=writes, json_body={"a": 1})
    # A read whose connection broke is asked once more; a write never is.
    assert len(server.requests) in ((1,) if writes else (1, 2))


def test_a_read_is_asked_once_more_when_its_connection_breaks() -> None:
    def break_then_answer(connection: socket.socket, server: Server) -> None:
        server.read_request(connection)
        if server.connections > 1:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with serving(break_then_answer) as server:
        assert Http("test", seconds=5).call("GET", server.address(), writes=False).json() == {}
        assert len(server.requests) == 2


def test_a_read_that_must_not_come_twice_is_unreachable_at_once() -> None:
    def break_off(connection: socket.socket, server: Server) -> None:
        server.read_request(connection)

    with serving(break_off) as server:
        with pytest.raises(Unreachable):
            get(server, once=True)
        assert len(server.requests) == 1


def test_a_streamed_body_leaves_whole_with_its_length_and_again_from_its_start(tmp_path: Path) -> None:
    content = bytes(range(256)) * 1_000
    path = tmp_path / "film"
    path.write_bytes(content)
    arrived: list[bytes] = []

    def break_then_answer(connection: socket.socket, server: Server) -> None:
        head, _, body = connection.recv(65_536).partition(b"\r\n\r\n")
        assert b"Content-Length: 256000" in head and b"chunked" not in head
        while len(body) < len(content):
            body += connection.recv(65_536)
        arrived.append(body)
        if server.connections > 1:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with serving(break_then_answer) as server:
        piece = Piece(path, 0, len(content))
        answer = Http("test", seconds=5).call("POST", server.address(), writes=False, raw=piece)
        assert answer.json() == {}
    assert arrived == [content, content]


def test_a_connection_that_the_platform_closed_in_the_meantime_is_not_used_again() -> None:
    def once(connection: socket.socket, server: Server) -> None:
        server.read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with serving(once) as server:
        http = Http("test", seconds=5)
        for expected in (1, 2, 3):
            server.done.clear()
            assert http.call("POST", server.address(), writes=True, json_body=[]).json() == {}
            assert server.done.wait(5)
            assert len(server.requests) == server.connections == expected


def test_a_connection_that_dies_under_a_write_is_uncertain_and_never_repeated() -> None:
    def second_time_cut(connection: socket.socket, server: Server) -> None:
        server.read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        server.read_request(connection)

    with serving(second_time_cut) as server:
        http = Http("test", seconds=5)
        http.call("POST", server.address(), writes=True)
        with pytest.raises(Uncertain):
            http.call("POST", server.address(), writes=True)
    assert len(server.requests) == 2
    assert server.connections == 1


def test_connections_are_kept_open_per_thread() -> None:
    with serving(answering(b"{}")) as server:
        http = Http("test", seconds=5)

        def three() -> None:
            for _ in range(3):
                http.call("GET", server.address(), writes=False)

        threads = [threading.Thread(target=three) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert len(server.requests) == 6
        assert server.connections == 2


# The fence.


@pytest.mark.parametrize("warm", [True, False])
def test_no_byte_of_a_write_leaves_after_the_fence(warm: bool) -> None:
    with serving(answering(b"{}")) as server:
        http = Http("test", seconds=5)
        if warm:
            http.call("GET", server.address("/warm"), writes=False)
        with pytest.raises(Unreachable) as raised, sending_before(lambda: 0.0):
            http.call("POST", server.address("/late"), writes=True, json_body={"a": 1})
        assert raised.value.platform_code == "fenced"
        http.call("GET", server.address("/after"), writes=False)
    assert [request.split()[1] for request in server.requests] == [b"/warm", b"/after"][not warm :]


def test_a_small_request_leaves_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    import connectors._http as module

    with serving(answering(b"{}")) as server:
        real, pieces = module._WatchedSocket.sendall, []

        def sendall(self: socket.socket, data: bytes) -> None:
            pieces.append(bytes(data))
            real(self, data)

        monkeypatch.setattr(module._WatchedSocket, "sendall", sendall)
        http = Http("test", seconds=5)
        for _ in range(2):
            http.call("POST", server.address(), writes=True, json_body={"a": 1})
        http.call("GET", server.address(), writes=False)
    assert [piece.partition(b"\r\n\r\n")[2] for piece in pieces] == [b'{"a": 1}', b'{"a": 1}', b""]


def test_a_large_body_does_not_follow_its_headers_when_the_fence_falls_between(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import connectors._http as module

    with serving(answering(b"{}")) as server:
        fence = [math.inf]
        with pytest.raises(Unreachable) as raised, sending_before(lambda: fence[-1]):
            real, calls = module._WatchedSocket.sendall, []

            def sendall(self: socket.socket, data: bytes) -> None:
                real(self, data)
                calls.append(data)
                fence.append(0.0)

            monkeypatch.setattr(module._WatchedSocket, "sendall", sendall)
            large = {"a": "x" * 100_000}
            Http("test", seconds=5).call("POST", server.address(), writes=True, json_body=large)
        assert raised.value.platform_code == "fenced"
    assert len(calls) == 1
    assert server.requests == []


def test_reads_pass_the_fence() -> None:
    with serving(answering(b"{}")) as server, sending_before(lambda: 0.0):
        assert get(server).status == 200


def test_the_fence_ends_with_its_block() -> None:
    with serving(answering(b"{}")) as server:
        with sending_before(lambda: 0.0):
            pass
        assert Http("test").call("POST", server.address(), writes=True).status == 200


# Time.


def drip(prefix: bytes, endless: bytes) -> Talk:
    def talk(connection: socket.socket, server: Server) -> None:
        server.read_request(connection)
        connection.sendall(prefix)
        while not server.leave.wait(0.05):
            connection.sendall(endless)

    return talk


@pytest.mark.parametrize(
    "talk",
    [
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"),
        drip(b"HTTP/1.1 200 OK\r\nX-Endless: ", b"x"),
        drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X-Trailer: x\r\n"),
    ],
    ids=["body", "header", "continue", "chunks", "trailers"],
)
def test_a_server_that_drips_is_cut_at_the_total_deadline(talk: Talk) -> None:
    with serving(talk) as server:
        began = time.monotonic()
        with pytest.raises(Uncertain):
            Http("test").call("POST", server.address(), writes=True, seconds=0.4)
        assert 0.3 < time.monotonic() - began < 3


# Size.


def pour(prefix: bytes, part: bytes) -> Talk:
    def talk(connection: socket.socket, server: Server) -> None:
        server.read_request(connection)
        connection.sendall(prefix)
        for _ in range(200 * 1024 * 1024 // len(part)):
            connection.sendall(part)

    return talk


_POURED = b" " * 65_536


@pytest.mark.parametrize(
    "talk",
    [
        pour(b"HTTP/1.1 200 OK\r\nContent-Length: 209715200\r\n\r\n", _POURED),
        pour(b"HTTP/1.1 200 OK\r\n\r\n", _POURED),
        pour(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + _POURED + b"\r\n"),
        pour(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X-Trailer: x\r\n" * 1000),
        answering(gzip.compress(b" " * 200 * 1024 * 1024, 1), "200 OK", "Content-Encoding: gzip"),
    ],
    ids=["length", "until-close", "chunks", "trailers", "gzip"],
)
@pytest.mark.parametrize(("writes", "expected"), [(True, Uncertain), (False, Unreachable)])
def test_200_megabytes_are_cut_at_2(talk: Talk, writes: bool, expected: type[ConnectorError]) -> None:
    with serving(talk) as server:
        tracemalloc.start()
        try:
            with pytest.raises(expected) as raised:
                Http("test", seconds=20).call("POST", server.address(), writes=writes)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert raised.value.platform_code == "too-large"
    assert peak < 20 * 1024 * 1024


def test_a_chunk_line_without_end_is_cut() -> None:
    endless = pour(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", _POURED)
    with serving(endless) as server, pytest.raises(Uncertain):
        Http("test", seconds=20).call("POST", server.address(), writes=True)


def test_an_answer_of_just_2_megabytes_is_whole() -> None:
    body = b'"' + b"x" * (MAX_ANSWER_BYTES - 2) + b'"'
    with serving(answering(body)) as server:
        assert get(server).content == body


def test_a_packed_answer_within_bounds_is_unpacked() -> None:
    packed = gzip.compress('{"名": "青年之声"}'.encode())
    with serving(answering(packed, "200 OK", "Content-Encoding: gzip")) as server:
        assert get(server).json() == {"名": "青年之声"}


# Redirects.


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"]
)
@pytest.mark.parametrize(("writes", "expected"), [(True, Uncertain), (False, Unreachable)])
def test_redirects_are_not_followed(status: str, writes: bool, expected: type[ConnectorError]) -> None:
    with serving(answering(b'{"errcode":0}')) as trap:
        talk = answering(b"", status, f"Location: {trap.address()}")
        with serving(talk) as server, pytest.raises(expected) as raised:
            Http("test", seconds=5).call("POST", server.address(), writes=writes, json_body={"a": 1})
        assert raised.value.platform_code == status[:3]
        assert raised.value.remedy is not None
        assert trap.connections == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_that_tells_something_is_handed_back_and_not_followed(status: int) -> None:
    with serving(answering(b"{}")) as trap:
        talk = answering(b"", f"{status} Moved", f"Location: {trap.address()}")
        with serving(talk) as server:
            answer = Http("test", seconds=5).call("GET", server.address(), writes=False, redirect_tells=True)
        assert (answer.status, answer.headers["location"]) == (status, trap.address())
        assert trap.connections == 0


# JSON.


@pytest.mark.parametrize(
    "label",
    [
        "text/plain",
        "application/json; charset=gbk",
        "text/html; charset=ISO-8859-1",
        "application/octet-stream",
    ],
)
def test_json_is_utf_8_whatever_its_label(label: str) -> None:
    body = '{"title": "青年之声", "id": 9007199254740993123, "rate": 0.1}'.encode()
    with serving(answering(body, "200 OK", f"Content-Type: {label}")) as server:
        read = get(server).json_object()
    assert read == {"title": "青年之声", "id": 9007199254740993123, "rate": Decimal("0.1")}


def test_a_byte_order_mark_is_dropped() -> None:
    with serving(answering(b"\xef\xbb\xbf{}")) as server:
        assert get(server).json_object() == {}


SPOILT = {
    "empty": b"",
    "truncated": b'{"post_id": "1", "ur',
    "html": b"<!doctype html><title>login</title>",
    "nan": b'{"post_id": "1", "figure": NaN}',
    "infinity": b'{"post_id": "1", "figure": -Infinity}',
    "duplicate": b'{"post_id": "1", "post_id": "2"}',
    "deep": b'{"post_id": "1", "a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "rather deep": b"[" * 66 + b"]" * 66,
    "deep in turns": b'{"a":[' * 33 + b"]}" * 33,
    "deep behind texts": b'["]",' * 66 + b"0" + b',"["]' * 66,
    "deep behind escapes": b'["\\"]",' * 66 + b"0" + b',"[\\""]' * 66,
    "gbk": '{"post_id": "1", "name": "青年之声"}'.encode("gbk"),
    "utf-16": '{"post_id": "1"}'.encode("utf-16"),
    "two": b'{"post_id": "1"}{"post_id": "2"}',
    "endless number": b'{"post_id": ' + b"9" * 10_000 + b"}",
}
NOT_OBJECTS = {"null": b"null", "list": b"[]", "text": b'"ok"', "number": b"0"}


@pytest.mark.parametrize(("writes", "expected"), [(True, Uncertain), (False, Unreachable)])
@pytest.mark.parametrize("name", [*SPOILT, *NOT_OBJECTS])
def test_an_answer_that_cannot_be_read_says_nothing(
    name: str, writes: bool, expected: type[ConnectorError]
) -> None:
    with serving(answering({**SPOILT, **NOT_OBJECTS}[name])) as server:
        answer = Http("test", seconds=5).call("POST", server.address(), writes=writes)
    with pytest.raises(expected) as raised:
        answer.json_object()
    assert raised.value.platform_code == "bad-answer"


def test_json_goes_out_as_utf_8_without_escapes() -> None:
    with serving(answering(b"{}")) as server:
        Http("test").call("POST", server.address(), writes=True, json_body={"title": "青年之声"})
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert body == '{"title": "青年之声"}'.encode()
    assert b"Content-Type: application/json; charset=utf-8" in head


def test_parameters_forms_and_files_go_out() -> None:
    http = Http("test")
    with serving(answering(b"{}")) as server:
        http.call("GET", server.address(), writes=False, params={"since": "2026-03-01", "page": 2})
        http.call("POST", server.address(), writes=True, form={"status": "青年"})
        http.call("POST", server.address(), writes=True, files={"media": ("图.png", b"\x89PNG", "image/png")})
    asked, form, upload = server.requests
    assert asked.startswith(b"GET /x?since=2026-03-01&page=2 ")
    assert form.endswith(b"status=%E9%9D%92%E5%B9%B4")
    assert b"\x89PNG" in upload
    assert b"Content-Type: image/png" in upload


# Certificates.


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    authority = Authority(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))
    return authority


def test_a_good_certificate_is_taken(authority: Authority) -> None:
    with serving(answering(b"{}"), authority.server()) as server:
        assert get(server).json() == {}


def refused_certificate(context: ssl.SSLContext) -> None:
    with serving(answering(b"{}"), context) as server, pytest.raises(NeedsPerson) as raised:
        Http("test", seconds=5).call("POST", server.address(), writes=True, json_body={"a": 1})
    assert raised.value.platform_code == "tls"
    assert raised.value.remedy is not None
    assert server.requests == []


def test_an_expired_certificate_is_refused(authority: Authority) -> None:
    refused_certificate(authority.server(ends=-HOUR))


def test_a_certificate_of_another_host_is_refused(authority: Authority) -> None:
    refused_certificate(authority.server("127.0.0.2"))


def test_a_self_signed_certificate_is_refused(authority: Authority) -> None:
    refused_certificate(authority.server(self_signed=True))


def test_an_unknown_authority_is_refused(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    refused_certificate(authority.server())


def test_a_plain_server_behind_an_https_address_needs_a_person() -> None:
    def plain(connection: socket.socket, server: Server) -> None:
        connection.recv(100)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with serving(plain) as server, pytest.raises(NeedsPerson):
        Http("test", seconds=5).call("POST", f"https://127.0.0.1:{server.port}/", writes=True)


@pytest.mark.parametrize("talk", [cut, half_body, silence])
def test_a_lost_answer_under_tls_is_uncertain(authority: Authority, talk: Talk) -> None:
    with serving(talk, authority.server()) as server, pytest.raises(Uncertain):
        Http("test", seconds=0.5).call("POST", server.address(), writes=True)
    assert len(server.requests) == 1


def test_the_deadline_and_the_fence_hold_under_tls(authority: Authority) -> None:
    slow = drip(b"HTTP/1.1 200 OK\r\nX-Endless: ", b"x")
    with serving(slow, authority.server()) as server:
        with pytest.raises(Unreachable), sending_before(lambda: 0.0):
            Http("test").call("POST", server.address(), writes=True)
        assert server.requests == []
        began = time.monotonic()
        with pytest.raises(Uncertain):
            Http("test").call("POST", server.address(), writes=True, seconds=0.5)
        assert time.monotonic() - began < 3


# Secrets.


def echo(connection: socket.socket, server: Server) -> None:
    request = server.read_request(connection)
    page = b"<html>The requested URL was not found: " + request
    connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n" % len(page) + page)


def redirecting(connection: socket.socket, server: Server) -> None:
    request = server.read_request(connection)
    place = request.split()[1]
    connection.sendall(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: %s\r\n\r\n" % place)


def call_with_secrets(base: str) -> Answer:
    return Http("test", seconds=0.5).call(
        "POST",
        f"{base}/token",
        writes=True,
        params={"secret": f"{SECRET}+1/="},
        json_body={"nested": {"secret": f"{SECRET}2"}},
        headers={"Authorization": f"Bearer {SECRET}3"},
    )


@pytest.mark.parametrize("talk", [cut, silence, nonsense, half_headers, half_body, redirecting, echo, None])
def test_no_secret_stands_in_an_error_or_the_log(talk: Talk | None, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(talk or cut) as server:
        port = server.port if talk else closed_port()
        with pytest.raises(ConnectorError) as raised:
            call_with_secrets(f"http://127.0.0.1:{port}").json()
        error = raised.value
    assert SECRET not in f"{error} {error!r} {error.__dict__} {caplog.text}"
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__


def test_no_secret_stands_in_an_answer_or_its_failure() -> None:
    with serving(echo) as server:
        answer = call_with_secrets(f"http://127.0.0.1:{server.port}")
    error = answer.failure(NOW)
    assert "The requested URL was not found" in str(error)
    assert SECRET not in f"{error} {answer.excerpt(4096)}"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nothing",
        "http://",
        "http://[::1",
        "http://exa mple/",
        "ftp://127.0.0.1/",
        "http://127.0.0.1:x/",
        "http://.x/",
    ],
)
def test_an_address_that_cannot_be_called_needs_a_person(address: str) -> None:
    with pytest.raises(NeedsPerson) as raised:
        Http("test").call("POST", address, writes=True, params={"secret": SECRET})
    assert raised.value.platform_code == "bad-address"
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("token", ["令牌", "a\nX-Other: b", " x"])
def test_a_header_that_cannot_be_sent_needs_a_person(token: str) -> None:
    with serving(answering(b"{}")) as server, pytest.raises(NeedsPerson) as raised:
        Http("test").call("POST", server.address(), writes=True, headers={"Authorization": token})
    assert raised.value.platform_code == "bad-credentials"
    assert token not in str(raised.value)
    assert server.connections == 0


def test_an_excerpt_can_be_stored_anywhere() -> None:
    with serving(answering(b"a\x00b\nc\xff" + b"x" * 500)) as server:
        shown = get(server).excerpt()
    assert shown.startswith("a b c\ufffdx")
    assert len(shown) == 120


# What a status means.


@pytest.mark.parametrize(
    ("status", "writes", "expected"),
    [
        (400, True, Refused),
        (401, True, NeedsPerson),
        (403, True, NeedsPerson),
        (404, True, NeedsPerson),
        (408, True, Uncertain),
        (408, False, Unreachable),
        (409, True, Uncertain),
        (410, True, Refused),
        (413, True, Refused),
        (422, True, Refused),
        (425, True, Throttled),
        (429, True, Throttled),
        (500, True, Uncertain),
        (500, False, Unreachable),
        (502, True, Uncertain),
        (503, True, Throttled),
        (504, True, Uncertain),
    ],
)
def test_a_status_says_what_to_do(status: int, writes: bool, expected: type[ConnectorError]) -> None:
    with serving(answering(b"why", f"{status} Reason")) as server:
        answer = Http("test", seconds=5).call("POST", server.address(), writes=writes)
    error = answer.failure(NOW)
    assert type(error) is expected
    assert error.platform_code == str(status)
    assert error.platform_text == "why"


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (None, 60),
        ("Retry-After: 7", 7),
        ("Retry-After: 0", 0),
        ("Retry-After: Mon, 02 Mar 2026 01:05:00 GMT", 300),
        ("Retry-After: Mon, 02 Mar 2026 00:05:00 GMT", 0),
        ("Retry-After: 99999999999999999999", 86_400),
        ("Retry-After: Mon, 02 Mar 2099 01:05:00 GMT", 86_400),
        ("Retry-After: soon", 60),
        ("Retry-After: -5", 60),
        ("Retry-After: \u0663", 60),
        ("Retry-After: Mon, 99 Mar 2026 01:05:00 GMT", 60),
    ],
)
def test_retry_after_is_seconds_or_a_date(said: str | None, seconds: int) -> None:
    headers = [said] if said else []
    with serving(answering(b"", "429 Too Many Requests", *headers)) as server:
        error = get(server).failure(NOW)
    assert isinstance(error, Throttled)
    assert error.until == NOW + timedelta(seconds=seconds)
