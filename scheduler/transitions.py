"""What people do to deliveries: call off, move, try again, settle a doubt, stop and let go.

Each is one compare-and-set with its event and its ledger entry; a delivery that is elsewhere meanwhile
refuses the whole act, and nothing is changed.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import select, update
from sqlmodel import Session, col

from config.errors import MeizhenError
from config.messages import Words
from config.secrets import KeyRing
from organisation.ledger import record
from scheduler import lanes, notices
from scheduler.assisted_tasks import TaskState, end_tasks
from scheduler.deliveries import Delivery, State
from scheduler.journal import event, write_events
from scheduler.review_approvals import late_within, windows_of

PERSON_MAY_CANCEL = (State.QUEUED, State.PAUSED, State.MISSED, State.FAILED, State.HANDED_OVER)
_URL_CHARACTERS = 1000
_STATES = "delivery.state_"
PERSON_MAY_MOVE = (State.QUEUED, State.PAUSED, State.MISSED)
RESCHEDULED = "rescheduled"  # the code of its event, whose text is the new time
_PERSON_MAY_RETRY = (State.FAILED, State.MISSED)
_PERSON_MAY_RESOLVE = (State.UNCERTAIN, State.HANDED_OVER, State.FAILED)


def cancel(
    session: Session, keys: KeyRing, delivery_ids: Sequence[int], *, now: datetime, actor: str
) -> None:
    """Calls deliveries off. Raises MeizhenError `delivery.wrong_state` once one is under way or out."""
    _move(
        session,
        keys,
        delivery_ids,
        State.CANCELLED,
        allowed=PERSON_MAY_CANCEL,
        values={"needs_person": False},
        act="post.cancel",
        now=now,
        actor=actor,
    )


def pause(session: Session, keys: KeyRing, delivery_ids: Sequence[int], *, now: datetime, actor: str) -> None:
    """Holds queued deliveries until a person lets them go. Raises MeizhenError `delivery.wrong_state`."""
    _move(
        session,
        keys,
        delivery_ids,
        State.PAUSED,
        allowed=(State.QUEUED,),
        values={},
        act="post.pause",
        now=now,
        actor=actor,
    )


def resume(
    session: Session, keys: KeyRing, delivery_ids: Sequence[int], *, now: datetime, actor: str
) -> None:
    """Lets paused deliveries go; one that is past its limit by now becomes missed at the node's next look.

    Raises MeizhenError `delivery.wrong_state`.
    """
    _move(
        session,
        keys,
        delivery_ids,
        State.QUEUED,
        allowed=(State.PAUSED,),
        values={},
        act="post.resume",
        now=now,
        actor=actor,
    )


def reschedule(
    session: Session,
    keys: KeyRing,
    delivery_ids: Sequence[int],
    *,
    due: datetime,
    now: datetime,
    actor: str,
) -> None:
    """Gives deliveries a new time; how late they may be stays as it was. A missed one is queued again.

    Raises MeizhenError `delivery.wrong_state`, and `review.outside_window` for a time that nobody approved.
    """
    reschedule_each(session, keys, dict.fromkeys(delivery_ids, due), now=now, actor=actor)


def reschedule_each(
    session: Session, keys: KeyRing, dues: Mapping[int, datetime], *, now: datetime, actor: str
) -> None:
    """The same with a time for each delivery: `dues` is by delivery id."""
    rows = _locked(session, list(dues), PERSON_MAY_MOVE)
    windows = windows_of(session, rows)
    before = {_id(delivery): State(delivery.state) for delivery in rows}
    for delivery in rows:
        due = dues[_id(delivery)]
        late_after = due + (delivery.late_after - delivery.due)
        delivery.late_after = late_within(windows, delivery, due, late_after)
        delivery.due = delivery.not_before = due
        if delivery.state == State.MISSED:
            delivery.state, delivery.needs_person, delivery.outcome_code = State.QUEUED, False, ""
        session.add(delivery)
    session.flush()
    write_events(
        session,
        [
            event(id_, now, before[id_], State(delivery.state), actor, RESCHEDULED, delivery.due.isoformat())
            for delivery in rows
            if (id_ := _id(delivery))
        ],
    )
    _after(session, keys, rows, at=min(dues.values()), act="post.reschedule", now=now, actor=actor)


def retry(session: Session, keys: KeyRing, delivery_ids: Sequence[int], *, now: datetime, actor: str) -> None:
    """Queues failed or missed deliveries again, due now; they keep their key and their lateness.

    Raises MeizhenError `delivery.wrong_state`: what may have gone out is resolved, never retried; and
    `review.outside_window` past the time that was approved.
    """
    rows = _locked(session, delivery_ids, _PERSON_MAY_RETRY)
    windows = windows_of(session, rows)
    lateness = {_id(delivery): delivery.late_after - delivery.due for delivery in rows}
    before = {_id(delivery): State(delivery.state) for delivery in rows}
    for delivery in rows:
        delivery.state, delivery.needs_person = State.QUEUED, False
        delivery.due = delivery.not_before = now
        delivery.late_after = late_within(windows, delivery, now, now + lateness[_id(delivery)])
        delivery.attempts = delivery.looks = 0
        session.add(delivery)
    session.flush()
    write_events(
        session,
        [event(id_, now, state, State.QUEUED, actor, "retry") for id_, state in before.items()],
    )
    _after(session, keys, rows, at=now, act="post.retry", now=now, actor=actor)


def resolve(
    session: Session,
    keys: KeyRing,
    delivery_id: int,
    *,
    published_url: str | None,
    now: datetime,
    actor: str,
) -> None:
    """A person settles a doubt: published at that address, or not published (None).

    What was not published is failed, and may then be retried or cancelled. Raises MeizhenError
    `delivery.wrong_state`.
    """
    if published_url is not None and not _is_link(published_url):
        raise MeizhenError("delivery.not_a_url", received=published_url[:80])
    published = published_url is not None
    values: dict[str, object] = {"needs_person": not published, "outcome_code": "resolved"}
    if published:
        values |= {"url": published_url, "published_at": now}
    _move(
        session,
        keys,
        [delivery_id],
        State.PUBLISHED if published else State.FAILED,
        allowed=_PERSON_MAY_RESOLVE if published else (State.UNCERTAIN, State.HANDED_OVER),
        values=values,
        act="post.resolve",
        now=now,
        actor=actor,
    )


def _is_link(url: str) -> bool:
    """An address that a reader can open; kept in the column and shown as it is."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    readable = url.isprintable() and " " not in url and len(url) <= _URL_CHARACTERS
    return parts.scheme in ("http", "https") and bool(parts.hostname) and readable


