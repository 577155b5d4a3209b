"""The backlog of a stop: what became late meanwhile, and what a person decides about it before it opens.

A decision stands in the transaction that opens: no late post slips out between the two.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, bindparam, func, select, update
from sqlmodel import Session, col

from config.secrets import KeyRing
from organisation.ledger import record
from scheduler import lanes
from scheduler.deliveries import Delivery, State
from scheduler.journal import event, write_events

# Within an account late posts that are sent after all follow each other by this, however many they are.
APART = timedelta(minutes=1)


class Late(StrEnum):
    """What becomes of late posts: they wait for a person one by one, go out after all, or are called off."""

    HOLD = "hold"
    SEND = "send"
    CANCEL = "cancel"


@dataclass(frozen=True)
class Backlog:
    """How many deliveries are late, at how many accounts, and when the first of them should have gone out."""

    deliveries: int
    accounts: int
    oldest_due: datetime | None


@dataclass(frozen=True)
class Extent:
    """Which deliveries are meant: all, those of accounts, or single ones (a post that was held back)."""

    accounts: Collection[int] | None = None
    deliveries: Collection[int] | None = None

    def is_late(self, now: datetime) -> ColumnElement[bool]:
        """The condition that a `Delivery` row is meant and past its limit, as a node would find it."""
        # Only single posts are held back one by one; with them the question is the same.
        states = (State.QUEUED,) if self.deliveries is None else (State.QUEUED, State.PAUSED)
        late = col(Delivery.state).in_(states) & (col(Delivery.due) < now) & (col(Delivery.late_after) < now)
        if self.accounts is not None:
            late &= col(Delivery.account_id).in_(self.accounts)
        if self.deliveries is not None:
            late &= col(Delivery.id).in_(self.deliveries)
        return late


def late_backlog(session: Session, extent: Extent, now: datetime) -> Backlog:
    """What of the extent is past its limit and has not gone out."""
    counted = select(func.count(), func.count(col(Delivery.account_id).distinct()), func.min(Delivery.due))
    return Backlog(*session.execute(counted.where(extent.is_late(now))).one())


def decide(
    session: Session, keys: KeyRing, choice: Late, extent: Extent, *, now: datetime, actor: str, subject: str
) -> int:
    """Does with what is late as was chosen; gives with how many deliveries. `subject` is the ledger's.

    Sent after all, they keep their order and their lateness, counted anew: the first of each account is due
    now, the others `APART` from each other. What was held back singly is let go before, in the same
    transaction (`transitions.resume`).
    """
    late = extent.is_late(now) & (col(Delivery.state) == State.QUEUED)
    accounts = session.scalars(select(col(Delivery.account_id)).where(late).distinct()).all()
    if not accounts:
        return 0
    lanes.ensure(session, accounts)  # locked first, as nodes do
    if choice is Late.SEND:
        told = _send(session, late, now)
    elif choice is Late.HOLD:
        told = _leave(session, late, State.MISSED, {"needs_person": True, "outcome_code": "late"})
    else:
        told = _leave(session, late, State.CANCELLED, {"needs_person": False, "outcome_code": "late"})
    to_state = _BECOMES[choice]
    code = _CODES[choice]
    write_events(
        session, [event(id_, now, State.QUEUED, to_state, actor, code, told[id_]) for id_ in sorted(told)]
    )
    lanes.wake(session, accounts, now)
    details = {"decision": choice, "deliveries": len(told), "accounts": len(accounts)}
    record(session, keys, at=now, actor=actor, act="queue.late", subject=subject, details=details)
    return len(told)


_BECOMES = {Late.HOLD: State.MISSED, Late.SEND: State.QUEUED, Late.CANCEL: State.CANCELLED}
_CODES = {Late.HOLD: "late", Late.SEND: "sent-late", Late.CANCEL: "called-off-late"}


def _leave(
    session: Session, late: ColumnElement[bool], to_state: State, values: Mapping[str, object]
) -> dict[int, str]:
    """Takes them out of the queue in one statement; gives their ids."""
    rows = session.execute(
        update(Delivery)
        .where(late)
        .values(state=to_state, **values)
        .returning(col(Delivery.id))
        .execution_options(synchronize_session=False)
    )
    return {row[0]: "" for row in rows}


_MOVE = (
    update(Delivery)
    .where(col(Delivery.id) == bindparam("b_id"), col(Delivery.state) == State.QUEUED)
    .values(due=bindparam("b_due"), not_before=bindparam("b_due"), late_after=bindparam("b_late_after"))
    .execution_options(synchronize_session=False)
)


def _send(session: Session, late: ColumnElement[bool], now: datetime) -> dict[int, str]:
    """Gives them new times, in order and apart; gives each one's by id."""
    wanted = (
        select(col(Delivery.id), col(Delivery.account_id), col(Delivery.due), col(Delivery.late_after))
        .where(late)
        .order_by(col(Delivery.due), col(Delivery.id))
        .with_for_update()
    )
    rows = session.execute(wanted).all()
    moved: list[dict[str, object]] = []
    told: dict[int, str] = {}
    for row, due in zip(rows, _spread([row.account_id for row in rows], now), strict=True):
        moved.append({"b_id": row.id, "b_due": due, "b_late_after": due + (row.late_after - row.due)})
        told[row.id] = due.isoformat()
    session.connection().execute(_MOVE, moved)
    return told


def _spread(accounts: Sequence[int], now: datetime) -> list[datetime]:
    """A time for each of these accounts' posts: now for an account's first, the next ones `APART`."""
    before: dict[int, int] = {}
    times = []
    for account_id in accounts:
        times.append(now + before.get(account_id, 0) * APART)
        before[account_id] = before.get(account_id, 0) + 1
    return times
