"""What a finished call means for its delivery: pure rules from answer to next state.

The house's promise stands here: nothing is sent again unless it certainly did not go out, or the platform
drops repeats of our key, or the platform was asked and it is not there.
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypedDict

from connectors import (
    Connector,
    ConnectorError,
    NeedsPerson,
    Receipt,
    ReceiptState,
    Reconcile,
    Refused,
    Throttled,
    Uncertain,
    Unreachable,
)
from scheduler.deliveries import State

MAX_ATTEMPTS = 8
_BACKOFF_SECONDS = (2, 8, 30, 120, 300)


class Purpose(StrEnum):
    """What a call is for."""

    PUBLISH = "publish"
    FIND = "find"
    SETTLE = "settle"


@dataclass(frozen=True)
class Standing:
    """What the rules need to know of a delivery before the call ended."""

    purpose: Purpose
    attempts: int
    looks: int
    started_at: datetime
    waiting_since: datetime | None


@dataclass(frozen=True)
class Verdict:
    """Where the delivery goes, and what its lane does."""

    state: State
    outcome: str
    not_before: datetime
    looks: int = 0
    waiting_since: datetime | None = None
    needs_person: bool = False
    receipt: Receipt | None = None
    error: ConnectorError | None = None
    close_until: datetime | None = None  # the lane waits
    shut_until: datetime | None = None  # all lanes behind the same gate wait
    uncounted: bool = False  # nothing was done: the try does not count
    pause: bool = field(default=False)  # the lane stops until a person resumes


class _Waits(TypedDict, total=False):
    close_until: datetime
    shut_until: datetime


def backoff(attempts: int) -> timedelta:
    """Time before the next try: growing, capped, half of it drawn by chance so that lanes do not march."""
    seconds = _BACKOFF_SECONDS[min(max(attempts, 1), len(_BACKOFF_SECONDS)) - 1]
    return timedelta(milliseconds=seconds * 500 + secrets.randbelow(seconds * 500 + 1))


def judge(
    connector: Connector,
    standing: Standing,
    answer: Receipt | ConnectorError | None,
    now: datetime,
) -> Verdict:
    """The verdict on a call that ended with `answer` (None: `find` proved absence)."""
    if isinstance(answer, Receipt):
        return _received(connector, standing, answer, now)
    if standing.purpose is Purpose.PUBLISH:
        if answer is None:
            answer = Uncertain("the connector gave no receipt", platform_code="no-receipt")
        return _not_published(connector, standing, answer, now)
    if standing.purpose is Purpose.FIND:
        return _looked(connector, standing, answer, now)
    return _not_settled(connector, standing, answer, now)


def doubt(connector: Connector, standing: Standing, error: ConnectorError, now: datetime) -> Verdict:
    """A call that may have been received: looked up, repeated under the same key, or left to a person."""
    name = type(error).__name__.lower()
    if "find" in connector.capabilities and connector.reconcile is not Reconcile.NONE:
        first = timedelta(seconds=connector.looks[0])
        return Verdict(State.UNCERTAIN, name, now + first, waiting_since=standing.started_at, error=error)
    if connector.reconcile is Reconcile.KEY and standing.attempts < MAX_ATTEMPTS:
        return Verdict(State.QUEUED, name, now + backoff(standing.attempts), error=error)
    return Verdict(
        State.UNCERTAIN, name, now, waiting_since=standing.started_at, needs_person=True, error=error
    )


def _received(connector: Connector, standing: Standing, receipt: Receipt, now: datetime) -> Verdict:
    if receipt.state is ReceiptState.PUBLISHED:
        return Verdict(State.PUBLISHED, receipt.state, now, receipt=receipt)
    if receipt.state is ReceiptState.HANDED_OVER:
        return Verdict(State.HANDED_OVER, receipt.state, now, needs_person=True, receipt=receipt)
    looks = standing.looks + 1 if standing.purpose is Purpose.SETTLE else 0
    since = standing.waiting_since if standing.purpose is Purpose.SETTLE else now
    since = since or now
    if now - since > timedelta(hours=connector.settle_hours):
        late = Uncertain("the platform has not finished in time", platform_code="unsettled")
        return Verdict(
            State.UNCERTAIN,
            "unsettled",
            now,
            waiting_since=since,
            needs_person=True,
            receipt=receipt,
            error=late,
        )
    wait = connector.polls[min(looks, len(connector.polls) - 1)]
    return Verdict(
        State.ACCEPTED, receipt.state, now + timedelta(seconds=wait), looks, since, receipt=receipt
    )


def _not_published(connector: Connector, standing: Standing, error: ConnectorError, now: datetime) -> Verdict:
    name = type(error).__name__.lower()
    match error:
        case Throttled():
            return Verdict(State.QUEUED, name, error.until, error=error, uncounted=True, **_waits(error))
        case Unreachable(was_fenced=True):
            # Our own lateness, not the platform's: whoever holds the lane tries at once.
            return Verdict(State.QUEUED, name, now, error=error, uncounted=True)
        case Unreachable():
            return Verdict(State.QUEUED, name, now + backoff(standing.attempts), error=error)
        case Refused():
            return Verdict(State.FAILED, name, now, needs_person=True, error=error)
        case NeedsPerson():
            return Verdict(State.FAILED, name, now, needs_person=True, error=error, pause=error.account_wide)
        case _:
            return doubt(connector, standing, error, now)


def _looked(
    connector: Connector, standing: Standing, answer: ConnectorError | None, now: datetime
) -> Verdict:
    since = standing.waiting_since or standing.started_at
    if answer is None:
        if standing.attempts >= MAX_ATTEMPTS:
            return Verdict(State.FAILED, "absent", now, needs_person=True)
        return Verdict(State.QUEUED, "absent", now)
    name = type(answer).__name__.lower()
    throttled = isinstance(answer, Throttled)
    looks = standing.looks if throttled else standing.looks + 1  # what was throttled was not asked
    asked_enough = looks >= len(connector.looks) or now - since > timedelta(seconds=2 * connector.looks[-1])
    if isinstance(answer, NeedsPerson | Refused) or asked_enough:
        return Verdict(State.UNCERTAIN, name, now, looks, since, needs_person=True, error=answer)
    planned = max(since + timedelta(seconds=connector.looks[looks]), now + timedelta(seconds=1))
    if isinstance(answer, Throttled):
        planned = max(planned, answer.until)
    return Verdict(State.UNCERTAIN, name, planned, looks, since, error=answer, **_shuts(answer))


def _not_settled(
    connector: Connector, standing: Standing, answer: ConnectorError | None, now: datetime
) -> Verdict:
    since = standing.waiting_since or now
    if answer is None:
        answer = Uncertain("the connector gave no receipt", platform_code="no-receipt")
    name = type(answer).__name__.lower()
    blocked = isinstance(answer, NeedsPerson) and answer.account_wide
    if isinstance(answer, Refused | NeedsPerson) and not blocked:
        return Verdict(State.FAILED, name, now, needs_person=True, error=answer)
    if now - since > timedelta(hours=connector.settle_hours):
        return Verdict(State.UNCERTAIN, name, now, waiting_since=since, needs_person=True, error=answer)
    looks = standing.looks + 1
    wait = timedelta(seconds=connector.polls[min(looks, len(connector.polls) - 1)])
    planned = answer.until if isinstance(answer, Throttled) else now + wait
    # An account that may not even ask (a dead token, say) says nothing of the post: it may well be out.
    return Verdict(State.ACCEPTED, name, planned, looks, since, error=answer, pause=blocked, **_shuts(answer))


def _waits(error: Throttled) -> _Waits:
    """Who waits for a platform that slowed us down: everybody behind its gate, or the account alone."""
    return {"shut_until": error.until} if error.app_wide else {"close_until": error.until}


def _shuts(error: ConnectorError) -> _Waits:
    """A question that was throttled says nothing of posts, unless the gate is shut for everybody."""
    return {"shut_until": error.until} if isinstance(error, Throttled) and error.app_wide else {}
