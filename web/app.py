"""The program that answers HTTP: no page that documents it, nothing that tells its version."""

from collections.abc import Callable
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from config.clock import Clock
from config.database import Database
from config.secrets import KeyRing
from config.settings import Settings
from scheduler.opening import OpenedAccounts
from scheduler.watch import Watchman
from web.api.app import PREFIX, api_app
from web.callback import callback_router
from web.desk import Desk
from web.health import health_router
from web.metrics import Callbacks, metrics_router
from web.problem import problem

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def create_app(
    *,
    settings: Settings,
    database: Database,
    keys: KeyRing,
    clock: Clock,
    watchman: Watchman,
    wake: Callable[[], None],
) -> ASGIApp:
    """The ASGI program of a node. `wake` has its dispatcher look at the database now."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    callbacks = Callbacks()
    accounts = OpenedAccounts(database, keys, clock, settings)
    app.include_router(health_router(database, watchman))
    app.include_router(metrics_router(settings, database, clock, watchman, callbacks))
    app.include_router(callback_router(database, clock, accounts, callbacks, wake))
    app.mount(PREFIX, api_app(Desk(settings, database, keys, clock, wake)))
    app.add_exception_handler(HTTPException, _told)
    app.add_exception_handler(Exception, _fault)
    return _Headers(app)


async def _told(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return await _fault(_request, error)
    return problem(HTTPStatus(error.status_code), headers=error.headers)


async def _fault(_request: Request, _error: Exception) -> Response:
    """The last resort says nothing of the fault; the log does."""
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR)


class _Headers:
    """Puts the headers that every answer carries on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers)
