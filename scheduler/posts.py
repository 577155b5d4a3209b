"""Posts: what shall go out and when, per-account variants, and the story of what became of them."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import JSON, Column, ColumnElement, Select, UniqueConstraint, and_, bindparam, false, func
from sqlalchemy import select as columns
from sqlmodel import Field, Session, SQLModel, col, select

from config.clock import SHANGHAI
from config.database import REACHES, rows_of
from config.errors import MeizhenError
from config.secrets import KeyRing
from organisation.accounts import Account
from organisation.lateness import lateness_of
from organisation.ledger import record
from organisation.units import Unit
from scheduler.deliveries import ASKING, Attempt, Delivery, DeliveryEvent, State
from scheduler.lanes import Lane
from scheduler.media import FoundMedia, MediaFile, record_media
from scheduler.media_uses import record_uses
from scheduler.queue import Enqueued, enqueue, is_stopped
from scheduler.wording import Wording

TITLE_CHARACTERS = 300
_PAST = timedelta(minutes=1)
_LAST_YEAR = 2999
_HEADLINE = 60


class Post(SQLModel, table=True):
    """One story, written once; `Variant` holds only what differs for an account."""

    __tablename__ = "post"

    id: int | None = Field(default=None, primary_key=True)
    title: str = Field(default="", max_length=TITLE_CHARACTERS)
    text: str
    media: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))  # sha256 in order
    options: dict[str, str] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    lateness_hours: float | None = None  # None: what the unit of each account says
    # People are reminded of it before its time (`scheduler.importance`); no part of what is reviewed.
    important: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    created_at: datetime
    created_by: str = Field(max_length=120)


class Variant(SQLModel, table=True):
    """What an account's copy of a post says differently; None is the post's own."""

    __tablename__ = "variant"
    __table_args__ = (UniqueConstraint("post_id", "account_id"),)

    id: int | None = Field(default=None, primary_key=True)
    post_id: int = Field(foreign_key="post.id")
    account_id: int = Field(foreign_key="account.id", index=True)
    title: str | None = Field(default=None, max_length=TITLE_CHARACTERS)
    text: str | None = None
    options: dict[str, str] | None = Field(default=None, sa_column=Column(JSON, nullable=True))


def add_post(
    session: Session,
    *,
    title: str,
    text: str,
    media: Sequence[str],
    options: Mapping[str, str],
    variants: Mapping[int, Wording],
    lateness_hours: float | None,
    now: datetime,
    actor: str,
    important: bool = False,
) -> Post:
    """Writes a post; it goes nowhere until it is enqueued.

    `media` is the hashes of stored files in order, `variants` is by account id. The content was checked
    before (`outgoing.check_draft`).
    """
    post = Post(
        title=title,
        text=text,
        media=list(media),
        options=dict(options),
        lateness_hours=lateness_hours,
        important=important,
        created_at=now,
        created_by=actor,
    )
    session.add(post)
    session.flush()
    record_uses(session, [(_stored(post.id), post.media)])
    for account_id, wording in variants.items():
        differing = None if wording.options is None else dict(wording.options)
        session.add(
            Variant(
                post_id=_stored(post.id),
                account_id=account_id,
                title=wording.title,
                text=wording.text,
                options=differing,
            )
        )
    session.flush()
    return post


# --- before queueing --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Draft:
    """A post that is not stored yet: its words, its examined files, its own lateness limit, its weight."""

    title: str
    text: str
    media: tuple[FoundMedia, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    lateness_hours: float | None = None
    important: bool = False

    def lateness(self, units: float) -> timedelta:
        """How long after its time the post may still go out; the unit's hours where it says nothing."""
        return timedelta(hours=units if self.lateness_hours is None else self.lateness_hours)


@dataclass(frozen=True)
class Queued:
    """A stored post with the ids of its deliveries, in the order of the accounts given."""

    post_id: int
    delivery_ids: tuple[int, ...]


def queue_post(
    session: Session,
    keys: KeyRing,
    draft: Draft,
    accounts: Sequence[Account],
    *,
    due: datetime,
    lateness_hours: float,
    now: datetime,
    actor: str,
) -> Queued:
    """Stores a checked draft and queues it for the accounts; its files are kept before (`media.keep`).

    `lateness_hours` is the setting's, for a draft without its own whose unit says nothing either.
    """
    record_media(session, draft.media, now=now)
    post = add_post(
        session,
        title=draft.title,
        text=draft.text,
        media=[found.sha256 for found in draft.media],
        options=draft.options,
        variants={},
        lateness_hours=draft.lateness_hours,
        now=now,
        actor=actor,
        important=draft.important,
    )
    hours = lateness_of(session, accounts, lateness_hours)
    items = [
        Enqueued(_stored(post.id), account.known_id, due, draft.lateness(hours[account.known_id]))
        for account in accounts
    ]
    queued = Queued(_stored(post.id), tuple(enqueue(session, items, now=now, actor=actor)))
    details = {"due": due.isoformat(), "accounts": [account.stable_id for account in accounts]}
    record(session, keys, at=now, actor=actor, act="post.add", subject=f"post:{post.id}", details=details)
    return queued


