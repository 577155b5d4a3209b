"""The program that answers HTTP: no page that documents it, nothing that tells its version."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, cast

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from config.clock import Clock
from config.database import Database
from config.messages import for_page, speaking
from config.secrets import KeyRing
from config.settings import Settings
from scheduler.opening import OpenedAccounts
from scheduler.watch import Watchman
from web.api.app import PREFIX, api_app
from web.assets import ADDRESS, BuiltFiles
from web.callback import callback_router
from web.cookies import LANGUAGE, is_secure
from web.desk import Desk
from web.health import health_router
from web.kept_pages import KeptPages
from web.metrics import Callbacks, metrics_router
from web.pages import pages_router
from web.refusals import tell_refusals

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_TLS_HEADERS = {"Strict-Transport-Security": "max-age=31536000"}
_LEAST_ZIPPED = 1000  # bytes
_ZIPPED = 5  # of 9: a page comes out 2 % larger in half the time


def create_app(
    *,
    settings: Settings,
    database: Database,
    keys: KeyRing,
    clock: Clock,
    watchman: Watchman,
    wake: Callable[[], None],
    demo: bool = False,
) -> ASGIApp:
    """The ASGI program of a node. `wake` has its dispatcher look at the database now."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    desk = Desk(settings, database, keys, clock, wake, demo)
    app.state.desk = desk
    callbacks = Callbacks()
    accounts = OpenedAccounts(database, keys, clock, settings)
    # First what is found by its first words: routes are tried one after the other, and there are many pages.
    app.mount(PREFIX, api_app(desk))
    app.mount(ADDRESS, BuiltFiles(), name="static")
    app.include_router(health_router(database, watchman))
    app.include_router(metrics_router(settings, database, clock, watchman, callbacks))
    app.include_router(callback_router(database, clock, accounts, callbacks, wake))
    app.include_router(pages_router(desk))
    tell_refusals(app)
    pages = KeptPages(app, desk)
    framed = _Frame(GZipMiddleware(pages, minimum_size=_LEAST_ZIPPED, compresslevel=_ZIPPED))
    # Outermost: everything within sees the address and scheme that a proxy we know told, or the plain ones.
    if not settings.proxies:
        return framed
    # uvicorn and starlette describe the same ASGI program in types of their own.
    return cast(ASGIApp, ProxyHeadersMiddleware(cast("ASGI3Application", framed), settings.proxies))


class _Frame:
    """Around every answer: its reader's language, and the headers that it carries unless it has its own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = HTTPConnection(scope)
        ours = _HEADERS | _TLS_HEADERS if is_secure(request) else _HEADERS

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in ours.items():
                    headers.setdefault(name, value)
            await send(message)

        for_program = scope["path"].startswith(f"{PREFIX}/")
        with speaking(request.cookies.get(LANGUAGE)), nullcontext() if for_program else for_page():
            await self.app(scope, receive, send_with_headers)
