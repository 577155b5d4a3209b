"""What a program reads of a refusal: `application/problem+json` (RFC 9457), a code, a remedy."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from config.database import LOST
from config.errors import InputError, MeizhenError
from config.errors import Problem as Wrong
from config.messages import LANGUAGES, present_language
from web.api.sizes import most_kilobytes

_log = structlog.get_logger("web.api")
MEDIA_TYPE = "application/problem+json"
_MOST_PROBLEMS = 50


class Place(BaseModel):
    """One thing that is wrong with a request, and where."""

    pointer: str = Field(description="Where: a JSON pointer into the body, or `/query/limit`, `/header/…`.")
    code: str = Field(description="What is wrong, for programs.")
    detail: str = Field(description="What is wrong, for people.")


class Problem(BaseModel):
    """Why a request was refused."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "about:blank",
                "title": "Conflict",
                "status": 409,
                "code": "delivery.wrong_state",
                "detail": "投放 7 现在是 published。",
                "remedy": "先看它的经过。",
                "may_have_gone_out": False,
                "problems": [],
            }
        }
    )

    type: str = "about:blank"
    title: str = Field(description="The status in words.")
    status: int
    code: str = Field(description="A stable code: programs decide by it.")
    detail: str = Field(description="What happened, in the language asked for.")
    remedy: str = Field(description="What to do about it; empty where nothing helps.")
    may_have_gone_out: bool = Field(description="True only where a platform could have received something.")
    problems: list[Place] = Field(description="Each thing that is wrong with the request.")


# What does not exist, and what lies outside the caller's units: the two are told alike.
_UNSEEN = frozenset(
    {
        "organisation.out_of_sight",
        "org.unknown_unit",
        "account.unknown",
        "account.ambiguous",
        "person.unknown",
        "post.not_found",
        "post.no_delivery",
        "post.media_missing",
        "media.unknown",
        "webhook.unknown",
        "webhook.no_message",
        "delivery.not_found",
        "review.no_draft",
        "review.never_submitted",
        "figures.unknown_import",
        "reports.no_schedule",
        "figures.unknown_article",
        "award.no_such_run",
        "award.no_such_objection",
        "key.unknown",
        "reports.no_robot",
        "task.unknown",
        "campaign.unknown",
        "campaign.unknown_item",
        "campaign.unknown_work",
        "campaign.not_attached",
        "award.no_file",
        "award.not_found",
        "job.no_file",
        "api.not_found",
    }
)
_STATUSES: Mapping[str, HTTPStatus] = {
    "api.unauthorised": HTTPStatus.UNAUTHORIZED,
    "api.bad_method": HTTPStatus.METHOD_NOT_ALLOWED,
    "api.bad_request": HTTPStatus.BAD_REQUEST,
    "api.too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "api.too_many": HTTPStatus.TOO_MANY_REQUESTS,
    "job.too_many": HTTPStatus.TOO_MANY_REQUESTS,
    "api.no_match": HTTPStatus.PRECONDITION_REQUIRED,
    "api.changed": HTTPStatus.PRECONDITION_FAILED,
    "api.busy": HTTPStatus.SERVICE_UNAVAILABLE,
    "api.fault": HTTPStatus.INTERNAL_SERVER_ERROR,
    **dict.fromkeys(
        (
            "organisation.not_allowed",
            "organisation.beyond_key",
            "organisation.enrol_first",
            "organisation.own_role",
            "review.own_text",
        ),
        HTTPStatus.FORBIDDEN,
    ),
    **dict.fromkeys(
        (
            "api.under_way",
            "api.overtaken",
            "award.no_judges",
            "award.not_eligible_yet",
            "award.jury_is_in",
            "award.notice_not_up",
            "award.objection_answered",
            "award.objection_late",
            "award.run_locked",
            "award.sheet_is_in",
            "award.sheets_missing",
            "key.revoked_already",
            "person.no_factor",
            "person.not_invitable",
            "reports.no_schedule_of_unit",
            "reports.not_waiting",
            "task.link_taken",
            "task.not_approved",
            "task.wrong_state",
            "job.ended",
            "job.under_way",
            "award.rule_frozen",
            "account.not_moved",
            "webhook.still_queued",
            "webhook.stopped",
            "delivery.wrong_state",
            "org.unit_exists",
            "organisation.held_already",
            "organisation.last_owner",
            "organisation.not_held",
            "person.is_disabled",
            "person.not_active",
            "person.not_disabled",
            "person.there_already",
            "review.alive",
            "review.changed",
            "review.not_approved",
            "review.not_demanded",
            "review.not_open",
            "review.outside_window",
            "review.overtaken",
            "review.signed_already",
            "review.under_way",
            "review.unplanned",
            "review.urgent_needless",
            "review.window_past",
            "figures.import_under_way",
            "figures.undo_archived",
            "figures.undone_before",
        ),
        HTTPStatus.CONFLICT,
    ),
}
REFUSED = frozenset({"organisation.not_allowed", "organisation.beyond_key", "organisation.out_of_sight"})


