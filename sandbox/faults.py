"""What goes wrong on the way: every fault a platform connector must live through, by kind.

| kind | handled? | what the client sees | `value` |
|---|---|---|---|
| cut_before, cut_after | no, yes | the connection closes without a byte of answer | |
| hang | yes | nothing, for a time or until the fault is taken away; then the true answer | seconds (3600) |
| slow_bytes | yes | the true answer, byte by byte | seconds between bytes (1) |
| status, status_after | no, yes | an empty answer of that HTTP status | status (500) |
| throttle | no | 429 | Retry-After; '' sends none |
| html, html_after | no, yes | 200 with a login page | |
| redirect, redirect_307 | no | 302, 307 | Location |
| truncated_json | yes | half of the true answer | |
| null | yes | `null` | |
| nan, duplicate_keys, deep | yes | the true object, spoilt | depth (100000) |
| gbk, bom | yes | the true answer with Chinese in GBK; behind a byte-order mark | |
| huge, gzip_bomb | yes | 200 MB, plain; packed | megabytes (200) |

The faults with "yes" are the hard ones: the platform has done it and the caller cannot know.
"""

import asyncio
import json
import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.world import World

_MEGABYTE = 1024 * 1024
_LOOK_SECONDS = 0.05  # how often a call that hangs looks whether its fault still stands
_JSON = "application/json"
_LOGIN_PAGE = "<!doctype html><html lang='zh'><title>登录</title><form><input name='password'></form></html>"


class FaultMiddleware:
    """Strikes calls as `world.fault` says. Must be the outermost layer: it closes the server's connection."""

    def __init__(self, app: ASGIApp, world: World) -> None:
        self.app = app
        self.world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/_control"):
            await self.app(scope, receive, send)
            return
        self.world.count_call(scope["method"], scope["path"])
        fault = self.world.fault(scope["method"], scope["path"])
        if fault is None:
            await self.app(scope, receive, send)
            return
        stands = partial(self.world.has_fault, fault)
        await _STRIKES[fault.kind](_Call(self.app, scope, receive, send, fault.value, stands))


@dataclass
class _Answer:
    """What the platform would have said."""

    status: int = 200
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""


