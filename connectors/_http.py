"""All traffic to platforms: one connection pool a platform and thread, bounded in time and size.

What plain `requests` would get wrong is settled here once: no redirect is followed, a total deadline holds
against a server that drips bytes, an answer is cut at 2 MB on the wire and unpacked, JSON is UTF-8 whatever
its label says, and a failure says whether the platform may have received the request.
"""

import json
import math
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationParseError,
    NameResolutionError,
    NewConnectionError,
)
from urllib3.util.ssl_ import create_urllib3_context

from connectors._errors import ConnectorError, Label, NeedsPerson, Uncertain, Unreachable

MAX_ANSWER_BYTES = 2 * 1024 * 1024
MAX_DEPTH = 64
_CHUNK = 65_536
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_NEVER = math.inf

# Until when the bytes of a write may leave (steady clock): a node whose lease ended cannot send.
_send_before: ContextVar[float] = ContextVar("meizhen_send_before", default=_NEVER)


def steady() -> float:
    """Seconds of a clock that cannot be set and that counts through the machine's sleep."""
    return time.clock_gettime(_STEADY)


@contextmanager
def sending_before(moment: float) -> Iterator[None]:
    """Within this, no write leaves the socket at or after `moment` of `steady()`; it raises Unreachable."""
    token = _send_before.set(moment)
    try:
        yield
    finally:
        _send_before.reset(token)


class _TooLate(OSError):
    """The fence was passed before the first byte left."""


class _DeadlinePassed(TimeoutError):
    """The whole call took too long."""


class _Call(threading.local):
    """The call under way in this thread, seen by its socket."""

    deadline = _NEVER
    fence = _NEVER
    began = False  # a byte of the request may have left

    def start(self, seconds: float, fence: float) -> None:
        self.deadline = steady() + seconds
        self.fence = fence
        self.began = False

    def remaining(self) -> float:
        left = self.deadline - steady()
        if left <= 0:
            raise _DeadlinePassed("the answer took too long")
        return left

    def check_fence(self) -> None:
        if not self.began and steady() >= self.fence:
            raise _TooLate("the lease ended before the request left")
        self.began = True


_call = _Call()


class _WatchedSocket(socket.socket):
    """A socket whose every read and write counts against the call's deadline."""

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(_call.remaining())
        return super().recv_into(*args, **kwargs)

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        _call.check_fence()
        self.settimeout(_call.remaining())
        super().sendall(*args, **kwargs)


class _WatchedTLSSocket(ssl.SSLSocket):
    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(_call.remaining())
        return super().recv_into(*args, **kwargs)

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        _call.check_fence()
        self.settimeout(_call.remaining())
        super().sendall(*args, **kwargs)


def _watched(plain: socket.socket) -> socket.socket:
    timeout = plain.gettimeout()
    watched = _WatchedSocket(plain.family, plain.type, plain.proto, fileno=plain.detach())
    watched.settimeout(timeout)
    return watched


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _watched(super()._new_conn())


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _Adapter(HTTPAdapter):
    """requests' adapter with our connections; retries nothing."""

    def __init__(self) -> None:
        super().__init__(pool_connections=64, pool_maxsize=64, max_retries=0, pool_block=False)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        context = create_urllib3_context()
        context.sslsocket_class = _WatchedTLSSocket
        super().init_poolmanager(*args, **kwargs, ssl_context=context)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": HTTPSConnectionPool}


