"""One request of a program: who asks, how often, what they may, and that nothing is done twice.

An endpoint is a plain function of what was asked; `Noun.read` and `Noun.write` put around it the key, the
pace, the transaction, the kept answer and the headers. One that never asks whether its caller may is refused
as a fault of ours: deny by default.
"""

import hashlib
import inspect
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar, get_args
from urllib.parse import quote

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy import ColumnElement
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from config.errors import MeizhenError
from config.messages import speaking
from config.secrets import KeyRing
from organisation import (
    Act,
    Claim,
    KeyHolder,
    Person,
    Place,
    claim_key,
    give_up,
    holder_of,
    in_sight,
    keep_answer,
    may_somewhere,
    not_allowed,
    note_use,
    put_in_charge,
    record_refusal,
    require,
    wants_use_noted,
)
from organisation.permissions import HOUSE
from scheduler.media import MediaFile
from web.access import SIGNED_IN, Rule, ruled
from web.api.cursors import Paging, make_cursor, read_cursor
from web.api.pace import Pace
from web.api.problems import MEDIA_TYPE, REFUSED, Problem, language_of
from web.desk import Desk
from web.media_files import media_response

_Row = TypeVar("_Row")
_Body = TypeVar("_Body", bound=BaseModel)
_READ = (401, 403, 404, 422, 429, 503)
_WRITE = (400, 401, 403, 404, 409, 413, 422, 429, 503)
_EDIT = (*_WRITE, 412, 428)
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_BYTES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The bytes, as a download.",
        "content": {f"{kind}": _BINARY for kind in ("image/jpeg", "image/png", "image/gif", "video/mp4")},
    }
}


@dataclass(frozen=True)
class Office:
    """What all requests share: the desk, and how often each key asked."""

    desk: Desk
    pace: Pace

    def let_in(self, token: str) -> tuple[KeyHolder, Mapping[str, str]]:
        """Who asks, and what is left of their pace. Raises `api.unauthorised` or `api.too_many`."""
        database, now = self.desk.database, self.desk.clock.now()
        with database.read() as session:
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


async def _call(
    request: Request,
    accept_language: Annotated[str | None, Header(description="zh or en: the language of texts.")] = None,
) -> Call:
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


async def _write(
    call: Annotated[Call, Depends(_call)],
    idempotency_key: Annotated[
        str,
        Header(
            min_length=1,
            max_length=255,
            pattern=r"^[\x21-\x7e]+$",
            description="New for each act, such as a UUID; the same when the same act is sent again.",
        ),
    ],
) -> Write:
    request, digest = call.request, hashlib.sha256()
    asked = (request.method, request.url.path, request.url.query, request.headers.get("if-match", ""))
    for part in (*(one.encode() for one in asked), await request.body()):
        digest.update(len(part).to_bytes(8, "big") + part)
    return Write(call, idempotency_key, digest.hexdigest())


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


