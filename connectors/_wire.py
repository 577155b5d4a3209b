"""One answer off a connection, and the connections a thread keeps.

llhttp (`httptools`) reads what platforms send: the parser of Python's `http.client` took more of a call than
all the rest. Nothing here decides what a lost answer means; what goes wrong is an OSError.
"""

import socket
import weakref
from collections.abc import Callable
from typing import NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from urllib3.connection import HTTPConnection

_MOST_HEADERS = 100  # as `http.client` takes them
_MOST_KEPT = 64
_PIECE = 16_384  # most answers come whole in it, and every sender has one


class AnswerCut(ConnectionError):
    """The connection ended before the answer did."""


class Garbled(OSError):
    """What came is not HTTP."""


class Overlong(Exception):
    """The body is over what was asked for at most."""


class Origin(NamedTuple):
    """Whom a connection leads to."""

    scheme: str
    host: str
    port: int


class Told(NamedTuple):
    """An answer as it came. `headers` has lower-case names; `ended` says that it ended by its own words."""

    status: int
    headers: dict[str, str]
    content: bytes
    ended: bool
    reusable: bool


class _Reader:
    """What the parser tells of one answer: interim ones (1xx) are passed over, trailers are not kept."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.parts: list[bytes] = []
        self.size = 0
        self.begun = self.whole = self.lasting = self.beyond = self.too_many = False
        self._count = 0
        self.parser = HttpResponseParser(self)
        # As other clients read it; the connection serves one caller, so nobody else's answer can be split.
        self.parser.set_dangerous_leniencies(lenient_chunked_length=True, lenient_optional_cr_before_lf=True)

    def on_message_begin(self) -> None:
        self.beyond = self.whole

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.begun:
            return
        self._count += 1
        self.too_many = self._count > _MOST_HEADERS
        if not self.too_many:
            key, text = name.decode("latin-1").lower(), value.decode("latin-1")
            self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text

    def on_headers_complete(self) -> None:
        if self.whole:
            return
        self.status, self.begun = self.parser.get_status_code(), True

    def on_body(self, body: bytes) -> None:
        if not self.whole:
            self.size += len(body)
            self.parts.append(body)

    def on_message_complete(self) -> None:
        if self.status >= 200 and not self.whole:
            self.whole, self.lasting = True, self.parser.should_keep_alive()  # known only now
        elif not self.whole:
            self.headers, self.begun = {}, False

    @property
    def until_close(self) -> bool:
        """Does the end of the connection end the answer?"""
        coding = self.headers.get("transfer-encoding")
        unsaid = "content-length" not in self.headers if coding is None else "chunked" not in coding.lower()
        return self.begun and self.status >= 200 and unsaid


def read_answer(connection: socket.socket, buffer: memoryview, most: int) -> Told:
    """The next answer; it is read into `buffer` piece by piece.

    Raises AnswerCut, Garbled, Overlong for a body over `most` bytes, and what the socket raises.
    """
    reader = _Reader()
    while not reader.whole:
        received = connection.recv_into(buffer)
        if not received:
            if reader.until_close:
                break
            raise AnswerCut("the connection ended before the answer did")
        _feed(reader, buffer[:received])
        if reader.size > most:
            raise Overlong(f"the answer is over {most} bytes")
    reusable = reader.lasting and not reader.beyond
    return Told(reader.status, reader.headers, b"".join(reader.parts), reader.whole, reusable)


def _feed(reader: _Reader, piece: memoryview) -> None:
    try:
        reader.parser.feed_data(piece)
    except (HttpParserError, HttpParserUpgrade) as error:
        if not reader.whole:
            raise Garbled(type(error).__name__) from None
        reader.beyond = True
    if reader.too_many:
        raise Garbled("too many headers")


class Kept:
    """The open connections of one thread, the latest used of each origin; closed with it."""

    def __init__(self, opened: Callable[[Origin], HTTPConnection]) -> None:
        self._open = opened
        self._by_origin: dict[Origin, HTTPConnection] = {}
        self.buffer = memoryview(bytearray(_PIECE))
        weakref.finalize(self, _close_all, self._by_origin)

    def take(self, origin: Origin) -> HTTPConnection:
        """A connection that nothing has come over since its last answer, or a new one; out of the keeping."""
        kept = self._by_origin.pop(origin, None)
        if kept is not None:
            if kept.is_connected:
                return kept
            kept.close()
        return self._open(origin)

    def keep(self, origin: Origin, connection: HTTPConnection) -> None:
        self._by_origin[origin] = connection
        if len(self._by_origin) > _MOST_KEPT:
            self._by_origin.pop(next(iter(self._by_origin))).close()


def _close_all(connections: dict[Origin, HTTPConnection]) -> None:
    for connection in connections.values():
        connection.close()
