"""Acts on single deliveries, from several pages: settling a doubt, sending again, calling off, moving."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from sqlmodel import Session, col, select

from config.errors import MeizhenError
from organisation import Account, Act, Place, Unit, require
from scheduler import transitions
from scheduler.deliveries import Delivery
from scheduler.posts import parse_due
from web.access import ruled
from web.desk import Desk
from web.rendering import go, own_address
from web.viewer import Viewer, Viewing

_Address = Annotated[str, Form(max_length=1000)]


def deliveries_router(desk: Desk) -> APIRouter:
    """`/deliveries/{id}/settle` and `/deliveries/{id}/move`."""
    router = APIRouter()

    @router.post("/deliveries/{delivery_id}/settle")
    @ruled(Act.POST_SEND)
    def settle(
        request: Request,
        viewer: Viewing,
        delivery_id: int,
        outcome: Annotated[str, Form(max_length=20)],
        url: Annotated[str, Form(max_length=2000)] = "",
        back: _Address = "/",
    ) -> Response:
        with desk.database.write() as session:
            _require_sending(session, viewer, delivery_id)
            _settle(session, viewer, delivery_id, outcome, url.strip())
        desk.wake()
        return go(request, own_address(back), f"today.done_{outcome}")

    @router.post("/deliveries/{delivery_id}/move")
    @ruled(Act.POST_SEND)
    def move(
        request: Request,
        viewer: Viewing,
        delivery_id: int,
        due: Annotated[str, Form(max_length=40)],
        back: _Address = "/",
    ) -> Response:
        now = desk.clock.now()
        at = parse_due(due, now)
        with desk.database.write() as session:
            _require_sending(session, viewer, delivery_id)
            transitions.reschedule(session, desk.keys, [delivery_id], due=at, now=now, actor=viewer.actor)
        desk.wake()
        return go(request, own_address(back), "today.done_move")

    def _settle(session: Session, viewer: Viewer, delivery_id: int, outcome: str, url: str) -> None:
        now, actor = desk.clock.now(), viewer.actor
        if outcome in ("published", "not_published"):
            address = url if outcome == "published" else None
            transitions.resolve(session, desk.keys, delivery_id, published_url=address, now=now, actor=actor)
            return
        acts = {
            "retry": transitions.retry,
            "cancel": transitions.cancel,
            "pause": transitions.pause,
            "resume": transitions.resume,
        }
        if outcome not in acts:
            raise MeizhenError("web.misread")
        acts[outcome](session, desk.keys, [delivery_id], now=now, actor=actor)

    return router


def _require_sending(session: Session, viewer: Viewer, delivery_id: int) -> None:
    """May they settle this delivery? Raises as `organisation.require`; what is not there is out of sight."""
    path = session.exec(
        select(Unit.path)
        .join(Account, col(Account.unit_id) == col(Unit.id))
        .join(Delivery, col(Delivery.account_id) == col(Account.id))
        .where(Delivery.id == delivery_id)
    ).first()
    if path is None:
        raise MeizhenError("organisation.out_of_sight")
    require(viewer.standing, Act.POST_SEND, Place(path))
