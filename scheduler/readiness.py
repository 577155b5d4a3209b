"""Whether what is planned is ready to go out; and where it is not, for whom it waits."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlmodel import Session, col, select

from organisation.accounts import Account, AccountState
from organisation.leaving import people_in_charge
from scheduler.calendar import Slot
from scheduler.deliveries import Delivery, State
from scheduler.lanes import Lane
from scheduler.queue import is_stopped
from scheduler.review_approvals import lapsed
from scheduler.review_tables import Standing
from scheduler.review_views import next_signers

TO_COME = (State.QUEUED, State.PAUSED)
"""The states of deliveries that have not begun to leave."""


class Readiness(StrEnum):
    """How what is planned stands before its time."""

    READY = "ready"  # in the queue, and nothing in its way
    DRAFT = "draft"  # not handed in, or changed since
    IN_REVIEW = "in_review"
    RETURNED = "returned"
    NOT_SENT = "not_sent"  # approved, but nobody has put it into the queue
    NOT_APPROVED = "not_approved"  # in the queue, but it would be refused: changed, or never approved
    PAUSED = "paused"  # itself, its account, or everything


@dataclass(frozen=True)
class Ready:
    """How one copy stands. `stage` is what it waits for in review; `waits_for` are people by name."""

    state: Readiness
    stage: str = ""
    waits_for: tuple[str, ...] = ()


_OF_DRAFT: dict[str, Readiness] = {
    Standing.OPEN: Readiness.IN_REVIEW,
    Standing.APPROVED: Readiness.NOT_SENT,
    Standing.RETURNED: Readiness.RETURNED,
}


def readiness_of(session: Session, slots: Sequence[Slot]) -> list[Ready]:
    """How each of these slots stands, in their order: drafts, and deliveries that are `TO_COME`."""
    if not slots:
        return []
    held, refused = _held(session, slots), _refused(session, slots)
    reviews = next_signers(session, sorted({slot.post for slot in slots if slot.state == Standing.OPEN}))
    answering = people_in_charge(session, "post", sorted({slot.post for slot in slots}))
    found = []
    for slot in slots:
        state = _state(slot, held, refused)
        stage, names = reviews.get(slot.post, ("", ()))
        if state is Readiness.IN_REVIEW:
            found.append(Ready(state, stage, names))
            continue
        waits = state not in (Readiness.READY, Readiness.PAUSED) and slot.post in answering
        found.append(Ready(state, waits_for=(answering[slot.post].name,) if waits else ()))
    return found


def _state(slot: Slot, held: set[int], refused: set[int]) -> Readiness:
    if slot.delivery is None:
        return _OF_DRAFT.get(slot.state, Readiness.DRAFT)
    if slot.delivery in refused:
        return Readiness.NOT_APPROVED
    if slot.state == State.PAUSED or slot.account_id in held:
        return Readiness.PAUSED
    return Readiness.READY


def _held(session: Session, slots: Sequence[Slot]) -> set[int]:
    """The accounts for which nothing goes out now."""
    ids = {slot.account_id for slot in slots}
    if is_stopped(session):
        return ids
    paused = select(Lane.account_id).where(col(Lane.account_id).in_(ids), col(Lane.paused).is_(True))
    inactive = select(Account.id).where(col(Account.id).in_(ids), Account.state != AccountState.ACTIVE)
    return {*session.exec(paused), *(one for one in session.exec(inactive) if one is not None)}


def _refused(session: Session, slots: Sequence[Slot]) -> set[int]:
    ids = {slot.delivery for slot in slots if slot.delivery is not None}
    return lapsed(session, list(session.exec(select(Delivery).where(col(Delivery.id).in_(ids)))))
