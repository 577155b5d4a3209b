"""Which node does a job: taken by one, kept while its heart beats, taken up by another once it is silent.

A taking has a number. Everything that is written of a job under way is written under the number of its
taking: a node that wakes late changes nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, and_, or_, update
from sqlalchemy import select as rows
from sqlmodel import Session, col

from config.database import Database
from config.errors import MeizhenError
from config.secrets import KeyRing
from organisation.jobs import Job, JobState
from organisation.ledger import record

MOST_LOST = 3
_AT_ONCE = 10
_log = structlog.get_logger("jobs")


@dataclass(frozen=True)
class Lease:
    """A taken job; `number` tells this taking from one after it."""

    job_id: int
    number: int


@dataclass(frozen=True)
class Entry:
    """What the ledger is to tell of a job's work, once it is done."""

    act: str
    subject: str
    details: Mapping[str, object]


@dataclass(frozen=True)
class End:
    """How a job ended. `refusal` is a MeizhenError's `as_json`."""

    state: JobState
    result: Mapping[str, object] = field(default_factory=dict)
    refusal: Mapping[str, object] = field(default_factory=dict)
    entries: Sequence[Entry] = ()


def take_job(
    database: Database, keys: KeyRing, kinds: Collection[str], *, node: str, now: datetime, lease: timedelta
) -> tuple[Job, Lease] | None:
    """The next job that waits, or whose node is silent, for the one node that does it now; oldest first.

    One that was lost with its node three times is ended as failed.
    """
    due = and_(col(Job.state) == JobState.WAITING, col(Job.due_at) <= now)
    silent = and_(col(Job.state) == JobState.RUNNING, col(Job.lease_until) <= now)
    wanted = rows(Job).where(or_(due, silent), col(Job.kind).in_(kinds)).order_by(col(Job.id)).limit(_AT_ONCE)
    with database.read() as session:
        found = session.scalars(wanted).all()
    for job in found:
        lost = job.lost + (job.state == JobState.RUNNING)
        if lost >= MOST_LOST:
            refusal = MeizhenError("job.given_up", times=lost).as_json()
            end_job(database, keys, Lease(job.known_id, job.takings), End(JobState.FAILED, {}, refusal), now)
            continue
        taken = _take(database, job, lost, node, now, now + lease)
        if taken is not None:
            if lost > job.lost:
                _log.warning("job_taken_up", job=job.id, kind=job.kind, before=job.node, taking=taken.takings)
            return taken, Lease(taken.known_id, taken.takings)
    return None


def _take(
    database: Database, seen: Job, lost: int, node: str, now: datetime, lease_until: datetime
) -> Job | None:
    with database.write() as session:
        return session.scalars(
            update(Job)
            .where(
                col(Job.id) == seen.known_id,
                col(Job.state) == seen.state,
                col(Job.takings) == seen.takings,
                # Its heart may have beaten since.
                or_(col(Job.lease_until).is_(None), col(Job.lease_until) <= now),
            )
            .values(
                state=JobState.RUNNING,
                node=node,
                lease_until=lease_until,
                takings=seen.takings + 1,
                lost=lost,
                started_at=seen.started_at or now,
            )
            .returning(Job)
            .execution_options(populate_existing=True)
        ).one_or_none()


def beat(database: Database, lease: Lease, until: datetime, **progress: object) -> bool | None:
    """Keeps the job, with its progress where told: did somebody call it off? None: it is no more ours."""
    with database.write() as session:
        found = session.execute(
            update(Job)
            .where(*_held(lease))
            .values(lease_until=until, **progress)
            .returning(col(Job.cancel_at))
            .execution_options(synchronize_session=False)
        ).one_or_none()
    return None if found is None else found[0] is not None


def end_job(database: Database, keys: KeyRing, lease: Lease, end: End, now: datetime) -> bool:
    """Ends the job with what the ledger is to tell, in one; False where it is no more ours."""
    with database.write() as session:
        job = _move(
            session,
            lease,
            state=end.state,
            ended_at=now,
            lease_until=None,
            result=dict(end.result),
            refusal=dict(end.refusal),
        )
        if job is None:
            return False
        for entry in end.entries:
            record(
                session,
                keys,
                at=now,
                actor=job.actor,
                act=entry.act,
                subject=entry.subject,
                details=entry.details,
            )
        details = {"kind": job.kind, "state": job.state, "code": end.refusal.get("code", "")}
        record(session, keys, at=now, actor=job.actor, act="job.end", subject=job.name, details=details)
    return True


def hand_back(database: Database, lease: Lease, due: datetime) -> bool:
    """Has another taking do the job, not before `due`; False where it is no more ours."""
    with database.write() as session:
        return (
            _move(session, lease, state=JobState.WAITING, due_at=due, lease_until=None, node="") is not None
        )


def _move(session: Session, lease: Lease, **values: object) -> Job | None:
    moved = update(Job).where(*_held(lease)).values(values).returning(Job)
    return session.scalars(moved.execution_options(populate_existing=True)).one_or_none()


def _held(lease: Lease) -> tuple[ColumnElement[bool], ...]:
    return (
        col(Job.id) == lease.job_id,
        col(Job.state) == JobState.RUNNING,
        col(Job.takings) == lease.number,
    )
