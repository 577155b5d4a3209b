"""What the frame around every page asks for: search, the unit looked at, notices, the language."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from sqlalchemy import or_
from sqlmodel import Session, col, select

from config.messages import LANGUAGES
from organisation import Account, Act, Unit, find_unit, in_sight, require
from scheduler.agenda import find_posts
from scheduler.notices import notices_within
from web import cookies
from web.access import SIGNED_IN, ruled
from web.desk import Desk
from web.rail import rooms_for
from web.rendering import go, own_address, page
from web.viewer import Viewer, Viewing

_Words = Annotated[str, Query(max_length=100)]
_Address = Annotated[str, Form(max_length=1000)]
_FEW = 8


def frame_router(desk: Desk) -> APIRouter:
    """`/search`, `/unit`, `/notices`, `/language`."""
    router = APIRouter()

    @router.get("/search")
    @ruled(SIGNED_IN)
    def search(request: Request, viewer: Viewing, words: _Words = "") -> Response:
        words = words.strip()
        with desk.database.read() as session:
            facts = {
                "words": words,
                "rooms": rooms_for(request, viewer),
                "posts": find_posts(session, words, viewer.within(Act.POST_READ), _FEW) if words else [],
                "accounts": _accounts(session, viewer, words) if words else [],
                "units": units_like(session, viewer, words) if words else [],
            }
        return page(request, viewer, "parts/_found.html", facts)

    @router.get("/unit")
    @ruled(SIGNED_IN)
    def units(request: Request, viewer: Viewing, words: _Words = "", back: str = "/") -> Response:
        with desk.database.read() as session:
            found = units_like(session, viewer, words.strip())
        return page(request, viewer, "parts/_units.html", {"units": found, "back": own_address(back)})

    @router.post("/unit")
    @ruled(SIGNED_IN)
    def choose_unit(
        request: Request,
        viewer: Viewing,
        unit: Annotated[str, Form(max_length=64)] = "",
        back: _Address = "/",
    ) -> Response:
        if unit:
            with desk.database.read() as session:
                require(viewer.standing, Act.UNIT_READ, find_unit(session, unit))
        response = go(request, own_address(back))
        cookies.keep(request, response, cookies.UNIT, unit)
        return response

    @router.get("/notices")
    @ruled(SIGNED_IN)
    def notices(request: Request, viewer: Viewing) -> Response:
        with desk.database.read() as session:
            found = notices_within(session, viewer.within(Act.QUEUE_READ), whole=viewer.may(Act.QUEUE_READ))
        return page(request, viewer, "parts/_notices.html", {"notices": found})

    @router.post("/language")
    @ruled(None)
    def choose_language(
        request: Request, language: Annotated[str, Form(max_length=8)], back: _Address = "/"
    ) -> Response:
        response = go(request, own_address(back))
        if language in LANGUAGES:
            cookies.keep(request, response, cookies.LANGUAGE, language)
        return response

    return router


def units_like(session: Session, viewer: Viewer, words: str) -> list[Unit]:
    """The first units in reach whose name or code has the words, the highest first."""
    wanted = select(Unit).where(in_sight(viewer.standing)).order_by(col(Unit.path)).limit(_FEW)
    if words:
        like = or_(
            col(Unit.name_zh).contains(words, autoescape=True),
            col(Unit.name_en).icontains(words, autoescape=True),
            col(Unit.code).icontains(words, autoescape=True),
        )
        wanted = wanted.where(like)
    return list(session.exec(wanted))


def _accounts(session: Session, viewer: Viewer, words: str) -> list[Account]:
    like = or_(
        col(Account.name).contains(words, autoescape=True),
        col(Account.handle).icontains(words, autoescape=True),
    )
    wanted = (
        select(Account)
        .join(Unit, col(Unit.id) == col(Account.unit_id))
        .where(like, viewer.within(Act.ACCOUNT_READ))
        .order_by(col(Account.platform), col(Account.handle))
        .limit(_FEW)
    )
    return list(session.exec(wanted))
