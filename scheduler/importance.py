"""Important posts: people are reminded of them shortly before their time, once for each time.

A reminder is taken before it is told: of several nodes, and after a crash, nobody tells it again.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, Session, SQLModel, col, select

from config.errors import MeizhenError
from config.secrets import KeyRing
from organisation.leaving import people_in_charge
from organisation.ledger import record
from organisation.people import Person
from scheduler.calendar import Slot, slots_between
from scheduler.deliveries import Delivery
from scheduler.posts import Post
from scheduler.readiness import TO_COME, Ready, readiness_of
from scheduler.review_tables import Planned

BEFORE = timedelta(minutes=10)
"""How long before its time an important post is told of."""


class PostReminder(SQLModel, table=True):
    """That people were reminded of a post before a time of it; moved to another time, it is told anew."""

    __tablename__ = "post_reminder"

    post_id: int = Field(primary_key=True, foreign_key="post.id")
    due: datetime = Field(primary_key=True)
    at: datetime


@dataclass(frozen=True)
class PostDue:
    """An important post that is about to go out: its copies of that time, each with how it stands."""

    post: int
    headline: str
    due: datetime
    copies: tuple[tuple[Slot, Ready], ...]
    answers: Person | None


def mark_important(
    session: Session, keys: KeyRing, post_id: int, important: bool, *, now: datetime, actor: str
) -> bool:
    """Marks a post, or takes the mark away; sign-offs stand as they are. False where it was so before.

    Raises MeizhenError `post.not_found`.
    """
    post = session.exec(select(Post).where(Post.id == post_id).with_for_update()).one_or_none()
    if post is None:
        raise MeizhenError("post.not_found", id=post_id)
    if post.important == important:
        return False
    post.important = important
    session.add(post)
    session.flush()
    details = {"important": important}
    record(
        session, keys, at=now, actor=actor, act="post.important", subject=f"post:{post_id}", details=details
    )
    return True


def important_among(session: Session, post_ids: Collection[int]) -> set[int]:
    """Those of these posts that are important."""
    wanted = select(Post.id).where(col(Post.id).in_(post_ids), col(Post.important).is_(True))
    return {one for one in session.exec(wanted) if one is not None}


def any_due(session: Session, now: datetime) -> bool:
    """Does the time of an important post come soon, and nobody was reminded? A look at two indexes."""
    for way in (Delivery, Planned):
        wanted = (
            select(Post.id)
            .join(way, col(way.post_id) == col(Post.id))
            .where(col(way.due) > now, col(way.due) <= now + BEFORE, col(Post.important).is_(True))
            .where(
                ~exists().where(col(PostReminder.post_id) == col(Post.id), col(PostReminder.due) == way.due)
            )
        )
        if session.exec(wanted.limit(1)).first() is not None:
            return True
    return False


def take_reminders(session: Session, now: datetime) -> list[PostDue]:
    """The reminders that are due, each given once over all nodes, by time.

    Of what is out, under way, in other hands or called off, nobody is reminded.
    """
    soon = now + BEFORE + timedelta(microseconds=1)
    by_time: dict[tuple[datetime, int], list[Slot]] = defaultdict(list)
    for slot in slots_between(session, true(), now, soon, important=True):
        if slot.due > now and (slot.delivery is None or slot.state in TO_COME):
            by_time[slot.due, slot.post].append(slot)
    taken = _take(session, list(by_time), now)
    answering = people_in_charge(session, "post", sorted({post for _, post in taken}))
    due = []
    for at, post in sorted(taken):
        copies = by_time[at, post]
        ready = readiness_of(session, copies)
        due.append(
            PostDue(post, copies[0].headline, at, tuple(zip(copies, ready, strict=True)), answering.get(post))
        )
    return due


def _take(session: Session, times: list[tuple[datetime, int]], now: datetime) -> list[tuple[datetime, int]]:
    """Those of these times of posts that nobody has taken before."""
    if not times:
        return []
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    rows = [{"post_id": post, "due": due, "at": now} for due, post in sorted(times)]
    taken = session.execute(
        insert(PostReminder)
        .on_conflict_do_nothing(index_elements=["post_id", "due"])
        .returning(col(PostReminder.post_id), col(PostReminder.due)),
        rows,
    )
    return [(due, post) for post, due in taken]
