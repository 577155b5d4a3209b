"""A quick WeChat in a process of its own: it answers what the sandbox answered, after a platform's delay.

The sandbox itself is asked once for every request that a collection can make of one account; that is then
the answer for every account. So the answers are as large as they are, and the limit is the delay, not the
sandbox's own work.
"""

import asyncio
import json
import multiprocessing
import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from multiprocessing.connection import Connection
from typing import Any

from sandbox.app import create_app
from sandbox.platforms.wechat import example
from sandbox.world import World

DELAY = 0.02
COMMENTS = "/cgi-bin/comment/list"
_DATACUBE = ("getarticletotaldetail", "getbizsummary", "getusersummary", "getusercumulate")
Answers = dict[tuple[str, str], bytes]


def recorded(now: datetime, days: int = 32) -> Answers:
    """What the sandbox answers, by path and first day asked for; the token under ('…/stable_token', '')."""
    world = World(seed=1)
    world.reset(now=now, seed=1)
    credentials = example(world, "bench").credentials
    app = create_app(world)
    token_path = "/cgi-bin/stable_token"
    token = _asked(app, token_path, "", {"grant_type": "client_credential", **credentials})
    query = f"access_token={json.loads(token)['access_token']}"
    answers = {(token_path, ""): token}
    comments = {"msg_data_id": 1, "index": 0, "begin": 0, "count": 1, "type": 0}
    answers[COMMENTS, ""] = _asked(app, COMMENTS, query, comments)
    today = (now + timedelta(hours=8)).date()
    for back in range(1, days):
        day = (today - timedelta(days=back)).isoformat()
        for name in _DATACUBE:
            path = f"/datacube/{name}"
            answers[path, day] = _asked(app, path, query, {"begin_date": day, "end_date": day})
    return answers


def _asked(app: Any, path: str, query: str, body: object) -> bytes:
    """One POST to an ASGI program, without a network."""
    parts: list[bytes] = []
    payload = json.dumps(body).encode()

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": payload, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.body":
            parts.append(message.get("body", b""))

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": f"/wechat{path}",
        "raw_path": f"/wechat{path}".encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(payload))],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    asyncio.run(app(scope, receive, send))
    return b"".join(parts)


class _Talk(asyncio.Protocol):
    """One kept connection; requests come one after the other."""

    def __init__(self, state: "_State") -> None:
        self._state = state
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
        at = head.lower().find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r", 1)[0]) if at >= 0 else 0
        if len(self._buffer) < end + 4 + length:
            return
        body = self._buffer[end + 4 : end + 4 + length]
        self._buffer = self._buffer[end + 4 + length :]
        path = head.split(b" ", 2)[1].partition(b"?")[0].decode().removeprefix("/wechat")
        if path == "/counts":
            self._send(json.dumps(self._state.told()).encode())
        elif path == "/forget":
            self._state.forget()
            self._send(b"{}")
        else:
            answer = self._state.answer(path, body)
            asyncio.get_running_loop().call_later(self._state.delay, self._send, answer)

    def _send(self, payload: bytes) -> None:
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
            % (len(payload), payload)
        )


class _State:
    """The answers, and what was received since `forget`."""

    def __init__(self, answers: Answers, delay: float) -> None:
        self._answers = answers
        self.delay = delay
        self.forget()

    def forget(self) -> None:
        self.requests, self.unknown = 0, 0
        self.first, self.last, self.sent = 0.0, 0.0, 0

    def answer(self, path: str, body: bytes) -> bytes:
        now = time.time()
        self.first, self.last = self.first or now, now
        self.requests += 1
        day = json.loads(body).get("begin_date", "")
        found = self._answers.get((path, day))
        self.unknown += found is None
        answer = found or b'{"errcode":40066,"errmsg":"invalid url"}'
        self.sent += len(answer)
        return answer

    def told(self) -> dict[str, object]:
        return {
            "requests": self.requests,
            "unknown": self.unknown,
            "seconds": round(self.last - self.first, 3),
            "megabytes": round(self.sent / 1e6, 1),
        }


def _run(pipe: Connection, answers: Answers, delay: float) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        state = _State(answers, delay)
        server = await loop.create_server(lambda: _Talk(state), "127.0.0.1", 0, backlog=512)
        pipe.send(server.sockets[0].getsockname()[1])
        await loop.run_in_executor(None, pipe.recv)
        server.close()

    asyncio.run(main())


@contextmanager
def replaying(answers: Answers, delay: float = DELAY) -> Iterator[str]:
    """The address of a running double."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(theirs, answers, delay), daemon=True)
    process.start()
    theirs.close()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        ours.send("stop")
        process.join(5)
        process.kill()


def publishing_days(today: date, count: int = 31) -> list[date]:
    """The days a daily run asks for, oldest first."""
    return [today - timedelta(days=back) for back in range(count, 0, -1)]
