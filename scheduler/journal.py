"""What the dispatcher reads and writes, in statements that take many rows at once.

Every change of a delivery is a compare-and-set on state and fence, with its event in the same transaction.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlmodel import Session, col

from connectors import ConnectorError
from scheduler.deliveries import Attempt, Delivery, DeliveryEvent, State
from scheduler.lanes import Lane
from scheduler.outcomes import Purpose, Verdict

READ_AHEAD = 32
_TEXT = 1000
_CODE = 80


@dataclass
class Work:
    """A delivery that a lane has to do something about, as the node last knew it."""

    id: int
    account_id: int
    post_id: int
    key: str
    seq: int
    state: State
    due: datetime
    not_before: datetime
    late_after: datetime
    attempts: int
    calls: int
    looks: int
    fence: int
    waiting_since: datetime | None
    remote_id: str
    url: str
    detail: dict[str, str]
    started_at: datetime | None = field(default=None)

    @property
    def purpose(self) -> Purpose:
        if self.state is State.UNCERTAIN:
            return Purpose.FIND
        return Purpose.SETTLE if self.state is State.ACCEPTED else Purpose.PUBLISH


@dataclass(frozen=True)
class Ended:
    """A call that ended: the work as it was begun, when, and the verdict on it."""

    work: Work
    at: datetime
    verdict: Verdict


_COLUMNS = (
    col(Delivery.id),
    col(Delivery.account_id),
    col(Delivery.post_id),
    col(Delivery.key),
    col(Delivery.seq),
    col(Delivery.state),
    col(Delivery.due),
    col(Delivery.not_before),
    col(Delivery.late_after),
    col(Delivery.attempts),
    col(Delivery.calls),
    col(Delivery.looks),
    col(Delivery.fence),
    col(Delivery.waiting_since),
    col(Delivery.remote_id),
    col(Delivery.url),
    col(Delivery.detail),
)

_HEADS = (
    select(*_COLUMNS)
    .where(col(Delivery.account_id) == bindparam("lane"), col(Delivery.state) == State.QUEUED)
    .order_by(col(Delivery.due), col(Delivery.id))
    .limit(READ_AHEAD)
)
_WAITING = select(*_COLUMNS).where(
    col(Delivery.account_id).in_(bindparam("lanes", expanding=True)),
    col(Delivery.state).in_((State.UNCERTAIN, State.ACCEPTED)),
    col(Delivery.needs_person).is_(False),
)
_LEFT_OPEN = select(*_COLUMNS).where(
    col(Delivery.account_id).in_(bindparam("lanes", expanding=True)), col(Delivery.state) == State.SENDING
)


def heads(session: Session, account_id: int) -> list[Work]:
    """The first queued deliveries of a lane, in order; READ_AHEAD of them at most."""
    return [_work(row) for row in session.execute(_HEADS, {"lane": account_id})]


def waiting(session: Session, account_ids: Sequence[int]) -> list[Work]:
    """Deliveries of these lanes that the platform is to be asked about."""
    return [_work(row) for row in session.execute(_WAITING, {"lanes": list(account_ids)})]


def left_open(session: Session, account_ids: Sequence[int]) -> list[Work]:
    """Deliveries of just taken lanes whose call a former holder never finished, with the call's start."""
    works = [_work(row) for row in session.execute(_LEFT_OPEN, {"lanes": list(account_ids)})]
    if not works:
        return []
    starts = select(col(Attempt.delivery_id), col(Attempt.started_at)).where(
        col(Attempt.delivery_id).in_([work.id for work in works]), col(Attempt.finished_at).is_(None)
    )
    started = {row[0]: row[1] for row in session.execute(starts)}
    for work in works:
        work.started_at = started.get(work.id, work.not_before)
    return works


def _work(row: Any) -> Work:
    work = Work(*row)
    work.state = State(work.state)
    return work