class Noun:
    """The routes of one noun."""

    def __init__(self, name: str) -> None:
        self.router = APIRouter(prefix=f"/{name}", tags=[name])
        self._name = name

    def read(
        self, path: str, rule: Rule, *, etag: bool = False
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """A GET that changes nothing. `rule` is the act, or SIGNED_IN."""

        def add(endpoint: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(endpoint)
            def answer(asked: Call, **values: object) -> Response:
                return _read_through(asked, rule, endpoint, values)

            statuses = (304, *_READ) if etag else _READ
            self._add("GET", path, rule, endpoint, answer, _call, HTTPStatus.OK, statuses)
            return endpoint

        return add

    def file(self, path: str, rule: Rule) -> Callable[[Callable[..., MediaFile]], Callable[..., MediaFile]]:
        """A GET whose endpoint gives a stored file, and whose answer is its bytes."""

        def add(endpoint: Callable[..., MediaFile]) -> Callable[..., MediaFile]:
            @wraps(endpoint)
            def answer(asked: Call, **values: object) -> Response:
                with _reading(asked, rule) as reading:
                    row = endpoint(reading, **values)
                    _require_checked(reading)
                    return media_response(reading.media_folder, row)

            self._add("GET", path, rule, endpoint, answer, _call, HTTPStatus.OK, _READ, gives_bytes=True)
            return endpoint

        return add

    def write(
        self,
        method: str,
        path: str,
        rule: Rule,
        *,
        status: HTTPStatus = HTTPStatus.OK,
        edit: bool = False,
        alone: bool = False,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """A change. `edit` compares If-Match; `alone` is for what opens its transactions itself."""

        def add(endpoint: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(endpoint)
            def answer(asked: Write, **values: object) -> Response:
                return _Writing(asked, rule, status, alone).run(endpoint, values)

            self._add(method, path, rule, endpoint, answer, _write, status, _EDIT if edit else _WRITE)
            return endpoint

        return add

    def _add(
        self,
        method: str,
        path: str,
        rule: Rule,
        endpoint: Callable[..., Any],
        answer: Callable[..., Response],
        asking: Callable[..., Any],
        status: HTTPStatus,
        statuses: Sequence[int],
        *,
        gives_bytes: bool = False,
    ) -> None:
        signature = inspect.signature(endpoint)
        body = None if gives_bytes else signature.return_annotation
        if getattr(body, "__origin__", None) is Answer:
            body = get_args(body)[0]
        first, *rest = signature.parameters.values()
        kind = Call if asking is _call else Write
        taken = first.replace(
            annotation=Annotated[kind, Depends(asking)], kind=inspect.Parameter.KEYWORD_ONLY
        )
        named = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in rest]
        answer.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=[taken, *named], return_annotation=Response
        )
        if statuses is _EDIT:
            _document_match(answer)
        summary, _, description = (inspect.getdoc(endpoint) or "").partition("\n")
        needs = f"\n\nAct: `{rule.value}`." if isinstance(rule, Act) else ""
        self.router.add_api_route(
            path,
            ruled(rule)(answer),
            methods=[method],
            status_code=status,
            response_model=body,
            summary=summary.rstrip("."),
            description=f"{summary}{description}{needs}",
            operation_id=f"{self._name}_{endpoint.__name__.strip('_')}",
            responses={**{one: _documented(one) for one in statuses}, **(_BYTES if gives_bytes else {})},
            response_class=Response if gives_bytes else JSONResponse,
        )


def _document_match(answer: Callable[..., Response]) -> None:
    """`If-Match` belongs to the edit's documentation; `Asked.match` reads it."""
    signature = inspect.signature(answer)
    told = Header(max_length=400, description="The ETag of what you read.")
    more = inspect.Parameter(
        "if_match",
        inspect.Parameter.KEYWORD_ONLY,
        annotation=Annotated[str | None, told],
        default=None,
    )
    answer.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*signature.parameters.values(), more]
    )


