"""Messages to webhooks: written in the transaction of what they tell of, sent by `webhook_sending`.

So a message never tells of what was rolled back, and nothing that happened goes untold.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, Index, Text, delete, insert, text, update
from sqlalchemy import select as columns
from sqlmodel import Field, Session, SQLModel, col, select

from config.errors import MeizhenError
from config.secrets import KeyRing
from organisation.ledger import record
from organisation.units import Unit
from organisation.webhooks import Event, Webhook

_KEPT = timedelta(days=30)


class MessageState(StrEnum):
    """Where a message stands."""

    QUEUED = "queued"
    DELIVERED = "delivered"  # the endpoint said 2xx
    GIVEN_UP = "given_up"  # a day of trying; a person may resend it


class WebhookMessage(SQLModel, table=True):
    """One message to one endpoint; `body` is sent as it stands, at every try the same bytes."""

    __tablename__ = "webhook_message"
    __table_args__ = (
        Index("ix_webhook_message_webhook", "webhook_id", "id"),
        Index(
            "ix_webhook_message_due",
            "due",
            "webhook_id",
            sqlite_where=text("state = 'queued'"),
            postgresql_where=text("state = 'queued'"),
        ),
        Index("ix_webhook_message_made", "made_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    uid: str = Field(max_length=40, unique=True)  # the header webhook-id
    webhook_id: int = Field(foreign_key="webhook.id")
    event: str = Field(max_length=32)
    body: str = Field(sa_type=Text)
    made_at: datetime
    state: str = Field(default=MessageState.QUEUED, max_length=16)
    since: datetime  # the day of trying began
    due: datetime
    tries: int = 0
    outcome: str = Field(default="", max_length=40)  # of the last try: a status, or why there was none
    ended_at: datetime | None = None


@dataclass(frozen=True)
class Happening:
    """Something that webhooks of these places, and of all above them, are told of."""

    event: Event
    paths: tuple[str, ...]  # of units (`organisation.units`)
    data: Mapping[str, object]


@dataclass(frozen=True)
class Listener:
    """A running endpoint: its unit's path, and what it wants to know ('' is everything)."""

    webhook_id: int
    path: str
    events: str

    def wants(self, happening: Happening) -> bool:
        """Is it for this endpoint?"""
        if self.events and happening.event not in self.events.split(","):
            return False
        return any(path.startswith(self.path) for path in happening.paths)


def listeners(connection: Connection) -> list[Listener]:
    """Every running endpoint: a handful, mostly none."""
    rows = connection.execute(
        columns(col(Webhook.id), col(Unit.path), col(Webhook.events))
        .join(Unit, col(Unit.id) == col(Webhook.unit_id))
        .where(col(Webhook.stopped) == "")
    )
    return [Listener(id_, path, events) for id_, path, events in rows if id_ is not None]


def announce(
    connection: Connection,
    happenings: Sequence[Happening],
    at: datetime,
    known: Sequence[Listener] | None = None,
) -> int:
    """Writes the messages that tell of these happenings; gives how many. `known` spares a look."""
    heard = listeners(connection) if known is None else known
    rows = [
        _row(one.webhook_id, happening.event, happening.data, at)
        for happening in happenings
        for one in heard
        if one.wants(happening)
    ]
    if rows:
        connection.execute(insert(WebhookMessage), rows)
    return len(rows)


def announce_one(
    session: Session, event: Event, paths: Sequence[str], data: Mapping[str, object], at: datetime
) -> int:
    """The same for a single happening in a transaction of the house."""
    return announce(session.connection(), [Happening(event, tuple(paths), data)], at)


def write_test(session: Session, row: Webhook, at: datetime) -> WebhookMessage:
    """A message that only says that it is a test."""
    made = _row(row.known_id, Event.TEST, {"webhook": row.name}, at)
    session.execute(insert(WebhookMessage), [made])
    return session.exec(select(WebhookMessage).where(WebhookMessage.uid == made["uid"])).one()


def messages_of(session: Session, row: Webhook, *, limit: int = 50) -> list[WebhookMessage]:
    """The newest messages to an endpoint, newest first."""
    wanted = select(WebhookMessage).where(WebhookMessage.webhook_id == row.known_id)
    return list(session.exec(wanted.order_by(col(WebhookMessage.id).desc()).limit(limit)))


def find_message(session: Session, uid: str) -> tuple[WebhookMessage, Webhook]:
    """A message by its webhook-id, and its endpoint. Raises MeizhenError `webhook.no_message`."""
    found = session.exec(
        select(WebhookMessage, Webhook)
        .join(Webhook, col(Webhook.id) == col(WebhookMessage.webhook_id))
        .where(WebhookMessage.uid == uid)
    ).one_or_none()
    if found is None:
        raise MeizhenError("webhook.no_message", message=uid[:40])
    return found


def resend(session: Session, keys: KeyRing, uid: str, *, now: datetime, actor: str) -> WebhookMessage:
    """Sends a message once more, whatever became of it: the same id, the same bytes, a new day of trying.

    An endpoint that was stopped runs again. Raises MeizhenError `webhook.no_message` or
    `webhook.still_queued` for one that is being tried anyway.
    """
    message, row = find_message(session, uid)
    moved = session.execute(
        update(WebhookMessage)
        .where(col(WebhookMessage.id) == message.id, col(WebhookMessage.state) != MessageState.QUEUED)
        .values(state=MessageState.QUEUED, since=now, due=now, tries=0, ended_at=None)
        .returning(col(WebhookMessage.id))
        .execution_options(synchronize_session=False)
    ).first()
    if moved is None:
        raise MeizhenError("webhook.still_queued", message=uid)
    session.execute(update(Webhook).where(col(Webhook.id) == row.known_id).values(stopped=""))
    details = {"message": uid}
    record(session, keys, at=now, actor=actor, act="webhook.resend", subject=row.subject, details=details)
    session.refresh(message)
    return message


def sweep_messages(session: Session, now: datetime) -> None:
    """Forgets what ended a month ago."""
    session.execute(
        delete(WebhookMessage)
        .where(col(WebhookMessage.made_at) < now - _KEPT, col(WebhookMessage.ended_at).is_not(None))
        .execution_options(synchronize_session=False)
    )


def give_up_queued(session: Session, now: datetime) -> int:
    """Gives up all that is queued, as after a restore: it may have been sent before; gives how many."""
    moved = session.execute(
        update(WebhookMessage)
        .where(col(WebhookMessage.state) == MessageState.QUEUED)
        .values(state=MessageState.GIVEN_UP, outcome="restored", ended_at=now)
        .returning(col(WebhookMessage.id))
        .execution_options(synchronize_session=False)
    )
    return len(moved.all())


def _row(webhook_id: int, event: Event, data: Mapping[str, object], at: datetime) -> dict[str, object]:
    told = {"type": event.value, "timestamp": _iso(at), "data": data}
    return {
        "uid": f"msg_{secrets.token_urlsafe(18)}",
        "webhook_id": webhook_id,
        "event": event.value,
        "body": json.dumps(told, ensure_ascii=False, separators=(",", ":"), default=_plain),
        "made_at": at,
        "state": MessageState.QUEUED,
        "since": at,
        "due": at,
        "tries": 0,
        "outcome": "",
    }


def _plain(value: object) -> str:
    return _iso(value) if isinstance(value, datetime) else str(value)


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