def _move(
    session: Session,
    keys: KeyRing,
    delivery_ids: Sequence[int],
    to_state: State,
    *,
    allowed: Sequence[State],
    values: Mapping[str, object],
    act: str,
    now: datetime,
    actor: str,
) -> None:
    rows = _locked(session, delivery_ids, allowed)
    before = {_id(delivery): State(delivery.state) for delivery in rows}
    session.execute(
        update(Delivery)
        .where(col(Delivery.id).in_(list(before)))
        .values(state=to_state, **values)
        .execution_options(synchronize_session=False)
    )
    write_events(session, [event(id_, now, state, to_state, actor, act) for id_, state in before.items()])
    handed = [id_ for id_, state in before.items() if state is State.HANDED_OVER]
    if handed:
        ends = TaskState.DONE if to_state is State.PUBLISHED else TaskState.REFUSED
        end_tasks(session, handed, ends, now=now, actor=actor, told=act)
    _after(session, keys, rows, at=now, act=act, now=now, actor=actor)


def _locked(session: Session, delivery_ids: Sequence[int], allowed: Sequence[State]) -> Sequence[Delivery]:
    """The deliveries, locked; raises MeizhenError unless every one is in an allowed state."""
    rows = session.scalars(
        select(Delivery)
        .where(col(Delivery.id).in_(delivery_ids))
        .order_by(col(Delivery.id))
        .with_for_update()
    ).all()
    if len(rows) != len(set(delivery_ids)):
        missing = set(delivery_ids) - {_id(delivery) for delivery in rows}
        raise MeizhenError("delivery.not_found", ids=", ".join(map(str, sorted(missing))))
    for delivery in rows:
        if delivery.state not in allowed:
            raise MeizhenError(
                "delivery.wrong_state",
                may_have_gone_out=delivery.state in (State.SENDING, State.UNCERTAIN, State.ACCEPTED),
                id=delivery.id,
                state=Words(_STATES, (delivery.state,)),
                expected=Words(_STATES, tuple(allowed)),
            )
    return rows


def _after(
    session: Session,
    keys: KeyRing,
    rows: Sequence[Delivery],
    *,
    at: datetime,
    act: str,
    now: datetime,
    actor: str,
) -> None:
    lanes.wake(session, [delivery.account_id for delivery in rows], at)
    notices.close_gone(session, now)
    for delivery in rows:
        subject = f"post:{delivery.post_id}"
        details = {"delivery": delivery.id, "account": delivery.account_id}
        record(session, keys, at=now, actor=actor, act=act, subject=subject, details=details)


def _id(delivery: Delivery) -> int:
    if delivery.id is None:
        raise ValueError("expected a stored delivery")
    return delivery.id
