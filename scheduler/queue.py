"""The queue: putting deliveries in, stopping and opening it, and how it stands."""

import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlmodel import Field, Session, SQLModel, col

from config.batch import BatchQuery, BatchStatement, storable
from config.secrets import KeyRing
from organisation.accounts import Account
from organisation.ledger import record
from scheduler import announcements, lanes, notices
from scheduler.deliveries import Delivery, State
from scheduler.lanes import Lane
from scheduler.review_approvals import approved_hashes

_REASON = 300


class QueueSwitch(SQLModel, table=True):
    """The switch of the whole queue: one row once anybody has used it."""

    __tablename__ = "queue_switch"

    id: int = Field(default=1, primary_key=True)
    stopped: bool = False
    at: datetime
    by: str = Field(max_length=120)
    reason: str = Field(default="", max_length=_REASON, sa_column_kwargs={"server_default": ""})


@dataclass(frozen=True)
class Enqueued:
    """A post for an account at a time; `lateness` is how long after it may still go out."""

    post_id: int
    account_id: int
    due: datetime
    lateness: timedelta

    @property
    def late_after(self) -> datetime:
        """The last moment at which it may go out."""
        return self.due + self.lateness


def enqueue(session: Session, items: Sequence[Enqueued], *, now: datetime, actor: str) -> list[int]:
    """Queues deliveries; gives their ids in the order of `items`.

    Within an account `seq` follows `items`. One statement a table, however many there are. A post for an
    account whose unit demands review is taken only with all its sign-offs on exactly what it says and when
    it goes: else MeizhenError `review.not_approved` (`scheduler.review_approvals`), and nothing is queued.
    """
    if not items:
        return []
    approved = approved_hashes(session, items)
    last_seq = lanes.ensure(session, [item.account_id for item in items])
    seqs = []
    for item in items:
        last_seq[item.account_id] += 1
        seqs.append(last_seq[item.account_id])
    ids = _insert_deliveries(session, items, seqs, approved)
    _EVENTS.run(session.connection(), [(id_,) for id_ in ids], now=now, actor=storable(actor, 120))
    _advance_lanes(session, items, last_seq)
    return ids


_DELIVERIES = BatchStatement(
    "INSERT INTO delivery (post_id, account_id, key, seq, state, due, not_before, late_after, attempts, "
    "calls, looks, fence, remote_id, url, detail, needs_person, outcome_code, outcome_text, approved_hash) "
    "SELECT post_id, account_id, key, seq, 'queued', due, due, late_after, 0, 0, 0, 0, '', '', '{}', false, "
    "'', '', approved_hash FROM {rows} AS item",
    {
        "post_id": "integer",
        "account_id": "integer",
        "key": "text",
        "seq": "integer",
        "due": "time",
        "late_after": "time",
        "approved_hash": "text",
    },
)
_IDS = BatchQuery(
    "SELECT d.id, d.key FROM {rows} AS item JOIN delivery d ON d.key = item.key",
    {"key": "text"},
    {"id": "integer", "key": "text"},
)


_EVENTS = BatchStatement(
    "INSERT INTO delivery_event (delivery_id, at, from_state, to_state, actor, code, told) "
    "SELECT id, :now, '', 'queued', :actor, '', '' FROM {rows} AS item",
    {"id": "integer"},
)


def _insert_deliveries(
    session: Session, items: Sequence[Enqueued], seqs: Sequence[int], approved: Sequence[str]
) -> list[int]:
    digits = secrets.token_hex(16 * len(items))
    keys = [digits[at : at + 32] for at in range(0, len(digits), 32)]
    _DELIVERIES.run(
        session.connection(),
        [
            (item.post_id, item.account_id, key, seq, item.due, item.late_after, approved_hash)
            for item, key, seq, approved_hash in zip(items, keys, seqs, approved, strict=True)
        ],
    )
    found = _IDS.ask(session.connection(), [(key,) for key in keys])
    by_key = {key: id_ for id_, key in found}
    return [by_key[key] for key in keys]