@dataclass(frozen=True)
class Answer:
    """A platform's answer, whole and within bounds. `headers` has lower-case names."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    seconds: float
    _doubt: type[ConnectorError]

    def json(self) -> Any:
        """The body as JSON: UTF-8 whatever its label, no NaN, no duplicate key, no deep nesting.

        Fractions come as Decimal, whole numbers as int of any size.

        Raises Uncertain after a write and Unreachable after a read where it is anything else: an answer
        that cannot be read says nothing about what was done.
        """
        try:
            return _strict_json(self.content)
        except (ValueError, RecursionError) as error:
            shown = self.content[:120].decode("utf-8", "replace")
            raise self._doubt(
                f"HTTP {self.status}, not JSON ({type(error).__name__}): {shown}", platform_code="bad-answer"
            ) from None

    def json_object(self) -> dict[str, Any]:
        """The body as a JSON object; anything else raises like `json`."""
        value = self.json()
        if not isinstance(value, dict):
            raise self._doubt(f"HTTP {self.status}: expected a JSON object", platform_code="bad-answer")
        return value


class Http:
    """The way out to one platform. One instance serves all threads; each has its own connections."""

    def __init__(
        self,
        platform: str,
        *,
        seconds: float = 30.0,
        user_agent: str = "Meizhen/0.1",
    ) -> None:
        self.platform = platform
        self.seconds = seconds
        self._user_agent = user_agent
        self._local = threading.local()

    def call(
        self,
        method: str,
        url: str,
        *,
        writes: bool,
        params: Mapping[str, str | int] | None = None,
        json_body: object = None,
        form: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> Answer:
        """One request, one answer.

        `writes` says whether the platform may do something because of it: then a lost answer raises
        Uncertain, else Unreachable. Where nothing can have arrived it is Unreachable either way. JSON bodies
        go out as UTF-8 without escapes. A redirect counts as an unreadable answer. Raises NeedsPerson for an
        address or a certificate that a person must mend.
        """
        doubt = Uncertain if writes else Unreachable
        prepared = self._prepare(method, url, params, json_body, form, files, headers)
        _call.start(seconds or self.seconds, _send_before.get() if writes else _NEVER)
        began = steady()
        try:
            response = self._adapter().send(
                prepared, stream=True, timeout=(min(10.0, _call.remaining()), _call.remaining()), verify=True
            )
            try:
                content = _read_bounded(response)
            finally:
                response.close()
        except _TooLarge as error:
            raise doubt(str(error), platform_code="too-large") from None
        except (requests.RequestException, HTTPError, OSError) as error:
            raise _transport_error(error, doubt) from None
        if 300 <= response.status_code < 400:
            raise doubt(
                f"HTTP {response.status_code}: redirects are not followed",
                platform_code=str(response.status_code),
                remedy=_WRONG_ADDRESS,
            )
        lower = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, lower, content, steady() - began, doubt)

    def _prepare(
        self,
        method: str,
        url: str,
        params: Mapping[str, str | int] | None,
        json_body: object,
        form: Mapping[str, str] | None,
        files: Mapping[str, tuple[str, bytes, str]] | None,
        headers: Mapping[str, str] | None,
    ) -> requests.PreparedRequest:
        sent = {"User-Agent": self._user_agent, "Accept-Encoding": "identity", **(headers or {})}
        data: object = dict(form) if form is not None else None
        if json_body is not None:
            data = json.dumps(json_body, ensure_ascii=False, allow_nan=False).encode()
            sent.setdefault("Content-Type", "application/json; charset=utf-8")
        try:
            return requests.Request(
                method,
                url,
                headers=sent,
                params=dict(params) if params else None,
                data=data,
                files=dict(files) if files else None,
            ).prepare()
        except (requests.RequestException, LocationParseError) as error:
            raise NeedsPerson(
                type(error).__name__, platform_code="bad-address", remedy=_WRONG_ADDRESS
            ) from None

    def _adapter(self) -> _Adapter:
        adapter: _Adapter | None = getattr(self._local, "adapter", None)
        if adapter is None:
            adapter = self._local.adapter = _Adapter()
        return adapter


class _TooLarge(Exception):
    """An answer over the cap."""


def _read_bounded(response: requests.Response) -> bytes:
    raw = response.raw
    parts: list[bytes] = []
    size = 0
    for part in raw.stream(_CHUNK, decode_content=True):
        _call.remaining()
        size += len(part)
        if size > MAX_ANSWER_BYTES or raw.tell() > MAX_ANSWER_BYTES:
            raise _TooLarge(f"HTTP {response.status_code}: the answer is over {MAX_ANSWER_BYTES} bytes")
        parts.append(part)
    return b"".join(parts)


_WRONG_ADDRESS = Label(
    "请检查这个账号的接口地址(api_base)和证书。",
    "Check the account's API address (api_base) and its certificate.",
)


def _transport_error(error: BaseException, doubt: type[ConnectorError]) -> ConnectorError:
    """Tells "never sent" from "unknown". Only class names and our own words leave: URLs may hold secrets."""
    chain = list(_causes(error))
    names = "←".join(dict.fromkeys(type(cause).__name__ for cause in chain))
    if any(isinstance(cause, _TooLate) for cause in chain):
        return Unreachable("the lease ended before the request left", platform_code="fenced")
    if any(isinstance(cause, ssl.SSLError) for cause in chain) and not _call.began:
        return NeedsPerson(names, platform_code="tls", remedy=_WRONG_ADDRESS)
    never_sent = (NewConnectionError, NameResolutionError, ConnectTimeoutError)
    if not _call.began or any(isinstance(cause, never_sent) for cause in chain):
        return Unreachable(names, platform_code="not-sent")
    return doubt(names, platform_code="no-answer")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        reason = getattr(error, "reason", None) or next(
            (arg for arg in error.args if isinstance(arg, BaseException)), None
        )
        error = reason if isinstance(reason, BaseException) else error.__cause__ or error.__context__


def _strict_json(content: bytes) -> Any:
    text = content.decode("utf-8-sig")
    value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=Decimal)
    _check_depth(value)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands there twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _check_depth(value: object) -> None:
    level: list[object] = [value]
    for _ in range(MAX_DEPTH):
        deeper: list[object] = []
        for item in level:
            if isinstance(item, dict):
                deeper.extend(item.values())
            elif isinstance(item, list):
                deeper.extend(item)
        if not deeper:
            return
        level = deeper
    raise ValueError(f"nested deeper than {MAX_DEPTH}")
