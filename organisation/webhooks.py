"""Outgoing webhooks: addresses of other programs that are told what happens in a unit and below it.

The scheme is Standard Webhooks (https://www.standardwebhooks.com, specification 1.0): a secret of the
endpoint signs id, time and body of every message. Address and secret are sealed: an address may hold a token.
"""

import base64
import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from socket import gaierror
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, delete
from sqlmodel import Field, Session, SQLModel, col, select

from config.errors import InputError, MeizhenError, Problem
from config.logging import hide
from config.secrets import KeyRing, Sealed
from connectors import Reach
from organisation.ledger import record
from organisation.units import Unit

_NAME = re.compile(r"[\w.-]{1,40}")
_URL_CHARACTERS = 500
_SECRET_BYTES = 32
_PREFIX = "whsec_"


class Event(StrEnum):
    """What a webhook tells of: noun.verb."""

    POST_PUBLISHED = "post.published"
    POST_FAILED = "post.failed"
    POST_UNCERTAIN = "post.uncertain"
    REVIEW_ASKED = "review.asked"
    REVIEW_DECIDED = "review.decided"
    ACCOUNT_PAUSED = "account.paused"
    REPORT_MADE = "report.made"
    TEST = "webhook.test"  # only where somebody asks for it


EVENTS = tuple(event for event in Event if event is not Event.TEST)


class Webhook(SQLModel, table=True):
    """One endpoint. `host` is what may be shown of its address; `events` by commas, '' is all of them."""

    __tablename__ = "webhook"

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=40, unique=True)
    unit_id: int = Field(foreign_key="unit.id", index=True)
    host: str = Field(max_length=255)
    events: str = Field(default="", max_length=200)
    key_version: int
    wrapped_key: bytes
    ciphertext: bytes
    stopped: str = Field(default="", max_length=40)  # why nothing is sent any more; '' is running
    lease_until: datetime | None = None  # a node is sending
    node: str = Field(default="", max_length=80)
    created_at: datetime
    created_by: str = Field(max_length=120)

    @property
    def known_id(self) -> int:
        """The row's id; the webhook is stored."""
        if self.id is None:
            raise ValueError("expected a stored webhook: it has no id yet")
        return self.id

    @property
    def subject(self) -> str:
        """How the ledger names it."""
        return f"webhook:{self.name}"


@dataclass(frozen=True)
class Target:
    """An opened endpoint: where to, and the secret that signs."""

    url: str = field(repr=False)
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Wanted:
    """An endpoint as somebody enters it; `events` empty is all of them."""

    name: str
    url: str = field(repr=False)
    events: Sequence[str] = ()


def check_wanted(wanted: Wanted, reach: Reach) -> str:
    """What may be shown of the address, once everything about the endpoint is right.

    A name that does not resolve just now passes: where it leads is judged at every connection. Outside of
    transactions: names are resolved. Raises InputError.
    """
    problems = []
    if not _NAME.fullmatch(wanted.name):
        params: dict[str, object] = {"received": wanted.name[:40], "expected": "A-Z a-z 0-9 . _ - 汉字"}
        problems.append(Problem("input.bad_word", column="name", params=params))
    for event in wanted.events:
        if event not in EVENTS:
            params = {"received": event[:40], "expected": ", ".join(EVENTS)}
            problems.append(Problem("input.not_one_of", column="events", params=params))
    host = _host_of(wanted.url)
    if host is None:
        problems.append(Problem("webhook.bad_address", column="url"))
    elif _is_inside(host, reach):
        problems.append(Problem("webhook.out_of_reach", column="url"))
    if problems or host is None:
        raise InputError("webhook", problems)
    return host


def _host_of(url: str) -> str | None:
    """The host of an address that a webhook may have, without name and password: those leak into logs."""
    if len(url) > _URL_CHARACTERS or not url.isascii() or not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return None
    if (
        parts.scheme not in ("http", "https")
        or not host
        or len(host) > 255
        or "\\" in url
        or "@" in parts.netloc
    ):
        return None
    return None if parts.fragment else host


