"""One request of a program: who asks, how often, and what an endpoint may ask of it (`noun` runs them)."""

import hashlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.message import Message
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import BoundedSemaphore
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Header, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel
from sqlalchemy import ColumnElement
from sqlmodel import Session

from config.errors import MeizhenError
from config.secrets import KeyRing
from organisation import (
    Act,
    KeyHolder,
    Person,
    Place,
    holder_of,
    in_sight,
    may_somewhere,
    not_allowed,
    note_use,
    put_in_charge,
    record_refusal,
    require,
    wants_use_noted,
)
from organisation.permissions import HOUSE
from web.api.cursors import Paging, make_cursor, read_cursor
from web.api.pace import Pace
from web.api.problems import language_of
from web.desk import Desk
from web.turns import TURNS

_Row = TypeVar("_Row")
_Body = TypeVar("_Body", bound=BaseModel)


@dataclass(frozen=True)
class Office:
    """What all requests share: the desk, and how often each key asked."""

    desk: Desk
    pace: Pace
    turns: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(TURNS))  # of short reads

    def let_in(self, token: str) -> tuple[KeyHolder, Mapping[str, str]]:
        """Who asks, and what is left of their pace. Raises `api.unauthorised` or `api.too_many`."""
        database, now = self.desk.database, self.desk.clock.now()
        with self.turns, database.read() as session:
            holder = holder_of(session, token, now)
        if holder is None:
            raise MeizhenError("api.unauthorised")
        allowance = self.pace.take(holder.key.known_id, now)
        if wants_use_noted(holder.key, now):
            with database.write() as session:
                note_use(session, holder.key, now)
        return holder, allowance


@dataclass(frozen=True)
class Call:
    """A request whose key was good."""

    request: Request
    office: Office
    holder: KeyHolder
    allowance: Mapping[str, str]
    language: str

    def refuse(self, act: Act) -> None:
        """Notes in the ledger that the caller was refused."""
        desk, name = self.office.desk, self.request.scope["route"].path
        with desk.database.write() as session:
            record_refusal(
                session,
                desk.keys,
                self.holder.person,
                act,
                f"api:{self.request.method} {name}",
                at=desk.clock.now(),
                actor=self.holder.actor,
            )


async def calling(
    request: Request,
    accept_language: Annotated[str | None, Header(description="zh or en: the language of texts.")] = None,
) -> Call:
    """The call, once its key was let in. Raises `api.unauthorised` or `api.too_many`."""
    office: Office = request.app.state.office
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer":
        raise MeizhenError("api.unauthorised")
    holder, allowance = await run_in_threadpool(office.let_in, token.strip())
    request.state.allowance = allowance
    return Call(request, office, holder, allowance, language_of(request))


@dataclass(frozen=True)
class Write:
    """A request that changes something: its key, and what the key stands for."""

    call: Call
    key: str
    request_hash: str


_Key = Annotated[
    str,
    Header(
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="New for each act, such as a UUID; the same when the same act is sent again.",
    ),
]


async def writing(call: Annotated[Call, Depends(calling)], idempotency_key: _Key) -> Write:
    """The change, with a hash of all that was asked: the same key may not stand for anything else."""
    asked = _hash_of(call.request, _told(call.request, await call.request.body()))
    return Write(call, idempotency_key, asked)


@dataclass(frozen=True)
class StreamedWrite(Write):
    """A change whose body lies on the disk: it is too large for the memory."""

    path: Path


async def streaming(
    call: Annotated[Call, Depends(calling)], idempotency_key: _Key
) -> AsyncIterator[StreamedWrite]:
    """The same for a body that goes to the disk as it comes, and is gone after the answer."""
    body = hashlib.sha256()
    with TemporaryDirectory(prefix="meizhen-upload-") as folder:
        path = Path(folder) / "upload"
        with path.open("wb") as file:
            async for piece in call.request.stream():
                body.update(piece)
                await run_in_threadpool(file.write, piece)
        yield StreamedWrite(call, idempotency_key, _hash_of(call.request, body.digest()), path)


