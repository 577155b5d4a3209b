"""What a media centre looks at in the morning: how much is ahead, how much went wrong, and finding a post."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from sqlalchemy import ColumnElement, Select, bindparam, func, or_, select
from sqlmodel import Session, col

from config.database import REACHES, rows_of
from organisation.accounts import Account
from organisation.units import Unit
from scheduler.deliveries import ASKING, Delivery, State
from scheduler.posts import Post
from scheduler.review_tables import Planned

AHEAD = timedelta(hours=36)
_MOST_DIGITS = 18

Elsewhere = Callable[[Session, Collection[int]], dict[int, datetime]]
"""When accounts last published by what was collected of them, which is none of the scheduler's business."""


@dataclass(frozen=True)
class Counts:
    """Deliveries: due within the next 36 hours; in doubt or for a person to publish; failed or missed."""

    ahead: int
    doubts: int
    failures: int


def count_agenda(session: Session, within: ColumnElement[bool], now: datetime) -> Counts:
    """The counts for the units that `within` is a condition on (`organisation.in_sight`)."""
    by_state = {str(state): count for state, count in rows_of(session, _asking(within))}
    return Counts(
        ahead=rows_of(session, _coming(within), {"until": now + AHEAD}).scalar_one(),
        doubts=by_state.get(State.UNCERTAIN, 0) + by_state.get(State.HANDED_OVER, 0),
        failures=by_state.get(State.FAILED, 0) + by_state.get(State.MISSED, 0),
    )


@lru_cache(maxsize=REACHES)
def _asking(within: ColumnElement[bool]) -> Select[str, int]:
    return (
        select(col(Delivery.state), func.count())
        .join(Account, col(Account.id) == col(Delivery.account_id))
        .join(Unit, col(Unit.id) == col(Account.unit_id))
        .where(col(Delivery.state).in_(ASKING), col(Delivery.needs_person).is_(True), within)
        .group_by(col(Delivery.state))
    )


@lru_cache(maxsize=REACHES)
def _coming(within: ColumnElement[bool]) -> Select[int]:
    return (
        select(func.count())
        .select_from(Delivery)
        .join(Account, col(Account.id) == col(Delivery.account_id))
        .join(Unit, col(Unit.id) == col(Account.unit_id))
        .where(
            col(Delivery.state).in_((State.QUEUED, State.PAUSED)),
            col(Delivery.due) <= bindparam("until"),
            within,
        )
    )


def find_posts(session: Session, words: str, within: ColumnElement[bool], limit: int) -> list[Post]:
    """The newest posts of these units whose title has the words, or whose number they are."""
    mine = [
        select(col(table.post_id))
        .join(Account, col(Account.id) == col(table.account_id))
        .join(Unit, col(Unit.id) == col(Account.unit_id))
        .where(col(table.post_id) == col(Post.id), within)
        .exists()
        for table in (Delivery, Planned)
    ]
    named = col(Post.title).contains(words, autoescape=True)
    number = words.removeprefix("#")
    if number.isascii() and number.isdigit() and len(number) < _MOST_DIGITS:
        named = or_(named, col(Post.id) == int(number))
    wanted = select(Post).where(named, or_(*mine)).order_by(col(Post.id).desc()).limit(limit)
    return list(session.scalars(wanted))


def last_published(session: Session, account_ids: Collection[int]) -> dict[int, datetime]:
    """When each account last published through the house; accounts that never did are not named."""
    rows = rows_of(session, _LAST, {"accounts": list(account_ids)})
    return {account_id: at for account_id, at in rows if account_id is not None and at is not None}


def last_seen(session: Session, account_ids: Collection[int], elsewhere: Elsewhere) -> dict[int, datetime]:
    """When each account last published, by us or not; one that was never seen to is not named."""
    here, anywhere = last_published(session, account_ids), elsewhere(session, account_ids)
    ids = here.keys() | anywhere.keys()
    return {one: max(at[one] for at in (here, anywhere) if one in at) for one in ids}


_LAST = select(
    col(Account.id),
    select(col(Delivery.published_at))
    .where(col(Delivery.account_id) == col(Account.id), col(Delivery.state) == State.PUBLISHED)
    .order_by(col(Delivery.due).desc(), col(Delivery.id).desc())
    .limit(1)
    .scalar_subquery(),
).where(col(Account.id).in_(bindparam("accounts", expanding=True)))