def _is_inside(host: str, reach: Reach) -> bool:
    try:
        reach.addresses(host, 443)
    except gaierror:
        return False
    except (OSError, ValueError):
        return True
    return False


def add_webhook(
    session: Session, keys: KeyRing, wanted: Wanted, host: str, unit: Unit, *, now: datetime, actor: str
) -> tuple[Webhook, str]:
    """Stores an endpoint that `check_wanted` found right; gives it with its secret, shown this once.

    Raises InputError for a name that is taken.
    """
    if session.exec(select(Webhook.id).where(Webhook.name == wanted.name)).first() is not None:
        params = {"name": wanted.name}
        raise InputError("webhook", [Problem("webhook.name_taken", column="name", params=params)])
    secret = _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
    sealed = _sealed(keys, wanted.name, Target(wanted.url, secret))
    events = ",".join(event for event in EVENTS if event in wanted.events)
    row = Webhook(
        name=wanted.name,
        unit_id=unit.id or 0,
        host=host,
        events=events,
        key_version=sealed.key_version,
        wrapped_key=sealed.wrapped_key,
        ciphertext=sealed.ciphertext,
        created_at=now,
        created_by=actor,
    )
    session.add(row)
    session.flush()
    details = {"unit": unit.code, "host": host, "events": events or "*"}
    record(session, keys, at=now, actor=actor, act="webhook.add", subject=row.subject, details=details)
    return row, secret


def find_webhook(session: Session, name: str) -> Webhook:
    """The endpoint of a name. Raises MeizhenError `webhook.unknown`."""
    row = session.exec(select(Webhook).where(Webhook.name == name)).one_or_none()
    if row is None:
        raise MeizhenError("webhook.unknown", name=name[:40])
    return row


def place_of_webhook(session: Session, name: str) -> str:
    """The path of the unit it belongs to. Raises MeizhenError `webhook.unknown`."""
    return session.get_one(Unit, find_webhook(session, name).unit_id).path


def list_webhooks(session: Session, within: ColumnElement[bool] | None = None) -> list[tuple[Webhook, str]]:
    """Endpoints by name, each with its unit's code; `within` is a condition on units (`in_sight`)."""
    wanted = select(Webhook, Unit.code).join(Unit, col(Unit.id) == col(Webhook.unit_id))
    if within is not None:
        wanted = wanted.where(within)
    return list(session.exec(wanted.order_by(col(Webhook.name))))


def remove_webhook(session: Session, keys: KeyRing, name: str, *, now: datetime, actor: str) -> None:
    """Forgets an endpoint with its secret and its messages; the ledger keeps that there was one."""
    from organisation.webhook_messages import WebhookMessage

    row = find_webhook(session, name)
    session.execute(delete(WebhookMessage).where(col(WebhookMessage.webhook_id) == row.known_id))
    session.delete(row)
    session.flush()
    record(session, keys, at=now, actor=actor, act="webhook.remove", subject=row.subject)


def open_webhook(keys: KeyRing, row: Webhook) -> Target:
    """Address and secret. Raises MeizhenError `secrets.wrong_key`."""
    plain = keys.open(Sealed(row.key_version, row.wrapped_key, row.ciphertext), _owner(row.name))
    values: dict[str, str] = json.loads(plain)
    hide(values["secret"])
    return Target(values["url"], values["secret"])


def rotate_webhooks(session: Session, keys: KeyRing) -> int:
    """Seals every endpoint anew under the newest master key; gives how many were older."""
    older = session.exec(select(Webhook).where(Webhook.key_version != keys.newest)).all()
    for row in older:
        sealed = _sealed(keys, row.name, open_webhook(keys, row))
        row.key_version, row.wrapped_key = sealed.key_version, sealed.wrapped_key
        row.ciphertext = sealed.ciphertext
        session.add(row)
    return len(older)


def _sealed(keys: KeyRing, name: str, target: Target) -> Sealed:
    hide(target.secret)
    return keys.seal(json.dumps({"url": target.url, "secret": target.secret}).encode(), _owner(name))


def _owner(name: str) -> str:
    return f"webhook {name}"