@dataclass
class _Call:
    """One call that is struck."""

    app: ASGIApp
    scope: Scope
    receive: Receive
    send: Send
    value: str
    stands: Callable[[], bool]  # is the fault still set?

    async def handle(self) -> _Answer:
        """Lets the platform do it and keeps its answer back."""
        answer = _Answer()

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.status, answer.headers = message["status"], list(message["headers"])
            else:
                answer.body += message.get("body", b"")

        await self.app(self.scope, self.receive, keep)
        return answer

    async def swallow(self) -> None:
        """Reads the request to its end without handling it."""
        while (await self.receive()).get("more_body", False):
            pass

    async def drop(self) -> None:
        """Closes the connection without an answer."""
        self.send.__self__.transport.abort()  # type: ignore[attr-defined]  # uvicorn's request cycle
        await self.gone()

    async def gone(self) -> None:
        """Returns when the client has left."""
        while (await self.receive())["type"] != "http.disconnect":
            pass

    async def begin(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        await self.send({"type": "http.response.start", "status": status, "headers": headers})

    async def say(self, body: bytes, *, more: bool = False) -> None:
        await self.send({"type": "http.response.body", "body": body, "more_body": more})

    async def answer(
        self,
        status: int,
        body: bytes = b"",
        content_type: str = _JSON,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answers whole."""
        sent = {"Content-Type": content_type, "Content-Length": str(len(body)), **(headers or {})}
        await self.begin(status, [(name.encode(), value.encode()) for name, value in sent.items()])
        await self.say(body)


async def _cut_before(call: _Call) -> None:
    await call.drop()


async def _cut_after(call: _Call) -> None:
    await call.handle()
    await call.drop()


async def _hang(call: _Call) -> None:
    answer = await call.handle()
    left = asyncio.create_task(call.gone())
    clock = asyncio.get_running_loop().time
    end = clock() + float(call.value or 3600)
    while call.stands() and (rest := end - clock()) > 0:
        if (await asyncio.wait({left}, timeout=min(rest, _LOOK_SECONDS)))[0]:
            return
    left.cancel()
    await call.begin(answer.status, answer.headers)
    await call.say(answer.body)


async def _slow_bytes(call: _Call) -> None:
    answer = await call.handle()
    left = asyncio.create_task(call.gone())
    await call.begin(answer.status, answer.headers)
    for at in range(len(answer.body)):
        await call.say(answer.body[at : at + 1], more=True)
        if (await asyncio.wait({left}, timeout=float(call.value or 1)))[0]:
            return
    left.cancel()
    await call.say(b"")


async def _status(call: _Call) -> None:
    await call.swallow()
    await call.answer(int(call.value or 500))


async def _status_after(call: _Call) -> None:
    await call.handle()
    await call.answer(int(call.value or 500))


async def _throttle(call: _Call) -> None:
    await call.swallow()
    await call.answer(429, headers={"Retry-After": call.value} if call.value else {})


async def _html(call: _Call) -> None:
    await call.swallow()
    await call.answer(200, _LOGIN_PAGE.encode(), "text/html; charset=utf-8")


async def _html_after(call: _Call) -> None:
    await call.handle()
    await call.answer(200, _LOGIN_PAGE.encode(), "text/html; charset=utf-8")


async def _redirect(call: _Call) -> None:
    await call.swallow()
    await call.answer(302, headers={"Location": call.value})


async def _redirect_307(call: _Call) -> None:
    await call.swallow()
    await call.answer(307, headers={"Location": call.value})


async def _huge(call: _Call) -> None:
    await call.handle()
    size = int(call.value or 200) * _MEGABYTE
    await call.begin(200, [(b"content-type", _JSON.encode()), (b"content-length", str(size).encode())])
    piece = b" " * 65_536
    left = asyncio.create_task(call.gone())
    for _ in range(size // len(piece)):
        await call.say(piece, more=True)
        await asyncio.sleep(0)  # else nobody hears that the client has left
        if left.done():
            return
    left.cancel()
    await call.say(b"")


async def _gzip_bomb(call: _Call) -> None:
    await call.handle()
    packed = await asyncio.to_thread(_packed_blanks, int(call.value or 200))
    await call.answer(200, packed, headers={"Content-Encoding": "gzip"})


@cache
def _packed_blanks(megabytes: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(b" " * _MEGABYTE) for _ in range(megabytes)) + packer.flush()


def _spoilt(spoil: Callable[[bytes, str], bytes]) -> Callable[[_Call], Awaitable[None]]:
    """The call is handled; `spoil` makes of the true body, and the fault's value, what is answered."""

    async def strike(call: _Call) -> None:
        answer = await call.handle()
        await call.answer(answer.status, spoil(answer.body, call.value))

    return strike


def _with_first(body: bytes, member: str) -> str:
    """The true JSON object with one more member in front; `{member}` where the answer is none."""
    text = body.decode("utf-8", "replace").strip()
    rest = text[1:] if text.startswith("{") else "}"
    return f"{{{member}{'' if rest.strip() == '}' else ','}{rest}"


def _nan(body: bytes, value: str) -> bytes:
    return _with_first(body, '"figure": NaN').encode()


def _duplicate_keys(body: bytes, value: str) -> bytes:
    members: dict[str, Any] = json.loads(_with_first(body, '"extra": 0'))
    name = list(members)[-1]
    return _with_first(
        body, f"{json.dumps(name)}: {json.dumps(members[name])}, {json.dumps(name)}: 0"
    ).encode()


def _deep(body: bytes, value: str) -> bytes:
    depth = int(value or 100_000)
    return _with_first(body, f'"deep": {"[" * depth}{"]" * depth}').encode()


def _gbk(body: bytes, value: str) -> bytes:
    return _with_first(body, '"note": "系统繁忙"').encode("gbk", "replace")


_STRIKES: dict[str, Callable[[_Call], Awaitable[None]]] = {
    "cut_before": _cut_before,
    "cut_after": _cut_after,
    "hang": _hang,
    "slow_bytes": _slow_bytes,
    "status": _status,
    "status_after": _status_after,
    "throttle": _throttle,
    "html": _html,
    "html_after": _html_after,
    "redirect": _redirect,
    "redirect_307": _redirect_307,
    "huge": _huge,
    "gzip_bomb": _gzip_bomb,
    "truncated_json": _spoilt(lambda body, value: body[: len(body) // 2]),
    "null": _spoilt(lambda body, value: b"null"),
    "nan": _spoilt(_nan),
    "duplicate_keys": _spoilt(_duplicate_keys),
    "deep": _spoilt(_deep),
    "gbk": _spoilt(_gbk),
    "bom": _spoilt(lambda body, value: b"\xef\xbb\xbf" + body),
}

KINDS = frozenset(_STRIKES)