def parse_moment(told: str, now: datetime) -> datetime:
    """A moment as people write it, in UTC: ISO 8601, Excel's `2026/3/2 9:30`, or `now`.

    Without a zone it is Beijing's, a day alone is its first moment. Raises MeizhenError
    `input.not_a_moment`.
    """
    told = told.strip()
    if told.lower() == "now":
        return now
    try:
        if not told.isascii():
            raise ValueError(told)
        at = datetime.fromisoformat(_EXCEL.sub(_iso, told))
        if at.year > _LAST_YEAR:
            raise ValueError(told)
        return (at.replace(tzinfo=SHANGHAI) if at.tzinfo is None else at).astimezone(UTC)
    except (ValueError, OverflowError):
        raise MeizhenError("input.not_a_moment", received=told[:40]) from None


_EXCEL = re.compile(r"\A(\d{4})/(\d{1,2})/(\d{1,2})(?: (\d{1,2}):(\d{2})(:\d{2})?)?\Z")


def _iso(found: re.Match[str]) -> str:
    year, month, day, hour, minute, second = found.groups("")
    return f"{year}-{month:>02}-{day:>02}T{hour or '0':>02}:{minute or '00'}{second}"


def parse_due(told: str, now: datetime) -> datetime:
    """When a post shall go out. Raises MeizhenError for what is no moment, or more than a minute ago."""
    due = parse_moment(told, now)
    require_coming(due, now)
    return due


def require_coming(due: datetime, now: datetime) -> None:
    """Raises MeizhenError `post.due_past` for a time more than a minute ago."""
    if due < now - _PAST:
        past, present = (f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}" for at in (due, now))
        raise MeizhenError("post.due_past", due=past, now=present)


# --- what became of them ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Listed:
    """A delivery in a list; `headline` is the title, else how the text begins."""

    post: int
    delivery: int
    account: str
    due: datetime
    state: str
    headline: str
    needs_person: bool
    attempts: int
    outcome_code: str
    outcome_text: str
    key: str
    remote_id: str
    url: str
    published_at: datetime | None


# Columns, not whole rows: a page lists hundreds of them.
_LISTED = {
    "post": col(Delivery.post_id),
    "delivery": col(Delivery.id),
    "due": col(Delivery.due),
    "state": col(Delivery.state),
    "needs_person": col(Delivery.needs_person),
    "attempts": col(Delivery.attempts),
    "outcome_code": col(Delivery.outcome_code),
    "outcome_text": col(Delivery.outcome_text),
    "key": col(Delivery.key),
    "remote_id": col(Delivery.remote_id),
    "url": col(Delivery.url),
    "published_at": col(Delivery.published_at),
}


def list_deliveries(
    session: Session,
    *,
    state: State | None = None,
    account_id: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
    within: ColumnElement[bool] | None = None,
    asking: bool = False,
) -> list[Listed]:
    """Deliveries in due order, in one statement; `since` and `until` bound the due time, both included.

    `asking`: only those that wait for a person's decision.
    `within` is a condition on the accounts' units (`organisation.in_sight`).
    """
    given = {"state": state, "account": account_id, "since": since, "until": until, "limit": limit}
    told: dict[str, object] = {name: value for name, value in given.items() if value is not None}
    return [
        Listed(
            account=f"{platform}:{handle}",
            headline=" ".join((headline or first).split()),
            **dict(zip(_LISTED, facts, strict=True)),
        )
        for *facts, platform, handle, headline, first in rows_of(
            session, _listing(frozenset(told), asking, within), told
        )
    ]


