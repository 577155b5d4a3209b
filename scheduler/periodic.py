"""Work that is due again and again: each fire time runs once, on one node, however many are up.

The row of a fire time is its lease. Who takes it runs the work; when the lease ran out and the run has not
ended (the node died, or the work failed), another may take it, three times in all. APScheduler only ticks: at
every tick each job asks whether its newest fire time is still to be run, so one that passed while no node was
up is made up at the next start, within the job's grace, and once: older ones are left out.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from apscheduler.schedulers.base import BaseScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy import delete, func, or_, update
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlmodel import Field, Session, SQLModel, col, select

from config.clock import Clock
from config.database import Database

MAX_TAKINGS = 3
DONE = "done"
_KEPT = timedelta(days=90)
_TICK_SECONDS = 15
_log = structlog.get_logger("scheduler.periodic")


class PeriodicRun(SQLModel, table=True):
    """One fire time of one job; its row is the lease, held until `lease_until`."""

    __tablename__ = "periodic_run"

    name: str = Field(primary_key=True, max_length=64)
    fire_at: datetime = Field(primary_key=True)
    node: str = Field(max_length=80)
    started_at: datetime  # of the last taking
    lease_until: datetime | None = None  # None: nobody holds it
    takings: int = 1
    outcome: str = Field(default="", max_length=80)  # `done`, or the class of the error it failed with
    finished_at: datetime | None = None


@dataclass(frozen=True)
class Lease:
    """A taken fire time; `number` tells this taking from one after it."""

    name: str
    fire_at: datetime
    node: str
    number: int


def register_periodic(
    ticker: BaseScheduler,
    name: str,
    trigger: BaseTrigger,
    work: Callable[[], None],
    *,
    database: Database,
    clock: Clock,
    node: str,
    at_most: timedelta = timedelta(hours=1),
    grace: timedelta = timedelta(days=1),
) -> None:
    """Has `work` run for every fire time of `trigger`, on one of the nodes that register it.

    `name` is the same on all nodes. `at_most` is how long the work may take: a node that holds a fire time
    longer counts as dead. A fire time is made up as long as it is not older than `grace`.
    """
    running = threading.Lock()

    def tick() -> None:
        # A tick while the work still runs has nothing to ask, and nobody to tell.
        if not running.acquire(blocking=False):
            return
        try:
            run_due(
                name, trigger, work, database=database, clock=clock, node=node, at_most=at_most, grace=grace
            )
        except OperationalError as error:
            _log.error("database_unreachable", job=name, reason=type(error.orig).__name__)
        finally:
            running.release()

    # Two at a time: the second only finds the first at work.
    ticker.add_job(
        tick,
        IntervalTrigger(seconds=_TICK_SECONDS),
        id=name,
        max_instances=2,
        next_run_time=clock.now(),
        misfire_grace_time=None,
    )


def register_rounds(
    ticker: BaseScheduler, name: str, work: Callable[[], None], *, seconds: int, clock: Clock
) -> None:
    """Has rounds of `work` run on every node while the ticker runs, one at a time on each.

    What a round does is done once over all nodes by rows of its own. It never raises.
    """
    running = threading.Lock()

    def tick() -> None:
        # A round may take minutes: a tick meanwhile has nothing to do, and nobody to tell.
        if running.acquire(blocking=False):
            try:
                work()
            finally:
                running.release()

    ticker.add_job(
        tick,
        IntervalTrigger(seconds=seconds),
        id=name,
        max_instances=2,  # the second only finds the first at work
        next_run_time=clock.now(),
        misfire_grace_time=None,
    )


def run_due(
    name: str,
    trigger: BaseTrigger,
    work: Callable[[], None],
    *,
    database: Database,
    clock: Clock,
    node: str,
    at_most: timedelta,
    grace: timedelta,
) -> bool:
    """Runs the newest fire time, where it is still to be run and nobody else has it; True where it was run.

    A failure of the work is recorded and logged, not raised: it is tried again at the next tick.
    """
    now = clock.now()
    fire_at = last_fire(trigger, now, grace)
    if fire_at is None:
        return False
    lease = take(database, name, fire_at, node=node, now=now, at_most=at_most)
    if lease is None:
        return False
    try:
        work()
    except Exception as error:
        # Of what an exception says, nobody knows whether it holds a secret: the class is enough.
        _log.error("periodic_failed", job=name, taking=lease.number, error=type(error).__name__)
        fail(database, lease, type(error).__name__, now=clock.now())
    else:
        finish(database, lease, now=clock.now())
    return True


def last_fire(trigger: BaseTrigger, now: datetime, grace: timedelta = timedelta(days=1)) -> datetime | None:
    """The newest fire time up to `now`, not older than `grace`."""
    fired: datetime | None = None
    coming: datetime | None = trigger.get_next_fire_time(None, now - grace)
    while coming is not None and coming <= now:
        fired = coming
        coming = trigger.get_next_fire_time(fired, fired + timedelta(microseconds=1))
    return fired


def take(
    database: Database, name: str, fire_at: datetime, *, node: str, now: datetime, at_most: timedelta
) -> Lease | None:
    """The lease of a fire time, for the one node that may run it now; None for all others."""
    with database.read() as session:
        run = session.get(PeriodicRun, (name, fire_at))
        if run is None and _is_overtaken(session, name, fire_at):
            return None
    if run is None:
        return _insert(database, name, fire_at, node=node, now=now, at_most=at_most)
    if run.finished_at is not None or run.takings >= MAX_TAKINGS or not _is_free(run, now):
        return None
    return _take_over(database, run, node=node, now=now, at_most=at_most)


def _is_overtaken(session: Session, name: str, fire_at: datetime) -> bool:
    """A newer fire time has been run: the clock went back, or this one is left out."""
    newest = session.exec(select(func.max(PeriodicRun.fire_at)).where(PeriodicRun.name == name)).one()
    return newest is not None and newest > fire_at


def _is_free(run: PeriodicRun, now: datetime) -> bool:
    return run.lease_until is None or run.lease_until <= now


def _insert(
    database: Database, name: str, fire_at: datetime, *, node: str, now: datetime, at_most: timedelta
) -> Lease | None:
    run = PeriodicRun(name=name, fire_at=fire_at, node=node, started_at=now, lease_until=now + at_most)
    try:
        with database.write() as session:
            session.add(run)
    except IntegrityError:
        return None
    return Lease(name, fire_at, node, 1)


def _take_over(
    database: Database, run: PeriodicRun, *, node: str, now: datetime, at_most: timedelta
) -> Lease | None:
    lease = Lease(run.name, run.fire_at, node, run.takings + 1)
    with database.write() as session:
        taken = session.execute(
            update(PeriodicRun)
            .where(
                col(PeriodicRun.name) == run.name,
                col(PeriodicRun.fire_at) == run.fire_at,
                col(PeriodicRun.takings) == run.takings,
                col(PeriodicRun.finished_at).is_(None),
                or_(col(PeriodicRun.lease_until).is_(None), col(PeriodicRun.lease_until) <= now),
            )
            .values(node=node, started_at=now, lease_until=now + at_most, takings=lease.number)
            .returning(col(PeriodicRun.takings))
        ).first()
    if taken is None:
        return None
    _log.warning(
        "periodic_taken_again", job=run.name, taking=lease.number, before=run.node, failed=run.outcome
    )
    return lease


def finish(database: Database, lease: Lease, *, now: datetime) -> None:
    """Notes that the run ended well, and sweeps the job's rows of a quarter ago."""
    with database.write() as session:
        _end(session, lease, {"finished_at": now, "lease_until": None, "outcome": DONE})
        session.execute(
            delete(PeriodicRun).where(
                col(PeriodicRun.name) == lease.name, col(PeriodicRun.fire_at) < now - _KEPT
            )
        )


def fail(database: Database, lease: Lease, error: str, *, now: datetime) -> None:
    """Notes that the run failed: the fire time is free again, or given up after its last taking."""
    values: dict[str, object] = {"lease_until": None, "outcome": error[:80]}
    if lease.number >= MAX_TAKINGS:
        values |= {"finished_at": now}
    with database.write() as session:
        _end(session, lease, values)


def _end(session: Session, lease: Lease, values: dict[str, object]) -> None:
    ended = session.execute(
        update(PeriodicRun)
        .where(
            col(PeriodicRun.name) == lease.name,
            col(PeriodicRun.fire_at) == lease.fire_at,
            col(PeriodicRun.takings) == lease.number,
            col(PeriodicRun.node) == lease.node,
        )
        .values(**values)
        .returning(col(PeriodicRun.takings))
    ).first()
    if ended is None:
        _log.warning("periodic_overtaken", job=lease.name, taking=lease.number)
