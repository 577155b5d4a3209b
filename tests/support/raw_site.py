"""A web site of bare sockets that speaks the webhook contract and misbehaves in ways a framework cannot."""

import json
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

from raw_server import Server, serving

Accept = Callable[[], bytes]
"""Takes the post; gives the whole true answer, head and body."""
Behaviour = Callable[[socket.socket, Accept], None]
"""What the site does with one post; the connection closes after it."""


def whole(status: str, body: bytes, *headers: str) -> bytes:
    """An answer as it stands on the wire."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class RawSite:
    """`received` holds the keys of what it took, in order; `misbehave` says what comes of the next posts."""

    def __init__(self) -> None:
        self.received: list[str] = []
        self.calls = 0  # requests of any kind
        self.most_under_way = 0
        self._lock = threading.Lock()
        self._under_way: set[str] = set()
        self._behaviours: deque[Behaviour] = deque()

    def misbehave(self, *behaviours: Behaviour) -> None:
        self._behaviours.extend(behaviours)

    def talk(self, connection: socket.socket, server: Server) -> None:
        while request := server.read_request(connection):
            self.calls += 1
            head, _, body = request.partition(b"\r\n\r\n")
            method, target, _ = head.split(b" ", 2)
            if method == b"GET":
                connection.sendall(self._look_up(target.decode()))
            elif not self._take(connection, json.loads(body)["id"]):
                return

    def _look_up(self, target: str) -> bytes:
        (key,) = parse_qs(urlsplit(target).query)["id"]
        if key not in self.received:
            return whole("404 Not Found", b"{}")
        return whole("200 OK", json.dumps({"post_id": key}).encode())

    def _take(self, connection: socket.socket, key: str) -> bool:
        """Whether the connection goes on."""

        def accept() -> bytes:
            self.received.append(key)
            self._under_way.discard(key)
            return whole("201 Created", json.dumps({"post_id": key}).encode())

        with self._lock:
            self._under_way.add(key)
            self.most_under_way = max(self.most_under_way, len(self._under_way))
            behaviour = self._behaviours.popleft() if self._behaviours else None
        if behaviour is None:
            connection.sendall(accept())
            return True
        try:
            behaviour(connection, accept)
        finally:
            self._under_way.discard(key)
        return False


@contextmanager
def raw_site(
    context: ssl.SSLContext | None = None, listener: socket.socket | None = None
) -> Iterator[tuple[RawSite, str]]:
    """A running site and its address."""
    site = RawSite()
    with serving(site.talk, context, listener) as server:
        yield site, server.address("")
