"""Who looks at a page: the person, what they may at this moment, and the unit they chose to look at."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from sqlalchemy import ColumnElement, and_
from sqlmodel import Session, select

from config.clock import SHANGHAI
from config.database import REACHES
from config.messages import present_language
from organisation import (
    Act,
    Ages,
    Person,
    Place,
    SignedIn,
    Standing,
    Unit,
    find_session,
    in_sight,
    in_subtree,
    may,
    may_somewhere,
    sees,
    touch_session,
    wants_touch,
)
from web.cookies import UNIT, session_token
from web.desk import Desk


class NotSignedIn(Exception):
    """The page is for people who are signed in, and nobody is: the answer leads to the sign-in page."""


@dataclass(frozen=True)
class Viewer:
    """A person who is signed in; `unit` is where they chose to look (None: everywhere they may).

    `zone` is that of all times shown. `now` is the moment of the request.
    """

    person: Person
    standing: Standing
    signed: SignedIn
    token: str = field(repr=False)
    unit: Unit | None
    language: str
    now: datetime
    zone: ZoneInfo = SHANGHAI

    @property
    def actor(self) -> str:
        """How the ledger names them."""
        return self.standing.subject

    def may(self, act: Act, path: str = "") -> bool:
        """May they do this at the place of that path ('': the whole house)? For what a page offers."""
        return may(self.standing, act, Place(path))

    def may_somewhere(self, act: Act) -> bool:
        """May they do this anywhere at all?"""
        return may_somewhere(self.standing, act)

    def within(self, act: Act) -> ColumnElement[bool]:
        """The condition on `Unit` rows of every list: within reach, and within the chosen unit."""
        reach = in_sight(self.standing, act)
        return reach if self.unit is None else _both(reach, in_subtree(self.unit))


@lru_cache(maxsize=REACHES)
def _both(reach: ColumnElement[bool], unit: ColumnElement[bool]) -> ColumnElement[bool]:
    return and_(reach, unit)


def desk_of(request: Request) -> Desk:
    """The desk of the app that answers."""
    desk = request.app.state.desk
    if not isinstance(desk, Desk):
        raise TypeError("expected an app made by create_app: its state has no desk")
    return desk


def ages_of(desk: Desk) -> Ages:
    """How long sessions of this house last."""
    settings = desk.settings
    return Ages(timedelta(hours=settings.session_idle_hours), timedelta(days=settings.session_days))


def viewer_or_none(request: Request) -> Viewer | None:
    """Who is signed in with the browser's session; None for nobody. Roles are read anew for every request."""
    token = session_token(request)
    if not token:
        return None
    desk = desk_of(request)
    now = desk.clock.now()
    with desk.database.read() as session:
        found = find_session(session, token, now=now, ages=ages_of(desk))
        if found is None:
            return None
        signed, person, standing = found
        unit = _chosen(session, request.cookies.get(UNIT, ""), standing)
    if wants_touch(signed, now):
        with desk.database.write() as session:
            touch_session(session, signed, now)
    return Viewer(person, standing, signed, token, unit, present_language(), now)


def _chosen(session: Session, code: str, standing: Standing) -> Unit | None:
    """The unit of the cookie, where it is one that the person sees."""
    if not code:
        return None
    unit = session.exec(select(Unit).where(Unit.code == code)).one_or_none()
    return unit if unit is not None and sees(standing, unit) else None


async def viewer(found: Annotated[Viewer | None, Depends(viewer_or_none)]) -> Viewer:
    """Who is signed in. Raises NotSignedIn."""
    if found is None:
        raise NotSignedIn
    return found


# What endpoints ask for: `def page(viewer: Viewing, desk: AtDesk) -> Response`.
Viewing = Annotated[Viewer, Depends(viewer)]
MaybeViewing = Annotated[Viewer | None, Depends(viewer_or_none)]
AtDesk = Annotated[Desk, Depends(desk_of)]
