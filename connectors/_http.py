"""All traffic to platforms: one connection pool a platform and thread, bounded in time and size.

What plain `requests` would get wrong is settled here once: no redirect is followed, a total deadline holds
against a server that drips bytes, an answer is cut at 2 MB on the wire and unpacked, JSON is UTF-8 whatever
its label says, a name leads only where calls may go (`_reach`), and a failure says whether the platform may
have received the request.
"""

import json
import logging
import math
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from copy import copy
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import urlencode

import requests
from requests.adapters import HTTPAdapter
from requests.exceptions import InvalidHeader, InvalidSchema, InvalidURL, MissingSchema
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, LocationValueError
from urllib3.util.ssl_ import create_urllib3_context

from connectors._answer import OUT_OF_REACH, WRONG_ADDRESS, WRONG_RIGHTS, Answer
from connectors._errors import ConnectorError, Label, NeedsPerson, Uncertain, Unreachable
from connectors._reach import OutOfReach, Reach

__all__ = ["MAX_ANSWER_BYTES", "Answer", "Http", "Streamed", "sending_before", "steady"]

MAX_ANSWER_BYTES = 2 * 1024 * 1024
_CHUNK = 65_536
_HEADER_ROOM = 65_536
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_NEVER = math.inf
_SLACK = 0.2  # seconds by which a call may end before or after its time

logging.getLogger("urllib3").setLevel(logging.CRITICAL)  # its lines hold whole addresses, tokens and all


class Streamed(Protocol):
    """A body that is read while it leaves: its length is known, and it can be sent once more."""

    def __len__(self) -> int: ...

    def read(self, size: int = -1, /) -> bytes: ...

    def rewind(self) -> None: ...


def _never() -> float:
    return _NEVER


# Until when the bytes of a write may leave (steady clock): a node whose lease ended cannot send. Asked before
# every piece, since a lease is renewed while a long upload runs.
_send_before: ContextVar[Callable[[], float]] = ContextVar("meizhen_send_before", default=_never)


def steady() -> float:
    """Seconds of a clock that cannot be set and that counts through the machine's sleep."""
    return time.clock_gettime(_STEADY)


@contextmanager
def sending_before(moment: Callable[[], float]) -> Iterator[None]:
    """Within this, no write leaves the socket at or after `moment()` of `steady()`; it raises Unreachable."""
    token = _send_before.set(moment)
    try:
        yield
    finally:
        _send_before.reset(token)


class _TooLate(OSError):
    """The fence was passed before the first byte left."""


class _TooLarge(Exception):
    """An answer over the cap."""


class _DeadlinePassed(TimeoutError):
    """The whole call took too long."""


class _Call(threading.local):
    """The call under way in this thread, seen by its socket."""

    deadline = _NEVER
    reach: Reach | None = None
    fence: Callable[[], float] = staticmethod(_never)
    began = False  # a byte of the request may have left
    received = 0  # bytes, headers and all

    def start(self, seconds: float, fence: Callable[[], float], reach: Reach | None) -> None:
        self.deadline = steady() + seconds
        self.reach = reach
        self.fence = fence
        self.began = False
        self.received = 0

    def remaining(self) -> float:
        left = self.deadline - steady()
        if left <= 0:
            raise _DeadlinePassed("the answer took too long")
        return left

    def check_fence(self) -> None:
        """Before every piece: a request whose body did not follow its headers does nothing either."""
        if steady() >= self.fence():
            raise _TooLate("the lease ended before the request left")
        self.began = True

    def count(self, received: int) -> int:
        """Bounds what the parsers of headers and chunks would read without end."""
        self.received += received
        if self.received > MAX_ANSWER_BYTES + _HEADER_ROOM:
            raise _TooLarge(f"the answer is over {MAX_ANSWER_BYTES} bytes")
        return received


_call = _Call()


def _is_set(current: float | None, wanted: float | None) -> bool:
    """Is the time-out as good as set? Setting it is a system call, behind all the other threads."""
    return current == wanted or (
        current is not None and wanted is not None and wanted > 1 and abs(current - wanted) <= _SLACK
    )


class _WatchedSocket(socket.socket):
    """A socket whose every read and write counts against the call's deadline."""

    def settimeout(self, value: float | None) -> None:
        if not _is_set(self.gettimeout(), value):
            super().settimeout(value)

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(_call.remaining())
        return _call.count(super().recv_into(*args, **kwargs))

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        _call.check_fence()
        self.settimeout(_call.remaining())
        super().sendall(*args, **kwargs)


class _WatchedTLSSocket(ssl.SSLSocket):
    def settimeout(self, value: float | None) -> None:
        if not _is_set(self.gettimeout(), value):
            super().settimeout(value)

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(_call.remaining())
        return _call.count(super().recv_into(*args, **kwargs))

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        _call.check_fence()
        self.settimeout(_call.remaining())
        super().sendall(*args, **kwargs)