def _hash_of(request: Request, body: bytes) -> str:
    """Of all that was asked; `body` is the whole of it or its hash."""
    digest = hashlib.sha256()
    asked = (request.method, request.url.path, request.url.query, request.headers.get("if-match", ""))
    for part in (*(one.encode() for one in asked), body):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _told(request: Request, body: bytes) -> bytes:
    """The body; of a form without the boundary, which is another each time the same form is sent."""
    kind = Message()
    kind["Content-Type"] = request.headers.get("content-type", "")
    boundary = kind.get_boundary()
    if kind.get_content_type() != "multipart/form-data" or not boundary:
        return body
    return body.replace(boundary.encode("latin-1", "replace"), b"")


@dataclass(frozen=True)
class Answer(Generic[_Body]):
    """An answer with headers of its own; `etag` is what it says, hashed."""

    body: _Body
    etag: str = ""
    location: str = ""


@dataclass
class Asked:
    """What an endpoint works with: the caller, a session, the moment; and the questions whether they may."""

    call: Call
    session: Session
    act: Act | None
    now: datetime
    checked: bool = False
    wakes: bool = False
    desk: Desk = field(init=False)

    def __post_init__(self) -> None:
        self.desk = self.call.office.desk
        self.person = self.call.holder.person
        self.actor = self.call.holder.actor

    @property
    def keys(self) -> KeyRing:
        return self.desk.keys

    @property
    def media_folder(self) -> Path:
        return self.desk.settings.home / "media"

    def at(self, *paths: str, act: Act | None = None) -> None:
        """The endpoint's act at every one of these places; no place at all is nothing to be seen."""
        self.checked = True
        wanted = act or self.act
        if wanted is None:
            raise RuntimeError("expected an act to ask for")
        if not paths:
            raise MeizhenError("organisation.out_of_sight")
        for path in paths:
            require(self.person, wanted, Place(path))

    def house(self) -> None:
        """The endpoint's act on the house as a whole."""
        self.at(HOUSE.path)

    def sight(self) -> ColumnElement[bool]:
        """The condition on units that a list keeps to. Raises MeizhenError where that is nowhere."""
        self.checked = True
        if self.act is None:
            raise RuntimeError("expected an act to ask for")
        if not may_somewhere(self.person, self.act):
            raise not_allowed(self.person, self.act)
        return in_sight(self.person, self.act)

    def everybody(self) -> None:
        """It concerns the caller alone, or nothing of the house; or the domain itself asks who they are."""
        self.checked = True

    def answers_for(self, kind: str, ids: Sequence[int]) -> None:
        """The caller answers for what they made."""
        person = self.session.get_one(Person, self.person.person_id)
        put_in_charge(self.session, person, kind, ids, at=self.now)

    def match(self, etag: str) -> None:
        """Raises MeizhenError `api.no_match` or `api.changed` unless the caller has read just this."""
        wanted = self.call.request.headers.get("if-match")
        if wanted is None:
            raise MeizhenError("api.no_match")
        tags = [one.strip() for one in wanted.split(",")]
        if "*" not in tags and f'"{etag}"' not in tags:
            raise MeizhenError("api.changed")

    def page(
        self,
        paging: Paging,
        filters: Mapping[str, object],
        kinds: Sequence[type],
        fetch: Callable[[Sequence[object] | None, int], list[_Row]],
        place: Callable[[_Row], Sequence[object]],
    ) -> tuple[list[_Row], str | None]:
        """The rows of a page and the cursor of the next.

        `fetch` gives rows after the values of `kinds`, at most so many; `place` gives a row's values.
        """
        name = self.call.request.scope["route"].path
        after = None
        if paging.cursor is not None:
            after = read_cursor(self.keys, name, filters, paging.cursor, kinds)
        rows = fetch(after, paging.limit + 1)
        shown = rows[: paging.limit]
        if len(rows) <= paging.limit:
            return shown, None
        return shown, make_cursor(self.keys, name, filters, place(shown[-1]))


def etag_of(body: BaseModel) -> str:
    """What an answer says, hashed: another text, another tag."""
    return hashlib.sha256(body.model_dump_json().encode()).hexdigest()[:32]