def begin(session: Session, works: Sequence[Work], *, node: str, now: datetime) -> list[Work]:
    """Writes the attempts of calls that are about to be made; gives those that may be made.

    A work is left out when it was cancelled, moved or taken meanwhile, or the node lost its lane: the
    database decides. After the transaction is committed, and only then, the calls go out.
    """
    by_id = {work.id: work for work in works}
    mine = select(col(Lane.account_id)).where(col(Lane.node) == node, col(Lane.lease_until) > now)
    fence = select(col(Lane.fence)).where(col(Lane.account_id) == col(Delivery.account_id)).scalar_subquery()
    begun: list[Work] = []
    for publishes in (True, False):
        ids = [work.id for work in works if (work.purpose is Purpose.PUBLISH) is publishes]
        if not ids:
            continue
        states = (State.QUEUED,) if publishes else (State.UNCERTAIN, State.ACCEPTED)
        values: dict[str, Any] = {"calls": Delivery.calls + 1, "fence": fence}
        if publishes:
            values |= {"state": State.SENDING, "attempts": Delivery.attempts + 1}
        rows = session.execute(
            update(Delivery)
            .where(
                col(Delivery.id).in_(ids),
                col(Delivery.state).in_(states),
                col(Delivery.not_before) <= now,
                col(Delivery.needs_person).is_(False),
                col(Delivery.account_id).in_(mine),
            )
            .values(**values)
            .returning(col(Delivery.id), col(Delivery.calls), col(Delivery.attempts), col(Delivery.fence))
            .execution_options(synchronize_session=False)
        )
        for delivery_id, calls, attempts, lane_fence in rows:
            work = by_id[delivery_id]
            work.calls, work.attempts, work.fence = calls, attempts, lane_fence
            work.started_at = now
            begun.append(work)
    _write_attempts(session, begun, node=node, now=now)
    return begun


def _write_attempts(session: Session, works: Sequence[Work], *, node: str, now: datetime) -> None:
    if not works:
        return
    session.execute(
        insert(Attempt),
        [
            {
                "delivery_id": work.id,
                "number": work.calls,
                "purpose": work.purpose,
                "node": node,
                "started_at": now,
            }
            for work in works
        ],
    )
    write_events(
        session,
        [
            event(work.id, now, State.QUEUED, State.SENDING, node)
            for work in works
            if work.purpose is Purpose.PUBLISH
        ],
    )


_SET = (
    update(Delivery)
    .where(
        col(Delivery.id) == bindparam("b_id"),
        col(Delivery.fence) == bindparam("b_fence"),
        col(Delivery.state) == bindparam("b_from"),
    )
    .values(
        state=bindparam("b_state"),
        not_before=bindparam("b_not_before"),
        looks=bindparam("b_looks"),
        waiting_since=bindparam("b_waiting_since"),
        needs_person=bindparam("b_needs_person"),
        remote_id=bindparam("b_remote_id"),
        url=bindparam("b_url"),
        detail=bindparam("b_detail"),
        outcome_code=bindparam("b_code"),
        outcome_text=bindparam("b_text"),
        published_at=bindparam("b_published_at"),
    )
    .execution_options(synchronize_session=False)
)
_FINISH = (
    update(Attempt)
    .where(col(Attempt.delivery_id) == bindparam("b_id"), col(Attempt.number) == bindparam("b_number"))
    .values(
        finished_at=bindparam("b_at"),
        outcome=bindparam("b_outcome"),
        platform_code=bindparam("b_code"),
        platform_text=bindparam("b_text"),
        request_id=bindparam("b_request_id"),
        remedy_zh=bindparam("b_remedy_zh"),
        remedy_en=bindparam("b_remedy_en"),
    )
    .execution_options(synchronize_session=False)
)


def end(session: Session, ended: Sequence[Ended], *, node: str) -> list[Ended]:
    """Writes how calls ended; gives those that this node may no longer write (its lane was taken over).

    The attempts of those are finished all the same: what was heard is kept.
    """
    if not ended:
        return []
    connection = session.connection()
    connection.execute(_FINISH, [_attempt_row(item) for item in ended])
    changed = connection.execute(_SET, [_delivery_row(item) for item in ended]).rowcount
    overtaken = [] if changed == len(ended) else _overtaken(session, ended)
    lost = {item.work.id for item in overtaken}
    write_events(
        session,
        [
            event(
                item.work.id,
                item.at,
                _from_state(item.work),
                item.verdict.state,
                node,
                _said(item.verdict)[0],
                _said(item.verdict)[1],
            )
            for item in ended
            if item.work.id not in lost and item.verdict.state is not _from_state(item.work)
        ],
    )
    return overtaken


def _overtaken(session: Session, ended: Sequence[Ended]) -> list[Ended]:
    """Those of which the database knows a newer fence, or whose state somebody else has set."""
    rows = session.execute(
        select(col(Delivery.id), col(Delivery.fence), col(Delivery.state)).where(
            col(Delivery.id).in_([item.work.id for item in ended])
        )
    )
    stands = {row[0]: (row[1], row[2]) for row in rows}
    return [item for item in ended if stands.get(item.work.id) != (item.work.fence, str(item.verdict.state))]


