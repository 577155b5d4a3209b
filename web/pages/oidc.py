"""Signing in at the house's provider: away, back, and the second factor where somebody has one here."""

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from starlette.exceptions import HTTPException

from config.errors import MeizhenError
from organisation.signing_in import Welcome
from organisation.single_sign_on import Provider, Visitor, come_back, enter, leave, provider_of
from web import cookies
from web.access import ruled
from web.desk import Desk
from web.refusals import status_of
from web.rendering import go, page

_ROUND, _PROOF = timedelta(minutes=10), timedelta(minutes=5)
_Brought = Annotated[str, Query(max_length=4000)]


def oidc_router(desk: Desk) -> APIRouter:
    """`/login/oidc`, `/login/oidc/back`, `/login/oidc/code`; none of them without a provider."""
    router = APIRouter()

    @router.get("/login/oidc")
    @ruled(None)
    def away(request: Request) -> Response:
        leaving = leave(_provider(desk), desk.keys, now=desk.clock.now())
        response = go(request, leaving.url)
        cookies.give_step(request, response, cookies.ROUND, leaving.kept, _ROUND)
        return response

    @router.get("/login/oidc/back")
    @ruled(None)
    def back(request: Request, state: _Brought = "", code: _Brought = "") -> Response:
        kept = cookies.step(request, cookies.ROUND)
        proof = come_back(
            _provider(desk), desk.database, desk.keys, desk.clock, kept=kept, state=state, code=code
        )
        try:
            response = _welcomed(request, _enter(request, proof, ""))
        except MeizhenError as error:
            if error.code != "person.code_needed":
                raise
            response = go(request, "/login/oidc/code")
            cookies.give_step(request, response, cookies.PROOF, proof, _PROOF)
        cookies.take_step(request, response, cookies.ROUND)
        return response

    @router.get("/login/oidc/code")
    @ruled(None)
    def code_page(request: Request) -> Response:
        return page(request, None, "sign_on_code.html", {"error": None})

    @router.post("/login/oidc/code")
    @ruled(None)
    def code(request: Request, code: Annotated[str, Form(max_length=100)]) -> Response:
        try:
            response = _welcomed(request, _enter(request, cookies.step(request, cookies.PROOF), code))
        except MeizhenError as error:
            return page(request, None, "sign_on_code.html", {"error": error}, status=status_of(error))
        cookies.take_step(request, response, cookies.PROOF)
        return response

    def _enter(request: Request, proof: str, code: str) -> Welcome:
        visitor = Visitor(
            request.client.host if request.client else "",
            request.headers.get("user-agent", ""),
            cookies.session_token(request) or None,
        )
        return enter(_provider(desk), desk.database, desk.keys, desk.clock, visitor, proof=proof, code=code)

    def _welcomed(request: Request, welcome: Welcome) -> Response:
        response = go(request, "/", "console.welcome", name=welcome.person.name)
        cookies.give_session(request, response, welcome.token, timedelta(days=desk.settings.session_days))
        return response

    return router


def _provider(desk: Desk) -> Provider:
    """The provider of the settings; no such page where there is none."""
    provider = provider_of(desk.settings)
    if provider is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return provider
