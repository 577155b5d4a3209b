"""Watching a node: what it counts of itself, and an eye beside it that sees when it stands still.

The bugs of publishing engines are mostly silence: something is due, lanes are free, and nothing moves. The
watchman asks for that from a thread of its own, since the dispatcher's may be the one that is stuck.
"""

import threading
from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import BindParameter, bindparam, func, or_, select
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col

from config.clock import Clock
from config.database import Database
from organisation.accounts import Account
from scheduler import notices
from scheduler.deliveries import Attempt, Delivery, State
from scheduler.gates import GateRow
from scheduler.journal import Ended
from scheduler.lanes import Lane
from scheduler.outcomes import Purpose
from scheduler.queue import QueueSwitch

_log = structlog.get_logger("scheduler.watch")

LATENESS_BOUNDS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 7200.0)
CALL_BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
LOOK_SECONDS = 2.0
# Red within ten seconds of a database that is gone or locked, a look's own time included.
_SILENCE = timedelta(seconds=7)


class Spread:
    """How values spread: how many fell below each bound (the last: above all), and their sum."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Watch:
    """What one node counts of itself. Only the dispatcher's thread writes; any thread may read a copy."""

    def __init__(self) -> None:
        self.last_turn: datetime | None = None
        self.calls: dict[tuple[str, str, str], int] = {}  # by platform, purpose, outcome
        self.lateness: dict[str, Spread] = {}  # seconds from due to the first call, by platform
        self.call_seconds: dict[str, Spread] = {}  # by platform
        self.refused_fences = 0  # answers that came after the lane was lost
        self.database_losses = 0

    def turned(self, now: datetime) -> None:
        """The dispatcher looked at everything once and could write what it had to."""
        self.last_turn = now

    def ended(self, platform: str, ended: Ended) -> None:
        """A call ended. Lateness counts once a delivery: at its first publish call."""
        work = ended.work
        key = (platform, str(work.purpose), ended.verdict.outcome)
        self.calls[key] = self.calls.get(key, 0) + 1
        started_at = work.started_at or ended.at
        seconds = (ended.at - started_at).total_seconds()
        self.call_seconds.setdefault(platform, Spread(CALL_BOUNDS)).add(max(seconds, 0.0))
        if work.purpose is Purpose.PUBLISH and work.calls == 1:
            late = (started_at - work.due).total_seconds()
            self.lateness.setdefault(platform, Spread(LATENESS_BOUNDS)).add(max(late, 0.0))

    def refused(self, count: int) -> None:
        """So many answers were not written: the lane had been taken over."""
        self.refused_fences += count

    def lost_database(self) -> None:
        self.database_losses += 1


# --- due but idle -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Idle:
    """The oldest delivery that should have moved, and since when."""

    delivery_id: int
    since: datetime


_BEFORE: BindParameter[datetime] = bindparam("before")
_NOW: BindParameter[datetime] = bindparam("now")
_HEAD = (
    select(col(Delivery.id))
    .where(col(Delivery.account_id) == col(Lane.account_id), col(Delivery.state) == State.QUEUED)
    .order_by(col(Delivery.due), col(Delivery.id))
    .limit(1)
    .correlate(Lane)
    .scalar_subquery()
)
_DOUBT = (
    select(col(Delivery.id))
    .where(
        col(Delivery.account_id) == col(Lane.account_id),
        col(Delivery.state) == State.UNCERTAIN,
        col(Delivery.needs_person).is_(False),
        col(Delivery.not_before) > _BEFORE,
    )
    .correlate(Lane)
    .exists()
)
# The first three conditions do not depend on the row: where nothing is due, or something moves, the question
# ends with them. Only else the heads of the lanes are looked at, one step into an index each.
_IDLE = (
    select(col(Delivery.id), col(Delivery.not_before))
    .select_from(Lane)
    .join(Account, col(Account.id) == col(Lane.account_id))
    .join(Delivery, col(Delivery.id) == _HEAD)
    .where(
        # The least, not any: it stands first in the index, wherever the planner thinks that some might lie.
        select(func.min(col(Delivery.due)))
        .where(col(Delivery.state) == State.QUEUED)
        .correlate(None)
        .scalar_subquery()
        <= _BEFORE,
        ~select(col(Attempt.number)).where(col(Attempt.started_at) > _BEFORE).exists(),
        ~select(col(QueueSwitch.id))
        .where(or_(col(QueueSwitch.stopped).is_(True), col(QueueSwitch.at) > _BEFORE))
        .exists(),
        # A platform that asked everybody to wait: what stands still may be waiting for it.
        ~select(col(GateRow.key)).where(col(GateRow.shut_until) > _BEFORE).exists(),
        col(Lane.paused).is_(False),
        or_(col(Lane.open_from).is_(None), col(Lane.open_from) <= _BEFORE),
        # Woken just now, by a person who resumed it: it has its time as well.
        or_(col(Lane.next_at).is_(None), col(Lane.next_at) <= _BEFORE, col(Lane.next_at) > _NOW),
        col(Account.state) == "active",
        col(Delivery.not_before) <= _BEFORE,
        ~_DOUBT,
    )
    .order_by(col(Delivery.due), col(Delivery.id))
    .limit(1)
)


