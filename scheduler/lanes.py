"""Lanes: the queue of one account. A node that holds a lane sends its posts, one at a time, in due order.

A lane is taken by lease. `fence` grows with every taking, so that whatever a former holder still wants to
write can be told from the present holder's. `wakeups` grows with everything that may give the lane work:
who gives it back must have seen them all, so no work is slept over.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Index, case, func, or_, select, text, update
from sqlmodel import Field, Session, SQLModel, col

from config.batch import BatchStatement


class Lane(SQLModel, table=True):
    """One account's lane. `next_at` is when there is something to do (None: nothing)."""

    __tablename__ = "lane"
    __table_args__ = (
        Index(
            "ix_lane_next",
            "next_at",
            sqlite_where=text("next_at IS NOT NULL"),
            postgresql_where=text("next_at IS NOT NULL"),
        ),
        Index(
            "ix_lane_node",
            "node",
            sqlite_where=text("node IS NOT NULL"),
            postgresql_where=text("node IS NOT NULL"),
        ),
    )

    account_id: int = Field(primary_key=True, foreign_key="account.id")
    last_seq: int = 0
    next_at: datetime | None = None
    open_from: datetime | None = None  # the platform said: not before
    paused: bool = False  # nothing new goes out until a person resumes
    pause_code: str = Field(default="", max_length=80)
    pause_text: str = Field(default="", max_length=1000)
    node: str | None = Field(default=None, max_length=80)
    lease_until: datetime | None = None
    fence: int = 0
    wakeups: int = 0


@dataclass(frozen=True)
class Held:
    """What a node knows of a lane it holds, as of the last look."""

    account_id: int
    fence: int
    wakeups: int
    paused: bool
    open_from: datetime | None


_HELD = (
    col(Lane.account_id),
    col(Lane.fence),
    col(Lane.wakeups),
    col(Lane.paused),
    col(Lane.open_from),
)


def claim(
    session: Session, node: str, *, now: datetime, ahead: timedelta, lease: timedelta, limit: int
) -> list[Held]:
    """Takes up to `limit` lanes that have work until `now + ahead` and no living holder, earliest first.

    One statement on both databases; PostgreSQL skips rows that another node is just taking.
    """
    free = (
        select(col(Lane.account_id))
        .where(*_unheld(now, ahead))
        .order_by(col(Lane.next_at), col(Lane.account_id))
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("free")  # as a sub-query PostgreSQL may ask it again for every row, and take more each time
    )
    taken = session.execute(
        update(Lane)
        .where(col(Lane.account_id).in_(select(free.c.account_id)))
        .values(node=node, lease_until=now + lease, fence=Lane.fence + 1)
        .returning(*_HELD)
        .execution_options(synchronize_session=False)
    )
    return [Held(*row) for row in taken]


