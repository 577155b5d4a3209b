"""Work that is due again and again: each fire time runs once, on one node, however many are up."""

from collections.abc import Callable
from datetime import datetime, timedelta

from apscheduler.schedulers.base import BaseScheduler
from apscheduler.triggers.base import BaseTrigger
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field, SQLModel, col

from config.clock import Clock
from config.database import Database


class PeriodicRun(SQLModel, table=True):
    """One fire time of one job; its row is the lease."""

    __tablename__ = "periodic_run"

    name: str = Field(primary_key=True, max_length=64)
    fire_at: datetime = Field(primary_key=True)
    node: str = Field(max_length=80)
    started_at: datetime
    finished_at: datetime | None = None


def register_periodic(
    ticker: BaseScheduler,
    name: str,
    trigger: BaseTrigger,
    work: Callable[[], None],
    *,
    database: Database,
    clock: Clock,
    node: str,
) -> None:
    """Has `work` run at every fire time of `trigger`, on one of the nodes that register it.

    `ticker` only ticks; the row of the fire time decides who runs. `name` is the same on all nodes.
    """

    def run() -> None:
        now = clock.now()
        fire_at = last_fire(trigger, now)
        if fire_at is not None and claim_run(database, name, fire_at, node=node, now=now):
            work()
            finish_run(database, name, fire_at, now=clock.now())

    ticker.add_job(run, trigger, id=name)


def last_fire(trigger: BaseTrigger, now: datetime) -> datetime | None:
    """The latest fire time up to `now`, within a day: a tick that comes late still belongs to it."""
    fired: datetime | None = None
    coming: datetime | None = trigger.get_next_fire_time(None, now - timedelta(days=1))
    while coming is not None and coming <= now:
        fired = coming
        coming = trigger.get_next_fire_time(fired, fired + timedelta(microseconds=1))
    return fired


def claim_run(database: Database, name: str, fire_at: datetime, *, node: str, now: datetime) -> bool:
    """True for the one node that may run `name` for `fire_at`."""
    try:
        with database.write() as session:
            session.add(PeriodicRun(name=name, fire_at=fire_at, node=node, started_at=now))
    except IntegrityError:
        return False
    return True


def finish_run(database: Database, name: str, fire_at: datetime, *, now: datetime) -> None:
    """Notes that the run ended."""
    with database.write() as session:
        session.execute(
            update(PeriodicRun)
            .where(col(PeriodicRun.name) == name, col(PeriodicRun.fire_at) == fire_at)
            .values(finished_at=now)
        )