@lru_cache(maxsize=REACHES)
def _listing(
    named: frozenset[str], asking: bool, within: ColumnElement[bool] | None
) -> Select[*tuple[Any, ...]]:
    """The statement for what is named of a list's bounds; made once, it is asked again and again."""
    title = func.coalesce(col(Variant.title), col(Post.title))
    begins = func.substr(func.coalesce(col(Variant.text), col(Post.text)), 1, _HEADLINE)
    bounds = {
        "state": col(Delivery.state) == bindparam("state"),
        "account": col(Delivery.account_id) == bindparam("account"),
        "since": col(Delivery.due) >= bindparam("since"),
        "until": col(Delivery.due) <= bindparam("until"),
    }
    wanted = (
        columns(*_LISTED.values(), col(Account.platform), col(Account.handle), title, begins)
        .select_from(Delivery)
        .join(Post, col(Post.id) == col(Delivery.post_id))
        .join(Account, col(Account.id) == col(Delivery.account_id))
        .outerjoin(Variant, is_variant_of_delivery())
        .where(*(bound for name, bound in bounds.items() if name in named))
        .order_by(col(Delivery.due), col(Delivery.id))
    )
    if "limit" in named:
        wanted = wanted.limit(bindparam("limit"))
    if asking:
        wanted = wanted.where(col(Delivery.state).in_(ASKING), col(Delivery.needs_person).is_(True))
    if within is not None:
        wanted = wanted.join(Unit, col(Unit.id) == col(Account.unit_id)).where(within)
    return wanted


def is_variant_of_delivery() -> ColumnElement[bool]:
    """The condition that a `Variant` row is of a `Delivery` row's copy."""
    return and_(
        col(Variant.post_id) == col(Delivery.post_id), col(Variant.account_id) == col(Delivery.account_id)
    )


def deliveries_of(session: Session, post_id: int, accounts: Sequence[Account] = ()) -> list[Delivery]:
    """The post's deliveries, all of them or those to `accounts`.

    Raises MeizhenError `post.not_found`, or `post.no_delivery` for an account it does not go to.
    """
    if session.get(Post, post_id) is None:
        raise MeizhenError("post.not_found", id=post_id)
    wanted = select(Delivery).where(Delivery.post_id == post_id).order_by(col(Delivery.id))
    deliveries = list(session.exec(wanted))
    if not accounts:
        return deliveries
    by_account = {delivery.account_id: delivery for delivery in deliveries}
    for account in accounts:
        if account.known_id not in by_account:
            raise MeizhenError("post.no_delivery", id=post_id, account=account.stable_id)
    return [by_account[account.known_id] for account in accounts]


@dataclass(frozen=True)
class DeliveryStory:
    """One delivery with all that happened to it, each list oldest first.

    `account_state` is the account's own, `lane` how its queue stands (None before anything was queued).
    """

    delivery: Delivery
    account: str
    account_state: str
    lane: Lane | None
    variant: Variant | None
    events: tuple[DeliveryEvent, ...]
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True)
class Story:
    """A post, its files in order (None where a file's row is gone), and each of its deliveries.

    `stopped`: the whole queue is.
    """

    post: Post
    stopped: bool
    media: tuple[MediaFile | None, ...]
    deliveries: tuple[DeliveryStory, ...]


def story_of(session: Session, post_id: int) -> Story:
    """The whole story of a post. Raises MeizhenError `post.not_found`."""
    post = session.get(Post, post_id)
    if post is None:
        raise MeizhenError("post.not_found", id=post_id)
    rows = session.execute(
        columns(Delivery, Account, Lane, Variant)
        .join(Account, col(Account.id) == col(Delivery.account_id))
        .outerjoin(Lane, col(Lane.account_id) == col(Delivery.account_id))
        .outerjoin(Variant, is_variant_of_delivery())
        .where(col(Delivery.post_id) == post_id)
        .order_by(col(Delivery.due), col(Delivery.id))
    ).all()
    mine = columns(col(Delivery.id)).where(col(Delivery.post_id) == post_id)
    events, attempts = defaultdict(list), defaultdict(list)
    for event in session.exec(
        select(DeliveryEvent).where(col(DeliveryEvent.delivery_id).in_(mine)).order_by(col(DeliveryEvent.id))
    ):
        events[event.delivery_id].append(event)
    for attempt in session.exec(
        select(Attempt).where(col(Attempt.delivery_id).in_(mine)).order_by(col(Attempt.number))
    ):
        attempts[attempt.delivery_id].append(attempt)
    files = session.exec(select(MediaFile).where(col(MediaFile.sha256).in_(post.media)))
    by_hash = {file.sha256: file for file in files}
    return Story(
        post,
        is_stopped(session),
        tuple(by_hash.get(sha256) for sha256 in post.media),
        tuple(
            DeliveryStory(
                delivery,
                account.stable_id,
                account.state,
                lane,
                variant,
                tuple(events[_stored(delivery.id)]),
                tuple(attempts[_stored(delivery.id)]),
            )
            for delivery, account, lane, variant in rows
        ),
    )


def _stored(row_id: int | None) -> int:
    if row_id is None:
        raise ValueError("expected a stored row: it has no id yet")
    return row_id
