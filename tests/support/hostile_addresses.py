"""Addresses by which somebody would have our server call itself, its neighbours or its cloud's metadata."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

_LOCAL_HOSTS = (  # every way to write this machine that a resolver understands
    "127.0.0.1", "127.1", "127.0.1", "127.255.255.254", "2130706433", "017700000001", "0x7f000001", "0x7f.1",
    "0x7f.0.0.1", "0177.0.0.1", "0177.0.0.01", "127.000.000.001", "0x7F.0x0.0x0.0x1", "0", "0.0.0.0", "0x0",  # noqa: S104
    "localhost", "LOCALHOST", "localhost.", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[0000::1]",
    "[::127.0.0.1]", "[::7f00:1]",
)  # fmt: skip
_MAPPED = (  # IPv4 within IPv6: mapped, NAT64, 6to4, Teredo, ISATAP
    "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::FFFF:127.0.0.1]", "[0:0:0:0:0:ffff:127.0.0.1]",
    "[::ffff:10.0.0.1]", "[::ffff:169.254.169.254]", "[::ffff:0:127.0.0.1]", "[64:ff9b::127.0.0.1]",
    "[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2002:a00:1::1]",
    "[2002:a9fe:a9fe::]", "[2002:c0a8:101::1]", "[2001:0:7f00:1::]", "[2001::1]", "[2620::5efe:127.0.0.1]",
    "[2620::200:5efe:10.0.0.1]",
)  # fmt: skip
_NEIGHBOURS = (
    "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.1.1", "100.64.0.1",
    "169.254.1.1", "198.18.0.1", "192.0.2.1", "203.0.113.7", "192.88.99.1", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "0x0a.1", "012.0.0.1", "167772161", "3232235777", "[fc00::1]", "[fd12:3456::1]",
    "[fec0::1]", "[ff02::1]", "[2001:db8::1]", "[3fff::1]", "[100::1]", "[fe80::1]", "[fe80::1%25lo]",
)  # fmt: skip
_METADATA = (
    "169.254.169.254", "169.254.170.2", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "0xa9.0xfe.43518",
    "100.100.100.200", "168.63.129.16", "192.0.0.192", "[fd00:ec2::254]", "[fd00:ec2::23]",
)  # fmt: skip
HOSTS = (*_LOCAL_HOSTS, *_MAPPED, *_NEIGHBOURS, *_METADATA)

# Names and what they resolve to, one answer after another: the second time they say something else.
NAMES: dict[str, tuple[tuple[str, ...], ...]] = {
    "inside.example": (("127.0.0.1",),),
    "inside6.example": (("::1",),),
    "mixed.example": (("8.8.8.8", "127.0.0.1"),),
    "mixed6.example": (("2606:4700::1111", "::1"),),
    "metadata.example": (("169.254.169.254",),),
    "rebound.example": (("127.0.0.1",), ("::1",), ("10.0.0.1",)),
    "127.0.0.1.nip.example": (("127.0.0.1",),),
    "intranet": (("192.168.3.4",),),
}


class Trap:
    """Listens on this machine and counts who comes."""

    def __init__(self, listener: socket.socket) -> None:
        self.port: int = listener.getsockname()[1]
        self.connections = 0
        self._listener = listener
        self._thread = threading.Thread(target=self._count, daemon=True)
        self._thread.start()

    def _count(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            connection.close()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def addresses(self, scheme: str = "http") -> list[str]:
        """Every hostile address, at the trap's port."""
        return [f"{scheme}://{host}:{self.port}/hook" for host in (*HOSTS, *NAMES)]


@contextmanager
def trap() -> Iterator[Trap]:
    """A trap on all of this machine's addresses."""
    listener = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    set_up = Trap(listener)
    try:
        yield set_up
    finally:
        set_up.close()


def resolving(monkeypatch: pytest.MonkeyPatch, names: dict[str, tuple[tuple[str, ...], ...]]) -> None:
    """Names get these answers, in turn; everything else is resolved as ever."""
    asked: dict[str, int] = {}
    real: Callable[..., object] = socket.getaddrinfo

    def answer(host: str, port: int, *args: object, **kwargs: object) -> object:
        if host not in names:
            return real(host, port, *args, **kwargs)
        turns, turn = names[host], asked.get(host, 0)
        asked[host] = turn + 1
        told = turns[min(turn, len(turns) - 1)]
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (one, port, 0, 0))
            if ":" in one
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port))
            for one in told
        ]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