def share_of_rest(session: Session, node: str, *, now: datetime, ahead: timedelta, limit: int) -> int:
    """How many of the lanes that nobody holds are this node's part: all, by the nodes that hold any.

    At most `limit`; of fewer lanes than nodes, one each until none is left.
    """
    rest = select(col(Lane.account_id)).where(*_unheld(now, ahead)).limit(limit).subquery()
    left: int = session.execute(select(func.count()).select_from(rest)).scalar_one()
    others: int = session.execute(
        select(func.count(func.distinct(Lane.node))).where(
            col(Lane.node).is_not(None), col(Lane.node) != node, col(Lane.lease_until) > now
        )
    ).scalar_one()
    return -(-left // (1 + others))


def _unheld(now: datetime, ahead: timedelta) -> tuple[ColumnElement[bool], ...]:
    return (
        col(Lane.next_at) <= now + ahead,
        or_(col(Lane.lease_until).is_(None), col(Lane.lease_until) <= now),
    )


def renew(session: Session, node: str, *, now: datetime, lease: timedelta) -> dict[int, Held]:
    """Renews every lane that the node still holds and says how each stands; one that is missing is lost."""
    kept = session.execute(
        update(Lane)
        .where(col(Lane.node) == node, col(Lane.lease_until) > now)
        .values(lease_until=now + lease)
        .returning(*_HELD)
        .execution_options(synchronize_session=False)
    )
    return {row[0]: Held(*row) for row in kept}


def look(session: Session, node: str, account_ids: Sequence[int]) -> dict[int, Held]:
    """How the node's lanes stand now; one that is missing is another's.

    Read before their queues, so that nothing that wakes them later is overlooked.
    """
    rows = session.execute(
        select(*_HELD).where(col(Lane.account_id).in_(account_ids), col(Lane.node) == node)
    )
    return {row[0]: Held(*row) for row in rows}


_RELEASE = BatchStatement(
    "UPDATE lane SET node = NULL, lease_until = NULL, next_at = given.next_at FROM {rows} AS given "
    "WHERE lane.account_id = given.account_id AND lane.node = :node AND lane.fence = given.fence "
    "AND lane.wakeups = given.wakeups RETURNING lane.account_id",
    {"account_id": "integer", "fence": "integer", "wakeups": "integer", "next_at": "time"},
)


def release(session: Session, node: str, given: Iterable[tuple[Held, datetime | None]]) -> set[int]:
    """Gives lanes back, each until its next work; gives the accounts of those that went.

    One that something woke meanwhile stays: look again first.
    """
    rows = [(lane.account_id, lane.fence, lane.wakeups, next_at) for lane, next_at in given]
    if not rows:
        return set()
    return {row[0] for row in _RELEASE.run(session.connection(), rows, node=node)}


def wake(session: Session, account_ids: Iterable[int], at: datetime) -> None:
    """Tells the accounts' lanes that there is something to do at `at`."""
    sooner = case((or_(col(Lane.next_at).is_(None), col(Lane.next_at) > at), at), else_=Lane.next_at)
    session.execute(
        update(Lane)
        .where(col(Lane.account_id).in_(sorted(set(account_ids))))
        .values(next_at=sooner, wakeups=Lane.wakeups + 1)
        .execution_options(synchronize_session=False)
    )


def ensure(session: Session, account_ids: Sequence[int]) -> dict[int, int]:
    """Makes sure that the accounts have lanes; gives the last `seq` of each, locked for this transaction."""
    wanted = sorted(set(account_ids))
    insert_missing = (
        "INSERT INTO lane (account_id, last_seq, paused, pause_code, pause_text, fence, wakeups) "
        "VALUES (:account_id, 0, false, '', '', 0, 0) ON CONFLICT (account_id) DO NOTHING"
    )
    if wanted:
        session.execute(text(insert_missing), [{"account_id": account_id} for account_id in wanted])
    rows = session.execute(
        select(col(Lane.account_id), col(Lane.last_seq))
        .where(col(Lane.account_id).in_(wanted))
        .order_by(col(Lane.account_id))
        .with_for_update()
    )
    return {row[0]: row[1] for row in rows}


def pause(session: Session, account_ids: Sequence[int], *, code: str, told: str) -> None:
    """Stops lanes: nothing new goes out; what is under way is still looked after."""
    session.execute(
        update(Lane)
        .where(col(Lane.account_id).in_(account_ids))
        .values(paused=True, pause_code=code, pause_text=told, wakeups=Lane.wakeups + 1)
        .execution_options(synchronize_session=False)
    )


def resume(session: Session, account_ids: Sequence[int], now: datetime) -> None:
    """Opens lanes again and has them looked at."""
    session.execute(
        update(Lane)
        .where(col(Lane.account_id).in_(account_ids))
        .values(
            paused=False, pause_code="", pause_text="", open_from=None, next_at=now, wakeups=Lane.wakeups + 1
        )
        .execution_options(synchronize_session=False)
    )


def hold_until(session: Session, account_id: int, until: datetime) -> None:
    """Closes a lane until the platform takes posts again; never shortens a longer wait."""
    session.execute(
        update(Lane)
        .where(
            col(Lane.account_id) == account_id,
            or_(col(Lane.open_from).is_(None), col(Lane.open_from) < until),
        )
        .values(open_from=until)
        .execution_options(synchronize_session=False)
    )
