"""全部暂停 and opening again, from every page: the same act as `meizhen queue pause` and `resume`."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from sqlmodel import Session

from config.errors import MeizhenError
from organisation import Account, Act, accounts_of, in_sight, may
from organisation.permissions import HOUSE
from scheduler.backlog import Extent, Late, decide, late_backlog
from scheduler.queue import stop_accounts, stop_of, stop_queue
from web.access import ruled
from web.desk import Desk
from web.rendering import go, own_address, page
from web.viewer import Viewer, Viewing

_Reason = Annotated[str, Form(min_length=1, max_length=300)]
_Address = Annotated[str, Form(max_length=1000)]


def stopping_router(desk: Desk) -> APIRouter:
    """`/queue/stop` and `/queue/open`."""
    router = APIRouter()

    @router.post("/queue/stop")
    @ruled(Act.QUEUE_STEER)
    def stop(request: Request, viewer: Viewing, reason: _Reason, back: _Address = "/") -> Response:
        now = desk.clock.now()
        with desk.database.write() as session:
            if may(viewer.standing, Act.QUEUE_STEER, HOUSE):
                stop_queue(
                    session, desk.keys, now=now, actor=viewer.actor, stopped=True, reason=reason.strip()
                )
                told, count = "console.stopped", 0
            else:
                reach = _reach(session, viewer)
                stop_accounts(
                    session,
                    desk.keys,
                    reach,
                    now=now,
                    actor=viewer.actor,
                    stopped=True,
                    reason=reason.strip(),
                )
                told, count = "console.stopped_accounts", len(reach)
        desk.wake()
        return go(request, own_address(back), told, count=count)

    @router.get("/queue/open")
    @ruled(Act.QUEUE_STEER)
    def open_page(request: Request, viewer: Viewing, back: str = "/") -> Response:
        whole = viewer.may(Act.QUEUE_STEER)
        with desk.database.read() as session:
            extent = Extent() if whole else _extent(_reach(session, viewer))
            late = late_backlog(session, extent, desk.clock.now())
            stop = stop_of(session)
        facts = {"late": late, "switch": stop, "whole": whole, "back": own_address(back)}
        return page(request, viewer, "open_queue.html", facts)

    @router.post("/queue/open")
    @ruled(Act.QUEUE_STEER)
    def open_again(
        request: Request, viewer: Viewing, late: Annotated[str, Form(max_length=10)], back: _Address = "/"
    ) -> Response:
        choice, now = _choice(late), desk.clock.now()
        with desk.database.write() as session:
            whole = viewer.may(Act.QUEUE_STEER)
            reach = [] if whole else _reach(session, viewer)
            extent, subject = (Extent(), "queue") if whole else (_extent(reach), viewer.actor)
            decide(session, desk.keys, choice, extent, now=now, actor=viewer.actor, subject=subject)
            if whole:
                stop_queue(session, desk.keys, now=now, actor=viewer.actor, stopped=False)
            else:
                stop_accounts(session, desk.keys, reach, now=now, actor=viewer.actor, stopped=False)
        desk.wake()
        return go(request, own_address(back), "console.opened")

    return router


def _reach(session: Session, viewer: Viewer) -> list[Account]:
    """The accounts that somebody without the whole house may stop."""
    return accounts_of(session, within=in_sight(viewer.standing, Act.QUEUE_STEER))


def _extent(accounts: list[Account]) -> Extent:
    return Extent(accounts=[account.known_id for account in accounts])


def _choice(told: str) -> Late:
    try:
        return Late(told)
    except ValueError:
        raise MeizhenError("input.not_one_of", expected=", ".join(Late), received=told[:40]) from None
