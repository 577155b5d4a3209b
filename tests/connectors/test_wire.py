"""What `connectors._wire` makes of bytes that come in any pieces, and of more than was asked for."""

import socket
import threading

import pytest
from raw_server import Server, serving

from connectors import Http, Uncertain
from connectors._wire import AnswerCut, Garbled, Overlong, Told, read_answer


def told(*pieces: bytes, most: int = 1_000) -> Told:
    """What is read of these pieces, each sent by itself, before the connection ends."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for piece in pieces:
            theirs.sendall(piece)
        theirs.shutdown(socket.SHUT_WR)
        return read_answer(ours, memoryview(bytearray(max(map(len, pieces)))), most)


CHUNKED = (
    b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-T: 1\r\n\r\n"
)


@pytest.mark.parametrize(
    ("sent", "content", "ended"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", b"{}", True),
        (CHUNKED, b"{}", True),
        (CHUNKED.replace(b"X-A: 1", b"Content-Length: 7"), b"{}", True),
        (b"HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\n{}", b"{}", False),
        (b"HTTP/1.0 200 OK\r\nTransfer-Encoding: identity\r\n\r\n{}", b"{}", False),
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}", b"{}", True),
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nX-B: 1\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
            b"",
            True,
        ),
    ],
    ids=["length", "chunks", "both", "until close", "coded until close", "bare lines", "interim"],
)
def test_an_answer_is_the_same_in_whatever_pieces_it_comes(sent: bytes, content: bytes, ended: bool) -> None:
    whole = told(sent)
    assert (whole.content, whole.ended) == (content, ended)
    assert whole.headers.get("x-a") in (None, "1", "1, 2", "2")
    assert "x-t" not in whole.headers
    assert "x-b" not in whole.headers
    assert told(*(bytes([byte]) for byte in sent)) == whole


@pytest.mark.parametrize("length", [*range(0, len(CHUNKED) - 1, 7), len(CHUNKED) - 1])
def test_an_answer_that_ends_early_is_cut(length: int) -> None:
    with pytest.raises(AnswerCut):
        told(CHUNKED[:length] or b"", b"")


def test_an_answer_may_have_a_hundred_headers_and_no_more() -> None:
    def answer(count: int) -> bytes:
        lines = b"".join(b"X-%d: 1\r\n" % number for number in range(count - 1))
        return b"HTTP/1.1 200 OK\r\n" + lines + b"Content-Length: 0\r\n\r\n"

    assert len(told(answer(100)).headers) == 100
    with pytest.raises(Garbled):
        told(answer(101))


def test_a_body_over_the_most_is_not_read_on() -> None:
    with pytest.raises(Overlong):
        told(b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n", b"x" * 1_001)


@pytest.mark.parametrize(
    ("sent", "reusable"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\n\r\n{}", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nrubbish", False),
    ],
    ids=["1.1", "close", "1.0", "until close", "another answer", "rubbish"],
)
def test_a_connection_is_kept_where_nothing_else_can_come_of_it(sent: bytes, reusable: bool) -> None:
    assert told(sent).reusable is reusable


def test_an_answer_that_nobody_asked_for_answers_no_later_call() -> None:
    forged = threading.Event()

    def forging(connection: socket.socket, server: Server) -> None:
        while server.read_request(connection):
            own = b'{"connection":%d}' % server.connections
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(own), own))
            try:
                connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"forged"}')
            finally:
                forged.set()

    with serving(forging) as server:
        http = Http("test", seconds=5)
        for expected in (1, 2, 3):
            forged.clear()
            answer = http.call("POST", server.address(), writes=True, json_body={})
            assert answer.json() == {"connection": expected}
            assert forged.wait(
                5
            )  # what comes while the next request leaves, no client can tell from its answer


def test_what_follows_a_change_of_protocol_is_no_answer() -> None:
    def changing(connection: socket.socket, server: Server) -> None:
        server.read_request(connection)
        connection.sendall(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n{}")

    with serving(changing) as server, pytest.raises(Uncertain):
        Http("test", seconds=5).call("POST", server.address(), writes=True)
