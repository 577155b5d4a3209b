"""Work that is due again and again: each fire time runs once, on one node, however many are up."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field, SQLModel, col

from config.database import Database


class PeriodicRun(SQLModel, table=True):
    """One fire time of one job; its row is the lease."""

    __tablename__ = "periodic_run"

    name: str = Field(primary_key=True, max_length=64)
    fire_at: datetime = Field(primary_key=True)
    node: str = Field(max_length=80)
    started_at: datetime
    finished_at: datetime | None = None


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
