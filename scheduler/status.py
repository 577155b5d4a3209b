"""How the queue stands: what `meizhen queue status` shows, and the gauges of the metrics.

A few statements on indexes. Only the count of what is finished grows with everything that was ever
published: a look that comes every few seconds leaves it out.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlmodel import Session, col

from organisation.accounts import Account
from scheduler.deliveries import ASKING, FOLLOWERS, Delivery, State
from scheduler.lanes import Lane
from scheduler.notices import Notice
from scheduler.queue import is_stopped
from scheduler.watch import find_idle

_UNFINISHED = tuple(state for state in State if FOLLOWERS[state])


@dataclass(frozen=True)
class PlatformStatus:
    """One platform's part of the queue; states without deliveries are not named."""

    states: dict[str, int]
    due: int = 0
    oldest_due: datetime | None = None


@dataclass(frozen=True)
class QueueStatus:
    """How the queue stands: deliveries by state, and what a person should know first.

    `nodes` tells how many lanes each node holds now; `notices` how many are open, by kind; `idle_since` is
    set while something is due, lanes are free and nothing moves.
    """

    states: dict[str, int]
    due: int
    oldest_due: datetime | None
    needs_person: int
    paused_accounts: int
    stopped: bool
    idle_since: datetime | None
    platforms: dict[str, PlatformStatus] = field(default_factory=dict)
    nodes: dict[str, int] = field(default_factory=dict)
    notices: dict[str, int] = field(default_factory=dict)


def queue_status(
    session: Session, now: datetime, patience: timedelta = timedelta(minutes=1), *, finished: bool = True
) -> QueueStatus:
    """Counts by state, all states named; `oldest_due` is the oldest queued post whose time has come.

    `patience` is the setting `idle_alarm_seconds`. Without `finished`, what is published or cancelled is not
    counted, nor named under its platform.
    """
    platforms = _platforms(session, now, finished=finished)
    states = {str(state): 0 for state in State}
    for platform in platforms.values():
        for state, count in platform.states.items():
            states[state] += count
    person = session.execute(
        select(func.count()).where(col(Delivery.state).in_(ASKING), col(Delivery.needs_person).is_(True))
    ).scalar_one()
    paused = session.execute(select(func.count()).where(col(Lane.paused).is_(True))).scalar_one()
    idle = find_idle(session, now, patience)
    return QueueStatus(
        states,
        sum(platform.due for platform in platforms.values()),
        min((platform.oldest_due for platform in platforms.values() if platform.oldest_due), default=None),
        person,
        paused,
        is_stopped(session),
        idle.since if idle else None,
        platforms,
        _nodes(session, now),
        _notices(session),
    )


def _platforms(session: Session, now: datetime, *, finished: bool) -> dict[str, PlatformStatus]:
    """By platform. The accounts join only what is summed."""
    sums = select(col(Delivery.account_id), col(Delivery.state), func.count().label("count"))
    if not finished:
        sums = sums.where(col(Delivery.state).in_(_UNFINISHED))
    counted = sums.group_by(col(Delivery.account_id), col(Delivery.state)).subquery()
    rows = session.execute(
        select(col(Account.platform), counted.c.state, func.sum(counted.c.count))
        .join(counted, counted.c.account_id == col(Account.id))
        .group_by(col(Account.platform), counted.c.state)
        .order_by(col(Account.platform), counted.c.state)
    )
    states: dict[str, dict[str, int]] = {}
    for platform, state, count in rows:
        states.setdefault(platform, {})[state] = int(count)
    due = session.execute(
        select(col(Account.platform), func.count(), func.min(col(Delivery.due)))
        .join(Delivery, col(Delivery.account_id) == col(Account.id))
        .where(col(Delivery.state) == State.QUEUED, col(Delivery.due) <= now)
        .group_by(col(Account.platform))
    )
    waiting = {platform: (count, oldest) for platform, count, oldest in due}
    return {
        platform: PlatformStatus(counts, *waiting.get(platform, (0, None)))
        for platform, counts in states.items()
    }


def _nodes(session: Session, now: datetime) -> dict[str, int]:
    held = select(col(Lane.node), func.count()).where(col(Lane.lease_until) > now).group_by(col(Lane.node))
    return {node: count for node, count in session.execute(held.order_by(col(Lane.node))) if node}


def _notices(session: Session) -> dict[str, int]:
    counted = select(col(Notice.kind), func.count()).where(col(Notice.closed_at).is_(None))
    rows = session.execute(counted.group_by(col(Notice.kind)).order_by(col(Notice.kind)))
    return {str(kind): count for kind, count in rows}
