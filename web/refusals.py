"""What a refusal is in HTTP: its status, and the page that tells a person what happened and what to do."""

from http import HTTPStatus
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from config.errors import MeizhenError
from web.problem import problem
from web.rendering import page
from web.viewer import NotSignedIn, viewer_or_none

_log = structlog.get_logger("web.pages")
_STATUS = {
    "organisation.out_of_sight": HTTPStatus.NOT_FOUND,
    "organisation.not_allowed": HTTPStatus.FORBIDDEN,
    "organisation.own_role": HTTPStatus.FORBIDDEN,
    "organisation.enrol_first": HTTPStatus.FORBIDDEN,
    "web.foreign_form": HTTPStatus.FORBIDDEN,
    "web.too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "figures_page.too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "figures_page.draft_gone": HTTPStatus.NOT_FOUND,
    "person.throttled": HTTPStatus.TOO_MANY_REQUESTS,
    "delivery.wrong_state": HTTPStatus.CONFLICT,
    "campaign.changed": HTTPStatus.CONFLICT,
    "campaign.closed": HTTPStatus.CONFLICT,
    "job.ended": HTTPStatus.CONFLICT,
    "job.no_file": HTTPStatus.NOT_FOUND,
    "job.too_many": HTTPStatus.TOO_MANY_REQUESTS,
    "job.under_way": HTTPStatus.CONFLICT,
    "database.unreachable": HTTPStatus.SERVICE_UNAVAILABLE,
}
_TOAST = "parts/_refusal_toast.html"
_NOT_THERE = ("not_found", "unknown", "unknown_unit")
# For machines: they read problem+json, whatever they say they accept.
_MACHINES = ("/api/", "/callback/", "/healthz", "/readyz", "/metrics")


def status_of(error: MeizhenError) -> HTTPStatus:
    """The status that tells a program what kind of refusal this is."""
    known = _STATUS.get(error.code)
    if known is not None:
        return known
    gone = error.code.partition(".")[2] in _NOT_THERE
    return HTTPStatus.NOT_FOUND if gone else HTTPStatus.UNPROCESSABLE_ENTITY


def tell_refusals(app: FastAPI) -> None:
    """Has the app tell people in pages, and programs in problem+json."""
    app.add_exception_handler(NotSignedIn, _sign_in_first)
    app.add_exception_handler(MeizhenError, _refused)
    app.add_exception_handler(RequestValidationError, _misread)
    app.add_exception_handler(HTTPException, _told)
    app.add_exception_handler(SQLAlchemyError, _database_away)
    app.add_exception_handler(Exception, _fault)


def for_machines(request: Request) -> bool:
    return request.url.path.startswith(_MACHINES)


async def _sign_in_first(request: Request, _error: Exception) -> Response:
    if for_machines(request):
        return problem(HTTPStatus.UNAUTHORIZED)
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    address = f"/login?next={quote(here)}" if request.method == "GET" and here != "/" else "/login"
    if request.headers.get("hx-request") == "true":
        return Response(status_code=HTTPStatus.UNAUTHORIZED, headers={"HX-Redirect": "/login"})
    return Response(status_code=HTTPStatus.SEE_OTHER, headers={"Location": address})


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, MeizhenError):
        return await _fault(request, error)
    status = status_of(error)
    if for_machines(request):
        return problem(status)
    return await _page(request, error, status)


async def _misread(request: Request, _error: Exception) -> Response:
    """A form or address that no page of ours makes."""
    if for_machines(request):
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY)
    return await _page(request, MeizhenError("web.misread"), HTTPStatus.UNPROCESSABLE_ENTITY)


async def _told(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return await _fault(request, error)
    status = HTTPStatus(error.status_code)
    if for_machines(request) or status != HTTPStatus.NOT_FOUND:
        return problem(status, headers=error.headers)
    return await _page(request, MeizhenError("web.no_page"), status)


async def _database_away(request: Request, error: Exception) -> Response:
    _log.error("page_lost_database", path=request.url.path, reason=type(error).__name__)
    if for_machines(request):
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, failing=["database"])
    return await _page(request, MeizhenError("web.database_away"), HTTPStatus.SERVICE_UNAVAILABLE, bare=True)


async def _fault(request: Request, error: Exception) -> Response:
    """The last resort says nothing of the fault; the log does."""
    _log.error("page_failed", path=request.url.path, reason=type(error).__name__, exc_info=error)
    if for_machines(request):
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR)
    return await _page(request, MeizhenError("web.fault"), HTTPStatus.INTERNAL_SERVER_ERROR, bare=True)


async def _page(request: Request, error: MeizhenError, status: HTTPStatus, *, bare: bool = False) -> Response:
    """The refusal as a page, or as an alert where htmx asked; `bare` asks the database nothing."""

    def render() -> Response:
        seen = None if bare else viewer_or_none(request)
        if request.headers.get("hx-request") == "true":
            swap = {"HX-Retarget": "#toasts", "HX-Reswap": "beforeend"}
            return page(request, seen, _TOAST, {"error": error}, status=status, headers=swap)
        return page(request, seen, "refusal.html", {"error": error}, status=status)

    return await run_in_threadpool(render)
