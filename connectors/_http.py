"""All traffic to platforms: connections of a platform and thread's own, bounded in time and size.

What plain `requests` would get wrong is settled here once: no redirect is followed, a total deadline holds
against a server that drips bytes, an answer is cut at 2 MB on the wire and unpacked, JSON is UTF-8 whatever
its label says, a name leads only where calls may go (`_reach`), and a failure says whether the platform may
have received the request.
"""

import json
import logging
import math
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from copy import copy
from functools import lru_cache
from io import BytesIO
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlencode, urlsplit

import requests
from requests.exceptions import InvalidHeader, InvalidSchema, InvalidURL, MissingSchema
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import HTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, LocationValueError, NewConnectionError
from urllib3.util.ssl_ import create_urllib3_context
from urllib3.util.ssl_match_hostname import CertificateError

from connectors._answer import OUT_OF_REACH, WRONG_ADDRESS, WRONG_RIGHTS, Answer
from connectors._errors import ConnectorError, Label, NeedsPerson, Uncertain, Unreachable
from connectors._reach import OutOfReach, Reach
from connectors._wire import Kept, Origin, Overlong, Told, read_answer

__all__ = ["MAX_ANSWER_BYTES", "Answer", "Http", "Streamed", "sending_before", "steady"]

MAX_ANSWER_BYTES = 2 * 1024 * 1024
_PIECE = 65_536
_HEADER_ROOM = 65_536
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_NEVER = math.inf
_SLACK = 0.2  # seconds by which a call may end before or after its time
_PORTS = {"http": 80, "https": 443}
_HEADER_LINE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+: ([!-~\x80-\xff][\t -~\x80-\xff]*)?\r\n")
# How a kept connection that the platform closed in the meantime shows, and one that was never made.
_BROKEN = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError, NewConnectionError)

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


class _Connection(_Guarded):
    def _new_conn(self) -> socket.socket:
        return _watched(super()._new_conn())


class _SecureConnection(_Guarded, HTTPSConnection):
    pass


@lru_cache(maxsize=8)
def _tls_context(_trusted: str | bool) -> ssl.SSLContext:
    """One for all threads and platforms that trust the same authorities: each weighs as much as they do."""
    context = create_urllib3_context()
    context.sslsocket_class = _WatchedTLSSocket
    return context


def _opened(origin: Origin, trusted: str | None) -> HTTPConnection:
    """A new connection; a certificate must lead to an authority of the file or folder `trusted`."""
    connection: HTTPConnection
    wait = min(10.0, _call.remaining())
    if origin.scheme == "http":
        connection = _Connection(origin.host, origin.port, timeout=wait)
    else:
        place = trusted or DEFAULT_CA_BUNDLE_PATH
        connection = _SecureConnection(
            origin.host,
            origin.port,
            timeout=wait,
            cert_reqs="CERT_REQUIRED",
            ca_certs=None if os.path.isdir(place) else place,
            ca_cert_dir=place if os.path.isdir(place) else None,
            ssl_context=_tls_context(trusted or True),
        )
    try:
        connection.connect()
    except BaseException as error:
        connection.close()
        if isinstance(error, CertificateError):
            raise ssl.SSLError("the certificate is of another host") from error
        raise
    return connection


class _Place(NamedTuple):
    """Where a request goes: the connection it needs, its target, the host it names."""

    origin: Origin
    target: str
    host: str


