"""Many posts in one act: moved by days, and back again within a moment; called off."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from config.errors import MeizhenError
from config.secrets import KeyRing
from scheduler import transitions
from scheduler.deliveries import Delivery, DeliveryEvent, State

MOST_POSTS = 200
MOST_DAYS = 366
UNDO_SECONDS = 10
_ON_THE_WAY = timedelta(seconds=3)  # from the reader's click to us


@dataclass(frozen=True)
class Done:
    """What was done: how many posts and deliveries, and how many deliveries were left as they are."""

    posts: int
    deliveries: int
    left: int


def shift(
    session: Session, keys: KeyRing, post_ids: Collection[int], days: int, *, now: datetime, actor: str
) -> Done:
    """Moves all that waits of these posts by whole days.

    Raises MeizhenError `post.bad_days`, `post.none_chosen`, `post.nothing_waits`, `post.moved_to_past` where
    anything would land in the past, or as `transitions.reschedule` does; then nothing is moved.
    """
    if not 0 < abs(days) <= MOST_DAYS:
        raise MeizhenError("post.bad_days", received=days, limit=MOST_DAYS)
    chosen, left = _chosen(session, post_ids, transitions.PERSON_MAY_MOVE)
    dues = {_id(one): one.due + timedelta(days=days) for one in chosen}
    if min(dues.values()) < now:
        raise MeizhenError("post.moved_to_past")
    transitions.reschedule_each(session, keys, dues, now=now, actor=actor)
    return _done(chosen, left)


def undo_shift(
    session: Session,
    keys: KeyRing,
    post_ids: Collection[int],
    days: int,
    at: datetime,
    *,
    now: datetime,
    actor: str,
) -> Done:
    """Takes back what the same person moved by these days at that moment, not longer ago than ten seconds.

    Raises MeizhenError `post.too_late_to_undo` after that, or once anything of it was moved again.
    """
    if now - at > timedelta(seconds=UNDO_SECONDS) + _ON_THE_WAY:
        raise MeizhenError("post.too_late_to_undo", seconds=UNDO_SECONDS)
    _require_some(post_ids)
    rows = session.execute(
        select(Delivery, DeliveryEvent.told)
        .join(DeliveryEvent, col(DeliveryEvent.delivery_id) == col(Delivery.id))
        .where(
            col(Delivery.post_id).in_(post_ids),
            DeliveryEvent.at == at,
            DeliveryEvent.actor == actor,
            DeliveryEvent.code == transitions.RESCHEDULED,
        )
    ).all()
    if not rows or any(one.due != datetime.fromisoformat(told) for one, told in rows):
        raise MeizhenError("post.too_late_to_undo", seconds=UNDO_SECONDS)
    dues = {_id(one): one.due - timedelta(days=days) for one, _ in rows}
    transitions.reschedule_each(session, keys, dues, now=now, actor=actor)
    return _done([one for one, _ in rows], 0)


def call_off(
    session: Session, keys: KeyRing, post_ids: Collection[int], *, now: datetime, actor: str
) -> Done:
    """Calls off all of these posts that can be.

    Raises MeizhenError `post.none_chosen`, `post.nothing_waits`, or as `transitions.cancel` does.
    """
    chosen, left = _chosen(session, post_ids, transitions.PERSON_MAY_CANCEL)
    transitions.cancel(session, keys, [_id(one) for one in chosen], now=now, actor=actor)
    return _done(chosen, left)


def _chosen(
    session: Session, post_ids: Collection[int], states: Sequence[State]
) -> tuple[list[Delivery], int]:
    _require_some(post_ids)
    rows = session.exec(select(Delivery).where(col(Delivery.post_id).in_(post_ids)))
    there = list(rows)
    chosen = [one for one in there if one.state in states]
    if not chosen:
        raise MeizhenError("post.nothing_waits")
    return chosen, len(there) - len(chosen)


def _require_some(post_ids: Collection[int]) -> None:
    if not 0 < len(post_ids) <= MOST_POSTS:
        raise MeizhenError("post.none_chosen", limit=MOST_POSTS)


def _done(chosen: Sequence[Delivery], left: int) -> Done:
    return Done(len({one.post_id for one in chosen}), len(chosen), left)


def _id(delivery: Delivery) -> int:
    if delivery.id is None:
        raise ValueError("expected a stored delivery")
    return delivery.id
