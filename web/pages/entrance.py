"""Coming in and going out: sign-in, the first owner's set-up, an invitation or a new password, sign-out."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from config.errors import MeizhenError
from organisation import SignIn, accept_code, claim_house, owners, sign_in, sign_out
from web import cookies
from web.access import ruled
from web.desk import Desk
from web.refusals import status_of
from web.rendering import go, own_address, page
from web.viewer import MaybeViewing

_Told = Annotated[str, Form(max_length=1000)]


def entrance_router(desk: Desk) -> APIRouter:
    """`/login`, `/logout`, `/setup`, `/join`."""
    router = APIRouter()
    sign_on = desk.settings.oidc_label if desk.settings.oidc_issuer else ""

    @router.get("/login")
    @ruled(None)
    def login_page(request: Request, viewer: MaybeViewing, next: str = "/") -> Response:
        if viewer is not None:
            return go(request, own_address(next))
        with desk.database.read() as session:
            if not owners(session):
                return go(request, "/setup")
        facts = {"login": "", "error": None, "wants_code": False, "next": own_address(next)}
        facts |= {"sign_on": sign_on}
        return page(request, None, "login.html", facts)

    @router.post("/login")
    @ruled(None)
    def login(
        request: Request, login: _Told, password: _Told, code: _Told = "", next: _Told = "/"
    ) -> Response:
        given = SignIn(
            login,
            password,
            _address(request),
            code=code,
            agent=request.headers.get("user-agent", ""),
            replaces=cookies.session_token(request) or None,
        )
        try:
            welcome = sign_in(desk.database, desk.keys, desk.clock, given)
        except MeizhenError as error:
            facts = {
                "login": login,
                "error": error,
                "wants_code": error.code == "person.code_needed" or code,
                "next": own_address(next),
                "sign_on": sign_on,
            }
            part = request.headers.get("hx-request") == "true"
            template = "parts/_login_answer.html" if part else "login.html"
            return page(request, None, template, facts, status=status_of(error))
        response = go(request, own_address(next))
        cookies.give_session(request, response, welcome.token, timedelta(days=desk.settings.session_days))
        return response

    @router.post("/logout")
    @ruled(None)
    def logout(request: Request) -> Response:
        token = cookies.session_token(request)
        if token:
            with desk.database.write() as session:
                sign_out(session, desk.keys, token, at=desk.clock.now())
        response = go(request, "/login", "console.signed_out")
        cookies.take_session(request, response)
        response.headers["Clear-Site-Data"] = '"cache"'
        return response

    @router.get("/setup")
    @ruled(None)
    def setup_page(request: Request, viewer: MaybeViewing) -> Response:
        with desk.database.read() as session:
            if owners(session):
                return go(request, "/" if viewer else "/login")
        given = {"code": "", "login": "", "name": ""}
        return page(request, None, "setup.html", {"given": given, "error": None})

    @router.post("/setup")
    @ruled(None)
    def setup(
        request: Request, code: _Told, login: _Told, name: _Told, password: _Told, again: _Told
    ) -> Response:
        try:
            _same(password, again)
            with desk.database.write() as session:
                claim_house(session, desk.keys, code, login, name, password, at=desk.clock.now())
        except MeizhenError as error:
            given = {"code": code, "login": login, "name": name}
            facts = {"given": given, "error": error}
            return page(request, None, "setup.html", facts, status=status_of(error))
        return _straight_in(request, login, password)

    @router.get("/join")
    @ruled(None)
    def join_page(request: Request) -> Response:
        return page(request, None, "join.html", {"given": {"code": ""}, "error": None})

    @router.post("/join")
    @ruled(None)
    def join(request: Request, code: _Told, password: _Told, again: _Told) -> Response:
        try:
            _same(password, again)
            with desk.database.write() as session:
                person = accept_code(session, desk.keys, code, password, at=desk.clock.now())
        except MeizhenError as error:
            facts = {"given": {"code": code}, "error": error}
            return page(request, None, "join.html", facts, status=status_of(error))
        return _straight_in(request, person.login, password)

    def _straight_in(request: Request, login: str, password: str) -> Response:
        """Who has just chosen a password need not type it again, unless a second factor stands before."""
        given = SignIn(
            login,
            password,
            _address(request),
            agent=request.headers.get("user-agent", ""),
            replaces=cookies.session_token(request) or None,
        )
        try:
            welcome = sign_in(desk.database, desk.keys, desk.clock, given)
        except MeizhenError:
            return go(request, "/login", "console.password_chosen")
        response = go(request, "/", "console.welcome", name=welcome.person.name)
        cookies.give_session(request, response, welcome.token, timedelta(days=desk.settings.session_days))
        return response

    return router


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _same(password: str, again: str) -> None:
    if password != again:
        raise MeizhenError("person.not_the_same")
