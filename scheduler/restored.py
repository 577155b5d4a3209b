"""What a restored backup had still to send: held back, since it may have gone out after the backup was taken.

Nobody knows what happened between the backup and the restore. So of everything that was queued or under way,
nothing goes out before a person has looked:

- whose time has come by now is taken as begun, and like what was under way as a call that nobody saw the end
  of: uncertain, for a person who looks at the platform and says whether it is out (`transitions.resolve`);
- whose time is still to come is paused until a person lets it go: it may have been sent earlier than planned;
- the whole queue is stopped, for what becomes queued again by itself.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlmodel import Session, col

from config.secrets import KeyRing
from scheduler import notices
from scheduler.deliveries import ASKING, Delivery, DeliveryEvent, State
from scheduler.journal import event, write_events
from scheduler.lanes import Lane
from scheduler.queue import stop_queue

RESTORED = "restored"


@dataclass(frozen=True)
class HeldBack:
    """How many deliveries may be out already, are paused, and waited for a person in the backup as well."""

    uncertain: int
    paused: int
    with_person: int


def hold_back(
    session: Session, keys: KeyRing, *, taken_at: datetime, now: datetime, actor: str, reason: str
) -> HeldBack:
    """Holds back all that a backup of `taken_at` had still to send.

    `reason` stands at each delivery and over the queue.
    """
    # Of nodes that are no more. What one of them still wanted to write is refused by its fence.
    session.execute(
        update(Lane)
        .values(node=None, lease_until=None, fence=Lane.fence + 1, wakeups=Lane.wakeups + 1)
        .execution_options(synchronize_session=False)
    )
    waited = select(func.count()).where(
        or_(
            col(Delivery.state) == State.PAUSED,
            and_(col(Delivery.state).in_(ASKING), col(Delivery.needs_person)),
        )
    )
    with_person: int = session.execute(waited).scalar_one()
    mover = _Mover(session, now, actor, reason)
    uncertain = mover.doubt(taken_at)  # what was under way
    while mover.begin_due():
        uncertain += mover.doubt(taken_at)
    paused = mover.move(col(Delivery.state) == State.QUEUED, State.QUEUED, State.PAUSED)
    notices.of_restored(session, uncertain, now)
    stop_queue(session, keys, now=now, actor=actor, stopped=True, reason=reason)
    return HeldBack(len(uncertain), len(paused), with_person)


@dataclass(frozen=True)
class _Mover:
    """Moves deliveries along the ways that the database allows, each with its event."""

    session: Session
    now: datetime
    actor: str
    reason: str

    def begin_due(self) -> list[int]:
        """The first of each account whose time has come: one of an account is under way at a time."""
        due = (
            select(func.min(Delivery.id))
            .where(col(Delivery.state) == State.QUEUED, col(Delivery.due) <= self.now)
            .group_by(col(Delivery.account_id))
            .correlate(None)
        )
        return self.move(col(Delivery.id).in_(due), State.QUEUED, State.SENDING)

    def doubt(self, taken_at: datetime) -> list[int]:
        """All that is under way."""
        sending = col(Delivery.state) == State.SENDING
        values = {"needs_person": True, "waiting_since": taken_at}
        return self.move(sending, State.SENDING, State.UNCERTAIN, values)

    def move(
        self,
        which: ColumnElement[bool],
        from_state: State,
        to_state: State,
        values: Mapping[str, object] | None = None,
    ) -> list[int]:
        rows = self.session.execute(
            update(Delivery)
            .where(which)
            .values(state=to_state, outcome_code=RESTORED, outcome_text=self.reason, **(values or {}))
            .returning(col(Delivery.id))
            .execution_options(synchronize_session=False)
        )
        ids: list[int] = sorted(row[0] for row in rows)
        happened = [event(id_, self.now, from_state, to_state, self.actor, RESTORED) for id_ in ids]
        write_events(self.session, happened)
        return ids


def paused_by_restore(session: Session, accounts: Collection[int] | None = None) -> list[int]:
    """The deliveries that a restore paused and nobody has touched since; of some accounts only."""
    newest = (
        select(func.max(DeliveryEvent.id))
        .where(col(DeliveryEvent.delivery_id) == col(Delivery.id))
        .correlate(Delivery)
        .scalar_subquery()
    )
    wanted = (
        select(col(Delivery.id))
        .join(DeliveryEvent, col(DeliveryEvent.id) == newest)
        .where(col(Delivery.state) == State.PAUSED, col(DeliveryEvent.code) == RESTORED)
        .order_by(col(Delivery.id))
    )
    if accounts is not None:
        wanted = wanted.where(col(Delivery.account_id).in_(accounts))
    return [id_ for id_ in session.scalars(wanted) if id_ is not None]
