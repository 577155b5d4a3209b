"""Posts and deliveries by pages: what lists show, a few statements a page however many there are."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Integer,
    Select,
    True_,
    and_,
    bindparam,
    exists,
    func,
    or_,
)
from sqlalchemy import select as columns
from sqlmodel import Session, col

from config.database import REACHES, rows_of
from config.keyset import keyset
from organisation.accounts import Account
from organisation.units import Unit
from scheduler.deliveries import Delivery, State
from scheduler.posts import Post, Variant, is_variant_of_delivery
from scheduler.review_tables import Planned

_HEADLINE = 60
_LAST = 2**31 - 1  # no post has a higher number
_FEW = 500  # accounts: so many are named in a statement


def wholly(ours: BindParameter[int] | Select[int | None]) -> ColumnElement[bool]:
    """The condition that a `Post` row goes to one of our accounts, and to no other."""
    ways = (Delivery, Planned)
    # With a bare account, SQLite would seek each of ours in the index, for every post.
    to = [(exists().where(col(way.post_id) == col(Post.id)), col(way.account_id) + 0) for way in ways]
    inside = or_(*(way.where(account.in_(ours)) for way, account in to))
    # Others' posts fail at the first of these: one look at an index for each that is passed over.
    return and_(*(~way.where(account.not_in(ours)) for way, account in to), inside)


# Made once: putting a statement together takes longer than asking it.
_NEWEST = (
    columns(
        col(Post.id),
        col(Post.title),
        func.substr(col(Post.text), 1, _HEADLINE),
        col(Post.created_at),
        col(Post.created_by),
    )
    .where(col(Post.id) < bindparam("before"))
    .order_by(col(Post.id).desc())
    .limit(bindparam("limit"))
)
_NEWEST_WITHIN = _NEWEST.where(wholly(bindparam("ours", expanding=True, type_=Integer())))


@dataclass(frozen=True)
class Going:
    """A post's way to one account: `state` is its delivery's, `draft` where it is only planned."""

    account: str
    due: datetime
    state: str


@dataclass(frozen=True)
class PostRow:
    """A post in a list; `headline` is the title, else how the text begins."""

    id: int
    headline: str
    created_at: datetime
    created_by: str
    going: tuple[Going, ...]


def page_of_posts(
    session: Session,
    within: ColumnElement[bool],
    after: Sequence[object] | None,
    limit: int,
    *,
    account_id: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[PostRow]:
    """Posts, newest first, all of whose accounts' units are `within`; beyond the id `after`.

    `since` and `until` bound when they were written, the end excluded.
    """
    told: dict[str, object] = {"before": _LAST if after is None else after[0], "limit": limit}
    wanted = _NEWEST
    if not isinstance(within, True_):
        accounts = _accounts(within)
        ours = rows_of(session, accounts.limit(_FEW + 1)).scalars().all()  # once a page, not once a post
        few = len(ours) <= _FEW
        told |= {"ours": ours} if few else {}
        wanted = _NEWEST_WITHIN if few else _NEWEST.where(wholly(accounts))
    if account_id is not None:
        queued = exists().where(col(Delivery.post_id) == col(Post.id), col(Delivery.account_id) == account_id)
        planned = exists().where(col(Planned.post_id) == col(Post.id), col(Planned.account_id) == account_id)
        wanted = wanted.where(or_(queued, planned))
    if since is not None:
        wanted = wanted.where(col(Post.created_at) >= since)
    if until is not None:
        wanted = wanted.where(col(Post.created_at) < until)
    rows = rows_of(session, wanted, told).all()
    going = _going(session, [row[0] for row in rows])
    return [
        PostRow(id_, " ".join((title or first).split()), at, by, tuple(going[id_]))
        for id_, title, first, at, by in rows
    ]


@lru_cache(maxsize=REACHES)
def _accounts(within: ColumnElement[bool]) -> Select[int | None]:
    return columns(col(Account.id)).join(Unit, col(Unit.id) == col(Account.unit_id)).where(within)


_QUEUED = (
    columns(
        col(Delivery.post_id),
        col(Account.platform),
        col(Account.handle),
        col(Delivery.due),
        col(Delivery.state),
    )
    .join(Account, col(Account.id) == col(Delivery.account_id))
    .where(col(Delivery.post_id).in_(bindparam("posts", expanding=True)))
    .order_by(col(Delivery.post_id), col(Delivery.account_id))
)
_PLANNED = (
    columns(col(Planned.post_id), col(Account.platform), col(Account.handle), col(Planned.due))
    .join(Account, col(Account.id) == col(Planned.account_id))
    .where(col(Planned.post_id).in_(bindparam("posts", expanding=True)))
    .order_by(col(Planned.post_id), col(Planned.account_id))
)


def _going(session: Session, ids: Sequence[int]) -> dict[int, list[Going]]:
    going: dict[int, list[Going]] = defaultdict(list)
    for post_id, platform, handle, due, state in rows_of(session, _QUEUED, {"posts": ids}).all():
        going[post_id].append(Going(f"{platform}:{handle}", due, state))
    drafts = [id_ for id_ in ids if id_ not in going]
    if drafts:
        for post_id, platform, handle, due in rows_of(session, _PLANNED, {"posts": drafts}).all():
            going[post_id].append(Going(f"{platform}:{handle}", due, "draft"))
    return going


@dataclass(frozen=True)
class DeliveryRow:
    """A delivery in a list, with what it says as its account's copy begins."""

    delivery: Delivery
    account: str
    headline: str


def page_of_deliveries(
    session: Session,
    within: ColumnElement[bool],
    after: Sequence[object] | None,
    limit: int,
    *,
    state: State | None = None,
    account_id: int | None = None,
    post_id: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[DeliveryRow]:
    """Deliveries by due time whose accounts' units are `within`; beyond the due time and id `after`."""
    title = func.coalesce(col(Variant.title), col(Post.title))
    begins = func.substr(func.coalesce(col(Variant.text), col(Post.text)), 1, _HEADLINE)
    wanted = (
        columns(Delivery, col(Account.platform), col(Account.handle), title, begins)
        .join(Post, col(Post.id) == col(Delivery.post_id))
        .join(Account, col(Account.id) == col(Delivery.account_id))
        .outerjoin(Variant, is_variant_of_delivery())
    )
    if not isinstance(within, True_):
        wanted = wanted.join(Unit, col(Unit.id) == col(Account.unit_id)).where(within)
    narrowed = (
        (state, col(Delivery.state)),
        (account_id, col(Delivery.account_id)),
        (post_id, col(Delivery.post_id)),
    )
    for value, column in narrowed:
        if value is not None:
            wanted = wanted.where(column == value)
    if since is not None:
        wanted = wanted.where(col(Delivery.due) >= since)
    if until is not None:
        wanted = wanted.where(col(Delivery.due) < until)
    rows = session.execute(keyset(wanted, [col(Delivery.due), col(Delivery.id)], after, limit))
    return [
        DeliveryRow(delivery, f"{platform}:{handle}", " ".join((headline or first).split()))
        for delivery, platform, handle, headline, first in rows
    ]
