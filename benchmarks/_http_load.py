"""So many connections that ask one after the other, each as fast as it is answered: what the server takes.

Bare sockets: the client must not be what is measured.
"""

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

_PAGES = 20  # a connection leafs so far, then begins anew


@dataclass
class Load:
    """What was answered: seconds a request, statuses, wall seconds of all."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    wall: float = 0.0

    @property
    def per_second(self) -> float:
        return len(self.seconds) / self.wall

    def at(self, share: float) -> float:
        """The latency, in milliseconds, that this share of requests kept within."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000


def ask(address: str, path: str, token: str, *, connections: int, seconds: float) -> Load:
    """Leafs through a list with so many connections for so long."""
    return asyncio.run(_ask(address, path, token, connections, seconds))


async def _ask(address: str, path: str, token: str, connections: int, seconds: float) -> Load:
    load, began = Load(), time.perf_counter()
    until = began + seconds
    await asyncio.gather(*(_leaf(address, path, token, load, until) for _ in range(connections)))
    load.wall = time.perf_counter() - began
    return load


async def _leaf(address: str, path: str, token: str, load: Load, until: float) -> None:
    parts = urlsplit(address)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=2**22)
    head = f" HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {token}\r\n\r\n"
    page, cursor = 0, None
    while time.perf_counter() < until:
        asked = path if cursor is None else f"{path}&cursor={quote(cursor)}"
        began = time.perf_counter()
        writer.write(f"GET {asked}{head}".encode())
        status, body = await _answer(reader)
        load.seconds.append(time.perf_counter() - began)
        load.statuses[status] += 1
        page = (page + 1) % _PAGES
        cursor = _next(body) if page and status == 200 else None
    writer.close()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    lengths = [line for line in head if line.lower().startswith("content-length:")]
    return int(head[0].split()[1]), await reader.readexactly(int(lengths[0].partition(":")[2]))


def _next(body: bytes) -> str | None:
    """The cursor, without reading all of the page."""
    told = body[body.rindex(b'"next":') + 7 : -1]
    cursor: str | None = json.loads(told)
    return cursor