def _advance_lanes(session: Session, items: Iterable[Enqueued], last_seq: Mapping[int, int]) -> None:
    first_due: dict[int, datetime] = {}
    for item in items:
        first_due[item.account_id] = min(first_due.get(item.account_id, item.due), item.due)
    rows = [(account_id, due, last_seq[account_id]) for account_id, due in first_due.items()]
    _ADVANCE.run(session.connection(), rows)


_ADVANCE = BatchStatement(
    "UPDATE lane SET last_seq = item.seq, wakeups = wakeups + 1, "
    "next_at = CASE WHEN next_at IS NULL OR next_at > item.due THEN item.due ELSE next_at END "
    "FROM {rows} AS item WHERE lane.account_id = item.account_id",
    {"account_id": "integer", "due": "time", "seq": "integer"},
)


def stop_queue(
    session: Session, keys: KeyRing, *, now: datetime, actor: str, stopped: bool, reason: str = ""
) -> None:
    """Stops or opens the whole queue; every node obeys at its next tick. `reason` is for the ledger."""
    switch = session.get(QueueSwitch, 1) or QueueSwitch(id=1, at=now, by=actor)
    switch.stopped, switch.at, switch.by = stopped, now, actor
    switch.reason = storable(reason, _REASON)
    session.add(switch)
    if not stopped:
        waiting = select(col(Lane.account_id)).where(
            select(col(Delivery.id))
            .where(col(Delivery.account_id) == col(Lane.account_id), col(Delivery.state) == State.QUEUED)
            .exists()
        )
        lanes.wake(session, [row[0] for row in session.execute(waiting)], now)
    act = "queue.pause" if stopped else "queue.resume"
    record(session, keys, at=now, actor=actor, act=act, subject="queue", details=_because(reason))


def stop_accounts(
    session: Session,
    keys: KeyRing,
    accounts: Sequence[Account],
    *,
    now: datetime,
    actor: str,
    stopped: bool,
    reason: str = "",
) -> None:
    """Stops or opens single lanes. `reason` is for the ledger."""
    ids = [account.id for account in accounts if account.id is not None]
    lanes.ensure(session, ids)
    if stopped:
        lanes.pause(session, ids, code="paused", told=actor)
        announcements.of_pauses(session, ids, now, code="paused", by=actor)
    else:
        lanes.resume(session, ids, now)
        notices.close_gone(session, now)
    act = "queue.pause" if stopped else "queue.resume"
    for account in accounts:
        details = _because(reason)
        record(session, keys, at=now, actor=actor, act=act, subject=account.stable_id, details=details)


def _because(reason: str) -> dict[str, object]:
    return {"reason": storable(reason, _REASON)} if reason else {}


def is_stopped(session: Session) -> bool:
    """Has a person stopped the whole queue?"""
    return bool(session.execute(select(col(QueueSwitch.stopped))).scalar_one_or_none())


def stop_of(session: Session) -> QueueSwitch | None:
    """The stop of the whole queue, with who said it and when; None while the queue is open."""
    return session.scalars(_STOP).one_or_none()


_STOP = (
    select(QueueSwitch).where(col(QueueSwitch.stopped).is_(True)).execution_options(populate_existing=True)
)


def stopped_accounts(session: Session, account_ids: Collection[int]) -> set[int]:
    """Those of the accounts that are not active: nothing new goes out for them."""
    if not account_ids:
        return set()
    rows = session.execute(
        select(col(Account.id)).where(col(Account.id).in_(account_ids), col(Account.state) != "active")
    )
    return {row[0] for row in rows}


def next_due(session: Session) -> datetime | None:
    """When the next lane has something to do; None when none has."""
    coming: datetime | None = session.execute(select(func.min(col(Lane.next_at)))).scalar_one()
    return coming


def release_dead_nodes(session: Session, node: str, now: datetime, is_dead: Callable[[str], bool]) -> None:
    """Ends the leases of nodes that certainly died, so that nobody waits for them to run out."""
    holders = session.execute(
        select(col(Lane.node)).where(col(Lane.lease_until) > now, col(Lane.node) != node).distinct()
    )
    dead = [holder for (holder,) in holders if holder and is_dead(holder)]
    if dead:
        session.execute(
            update(Lane)
            .where(col(Lane.node).in_(dead))
            .values(lease_until=now)
            .execution_options(synchronize_session=False)
        )
