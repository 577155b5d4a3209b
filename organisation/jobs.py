"""Jobs: long work that somebody asked for and that a node does for them, told of and called off by number.

A job is asked for in one transaction with what it is about, and done later by whichever node takes it
(`job_leases`, `job_runner`). Its row has the arguments and a small result; what it makes lies in a folder of
its own. Whoever looks is its asker, or may do the same at its place; for others it does not exist.
"""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import JSON, Column, ColumnElement, Index, and_, delete, false, func, or_, text, true, update
from sqlalchemy import select as rows
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped
from sqlmodel import Field, Session, SQLModel, col, select

from config.errors import MeizhenError
from config.keyset import keyset
from config.secrets import KeyRing
from organisation.ledger import record
from organisation.permissions import Act, Place, Standing, may, outermost, require
from organisation.units import PATH, Unit, after_subtree

FILES_KEPT = timedelta(days=7)
"""How long after its end the files that a job made can be fetched."""

ROWS_KEPT = timedelta(days=90)
MOST_LIVE = 20  # of one person: a program in a loop does not fill the queue for everybody


class JobState(StrEnum):
    """How a job stands. The last three are ends."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ON_PAGE = "on_page"
LIVE = (JobState.WAITING, JobState.RUNNING)
_LIVE = text("state IN ('waiting', 'running')")


class Job(SQLModel, table=True):
    """One job. `path` is the place above all `places`; `refusal` is read by `refused` and `refused_on_page`.

    `takings` counts its takings and fences: who holds an earlier one can change nothing more.
    """

    __tablename__ = "job"
    __table_args__ = (
        # One at a time about one thing, whatever two requests believe.
        Index("ix_job_live_subject", "subject", unique=True, sqlite_where=_LIVE, postgresql_where=_LIVE),
        Index("ix_job_live", "due_at", sqlite_where=_LIVE, postgresql_where=_LIVE),
        Index("ix_job_subject", "subject", "id"),
        Index("ix_job_person", "person_id", "id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    kind: str = Field(max_length=32)
    arguments: dict[str, object] = Field(sa_column=Column(JSON, nullable=False))
    subject: str = Field(max_length=160)  # what it is done to; its token where it is done to nothing
    token: str = Field(max_length=32)  # names its folder
    act: str = Field(max_length=32)
    path: str = Field(sa_column=Column(PATH, nullable=False))
    places: list[str] = Field(sa_column=Column(JSON, nullable=False))
    person_id: int = Field(foreign_key="person.id")
    api_key_id: int | None = Field(default=None, foreign_key="api_key.id")
    actor: str = Field(max_length=120)
    language: str = Field(max_length=2)
    state: str = Field(max_length=16)
    asked_at: datetime
    due_at: datetime  # not before
    started_at: datetime | None = None
    ended_at: datetime | None = Field(default=None, index=True)
    step: str = Field(default="", max_length=120)
    done: int = 0
    total: int = 0  # 0: not known
    result: dict[str, object] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    refusal: dict[str, object] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    cancel_at: datetime | None = None
    cancel_by: str | None = Field(default=None, max_length=120)
    node: str = Field(default="", max_length=80)
    lease_until: datetime | None = None
    takings: int = 0
    lost: int = 0  # how many nodes died with it

    @property
    def known_id(self) -> int:
        """The row's id; the job is stored."""
        if self.id is None:
            raise ValueError("expected a stored job: this one has no id yet")
        return self.id

    @property
    def refused(self) -> dict[str, object]:
        """Why it failed, as a MeizhenError's `as_json`; empty where it did not."""
        return {name: value for name, value in self.refusal.items() if name != ON_PAGE}

    @property
    def refused_on_page(self) -> dict[str, object]:
        """The same for a reader of the console: what to do there."""
        on_page = self.refusal.get(ON_PAGE)
        return on_page if isinstance(on_page, dict) else self.refused

    @property
    def is_live(self) -> bool:
        """Does it wait or run?"""
        return self.state in LIVE

    @property
    def name(self) -> str:
        """How the ledger names it."""
        return f"job:{self.id}"

    @property
    def files(self) -> list[str]:
        """The names of the files that it made."""
        names = self.result.get("files")
        return [str(name) for name in names] if isinstance(names, list) else []

    def has_files(self, now: datetime) -> bool:
        """Can they still be fetched?"""
        return bool(self.files) and self.ended_at is not None and now - self.ended_at < FILES_KEPT


