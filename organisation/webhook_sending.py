"""Sends messages to webhooks: one node an endpoint, in their order, signed, tried for a day.

What is promised is at least once: after a lost answer a message goes out again, with the same id, by which
the receiver knows it. Any 2xx is an answer; 410 stops the endpoint, as the scheme says.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import or_, update
from sqlmodel import col, select

from config.clock import Clock
from config.database import Database
from config.errors import MeizhenError
from config.secrets import KeyRing
from connectors import ConnectorError, Http
from organisation.webhook_messages import MessageState, WebhookMessage, find_message, write_test
from organisation.webhooks import Event, Target, Webhook, find_webhook, open_webhook

# After each failed try; the last one ends within the day.
_PAUSES = tuple(
    timedelta(seconds=seconds) for seconds in (5, 300, 1_800, 7_200, 18_000, 21_600, 21_600, 14_400)
)
_DAY = timedelta(hours=24)
_SECONDS = 10.0  # for one try
_LEASE = timedelta(minutes=3)
_WORKING = timedelta(minutes=2)  # of the lease: what is begun then ends within it
_PAGE, _SIDE_BY_SIDE = 50, 8
_GONE = 410
_log = structlog.get_logger("organisation.webhooks")


@dataclass(frozen=True)
class Post:
    """A node's means of sending to webhooks."""

    database: Database
    keys: KeyRing
    clock: Clock
    http: Http
    node: str


def signature(secret: str, uid: str, at: datetime, body: bytes) -> str:
    """`v1,…`: HMAC-SHA256 over id, seconds and body, by the key within `whsec_…` (Standard Webhooks)."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{uid}.{int(at.timestamp())}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def run_round(post: Post, only: Sequence[str] | None = None) -> int:
    """Tries every due message (of endpoints by these names) once; gives how many tries there were."""
    now = post.clock.now()
    wanted = (
        select(Webhook)
        .join(WebhookMessage, col(WebhookMessage.webhook_id) == col(Webhook.id))
        .where(
            WebhookMessage.state == MessageState.QUEUED, col(WebhookMessage.due) <= now, Webhook.stopped == ""
        )
        .distinct()
    )
    if only is not None:
        wanted = wanted.where(col(Webhook.name).in_(only))
    with post.database.read() as session:
        due = list(session.exec(wanted))
        session.expunge_all()
    if not due:
        return 0
    with ThreadPoolExecutor(min(len(due), _SIDE_BY_SIDE), thread_name_prefix="webhook") as threads:
        return sum(threads.map(lambda row: _serve(post, row), due))


def _serve(post: Post, row: Webhook) -> int:
    """Sends what is due to one endpoint, where no other node does."""
    taken = _take(post, row)
    if taken is None:
        return 0
    tries = 0
    try:
        target = open_webhook(post.keys, row)
        while tries < _PAGE and post.clock.now() < taken + _WORKING:
            message = _next(post, row)
            if message is None:
                break
            tries += 1
            if not _try(post, row, target, message):
                break  # nobody there: the others wait too, each by its own time
    except MeizhenError as error:
        _log.error("webhook_not_opened", webhook=row.name, code=error.code)
    finally:
        _give_back(post, row)
    return tries


def _take(post: Post, row: Webhook) -> datetime | None:
    now = post.clock.now()
    with post.database.write() as session:
        taken = session.execute(
            update(Webhook)
            .where(
                col(Webhook.id) == row.known_id,
                col(Webhook.stopped) == "",
                or_(col(Webhook.lease_until).is_(None), col(Webhook.lease_until) <= now),
            )
            .values(lease_until=now + _LEASE, node=post.node)
            .returning(col(Webhook.id))
            .execution_options(synchronize_session=False)
        ).first()
    return None if taken is None else now


def _give_back(post: Post, row: Webhook) -> None:
    with post.database.write() as session:
        session.execute(
            update(Webhook)
            .where(col(Webhook.id) == row.known_id, col(Webhook.node) == post.node)
            .values(lease_until=None, node="")
            .execution_options(synchronize_session=False)
        )


def _next(post: Post, row: Webhook) -> WebhookMessage | None:
    wanted = (
        select(WebhookMessage)
        .where(
            WebhookMessage.webhook_id == row.known_id,
            WebhookMessage.state == MessageState.QUEUED,
            col(WebhookMessage.due) <= post.clock.now(),
        )
        .order_by(col(WebhookMessage.due), col(WebhookMessage.id))
    )
    with post.database.read() as session:
        message = session.exec(wanted.limit(1)).first()
        session.expunge_all()
    return message


def _try(post: Post, row: Webhook, target: Target, message: WebhookMessage) -> bool:
    """One try, and what is written of it; False where nobody answered."""
    at, body = post.clock.now(), message.body.encode()
    status = None
    try:
        answer = post.http.call(
            "POST",
            target.url,
            writes=True,
            raw=body,
            headers={
                "Content-Type": "application/json",
                "webhook-id": message.uid,
                "webhook-timestamp": str(int(at.timestamp())),
                "webhook-signature": signature(target.secret, message.uid, at, body),
            },
            seconds=_SECONDS,
        )
        status, outcome = answer.status, str(answer.status)
    except ConnectorError as error:
        # Of what the transport says, class and code are enough: its texts may hold the address.
        outcome = (error.platform_code or type(error).__name__)[:40]
    _write(post, row, message, status, outcome)
    _log.info("webhook_tried", webhook=row.name, message=message.uid, outcome=outcome)
    return status is not None


def _write(post: Post, row: Webhook, message: WebhookMessage, status: int | None, outcome: str) -> None:
    now = post.clock.now()
    values: dict[str, object] = {"tries": message.tries + 1, "outcome": outcome}
    if status is not None and 200 <= status < 300:
        values |= {"state": MessageState.DELIVERED, "ended_at": now}
    elif message.event == Event.TEST or (due := _next_try(message, now)) is None:
        values |= {"state": MessageState.GIVEN_UP, "ended_at": now}
    else:
        values["due"] = due
    with post.database.write() as session:
        session.execute(
            update(WebhookMessage)
            .where(
                col(WebhookMessage.id) == message.id,
                col(WebhookMessage.state) == MessageState.QUEUED,
                col(WebhookMessage.tries) == message.tries,
                col(WebhookMessage.since) == message.since,
            )
            .values(**values)
            .execution_options(synchronize_session=False)
        )
        if status == _GONE:
            session.execute(
                update(Webhook)
                .where(col(Webhook.id) == row.known_id)
                .values(stopped="gone")
                .execution_options(synchronize_session=False)
            )


def _next_try(message: WebhookMessage, now: datetime) -> datetime | None:
    """When it is tried again; None where the day is over."""
    pause = _PAUSES[min(message.tries, len(_PAUSES) - 1)]
    due = now + pause
    return due if due <= message.since + _DAY else None


def send_test(post: Post, name: str) -> WebhookMessage:
    """Sends an endpoint a message that only says it is a test, now and once; gives it as it ended.

    Raises MeizhenError `webhook.unknown` or `webhook.stopped`.
    """
    with post.database.write() as session:
        row = find_webhook(session, name)
        if row.stopped:
            raise MeizhenError("webhook.stopped", name=name, why=row.stopped)
        message = write_test(session, row, post.clock.now())
        session.expunge_all()
    # Not by a round: one that waits for its turn would be tried behind everything that waits.
    _try(post, row, open_webhook(post.keys, row), message)
    with post.database.read() as session:
        return find_message(session, message.uid)[0]