def status_of(error: MeizhenError) -> HTTPStatus:
    """The status that tells of an error; what is in no table was wrong with the request."""
    if error.code in _UNSEEN:
        return HTTPStatus.NOT_FOUND
    return _STATUSES.get(error.code, HTTPStatus.UNPROCESSABLE_ENTITY)


def language_of(request: Request) -> str:
    """The language a request asks for: the first of ours in Accept-Language, else the house's."""
    ranked: list[tuple[float, str]] = []
    for part in request.headers.get("accept-language", "")[:200].split(","):
        tag, _, weight = part.partition(";q=")
        name = tag.strip().lower().partition("-")[0]
        try:
            ranked.append((-float(weight or 1), name))
        except ValueError:
            continue
    found = [name for weight, name in sorted(ranked, key=lambda one: one[0]) if weight and name in LANGUAGES]
    return found[0] if found else present_language()


def told(
    request: Request,
    error: MeizhenError,
    *,
    places: Sequence[Place] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer that tells of an error."""
    language, status = language_of(request), status_of(error)
    if status == HTTPStatus.NOT_FOUND:
        error = MeizhenError("api.not_found")
    if isinstance(error, InputError):
        places = [_place(one, language) for one in error.problems[:_MOST_PROBLEMS]]
    problem = Problem(
        title=status.phrase,
        status=status.value,
        code=error.code,
        detail=error.told(language),
        remedy=error.remedy(language),
        may_have_gone_out=error.may_have_gone_out,
        problems=list(places),
    )
    allowance: Mapping[str, str] = getattr(request.state, "allowance", {})
    more = {"Content-Language": language, **allowance, **(headers or {})}
    return Response(problem.model_dump_json(), status.value, more, media_type=MEDIA_TYPE)


def _place(problem: Wrong, language: str) -> Place:
    pointer = "" if problem.column is None else f"/{problem.column}"
    return Place(pointer=pointer, code=problem.code, detail=problem.told(language))


def add_handlers(app: FastAPI) -> None:
    """Every refusal and every fault of the API is told the same way."""
    app.add_exception_handler(MeizhenError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(SQLAlchemyError, _lost)
    app.add_exception_handler(Exception, _fault)


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, MeizhenError):
        return await _fault(request, error)
    headers = {}
    if error.code == "api.unauthorised":
        headers["WWW-Authenticate"] = "Bearer"
    elif error.code == "api.too_many":
        headers["Retry-After"] = str(error.params["seconds"])
    elif error.code == "api.busy":
        headers["Retry-After"] = "5"
    return told(request, error, headers=headers)


async def _invalid(request: Request, error: Exception) -> Response:
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    places = [
        # What was sent is never sent back: it may be a secret in the wrong field.
        Place(pointer="".join(f"/{part}" for part in fault["loc"]), code=fault["type"], detail=fault["msg"])
        for fault in faults[:_MOST_PROBLEMS]
    ]
    return told(request, MeizhenError("api.invalid", count=len(faults)), places=places)


async def _of_http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    if status == HTTPStatus.NOT_FOUND:
        return told(request, MeizhenError("api.not_found"))
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        return told(request, MeizhenError("api.bad_method"), headers=headers)
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return told(
            request, MeizhenError("api.too_large", limit=most_kilobytes(request.method, request.url.path))
        )
    return told(request, MeizhenError("api.bad_request"))


async def _lost(request: Request, error: Exception) -> Response:
    if not isinstance(error, LOST):
        return await _fault(request, error)
    _log.error("api_lost_database", reason=type(error).__name__)
    return await _refused(request, MeizhenError("api.busy"))


async def _fault(request: Request, error: Exception) -> Response:
    """The last resort says nothing of the fault; the server's log does."""
    _log.error("api_fault", fault=type(error).__name__)
    return told(request, MeizhenError("api.fault"))
