"""出站 webhook Other programs that are told what happens; a secret is shown once, when it is made."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import Path
from pydantic import Field

from connectors import Reach
from organisation import Act, find_unit
from organisation.access import http_for
from organisation.webhook_messages import MessageState, WebhookMessage, find_message, messages_of, resend
from organisation.webhook_sending import Post, send_test
from organisation.webhooks import (
    EVENTS,
    Wanted,
    Webhook,
    add_webhook,
    check_wanted,
    find_webhook,
    list_webhooks,
    place_of_webhook,
    remove_webhook,
)
from web.api.call import Asked
from web.api.noun import Noun
from web.api.texts import Body, Code, Line, Name, Told

noun = Noun("webhooks")

Uid = Annotated[str, Path(pattern=r"^msg_[A-Za-z0-9_-]{1,36}$", description="A message's webhook-id.")]


class WebhookShown(Told):
    """An endpoint. Of its address only the host is shown; no `events` are all of them."""

    name: str
    unit: str
    host: str
    events: list[str]
    stopped: str
    created_at: datetime
    created_by: str


class WebhookList(Told):
    """Endpoints by name."""

    items: list[WebhookShown]


class WebhookMade(WebhookShown):
    """An endpoint with its secret, which is not shown again."""

    secret: str


class NewWebhook(Body):
    """An endpoint; `events` empty is all."""

    name: Line
    unit: Code
    url: Annotated[str, Field(min_length=1, max_length=500)]
    events: Annotated[list[str], Field(max_length=len(EVENTS))] = Field(default_factory=list)


class MessageShown(Told):
    """A message; `outcome` is of the last try: a status, or why there was none."""

    uid: str
    event: str
    state: MessageState
    tries: int
    outcome: str
    made_at: datetime
    due: datetime
    ended_at: datetime | None


class MessageList(Told):
    """The newest fifty messages, newest first."""

    items: list[MessageShown]


class Removed(Told):
    """The endpoint is gone."""

    name: str


@noun.read("", Act.WEBHOOK_READ)
def list_all(asked: Asked) -> WebhookList:
    """列表 Endpoints of the caller's units."""
    found = list_webhooks(asked.session, asked.sight())
    return WebhookList(items=[_shown(row, unit) for row, unit in found])


@noun.write("POST", "", Act.WEBHOOK_WRITE, status=HTTPStatus.CREATED, alone=True)
def add(asked: Asked, body: NewWebhook) -> WebhookMade:
    """登记 An address that is told what happens in the unit and below it."""
    asked.at(find_unit(asked.session, body.unit).path)
    wanted = Wanted(body.name, body.url, tuple(body.events))
    desk = asked.desk
    host = check_wanted(wanted, Reach(desk.settings.private_networks))
    with desk.database.write() as session:
        unit = find_unit(session, body.unit)
        row, secret = add_webhook(session, desk.keys, wanted, host, unit, now=asked.now, actor=asked.actor)
        return WebhookMade(**_shown(row, unit.code).model_dump(), secret=secret)


@noun.read("/{name}/messages", Act.WEBHOOK_READ)
def messages(asked: Asked, name: Name) -> MessageList:
    """消息 What was sent to it lately, and what became of it."""
    asked.at(place_of_webhook(asked.session, name))
    found = messages_of(asked.session, find_webhook(asked.session, name))
    return MessageList(items=[_message(one) for one in found])


@noun.write("POST", "/{name}/test", Act.WEBHOOK_WRITE, alone=True)
def test(asked: Asked, name: Name) -> MessageShown:
    """测试 Send a message that only says it is a test, now and once."""
    asked.at(place_of_webhook(asked.session, name))
    desk = asked.desk
    http = http_for("webhook-endpoint", desk.settings)
    return _message(send_test(Post(desk.database, desk.keys, desk.clock, http, "api"), name))


@noun.write("POST", "/messages/{message}/resend", Act.WEBHOOK_WRITE)
def send_again(asked: Asked, message: Uid) -> MessageShown:
    """重发 Have a message sent once more: the same id, the same bytes."""
    asked.at(place_of_webhook(asked.session, find_message(asked.session, message)[1].name))
    return _message(resend(asked.session, asked.keys, message, now=asked.now, actor=asked.actor))


@noun.write("DELETE", "/{name}", Act.WEBHOOK_WRITE)
def remove(asked: Asked, name: Name) -> Removed:
    """删除 Forget it, with its secret and its messages."""
    asked.at(place_of_webhook(asked.session, name))
    remove_webhook(asked.session, asked.keys, name, now=asked.now, actor=asked.actor)
    return Removed(name=name)


def _shown(row: Webhook, unit: str) -> WebhookShown:
    events = row.events.split(",") if row.events else []
    return WebhookShown(
        name=row.name,
        unit=unit,
        host=row.host,
        events=events,
        stopped=row.stopped,
        created_at=row.created_at,
        created_by=row.created_by,
    )


def _message(one: WebhookMessage) -> MessageShown:
    return MessageShown.model_validate(one)