def _watched(plain: socket.socket) -> socket.socket:
    timeout = plain.gettimeout()
    watched = _WatchedSocket(plain.family, plain.type, plain.proto, fileno=plain.detach())
    watched.settimeout(timeout)
    return watched


class _Guarded(HTTPConnection):
    """Connects to addresses that were looked at, and to no others."""

    def _new_conn(self) -> socket.socket:
        if _call.reach is None:
            return super()._new_conn()
        name = self._dns_host
        failed: HTTPError | OSError = OSError("the name has no address")
        for address in _call.reach.addresses(name, self.port):
            self._dns_host = address
            self.timeout = min(10.0, _call.remaining())
            try:
                return super()._new_conn()
            except (HTTPError, OSError) as error:
                failed = error
            finally:
                self._dns_host = name  # certificates are checked against it
        raise failed


class _Joined(_Guarded):
    """Sends a request's headers and its small body at once: one packet, one moment to be fenced."""

    _waits = False  # the headers wait for their body
    _head = b""

    def request(self, method: str, url: str, body: Any = None, *args: Any, **kwargs: Any) -> None:
        self._waits, self._head = isinstance(body, bytes) and 0 < len(body) <= _CHUNK, b""
        super().request(method, url, body, *args, **kwargs)

    def send(self, data: Any) -> None:
        if self._waits:
            self._waits, self._head = False, data
            return
        if self._head:
            data, self._head = self._head + data, b""
        super().send(data)


class _Connection(_Joined):
    def _new_conn(self) -> socket.socket:
        return _watched(super()._new_conn())


class _SecureConnection(_Joined, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Adapter(HTTPAdapter):
    """requests' adapter with our connections; retries nothing."""

    def __init__(self, trusted: str | bool) -> None:
        self._trusted = trusted
        super().__init__(pool_connections=64, pool_maxsize=64, max_retries=0, pool_block=False)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=_tls_context(self._trusted))
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


@lru_cache(maxsize=8)
def _tls_context(_trusted: str | bool) -> ssl.SSLContext:
    """One for all threads and platforms that trust the same authorities: each weighs as much as they do."""
    context = create_urllib3_context()
    context.sslsocket_class = _WatchedTLSSocket
    return context


