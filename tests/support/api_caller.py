"""Calls the API in this process, straight through ASGI: no sockets, no client library."""

import asyncio
import atexit
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlencode

from starlette.types import ASGIApp, Message

PREFIX = "/api/v1"
# One loop for all calls: each new one would start its worker threads anew.
_RUNNER = asyncio.Runner()
atexit.register(_RUNNER.close)


@dataclass
class Answered:
    """An answer; `body` is its JSON, None where there is none."""

    status: int
    headers: Mapping[str, str]
    raw: bytes
    body: Any = field(init=False)

    def __post_init__(self) -> None:
        # An answer that is no JSON fails here, but for the bytes of media.
        media = self.headers.get("content-type", "").startswith(("image/", "video/", "application/octet"))
        self.body = json.loads(self.raw) if self.raw and not media else None


class Caller:
    """A program with a key. Every write gets an Idempotency-Key of its own unless one is given."""

    def __init__(
        self, app: ASGIApp, token: str = "", prefix: str = PREFIX, *, own_loop: bool = False
    ) -> None:
        self._app = app
        self._run = asyncio.run if own_loop else _RUNNER.run  # a thread needs its own
        self._token = token
        self._prefix = prefix

    def get(self, path: str, *, headers: Mapping[str, str] | None = None, **query: object) -> Answered:
        return self.call("GET", path, query=query, headers=headers)

    def post(self, path: str, body: object = None, **headers: str) -> Answered:
        return self.call("POST", path, body=body, headers=headers)

    def patch(self, path: str, body: object, etag: str | None = None) -> Answered:
        return self.call("PATCH", path, body=body, headers={} if etag is None else {"If-Match": etag})

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        body: object = None,
        raw: bytes | None = None,
        raw_query: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        told = {name: value for name, value in (query or {}).items() if value is not None}
        content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        sent = {"content-type": "application/json", "content-length": str(len(content))}
        if self._token:
            sent["authorization"] = f"Bearer {self._token}"
        if method != "GET":
            sent["idempotency-key"] = secrets.token_hex(8)
        sent |= {name.lower().replace("_", "-"): value for name, value in (headers or {}).items()}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(self._prefix + path) if raw_query is not None else self._prefix + path,
            "raw_path": quote(self._prefix + path).encode(),
            "root_path": "",
            "query_string": urlencode(told).encode() if raw_query is None else raw_query,
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in sent.items()],
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 50_000),
        }
        return self._run(_answer(self._app, scope, content))


async def _answer(app: ASGIApp, scope: dict[str, Any], content: bytes) -> Answered:
    messages: list[Message] = []
    asked = iter([{"type": "http.request", "body": content, "more_body": False}])

    async def receive() -> Message:
        told = next(asked, None)
        if told is None:
            await asyncio.Event().wait()  # the caller stays until it has its answer
        return told or {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        messages.append(message)

    await app(scope, receive, send)
    start = next(one for one in messages if one["type"] == "http.response.start")
    raw = b"".join(one.get("body", b"") for one in messages if one["type"] == "http.response.body")
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in start["headers"]}
    return Answered(start["status"], headers, raw)
