"""Pages that are given again instead of made again, while nothing that they are made from has changed.

The rule: an endpoint marked `@kept` makes its page from the database, from the question (address, session,
language, theme, unit) and from the time to the minute, and from nothing else that changes while a node runs.
Its answer is kept for the session that asked, and given again to the same question of the same session within
the same minute, while the session itself lasts, and only while `Database.version()` is what it was *before*
the page was made. So whatever is committed, by whatever process, shows at the very next request: a role taken
away, an ended session, a changed post. Form tokens are not kept: every answer gets one of its own.

The same question that several requests ask at once is answered one time for all of them whose turn had not
come yet: to each it is given only what was begun after it had come, as if it had been made for it alone.
"""

from asyncio import Lock, Semaphore
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import TypeVar
from weakref import WeakValueDictionary

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import iter_route_contexts
from starlette.requests import HTTPConnection, Request
from starlette.types import Message, Receive, Scope, Send

from config.versions import Version
from organisation import Ages, SignedIn, stays_until
from organisation.one_time_codes import hash_of
from web import cookies
from web.desk import Desk
from web.gate import form_token
from web.turns import TURNS

_Endpoint = TypeVar("_Endpoint", bound=Callable[..., object])
_MARK = "__kept__"
_STATE = "meizhen_page"
_MOST_BYTES = 16_000_000  # of all pages kept; the one that was asked for longest ago goes first


def kept(endpoint: _Endpoint) -> _Endpoint:
    """Marks an endpoint whose page may be given again, by the rule above."""
    setattr(endpoint, _MARK, True)
    return endpoint


@dataclass(frozen=True)
class _Told:
    token: str
    until: datetime


def tell_page(request: Request, token: str, signed: SignedIn, ages: Ages) -> None:
    """Tells of a page that was made: the form token in it, and whose session it shows."""
    request.scope[_STATE] = _Told(token, stays_until(signed, ages))


@dataclass(frozen=True)
class _Moment:
    """What the pages of a moment are made from; no `version`: the database did not tell."""

    version: Version | None
    minute: datetime


@dataclass(frozen=True)
class _Page:
    """A page without its form tokens: they stand between the parts. `made` is the moment before it was, and
    `begun` the same by a clock that nobody sets."""

    made: _Moment
    begun: float
    until: datetime
    headers: list[tuple[bytes, bytes]]
    parts: list[bytes]

    @property
    def size(self) -> int:
        return sum(map(len, self.parts))


_Question = tuple[str, ...]


class KeptPages:
    """Stands before the pages of a node."""

    def __init__(self, app: FastAPI, desk: Desk) -> None:
        self.app = app
        self._desk = desk
        self._paths = frozenset(
            context.path
            for context in iter_route_contexts(app.routes)
            if context.path and getattr(context.endpoint, _MARK, False)
        )
        self._pages: OrderedDict[_Question, _Page] = OrderedDict()  # the event loop's alone
        self._size = 0
        self._turns = Semaphore(TURNS)
        self._making: WeakValueDictionary[_Question, Lock] = WeakValueDictionary()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        question = self._question(scope)
        if question is None:
            await self.app(scope, receive, send)
            return
        came = monotonic()
        page, _ = await self._kept(question)
        heard = _Heard()
        try:
            if page is None:
                async with self._making.setdefault(question, Lock()):
                    page = self._made_since(question, came)
                    if page is None:
                        page = await self._make(question, scope, receive, heard)
        finally:  # a page that failed says so before its fault goes on
            for message in heard.messages:  # whoever reads slowly holds up nobody's turn
                await send(message)
        if page is not None:
            await _give(page, HTTPConnection(scope), send)

    def _made_since(self, question: _Question, came: float) -> _Page | None:
        """The page that was begun after a request for it had come: for another, which waited before it."""
        page = self._pages.get(question)
        if page is None or page.begun < came or self._desk.clock.now() >= page.until:
            return None
        return page

    async def _make(
        self, question: _Question, scope: Scope, receive: Receive, heard: "_Heard"
    ) -> _Page | None:
        """Has the page made, to `heard`; gives one that is still good, of which nothing changed after all."""
        async with self._turns:
            begun = monotonic()
            page, moment = await self._kept(question)
            if page is None:
                await self.app(scope, receive, heard.send)
                self._keep(question, moment, begun, heard, scope)
            return page

    async def _kept(self, question: _Question) -> tuple[_Page | None, _Moment]:
        """The page that may be given again, and the moment that it may not be older than."""
        now = self._desk.clock.now()
        moment = _Moment(await run_in_threadpool(self._desk.database.version), _minute(now))
        page = self._pages.get(question)
        if page is None or page.made != moment or now >= page.until:
            return None, moment
        self._pages.move_to_end(question)
        return page, moment

    def _question(self, scope: Scope) -> _Question | None:
        """All of a request that its page is made from; None where it is no question for a kept page."""
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] not in self._paths:
            return None
        request = HTTPConnection(scope)
        token = cookies.session_token(request)
        if not token or cookies.read_news(request) is not None:  # news is told once
            return None
        wishes = (request.cookies.get(name, "") for name in (cookies.LANGUAGE, cookies.THEME, cookies.UNIT))
        asked = (scope["path"], scope["query_string"].decode("latin-1"), scope["scheme"])
        return (hash_of(token), *asked, *wishes)

    def _keep(
        self, question: _Question, moment: _Moment, begun: float, heard: "_Heard", scope: Scope
    ) -> None:
        self._forget(question)
        told = scope.get(_STATE)
        if moment.version is None or not isinstance(told, _Told) or not heard.is_plain:
            return
        parts = bytes(heard.body).split(told.token.encode())
        page = _Page(moment, begun, told.until, heard.headers, parts)
        self._pages[question] = page
        self._size += page.size
        while self._size > _MOST_BYTES:
            self._forget(next(iter(self._pages)))

    def _forget(self, question: _Question) -> None:
        page = self._pages.pop(question, None)
        self._size -= 0 if page is None else page.size


class _Heard:
    """What an app sent."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = bytearray()

    @property
    def is_plain(self) -> bool:
        """A page, which tells the browser to remember nothing."""
        return self.status == 200 and all(name.lower() != b"set-cookie" for name, _ in self.headers)

    async def send(self, message: Message) -> None:
        self.messages.append(message)
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")


async def _give(page: _Page, request: HTTPConnection, send: Send) -> None:
    body = form_token(cookies.session_token(request)).encode().join(page.parts)
    # All tokens are of one length, so the length told is still the right one.
    await send({"type": "http.response.start", "status": 200, "headers": list(page.headers)})
    await send({"type": "http.response.body", "body": body})


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)