def find_idle(session: Session, now: datetime, patience: timedelta) -> Idle | None:
    """The oldest head of an open lane that is due for longer than `patience`, where no node began any call
    for as long; None while something moves, or nothing may.

    Open: the queue is not stopped, the lane not paused, the platform did not say to wait, the account is
    active, and no doubt before it waits for its look-up.
    """
    row = session.execute(_IDLE, {"before": now - patience, "now": now}).first()
    return None if row is None else Idle(row[0], row[1])


class Watchman:
    """Looks every two seconds whether the database answers and the queue moves.

    `failing` and `alarm` may be read from any thread. The alarm is logged once, told once as a notice for all
    nodes, and ends by itself.
    """

    def __init__(
        self, database: Database, clock: Clock, watch: Watch, *, patience: timedelta, tick: timedelta
    ) -> None:
        self.watch = watch
        self.alarm: Idle | None = None
        self._database = database
        self._clock = clock
        self._patience = patience
        self._turn_limit = max(_SILENCE, 3 * tick)
        # A node that just came up needs a tick or two before it moves what is long due.
        self._sure = max(timedelta(seconds=5), 2 * tick)
        self._idle_since: datetime | None = None
        self._noticed: bool | None = None  # what the database was told last; None: not known
        self._answered_at: datetime | None = None  # None: the last look failed

    def run(self, stop: threading.Event) -> None:
        """Looks again and again until `stop` is set."""
        self.look()
        while not stop.wait(LOOK_SECONDS):
            self.look()

    def look(self) -> None:
        """One look: asks, judges, and tells the database where the alarm began or ended."""
        now = self._clock.now()
        try:
            with self._database.read() as session:
                idle = find_idle(session, now, self._patience)
                gone = notices.any_gone(session)
            self._answered_at = self._clock.now()
            self._judge(idle, now)
            self._tell(now, gone=gone)
        except SQLAlchemyError as error:
            if self._answered_at is not None:
                _log.error("watch_lost_database", reason=type(error).__name__)
            self._answered_at = None

    def failing(self) -> tuple[str, ...]:
        """The parts that do not live: `dispatcher`, `database`; () is healthy."""
        now = self._clock.now()
        parts = {
            "dispatcher": (self.watch.last_turn, self._turn_limit),
            "database": (self._answered_at, _SILENCE),
        }
        return tuple(name for name, (last, limit) in parts.items() if last is None or now - last > limit)

    def _judge(self, idle: Idle | None, now: datetime) -> None:
        if idle is None:
            if self.alarm is not None:
                _log.info("due_but_idle_over", delivery=self.alarm.delivery_id)
            self.alarm = self._idle_since = None
            return
        self._idle_since = self._idle_since or now
        if self.alarm is None and now - self._idle_since >= self._sure:
            self.alarm = idle
            _log.error("due_but_idle", delivery=idle.delivery_id, since=idle.since.isoformat())

    def _tell(self, now: datetime, *, gone: bool) -> None:
        raised = self.alarm is not None
        if self._noticed == raised and not gone:
            return
        if self._idle_since is not None and not raised:
            return  # not sure yet
        with self._database.write() as session:
            if raised:
                notices.raise_idle(session, now)
            else:
                notices.end_idle(session, now)
            notices.close_gone(session, now)
        self._noticed = raised