def adopt_late_answer(session: Session, item: Ended, *, node: str) -> bool:
    """A receipt that came after the lane was lost: it still settles a doubt, whoever holds the lane now."""
    if item.verdict.state is not State.PUBLISHED:
        return False
    row = _delivery_row(item)
    settled = session.execute(
        update(Delivery)
        .where(col(Delivery.id) == item.work.id, col(Delivery.state).in_((State.UNCERTAIN, State.ACCEPTED)))
        .values(
            state=State.PUBLISHED,
            needs_person=False,
            remote_id=row["b_remote_id"],
            url=row["b_url"],
            published_at=item.at,
        )
        .returning(col(Delivery.id))
        .execution_options(synchronize_session=False)
    ).first()
    if settled is not None:
        write_events(
            session, [event(item.work.id, item.at, State.UNCERTAIN, State.PUBLISHED, node, "late-answer")]
        )
    return settled is not None


def miss(session: Session, works: Iterable[Work], *, node: str, now: datetime) -> set[int]:
    """Marks queued deliveries past their limit as missed: a person decides. Gives the ids that were."""
    rows = session.execute(
        update(Delivery)
        .where(
            col(Delivery.id).in_([work.id for work in works]),
            col(Delivery.state) == State.QUEUED,
            col(Delivery.late_after) < now,
        )
        .values(state=State.MISSED, needs_person=True, outcome_code="late")
        .returning(col(Delivery.id))
        .execution_options(synchronize_session=False)
    )
    missed = {row[0] for row in rows}
    write_events(
        session, [event(delivery_id, now, State.QUEUED, State.MISSED, node, "late") for delivery_id in missed]
    )
    return missed


def event(
    delivery_id: int,
    at: datetime,
    from_state: State | str,
    to_state: State,
    actor: str,
    code: str = "",
    told: str = "",
) -> dict[str, object]:
    """One row of `delivery_event`."""
    return {
        "delivery_id": delivery_id,
        "at": at,
        "from_state": str(from_state),
        "to_state": str(to_state),
        "actor": actor,
        "code": code[:_CODE],
        "told": told[:_TEXT],
    }


def write_events(session: Session, rows: Sequence[Mapping[str, object]]) -> None:
    """Appends events in one statement."""
    if rows:
        session.execute(insert(DeliveryEvent), rows)


def _from_state(work: Work) -> State:
    return State.SENDING if work.purpose is Purpose.PUBLISH else work.state


def _said(verdict: Verdict) -> tuple[str, str]:
    """The platform's code and text, or what the receipt notes."""
    error = verdict.error
    if error is not None:
        return error.platform_code, error.platform_text
    if verdict.receipt is not None and verdict.receipt.note is not None:
        return "note", verdict.receipt.note.zh
    return "", ""


def _delivery_row(item: Ended) -> dict[str, object]:
    work, verdict = item.work, item.verdict
    receipt = verdict.receipt
    code, told = _said(verdict)
    return {
        "b_id": work.id,
        "b_fence": work.fence,
        "b_from": str(_from_state(work)),
        "b_state": str(verdict.state),
        "b_not_before": verdict.not_before,
        "b_looks": verdict.looks,
        "b_waiting_since": verdict.waiting_since,
        "b_needs_person": verdict.needs_person,
        "b_remote_id": (receipt.remote_id if receipt else work.remote_id)[:200],
        "b_url": (receipt.url or work.url if receipt else work.url)[:1000],
        "b_detail": {**work.detail, **receipt.detail} if receipt else work.detail,
        "b_code": code[:_CODE],
        "b_text": told[:_TEXT],
        "b_published_at": item.at if verdict.state is State.PUBLISHED else None,
    }


def _attempt_row(item: Ended) -> dict[str, object]:
    error: ConnectorError | None = item.verdict.error
    code, told = _said(item.verdict)
    remedy = error.remedy if error else None
    return {
        "b_id": item.work.id,
        "b_number": item.work.calls,
        "b_at": item.at,
        "b_outcome": item.verdict.outcome[:16],
        "b_code": code[:_CODE],
        "b_text": told[:_TEXT],
        "b_request_id": (error.request_id if error else "")[:120],
        "b_remedy_zh": (remedy.zh if remedy else "")[:500],
        "b_remedy_en": (remedy.en if remedy else "")[:500],
    }


def after(item: Ended) -> Work:
    """The delivery as it stands after its call."""
    verdict, receipt = item.verdict, item.verdict.receipt
    changed = replace(
        item.work,
        state=verdict.state,
        not_before=verdict.not_before,
        looks=verdict.looks,
        waiting_since=verdict.waiting_since,
    )
    if receipt is None:
        return changed
    return replace(
        changed,
        remote_id=receipt.remote_id,
        url=receipt.url or item.work.url,
        detail={**item.work.detail, **receipt.detail},
    )


def since_of(work: Work, margin: timedelta) -> datetime:
    """The moment from which `find` looks: a little before the doubtful call began."""
    return (work.waiting_since or work.started_at or work.due) - margin