class Http:
    """The way out to one platform. One instance serves all threads; each has its own connections."""

    def __init__(
        self,
        platform: str,
        *,
        seconds: float = 30.0,
        user_agent: str = "Meizhen/0.1",
        reach: Reach | None = None,
    ) -> None:
        """`reach` is where calls may go; None is anywhere, for addresses that no person enters."""
        self.platform = platform
        self.reach = reach
        self.seconds = seconds
        self._user_agent = user_agent
        self._trusted = os.environ.get("REQUESTS_CA_BUNDLE") or True  # the name that requests knows
        self._local = threading.local()
        self._before: Callable[[], None] | None = None

    def counted(self, before: Callable[[], None]) -> "Http":
        """The same way out over the same connections; `before` comes before every call and may raise."""
        counted = copy(self)
        counted._before = before
        return counted

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
        raw: bytes | Streamed | None = None,
        seconds: float | None = None,
        once: bool = False,
        redirect_tells: bool = False,
    ) -> Answer:
        """One request, one answer.

        `writes` says whether the platform may do something because of it: then a lost answer raises
        Uncertain, else Unreachable. Where nothing can have arrived it is Unreachable either way. JSON bodies
        go out as UTF-8 without escapes; `raw` goes out as it is, its Content-Type among the headers, a
        `Streamed` one read piece by piece as it leaves. A read whose connection was closed is sent again,
        unless `once` says that the same request must not come twice (a signature's nonce). A redirect is
        never followed and counts as an unreadable answer, unless `redirect_tells`: then it is handed back,
        for a platform that answers by its Location. Raises NeedsPerson for an address or a certificate that
        a person must mend.
        """
        if self._before is not None:
            self._before()
        doubt = Uncertain if writes else Unreachable
        _call.start(seconds or self.seconds, _send_before.get() if writes else _never, self.reach)
        began = steady()
        try:
            prepared = self._prepare(method, url, params, json_body, form, files, headers, raw)
            try:
                response = self._send(prepared)
            except requests.ConnectionError:
                if writes or once:
                    raise
                # Most often a kept connection that the platform closed just then: a read is asked once more.
                if raw is not None and not isinstance(raw, bytes):
                    raw.rewind()
                response = self._send(prepared)
            try:
                content = _read_bounded(response)
            finally:
                response.close()
        except _TooLarge as error:
            raise doubt(str(error), platform_code="too-large") from None
        except (requests.RequestException, HTTPError, OSError, UnicodeError) as error:
            raise _transport_error(error, doubt) from None
        if 300 <= response.status_code < 400 and not redirect_tells:
            raise doubt(
                f"HTTP {response.status_code}: redirects are not followed",
                platform_code=str(response.status_code),
                remedy=WRONG_ADDRESS,
            )
        if _ended_in_headers(response, content):
            raise doubt("the answer ended in its headers", platform_code="no-answer")
        lower = {name.lower(): value for name, value in response.headers.items()}
        sent = (params, form, headers, json_body)
        return Answer(response.status_code, lower, content, steady() - began, doubt, sent)

    def _send(self, prepared: requests.PreparedRequest) -> requests.Response:
        waits = (min(10.0, _call.remaining()), _call.remaining())
        return self._adapter().send(prepared, stream=True, timeout=waits, verify=self._trusted)

    def _prepare(
        self,
        method: str,
        url: str,
        params: Mapping[str, str | int] | None,
        json_body: object,
        form: Mapping[str, str] | None,
        files: Mapping[str, tuple[str, bytes, str]] | None,
        headers: Mapping[str, str] | None,
        raw: bytes | Streamed | None,
    ) -> requests.PreparedRequest:
        sent = {"User-Agent": self._user_agent, "Accept-Encoding": "identity", **(headers or {})}
        for value in sent.values():
            value.encode("latin-1")
        if form is not None or files:
            fields = dict(form) if form is not None else None
            uploads = dict(files) if files else None
            return requests.Request(
                method, url, sent, uploads, fields, dict(params) if params else None
            ).prepare()
        if params and ("?" in url or "#" in url):
            prepared = requests.Request(method, url, params=dict(params)).prepare()
        else:
            prepared = _addressed(method, url).copy()
            if params:
                prepared.url = f"{prepared.url}?{urlencode(params)}"
        body: Any = raw
        if json_body is not None:
            sent.setdefault("Content-Type", "application/json; charset=utf-8")
            body = json.dumps(json_body, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
        prepared.prepare_headers(sent)
        prepared.body = body
        prepared.prepare_content_length(body)
        return prepared

    def _adapter(self) -> _Adapter:
        adapter: _Adapter | None = getattr(self._local, "adapter", None)
        if adapter is None:
            adapter = self._local.adapter = _Adapter(self._trusted)
        return adapter


@lru_cache(maxsize=512)
def _addressed(method: str, url: str) -> requests.PreparedRequest:
    """A request to this address, checked once: requests takes longer over it than over the rest."""
    return requests.Request(method, url).prepare()


def _read_bounded(response: requests.Response) -> bytes:
    parts: list[bytes] = []
    size = 0
    for part in response.raw.stream(_CHUNK, decode_content=True):
        _call.remaining()
        size += len(part)
        if size > MAX_ANSWER_BYTES:
            raise _TooLarge(f"the answer is over {MAX_ANSWER_BYTES} bytes unpacked")
        parts.append(part)
    return b"".join(parts)


def _ended_in_headers(response: requests.Response, content: bytes) -> bool:
    """Is this a success whose headers stop where the connection did? Python's parser takes it for whole."""
    if content or response.status_code == 204 or response.status_code >= 300:
        return False
    return "Content-Length" not in response.headers and "Transfer-Encoding" not in response.headers


_BEFORE_SENDING: tuple[tuple[tuple[type[BaseException], ...], str, Label], ...] = (
    ((ssl.SSLError,), "tls", WRONG_ADDRESS),
    ((LocationValueError, InvalidURL, InvalidSchema, MissingSchema), "bad-address", WRONG_ADDRESS),
    ((InvalidHeader, UnicodeError), "bad-credentials", WRONG_RIGHTS),
)


def _transport_error(error: BaseException, doubt: type[ConnectorError]) -> ConnectorError:
    """Tells "never sent" from "unknown". Only class names and our own words leave: URLs may hold secrets."""
    chain = list(_causes(error))
    names = "←".join(dict.fromkeys(type(cause).__name__ for cause in chain))
    if any(isinstance(cause, _TooLate) for cause in chain):
        return Unreachable("the lease ended before the request left", platform_code="fenced")
    if any(isinstance(cause, OutOfReach) for cause in chain):
        return NeedsPerson(names, platform_code="out-of-reach", remedy=OUT_OF_REACH)
    if _call.began:
        return doubt(names, platform_code="no-answer")
    for kinds, code, remedy in _BEFORE_SENDING:
        if any(isinstance(cause, kinds) for cause in chain):
            return NeedsPerson(names, platform_code=code, remedy=remedy)
    return Unreachable(names, platform_code="not-sent")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        reason = getattr(error, "reason", None) or next(
            (arg for arg in error.args if isinstance(arg, BaseException)), None
        )
        error = reason if isinstance(reason, BaseException) else error.__cause__ or error.__context__
