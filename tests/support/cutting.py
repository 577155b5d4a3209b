"""A line to a real server that can be cut: it carries requests there and loses answers on the way back."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from raw_server import Server, serving

_CHUNK = 65_536


class Line:
    """Forwards HTTP/1.1 requests, one connection to the server each; counts what it carried and lost."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._lock = threading.Lock()
        self._cuts: list[tuple[bytes, bool]] = []
        self.lost: list[bytes] = []  # the first lines of requests whose answer was lost
        self.carried: list[bytes] = []  # of all that reached the server

    def cut(self, request: str, *, before: bool = False) -> None:
        """The next request that begins so ("POST /path") loses its answer; `before`: does not even arrive."""
        with self._lock:
            self._cuts.append((request.encode(), before))

    def talk(self, connection: socket.socket, server: Server) -> None:
        while request := server.read_request(connection):
            first = request.split(b"\r\n", 1)[0]
            cut = self._struck(first)
            if cut is not None and cut[1]:
                self.lost.append(first)
                return
            answer = self._answer(request)
            self.carried.append(first)
            if cut is not None:
                self.lost.append(first)
                return
            connection.sendall(answer)
            return  # the answer says so itself: "Connection: close"

    def _struck(self, first: bytes) -> tuple[bytes, bool] | None:
        with self._lock:
            for cut in self._cuts:
                if first.startswith(cut[0]):
                    self._cuts.remove(cut)
                    return cut
        return None

    def _answer(self, request: bytes) -> bytes:
        """The server's whole answer: it has done what it was asked before any of it is passed on."""
        head, _, body = request.partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
        whole = b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n" + body
        with socket.create_connection(("127.0.0.1", self._port), timeout=120) as there:
            there.sendall(whole)
            parts = []
            with suppress(ConnectionResetError):
                while part := there.recv(_CHUNK):
                    parts.append(part)
        return b"".join(parts)


@contextmanager
def cutting(port: int) -> Iterator[tuple[Line, str]]:
    """A line to the server at this port of 127.0.0.1, and its own address."""
    line = Line(port)
    with serving(line.talk) as server:
        yield line, server.address("")


class MailLine:
    """Carries SMTP to a real server; the server's word after a message may be lost."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.cuts = 0  # how many of the coming messages lose their answer
        self.lost = 0

    def talk(self, connection: socket.socket, server: Server) -> None:
        with socket.create_connection(("127.0.0.1", self._port), timeout=60) as there:
            client, site = connection.makefile("rb"), there.makefile("rb")
            connection.sendall(site.readline())
            while line := client.readline():
                there.sendall(line)
                connection.sendall(self._reply(site))
                if line.strip().upper() == b"DATA":
                    while True:
                        part = client.readline()
                        there.sendall(part)
                        if part in (b".\r\n", b""):
                            break
                    reply = self._reply(site)  # the message has been taken
                    if self.cuts:
                        self.cuts, self.lost = self.cuts - 1, self.lost + 1
                        return
                    connection.sendall(reply)

    @staticmethod
    def _reply(site: BinaryIO) -> bytes:
        """One whole reply: every line but the last has a hyphen after its code."""
        lines = [site.readline()]
        while lines[-1][3:4] == b"-":
            lines.append(site.readline())
        return b"".join(lines)


@contextmanager
def cutting_mail(port: int) -> Iterator[tuple[MailLine, int]]:
    """A line to the mail server at this port of 127.0.0.1, and its own port."""
    line = MailLine(port)
    with serving(line.talk) as server:
        yield line, server.port
