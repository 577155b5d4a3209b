"""设置 · Webhook: an endpoint entered, its messages and what became of them, a test, one sent again."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from sqlmodel import Session

from config.errors import MeizhenError
from connectors import Reach
from organisation import Act, Place, Unit, http_for, require
from organisation.webhook_messages import MessageState, find_message, messages_of, resend
from organisation.webhook_sending import Post, send_test
from organisation.webhooks import (
    Wanted,
    Webhook,
    add_webhook,
    check_wanted,
    find_webhook,
    place_of_webhook,
    remove_webhook,
)
from web.access import ruled
from web.desk import Desk
from web.pages.settings import unit_of_form
from web.rendering import go, page
from web.viewer import Viewer, Viewing

_Short = Annotated[str, Form(max_length=200)]


def webhooks_router(desk: Desk) -> APIRouter:
    """`/settings/webhooks` and below."""
    router = APIRouter()

    @router.post("/settings/webhooks")
    @ruled(Act.WEBHOOK_WRITE)
    def new_webhook(
        request: Request,
        viewer: Viewing,
        name: _Short,
        url: Annotated[str, Form(max_length=2000)],
        unit: _Short,
        event: Annotated[list[str], Form(default_factory=list, max_length=40)],
    ) -> Response:
        wanted = Wanted(name.strip(), url.strip(), tuple(event))
        host = check_wanted(wanted, Reach(desk.settings.private_networks))
        with desk.database.write() as session:
            place = unit_of_form(session, viewer, unit, Act.WEBHOOK_WRITE)
            row, secret = add_webhook(
                session, desk.keys, wanted, host, place, now=desk.clock.now(), actor=viewer.actor
            )
        facts = {"secret": secret, "name": row.name, "told": "settings.webhook_told"}
        return page(request, viewer, "secret_once.html", facts)

    @router.get("/settings/webhooks/{name}")
    @ruled(Act.WEBHOOK_READ)
    def webhook(request: Request, viewer: Viewing, name: str) -> Response:
        with desk.database.read() as session:
            row = _found(session, viewer, name, Act.WEBHOOK_READ)
            unit = session.get_one(Unit, row.unit_id)
            facts = {
                "row": row,
                "unit": unit,
                "messages": messages_of(session, row),
                "queued": MessageState.QUEUED,
                "writes": viewer.may(Act.WEBHOOK_WRITE, unit.path),
            }
        return page(request, viewer, "webhook.html", facts)

    @router.post("/settings/webhooks/{name}/test")
    @ruled(Act.WEBHOOK_WRITE)
    def test(request: Request, viewer: Viewing, name: str) -> Response:
        with desk.database.read() as session:
            _found(session, viewer, name, Act.WEBHOOK_WRITE)
        http = http_for("webhook-endpoint", desk.settings)
        sent = send_test(Post(desk.database, desk.keys, desk.clock, http, "console"), name)
        if sent.state != MessageState.DELIVERED:
            raise MeizhenError("webhook.not_arrived", message=sent.uid, outcome=sent.outcome or "–")
        return go(request, f"/settings/webhooks/{name}", "settings.webhook_tested", outcome=sent.outcome)

    @router.post("/settings/webhooks/{name}/resend")
    @ruled(Act.WEBHOOK_WRITE)
    def again(request: Request, viewer: Viewing, name: str, message: _Short) -> Response:
        with desk.database.write() as session:
            row = find_message(session, message)[1]
            _found(session, viewer, row.name, Act.WEBHOOK_WRITE)
            resend(session, desk.keys, message, now=desk.clock.now(), actor=viewer.actor)
        return go(request, f"/settings/webhooks/{name}", "settings.webhook_resent")

    @router.post("/settings/webhooks/{name}/remove")
    @ruled(Act.WEBHOOK_WRITE)
    def end_webhook(request: Request, viewer: Viewing, name: str) -> Response:
        with desk.database.write() as session:
            _found(session, viewer, name, Act.WEBHOOK_WRITE)
            remove_webhook(session, desk.keys, name, now=desk.clock.now(), actor=viewer.actor)
        return go(request, "/settings", "webhook.removed", name=name)

    return router


def _found(session: Session, viewer: Viewer, name: str, act: Act) -> Webhook:
    """The endpoint of an address, where they may do this. Raises as `organisation.require`."""
    require(viewer.standing, act, Place(place_of_webhook(session, name)))
    return find_webhook(session, name)