@dataclass(frozen=True)
class Order:
    """What somebody wants done: a kind with its arguments, the act that it is, and where.

    `subject` is what one job at a time may be about; empty is nothing.
    """

    kind: str
    arguments: Mapping[str, object]
    act: Act
    places: Sequence[str]
    subject: str = ""
    token: str = field(default_factory=lambda: secrets.token_hex(16))


@dataclass(frozen=True)
class Asker:
    """Who asks: what they may just now, by which key, and in which language they read."""

    person: Standing
    actor: str
    language: str
    api_key_id: int | None = None


def ask_job(session: Session, keys: KeyRing, order: Order, asker: Asker, *, now: datetime) -> Job:
    """Puts a job down to be done.

    Raises as `organisation.require` where the asker may not at one of the places, and MeizhenError
    `job.under_way` (one about the same is live) or `job.too_many`.
    """
    if not order.places:
        raise MeizhenError("organisation.out_of_sight")
    for path in order.places:
        require(asker.person, order.act, Place(path))
    own = select(func.count()).select_from(Job)
    if session.exec(own.where(Job.person_id == asker.person.person_id, _is_live())).one() >= MOST_LIVE:
        raise MeizhenError("job.too_many", most=MOST_LIVE)
    job = Job(
        kind=order.kind,
        arguments=dict(order.arguments),
        subject=order.subject or f"token:{order.token}",
        token=order.token,
        act=order.act.value,
        path=_above(order.places),
        places=list(order.places),
        person_id=asker.person.person_id,
        api_key_id=asker.api_key_id,
        actor=asker.actor,
        language=asker.language,
        state=JobState.WAITING,
        asked_at=now,
        due_at=now,
    )
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    job.id = session.execute(
        insert(Job).values(**job.model_dump(exclude={"id"})).on_conflict_do_nothing().returning(col(Job.id))
    ).scalar_one_or_none()
    if job.id is None:
        raise MeizhenError("job.under_way", subject=order.subject)
    details = {"kind": job.kind, "about": job.subject, "places": job.places}
    record(session, keys, at=now, actor=asker.actor, act="job.ask", subject=job.name, details=details)
    return job


def places_of(person: Standing, act: Act, unit: Unit | None = None) -> list[str]:
    """Where a person may do this, within a unit where one is given: the outermost places."""
    held = outermost(set(person.paths_of(act)))
    if unit is None:
        return held
    if any(unit.path.startswith(path) for path in held):
        return [unit.path]
    return [path for path in held if path.startswith(unit.path)]


def under(places: Collection[str]) -> ColumnElement[bool]:
    """The condition that a `Unit` row stands at or below one of the places."""
    return _below(col(Unit.path), places)


def find_job(session: Session, number: int, person: Standing | None) -> Job:
    """The job, where the person sees it (None: the operator sees all).

    Raises MeizhenError `organisation.out_of_sight`, also where there is none.
    """
    job = session.get(Job, number)
    if job is None or not (person is None or sees_job(person, job)):
        raise MeizhenError("organisation.out_of_sight")
    return job


def require_files(job: Job, person: Standing, now: datetime) -> None:
    """Raises MeizhenError `organisation.out_of_sight` unless the person may do just this at all the job's
    places, and `job.no_file` where it has no files (any more).
    """
    if not all(may(person, Act(job.act), Place(path)) for path in job.places):
        raise MeizhenError("organisation.out_of_sight")
    if not job.has_files(now):
        raise MeizhenError("job.no_file", number=job.known_id)


def page_of_jobs(
    session: Session,
    person: Standing | None,
    after: Sequence[object] | None = None,
    *,
    limit: int = 50,
    live: bool = False,
    kind: str | None = None,
    own: bool = False,
) -> list[Job]:
    """The newest jobs that the person sees, newest first, beyond the number `after`; only what is `live`, of
    one kind, their `own`.
    """
    wanted = rows(Job)
    if person is not None:
        wanted = wanted.where(_own(person) if own else or_(_own(person), _allowed(person)))
    if live:
        wanted = wanted.where(_is_live())
    if kind is not None:
        wanted = wanted.where(col(Job.kind) == kind)
    return list(session.scalars(keyset(wanted, [col(Job.id)], after, limit, newest_first=True)))


