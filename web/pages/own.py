"""What concerns oneself: password, second factor, other sessions."""

from http import HTTPStatus
from typing import Annotated

import segno
from fastapi import APIRouter, Form, Request, Response

from config.errors import MeizhenError
from organisation import (
    begin_second_factor,
    change_password,
    check_own_password,
    confirm_second_factor,
    confirm_session,
    end_sessions,
    is_fresh,
    recovery_codes_left,
)
from organisation.people import secret_of
from web.access import SIGNED_IN, ruled
from web.desk import Desk
from web.refusals import status_of
from web.rendering import go, page
from web.viewer import Viewer, Viewing

_Told = Annotated[str, Form(max_length=1000)]


def own_router(desk: Desk) -> APIRouter:
    """`/me` and what is done there."""
    router = APIRouter()

    def shown(request: Request, viewer: Viewer, error: MeizhenError | None = None, at: str = "") -> Response:
        with desk.database.read() as session:
            confirmed = secret_of(session, viewer.person).totp_confirmed
            left = recovery_codes_left(session, viewer.person) if confirmed else 0
        facts = {"confirmed": confirmed, "codes_left": left, "error": error, "error_at": at}
        status = HTTPStatus.OK if error is None else status_of(error)
        return page(request, viewer, "own.html", facts, status=status)

    @router.get("/me")
    @ruled(SIGNED_IN)
    def own_page(request: Request, viewer: Viewing) -> Response:
        return shown(request, viewer)

    @router.post("/me/password")
    @ruled(SIGNED_IN)
    def password(
        request: Request, viewer: Viewing, present: _Told, password: _Told, again: _Told
    ) -> Response:
        try:
            if password != again:
                raise MeizhenError("person.not_the_same")
            check_own_password(
                desk.database, desk.keys, desk.clock, viewer.person, present, viewer.signed.address
            )
            with desk.database.write() as session:
                change_password(
                    session, desk.keys, viewer.person, password, at=desk.clock.now(), but=viewer.token
                )
        except MeizhenError as error:
            return shown(request, viewer, error, "password")
        return go(request, "/me", "console.password_changed")

    @router.post("/me/factor")
    @ruled(SIGNED_IN)
    def begin_factor(request: Request, viewer: Viewing, present: _Told) -> Response:
        try:
            check_own_password(
                desk.database, desk.keys, desk.clock, viewer.person, present, viewer.signed.address
            )
            with desk.database.write() as session:
                enrolment = begin_second_factor(session, desk.keys, viewer.person)
                confirm_session(session, viewer.signed, desk.clock.now())
        except MeizhenError as error:
            return shown(request, viewer, error, "factor")
        picture = segno.make(enrolment.address).svg_inline(
            scale=5, border=2, omitsize=True, svgclass="mz-code"
        )
        return page(request, viewer, "factor.html", {"picture": picture, "secret": enrolment.secret})

    @router.post("/me/factor/confirm")
    @ruled(SIGNED_IN)
    def confirm_factor(request: Request, viewer: Viewing, code: _Told) -> Response:
        if not is_fresh(viewer.signed, viewer.now):
            return shown(request, viewer, MeizhenError("person.password_again"), "factor")
        try:
            with desk.database.write() as session:
                codes = confirm_second_factor(
                    session, desk.keys, viewer.person, code, at=desk.clock.now(), actor=viewer.actor
                )
        except MeizhenError as error:
            return shown(request, viewer, error, "factor")
        return page(request, viewer, "recovery_codes.html", {"codes": codes})

    @router.post("/me/sessions/end")
    @ruled(SIGNED_IN)
    def end_others(request: Request, viewer: Viewing) -> Response:
        with desk.database.write() as session:
            ended = end_sessions(session, viewer.person, but=viewer.token)
        return go(request, "/me", "console.sessions_ended", count=ended)

    return router