class _Request(NamedTuple):
    """A request as it leaves: its head is whole, its body may be read while it leaves."""

    origin: Origin
    head: bytes
    body: bytes | Streamed

    def leave(self, connection: HTTPConnection) -> None:
        """Head and small body at once: one packet, one moment to be fenced."""
        out: socket.socket = connection.sock
        if isinstance(self.body, bytes) and len(self.body) <= _PIECE:
            out.sendall(self.head + self.body)
            return
        out.sendall(self.head)
        if isinstance(self.body, bytes):
            out.sendall(self.body)
            return
        while piece := self.body.read(_PIECE):
            out.sendall(piece)


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
        self._trusted = os.environ.get("REQUESTS_CA_BUNDLE") or None  # the name that requests knows
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
            request = self._prepare(method, url, params, json_body, form, files, headers, raw)
            try:
                told = self._exchange(request)
            except _BROKEN:
                if writes or once:
                    raise
                # Most often a kept connection that the platform closed just then: a read is asked once more.
                if not isinstance(request.body, bytes):
                    request.body.rewind()
                told = self._exchange(request)
            content = _unpacked(told)
        except (_TooLarge, Overlong) as error:
            raise doubt(str(error), platform_code="too-large") from None
        except (requests.RequestException, HTTPError, OSError, UnicodeError) as error:
            raise _transport_error(error, doubt) from None
        if 300 <= told.status < 400 and not redirect_tells:
            raise doubt(
                f"HTTP {told.status}: redirects are not followed",
                platform_code=str(told.status),
                remedy=WRONG_ADDRESS,
            )
        if not (told.ended or content) and told.status < 300:
            # A success without a length whose connection ended: its body may have been lost.
            raise doubt("the answer ended in its headers", platform_code="no-answer")
        sent = (params, form, headers, json_body)
        return Answer(told.status, told.headers, content, steady() - began, doubt, sent)

    def _exchange(self, request: _Request) -> Told:
        kept = self._kept()
        connection = kept.take(request.origin)
        reusable = False
        try:
            request.leave(connection)
            told = read_answer(connection.sock, kept.buffer, MAX_ANSWER_BYTES)
            reusable = told.reusable
        finally:
            if reusable:
                kept.keep(request.origin, connection)
            else:
                connection.close()
        return told

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
    ) -> _Request:
        sent = {"User-Agent": self._user_agent, "Accept-Encoding": "identity", **(headers or {})}
        body: bytes | Streamed = b"" if raw is None else raw
        if form is not None or files:
            fields = dict(form) if form is not None else None
            packed = requests.Request(method, url, sent, dict(files) if files else None, fields).prepare()
            sent = dict(packed.headers)
            body = packed.body.encode() if isinstance(packed.body, str) else packed.body or b""
        elif json_body is not None:
            sent.setdefault("Content-Type", "application/json; charset=utf-8")
            body = json.dumps(json_body, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
        if len(body) or method not in ("GET", "HEAD"):
            sent["Content-Length"] = str(len(body))
        place = _place(url)
        target = place.target
        if params and ("?" in url or "#" in url):
            target = _target(requests.Request(method, url, params=dict(params)).prepare())
        elif params:
            target = f"{target}?{urlencode(params)}"
        head = f"{method} {target} HTTP/1.1\r\nHost: {place.host}\r\n{_lines(sent)}\r\n"
        return _Request(place.origin, head.encode("latin-1"), body)

    def _kept(self) -> Kept:
        kept: Kept | None = getattr(self._local, "kept", None)
        if kept is None:
            trusted = self._trusted
            kept = self._local.kept = Kept(lambda origin: _opened(origin, trusted))
        return kept


@lru_cache(maxsize=512)
def _place(url: str) -> _Place:
    """Where this address leads, checked once: requests takes longer over it than over the rest."""
    prepared = requests.Request("GET", url).prepare()
    parts = urlsplit(prepared.url or "")
    if parts.scheme not in _PORTS:
        raise InvalidSchema("neither http nor https")
    host = (parts.hostname or "").rstrip(".")
    named = f"[{host}]" if ":" in host else host
    usual = _PORTS[parts.scheme]
    port = parts.port or usual
    origin = Origin(parts.scheme, parts.hostname or "", port)
    return _Place(origin, _target(prepared), named if port == usual else f"{named}:{port}")


def _target(prepared: requests.PreparedRequest) -> str:
    target: str = prepared.path_url
    return target


def _lines(headers: Mapping[str, str]) -> str:
    lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
    if not all(map(_HEADER_LINE.fullmatch, lines)):
        raise InvalidHeader("a header holds what no header may hold")
    return "".join(lines)


def _unpacked(told: Told) -> bytes:
    """The body as it was before it was packed for the way."""
    if told.headers.get("content-encoding", "identity") == "identity":
        return told.content
    parts: list[bytes] = []
    size = 0
    packed = HTTPResponse(BytesIO(told.content), told.headers, preload_content=False)
    for part in packed.stream(_PIECE, decode_content=True):
        _call.remaining()
        size += len(part)
        if size > MAX_ANSWER_BYTES:
            raise _TooLarge(f"the answer is over {MAX_ANSWER_BYTES} bytes unpacked")
        parts.append(part)
    return b"".join(parts)


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
        return Unreachable("the lease ended before the request left", platform_code=Unreachable.FENCED)
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
