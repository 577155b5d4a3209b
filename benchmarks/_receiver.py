"""A fast platform double in a process of its own: the webhook contract, nothing stored but counts.

It answers every publish after a delay and counts what it received by id, so that losses, doubles, disorder,
lateness and undercut waits are counted where they happen, whoever sends.
"""

import asyncio
import json
import multiprocessing
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

DUE = "due "  # a title "due <seconds since 1970>" has the lateness measured at the receipt
_IN_FLIGHT = 0.1  # seconds: what left before the answer "slow down" could be heard is no undercutting


@dataclass(frozen=True)
class Manner:
    """How the platform behaves. Accounts whose name begins with `slow` wait `slow_delay` instead."""

    delay: float = 0.02
    slow_delay: float = 5.0
    limit: int | None = None  # accepted in a second, over all accounts; then 429
    retry_after: int = 1  # whole seconds, told with a 429
    cut: float = 0.0  # share of accepted posts whose answer never comes
    seed: int = 1


@dataclass
class _Counts:
    """What was received: posts accepted by id, order by account, lateness, refusals."""

    accepted: Counter[str] = field(default_factory=Counter)
    order: dict[str, list[int]] = field(default_factory=dict)
    lateness: list[float] = field(default_factory=list)
    requests: int = 0
    throttled: int = 0
    undercut: int = 0
    first: float = 0.0
    last: float = 0.0

    def told(self) -> dict[str, object]:
        late = sorted(self.lateness)
        return {
            "posts": len(self.accepted),
            "doubled": sum(count > 1 for count in self.accepted.values()),
            "ordered": all(seqs == sorted(seqs) for seqs in self.order.values()),
            "requests": self.requests,
            "throttled": self.throttled,
            "undercut": self.undercut,
            "seconds": round(self.last - self.first, 3),
            "early": sum(one < 0 for one in late),
            "lateness_p50": round(late[len(late) // 2], 4) if late else None,
            "lateness_p99": round(late[max(0, -(-99 * len(late) // 100) - 1)], 4) if late else None,
        }


class _Platform:
    """The state all connections share."""

    def __init__(self, manner: Manner) -> None:
        self.manner = manner
        self.counts = _Counts()
        self._chance = random.Random(manner.seed)
        self._window = 0
        self._in_window = 0
        self._closed_until = 0.0
        self._told_at = 0.0

    def take(self, post: dict[str, Any]) -> tuple[int, float, bool]:
        """Status, seconds until the answer, and whether the answer is cut."""
        now = time.time()
        counts = self.counts
        counts.requests += 1
        if self._told_at + _IN_FLIGHT < now < self._closed_until:
            counts.undercut += 1
        if self.manner.limit is not None and not self._within(now):
            counts.throttled += 1
            if now >= self._closed_until:
                self._told_at = now
                self._closed_until = now + self.manner.retry_after
            return 429, 0.0, False
        identity, account = post["id"], post["account"]
        counts.accepted[identity] += 1
        counts.order.setdefault(account, []).append(post["seq"])
        if post["title"].startswith(DUE):
            counts.lateness.append(now - float(post["title"].removeprefix(DUE)))
        counts.first = counts.first or now
        counts.last = now
        slow = account.startswith("slow")
        cut = self.manner.cut > 0 and self._chance.random() < self.manner.cut
        return 200, self.manner.slow_delay if slow else self.manner.delay, cut

    def _within(self, now: float) -> bool:
        window = int(now)
        if window != self._window:
            self._window, self._in_window = window, 0
        self._in_window += 1
        return self._in_window <= (self.manner.limit or 0)


class _Talk(asyncio.Protocol):
    """One kept connection; requests come one after the other."""

    def __init__(self, platform: _Platform) -> None:
        self._platform = platform
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end]
        length = 0
        at = head.lower().find(b"content-length:")
        if at >= 0:
            length = int(head[at + 15 :].split(b"\r", 1)[0])
        if len(self._buffer) < end + 4 + length:
            return
        body = self._buffer[end + 4 : end + 4 + length]
        self._buffer = self._buffer[end + 4 + length :]
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        if method == "POST":
            self._publish(body)
        else:
            self._answer(*self._look(target))

    def _publish(self, body: bytes) -> None:
        post = json.loads(body)
        status, delay, cut = self._platform.take(post)
        answer = {"post_id": f"r-{post['id']}"} if status == 200 else {}
        loop = asyncio.get_running_loop()
        if cut:
            loop.call_later(delay, self._transport.abort)
        else:
            loop.call_later(delay, self._answer, status, answer)

    def _look(self, target: str) -> tuple[int, dict[str, object]]:
        address = urlsplit(target)
        if address.path.endswith("/counts"):
            return 200, self._platform.counts.told()
        if address.path.endswith("/forget"):
            self._platform.counts = _Counts()
            return 200, {}
        wanted = parse_qs(address.query).get("id", [""])[0]
        there = wanted in self._platform.counts.accepted
        return (200, {"post_id": f"r-{wanted}"}) if there else (404, {})

    def _answer(self, status: int, answer: dict[str, object]) -> None:
        payload = json.dumps(answer).encode()
        wait = b"Retry-After: %d\r\n" % self._platform.manner.retry_after if status == 429 else b""
        self._transport.write(
            b"HTTP/1.1 %d OK\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s"
            % (status, wait, len(payload), payload)
        )


def _run(pipe: Connection, manner: Manner) -> None:
    async def main() -> None:
        platform = _Platform(manner)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Talk(platform), "127.0.0.1", 0, backlog=512)
        pipe.send(server.sockets[0].getsockname()[1])
        await loop.run_in_executor(None, pipe.recv)
        server.close()

    asyncio.run(main())


@contextmanager
def receiver(manner: Manner | None = None) -> Iterator[str]:
    """A running receiver's address."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(theirs, manner or Manner()), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        ours.send("stop")
        process.join(5)
        process.kill()


def counts(address: str) -> dict[str, Any]:
    """What the receiver has counted since `forget`."""
    told: dict[str, Any] = requests.get(f"{address}/counts", timeout=30).json()
    return told


def forget(address: str) -> None:
    """Sets the receiver's counts to nothing."""
    requests.get(f"{address}/forget", timeout=30).raise_for_status()
