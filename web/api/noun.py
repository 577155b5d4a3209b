"""The routes of a noun: what an endpoint's answer is sent as, kept as and documented as.

An endpoint is a plain function of what was asked; `Noun.read` and `Noun.write` put around it the key, the
pace, the transaction, the kept answer and the headers. One that never asks whether its caller may is refused
as a fault of ours: deny by default.
"""

import inspect
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import wraps
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, get_args
from urllib.parse import quote

from fastapi import APIRouter, Depends, Header, Response
from fastapi.responses import FileResponse, JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from config.errors import MeizhenError
from config.messages import speaking
from organisation import (
    Act,
    Claim,
    claim_key,
    give_up,
    keep_answer,
    record,
)
from scheduler.media import MediaFile
from web.access import Rule, ruled
from web.api.call import Answer, Asked, Call, Write, calling, streaming, writing
from web.api.files import Download, form_of
from web.api.problems import MEDIA_TYPE, REFUSED, Problem
from web.media_files import media_response

_READ = (401, 403, 404, 422, 429, 503)
_WRITE = (400, 401, 403, 404, 409, 413, 422, 429, 503)
_EDIT = (*_WRITE, 412, 428)
_OCTETS = "application/octet-stream"
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_MEDIA = ("image/jpeg", "image/png", "image/gif", "video/mp4")


class Noun:
    """The routes of one noun."""

    def __init__(self, name: str) -> None:
        self.router = APIRouter(prefix=f"/{name}", tags=[name])
        self.name = name

    def read(
        self, path: str, rule: Rule, *, etag: bool = False
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """A GET that changes nothing. `rule` is the act, or SIGNED_IN."""

        def add(endpoint: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(endpoint)
            def answer(asked: Call, **values: object) -> Response:
                return _read_through(asked, rule, endpoint, values)

            statuses = (304, *_READ) if etag else _READ
            self._add("GET", path, rule, endpoint, answer, calling, HTTPStatus.OK, statuses)
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

            self._add("GET", path, rule, endpoint, answer, calling, HTTPStatus.OK, _READ, gives=_MEDIA)
            return endpoint

        return add

    def download(
        self, path: str, rule: Rule, kind: str
    ) -> Callable[[Callable[..., Download]], Callable[..., Download]]:
        """A GET whose answer is a file of this kind, made for it."""

        def add(endpoint: Callable[..., Download]) -> Callable[..., Download]:
            @wraps(endpoint)
            def answer(asked: Call, **values: object) -> Response:
                with _reading(asked, rule) as reading:
                    made = endpoint(reading, **values)
                    _require_checked(reading)
                    response = made.response(kind, asked.allowance)
                _note_download(asked, made)
                return response

            self._add("GET", path, rule, endpoint, answer, calling, HTTPStatus.OK, _READ, gives=(kind,))
            return endpoint

        return add

    def stored(self, path: str, rule: Rule) -> Callable[[Callable[..., Path]], Callable[..., Path]]:
        """A GET whose endpoint gives a file that is there, and whose answer is its bytes, as a download."""

        def add(endpoint: Callable[..., Path]) -> Callable[..., Path]:
            @wraps(endpoint)
            def answer(asked: Call, **values: object) -> Response:
                with _reading(asked, rule) as reading:
                    found = endpoint(reading, **values)
                    _require_checked(reading)
                    more = {"Content-Language": asked.language, **asked.allowance}
                    return FileResponse(found, filename=found.name, media_type=_OCTETS, headers=more)

            self._add("GET", path, rule, endpoint, answer, calling, HTTPStatus.OK, _READ, gives=(_OCTETS,))
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
        streamed: bool = False,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """A change. `edit` compares If-Match; `alone` is for what opens its transactions itself.

        `streamed`: its body is one large file (`files.SentFilm`).
        """

        def add(endpoint: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(endpoint)
            def answer(asked: Write, **values: object) -> Response:
                return _Writing(asked, rule, status, alone).run(endpoint, values)

            asking = streaming if streamed else writing
            self._add(method, path, rule, endpoint, answer, asking, status, _EDIT if edit else _WRITE)
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
        gives: Sequence[str] = (),
    ) -> None:
        signature = inspect.signature(endpoint)
        body = None if gives else signature.return_annotation
        if getattr(body, "__origin__", None) is Answer:
            body = get_args(body)[0]
        first, *rest = signature.parameters.values()
        forms = (form_of(one.annotation) for one in rest)
        kind = Call if asking is calling else Write
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
            operation_id=f"{self.name}_{endpoint.__name__.strip('_')}",
            responses={**{one: _documented(one) for one in statuses}, **_bytes(gives)},
            response_class=Response if gives else JSONResponse,
            openapi_extra=next((form for form in forms if form is not None), None),
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


def _bytes(kinds: Sequence[str]) -> dict[int | str, dict[str, Any]]:
    if not kinds:
        return {}
    told = {"description": "The bytes, as a download.", "content": dict.fromkeys(kinds, _BINARY)}
    return {HTTPStatus.OK.value: told}


def _note_download(call: Call, made: Download) -> None:
    if made.act:
        desk = call.office.desk
        with desk.database.write() as session:
            record(
                session,
                desk.keys,
                at=desk.clock.now(),
                actor=call.holder.actor,
                act=made.act,
                subject=made.subject,
                details=made.details,
            )


def _act_of(rule: Rule) -> Act | None:
    return rule if isinstance(rule, Act) else None


def _read_through(
    call: Call, rule: Rule, endpoint: Callable[..., Any], values: Mapping[str, object]
) -> Response:
    with call.office.turns, _reading(call, rule) as asked:
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
