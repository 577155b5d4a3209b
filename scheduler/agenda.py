"""What a media centre looks at in the morning: how much is ahead, how much went wrong, and finding a post."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select
from sqlmodel import Session, col

from organisation.accounts import Account
from organisation.units import Unit
from scheduler.deliveries import ASKING, Delivery, State
from scheduler.posts import Post
from scheduler.review_tables import Planned

AHEAD = timedelta(hours=36)
_MOST_DIGITS = 18


@dataclass(frozen=True)
class Counts:
    """Deliveries: due within the next 36 hours; in doubt or for a person to publish; failed or missed."""

    ahead: int
    doubts: int
    failures: int


def count_agenda(session: Session, within: ColumnElement[bool], now: datetime) -> Counts:
    """The counts for the units that `within` is a condition on (`organisation.in_sight`)."""
    asking = (
        select(col(Delivery.state), func.count())
        .join(Account, col(Account.id) == col(Delivery.account_id))
        .join(Unit, col(Unit.id) == col(Account.unit_id))
        .where(col(Delivery.state).in_(ASKING), col(Delivery.needs_person).is_(True), within)
        .group_by(col(Delivery.state))
    )
    by_state: dict[str, int] = {row[0]: row[1] for row in session.execute(asking)}
    coming = (
        select(func.count())
        .select_from(Delivery)
        .join(Account, col(Account.id) == col(Delivery.account_id))
        .join(Unit, col(Unit.id) == col(Account.unit_id))
        .where(
            col(Delivery.state).in_((State.QUEUED, State.PAUSED)), col(Delivery.due) <= now + AHEAD, within
        )
    )
    return Counts(
        ahead=session.execute(coming).scalar_one(),
        doubts=by_state.get(State.UNCERTAIN, 0) + by_state.get(State.HANDED_OVER, 0),
        failures=by_state.get(State.FAILED, 0) + by_state.get(State.MISSED, 0),
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
    latest = (
        select(col(Delivery.published_at))
        .where(col(Delivery.account_id) == col(Account.id), col(Delivery.state) == State.PUBLISHED)
        .order_by(col(Delivery.due).desc(), col(Delivery.id).desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = session.execute(select(col(Account.id), latest).where(col(Account.id).in_(account_ids)))
    return {account_id: at for account_id, at in rows if at is not None}
