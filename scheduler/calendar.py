"""The calendar: what goes out when, planned drafts too, and accounts that go out twice within an hour."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, True_, and_, exists, func, null, select
from sqlmodel import Session, col

from config.errors import MeizhenError
from organisation.accounts import Account
from organisation.units import Unit
from scheduler.deliveries import Delivery, State
from scheduler.posts import Post, Variant, is_variant_of_delivery
from scheduler.review_tables import Planned, Submission

DRAFT = "draft"
CLASH = timedelta(hours=1)
_HEADLINE = 60
_GOES_NOWHERE = (State.CANCELLED, State.FAILED)


@dataclass(frozen=True)
class Slot:
    """A post's place in the calendar of one account.

    `delivery` is None for a draft, whose `state` is `draft` or where its review stands. `clashes`: the
    account has another post less than an hour away. `path` is its unit's.
    """

    post: int
    delivery: int | None
    account_id: int
    platform: str
    handle: str
    name: str
    path: str
    due: datetime
    state: str
    headline: str
    clashes: bool = False

    @property
    def key(self) -> str:
        """How pages name it: `delivery/12`, `draft/7` (all copies of a draft move together)."""
        return f"draft/{self.post}" if self.delivery is None else f"delivery/{self.delivery}"


def slots_between(
    session: Session,
    within: ColumnElement[bool],
    since: datetime,
    until: datetime,
    *,
    account_id: int | None = None,
    important: bool = False,
    limit: int = 3_000,
) -> list[Slot]:
    """What goes out from `since` to `until`, the end excluded, by time, where the units are `within`.

    `important`: only the copies of important posts. Two statements; of each kind not more than `limit`, the
    first.
    """
    wide = (since - CLASH, until + CLASH)
    found = []
    for wanted, due, account in (
        (_deliveries(), col(Delivery.due), col(Delivery.account_id)),
        (_drafts(), col(Planned.due), col(Planned.account_id)),
    ):
        asked = wanted.where(due >= wide[0], due < wide[1]).order_by(due).limit(limit)
        if not isinstance(within, True_):
            asked = asked.where(within)
        if account_id is not None:
            asked = asked.where(account == account_id)
        if important:
            asked = asked.where(col(Post.important).is_(True))
        found += [_slot(row) for row in session.execute(asked)]
    found.sort(key=lambda slot: (slot.due, slot.post, slot.account_id))
    return [slot for slot in _with_clashes(found) if since <= slot.due < until]


def find_slot(session: Session, kind: str, id_: int) -> list[Slot]:
    """The slot of a delivery, or all slots of a draft that is not queued.

    Raises MeizhenError `delivery.not_found` or `post.not_found`.
    """
    if kind == "delivery":
        rows = session.execute(_deliveries().where(col(Delivery.id) == id_)).all()
        missing = MeizhenError("delivery.not_found", ids=id_)
    else:
        rows = session.execute(_drafts().where(col(Planned.post_id) == id_)).all()
        missing = MeizhenError("post.not_found", id=id_)
    if not rows:
        raise missing
    return [_slot(row) for row in rows]


def next_dues(session: Session, account_ids: Collection[int], now: datetime) -> dict[int, list[datetime]]:
    """When each account goes out next and after: dues from now on of what is queued or planned, in order."""
    dues: dict[int, list[datetime]] = defaultdict(list)
    coming = select(col(Delivery.account_id), col(Delivery.due)).where(
        col(Delivery.state).in_((State.QUEUED, State.PAUSED)),
        col(Delivery.due) >= now,
        col(Delivery.account_id).in_(account_ids),
    )
    planned = select(col(Planned.account_id), col(Planned.due)).where(
        col(Planned.due) >= now, col(Planned.account_id).in_(account_ids), ~_is_queued()
    )
    for wanted in (coming, planned):
        for account_id, due in session.execute(wanted):
            dues[account_id].append(due)
    return {account_id: sorted(some) for account_id, some in dues.items()}


_PLACE = (col(Account.platform), col(Account.handle), col(Account.name), col(Unit.path))


def _deliveries() -> Select[*tuple[Any, ...]]:
    title = func.coalesce(col(Variant.title), col(Post.title))
    begins = func.substr(func.coalesce(col(Variant.text), col(Post.text)), 1, _HEADLINE)
    named = (col(Delivery.post_id), col(Delivery.id), col(Delivery.account_id))
    return (
        select(*named, *_PLACE, col(Delivery.due), col(Delivery.state), title, begins)
        .select_from(Delivery)
        .join(Post, col(Post.id) == col(Delivery.post_id))
        .join(Account, col(Account.id) == col(Delivery.account_id))
        .join(Unit, col(Unit.id) == col(Account.unit_id))
        .outerjoin(Variant, is_variant_of_delivery())
    )


def _drafts() -> Select[*tuple[Any, ...]]:
    mine = and_(
        col(Variant.post_id) == col(Planned.post_id), col(Variant.account_id) == col(Planned.account_id)
    )
    title = func.coalesce(col(Variant.title), col(Post.title))
    begins = func.substr(func.coalesce(col(Variant.text), col(Post.text)), 1, _HEADLINE)
    stands = (
        select(col(Submission.state))
        .where(col(Submission.post_id) == col(Planned.post_id))
        .order_by(col(Submission.number).desc())
        .limit(1)
        .scalar_subquery()
    )
    named = (col(Planned.post_id), null(), col(Planned.account_id))
    return (
        select(*named, *_PLACE, col(Planned.due), func.coalesce(stands, DRAFT), title, begins)
        .select_from(Planned)
        .join(Post, col(Post.id) == col(Planned.post_id))
        .join(Account, col(Account.id) == col(Planned.account_id))
        .join(Unit, col(Unit.id) == col(Account.unit_id))
        .outerjoin(Variant, mine)
        .where(~_is_queued())
    )


def _is_queued() -> ColumnElement[bool]:
    """The condition that a `Planned` row has its delivery."""
    return exists().where(
        col(Delivery.post_id) == col(Planned.post_id), col(Delivery.account_id) == col(Planned.account_id)
    )


def _slot(row: Row[*tuple[Any, ...]]) -> Slot:
    post, delivery, account_id, platform, handle, name, path, due, state, title, begins = row
    return Slot(
        post,
        delivery,
        account_id,
        platform,
        handle,
        name,
        path,
        due,
        state,
        " ".join((title or begins).split()),
    )


def _with_clashes(slots: Sequence[Slot]) -> list[Slot]:
    """The slots, in due order, each told whether its account goes out twice within the hour."""
    dues: dict[int, list[datetime]] = defaultdict(list)
    for slot in slots:
        if slot.state not in _GOES_NOWHERE:
            dues[slot.account_id].append(slot.due)
    return [
        replace(slot, clashes=True)
        if slot.state not in _GOES_NOWHERE and _near(dues[slot.account_id], slot.due) > 1
        else slot
        for slot in slots
    ]


def _near(dues: Sequence[datetime], at: datetime) -> int:
    """How many lie less than an hour from it, itself among them."""
    return bisect_left(dues, at + CLASH) - bisect_right(dues, at - CLASH)