def newest_job(session: Session, subject: str, *kinds: str) -> Job | None:
    """The newest job about a subject, of some kinds where they are named."""
    wanted = select(Job).where(Job.subject == subject).order_by(col(Job.id).desc()).limit(1)
    if kinds:
        wanted = wanted.where(col(Job.kind).in_(kinds))
    return session.exec(wanted).first()


def cancel_job(session: Session, keys: KeyRing, job: Job, *, actor: str, now: datetime) -> Job:
    """Calls a job off: one that nobody began ends here, one that was begun by whoever does it, at its next
    step. `job` was found by `find_job`. Raises MeizhenError `job.ended`.
    """
    asked: dict[str, object] = {"cancel_at": now, "cancel_by": actor}
    ended = {**asked, "state": JobState.CANCELLED, "ended_at": now}
    for begun, values in ((col(Job.takings) == 0, ended), (col(Job.takings) > 0, asked)):
        wanted = (
            update(Job)
            .where(col(Job.id) == job.known_id, _is_live(), begun)
            .values(values)
            .returning(Job)
            .execution_options(populate_existing=True)
        )
        found = session.scalars(wanted).one_or_none()
        if found is not None:
            details = {"kind": job.kind, "ended": not found.is_live}
            record(session, keys, at=now, actor=actor, act="job.cancel", subject=job.name, details=details)
            return found
    raise MeizhenError("job.ended", number=job.known_id)


def end_live_jobs(session: Session, now: datetime, by: str) -> int:
    """Calls off all that waits or runs, as after a restore, whose backup has no files of jobs; how many."""
    ended = session.execute(
        update(Job)
        .where(_is_live())
        .values(
            state=JobState.CANCELLED,
            ended_at=now,
            cancel_at=now,
            cancel_by=by,
            lease_until=None,
            takings=Job.takings + 1,
        )
        .returning(col(Job.id))
        .execution_options(synchronize_session=False)
    )
    return len(ended.all())


def sweep_jobs(session: Session, now: datetime) -> set[str]:
    """Forgets jobs that ended a quarter ago; gives the tokens of those whose files are still kept."""
    session.execute(delete(Job).where(col(Job.ended_at) < now - ROWS_KEPT))
    kept = or_(_is_live(), col(Job.ended_at) > now - FILES_KEPT)
    return set(session.scalars(rows(col(Job.token)).where(kept)))


def _is_live() -> ColumnElement[bool]:
    return col(Job.state).in_(LIVE)


def sees_job(person: Standing, job: Job) -> bool:
    """Is it the person's own, or might they have asked for it? Then they may call it off, too."""
    act = Act(job.act)
    if person.enrolling or not person.in_scope(act):
        return False
    return job.person_id == person.person_id or may(person, act, Place(job.path))


def _own(person: Standing) -> ColumnElement[bool]:
    if person.enrolling:
        return false()
    acts = [act.value for act in Act if person.in_scope(act)]
    return and_(col(Job.person_id) == person.person_id, col(Job.act).in_(acts))


def _allowed(person: Standing) -> ColumnElement[bool]:
    """Jobs of others that the person might have asked for."""
    acts: dict[tuple[str, ...], list[str]] = {}
    for act in Act:
        acts.setdefault(tuple(outermost(set(person.paths_of(act)))), []).append(act.value)
    return or_(
        false(),
        *(and_(col(Job.act).in_(told), _below(col(Job.path), places)) for places, told in acts.items()),
    )


def _below(path: Mapped[str], places: Collection[str]) -> ColumnElement[bool]:
    if "" in places:
        return true()
    return or_(false(), *(and_(path >= place, path < after_subtree(place)) for place in places))


def _above(places: Sequence[str]) -> str:
    """The nearest place above all of them; '' is the whole house."""
    first, last = min(places), max(places)
    common = 0
    for number, (one, other) in enumerate(zip(first, last, strict=False), start=1):
        if one != other:
            break
        if one == "/":
            common = number
    return first[:common]