def _documented(status: int) -> dict[str, Any]:
    if status == HTTPStatus.NOT_MODIFIED:
        return {"description": "It is what If-None-Match names."}
    schema = {"$ref": f"#/components/schemas/{Problem.__name__}"}
    return {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": schema}}}


def etag_of(body: BaseModel) -> str:
    """What an answer says, hashed: another text, another tag."""
    return hashlib.sha256(body.model_dump_json().encode()).hexdigest()[:32]


def _act_of(rule: Rule) -> Act | None:
    return rule if isinstance(rule, Act) else None


def _read_through(
    call: Call, rule: Rule, endpoint: Callable[..., Any], values: Mapping[str, object]
) -> Response:
    with _reading(call, rule) as asked:
        made = endpoint(asked, **values)
        _require_checked(asked)
        answer = _packed(made, HTTPStatus.OK)
    return _answered(call, answer)


@contextmanager
def _reading(call: Call, rule: Rule) -> Iterator[Asked]:
    """What a reading endpoint works with; its refusal is noted."""
    desk = call.office.desk
    try:
        with speaking(call.language), desk.database.read() as session:
            yield Asked(call, session, _act_of(rule), desk.clock.now())
    except MeizhenError as error:
        _note_refusal(call, rule, error)
        raise


class _Writing:
    """One change from its claim to its kept answer."""

    def __init__(self, write: Write, rule: Rule, status: HTTPStatus, alone: bool) -> None:
        self._write = write
        self._call = write.call
        self._desk = write.call.office.desk
        self._rule = rule
        self._status = status
        self._alone = alone

    def run(self, endpoint: Callable[..., Any], values: dict[str, object]) -> Response:
        values.pop("if_match", None)
        call, desk = self._call, self._desk
        with desk.database.write() as session:
            claimed = claim_key(
                session,
                desk.keys,
                call.holder.key.known_id,
                self._write.key,
                self._write.request_hash,
                now=desk.clock.now(),
            )
        if isinstance(claimed, bytes):
            return _answered(call, claimed, repeated=True)
        try:
            with speaking(call.language):
                answer, wakes = self._work(claimed, endpoint, values)
        except BaseException as error:
            with suppress(SQLAlchemyError), desk.database.write() as session:
                give_up(session, claimed)
            if isinstance(error, MeizhenError):
                _note_refusal(call, self._rule, error)
            raise
        if wakes:
            desk.wake()
        return _answered(call, answer)

    def _work(
        self, claim: Claim, endpoint: Callable[..., Any], values: Mapping[str, object]
    ) -> tuple[bytes, bool]:
        desk = self._desk
        if self._alone:
            with desk.database.read() as session:
                asked = self._asked(session)
                answer = self._made(asked, endpoint, values)
            with desk.database.write() as session:
                keep_answer(session, desk.keys, claim, answer)
            return answer, asked.wakes
        with desk.database.write() as session:
            asked = self._asked(session)
            answer = self._made(asked, endpoint, values)
            keep_answer(session, desk.keys, claim, answer)
        return answer, asked.wakes

    def _asked(self, session: Session) -> Asked:
        return Asked(self._call, session, _act_of(self._rule), self._desk.clock.now())

    def _made(self, asked: Asked, endpoint: Callable[..., Any], values: Mapping[str, object]) -> bytes:
        made = endpoint(asked, **values)
        _require_checked(asked)
        return _packed(made, self._status)


def _require_checked(asked: Asked) -> None:
    if not asked.checked:
        raise RuntimeError(f"{asked.call.request.scope['route'].path} never asked whether its caller may")


def _note_refusal(call: Call, rule: Rule, error: MeizhenError) -> None:
    act = _act_of(rule)
    if act is not None and error.code in REFUSED:
        call.refuse(act)


def _packed(made: object, status: HTTPStatus) -> bytes:
    """Status, headers and body in one, as it is kept: a line of JSON, then the body."""
    answer = made if isinstance(made, Answer) else Answer(made)  # type: ignore[type-var]
    if not isinstance(answer.body, BaseModel):
        raise RuntimeError("expected an endpoint to give a model that lists its fields")
    headers = {}
    if answer.etag:
        headers["ETag"] = f'"{answer.etag}"'
    if answer.location:
        headers["Location"] = quote(answer.location)
    head = json.dumps([status.value, headers]).encode()
    return head + b"\n" + answer.body.model_dump_json().encode()


def _answered(call: Call, packed: bytes, *, repeated: bool = False) -> Response:
    head, _, body = packed.partition(b"\n")
    status, headers = json.loads(head)
    more = {"Content-Language": call.language, **call.allowance, **headers}
    if repeated:
        more["Idempotency-Replayed"] = "true"
    tags = [
        one.strip().removeprefix("W/") for one in call.request.headers.get("if-none-match", "").split(",")
    ]
    if call.request.method == "GET" and "ETag" in headers and headers["ETag"] in tags:
        return Response(None, HTTPStatus.NOT_MODIFIED, more)
    return Response(body, status, more, media_type="application/json")


__all__ = ["SIGNED_IN", "Answer", "Asked", "Noun", "Office", "etag_of"]
