"""One report to one place: a row a schedule, fire time, channel and target, and the states it goes through.

planned  → sending                        (claimed: committed before anything leaves)
         → missed, cancelled              (too late; its schedule ended)
sending  → sent                           (the other side has it; final)
         → planned                        (certainly not sent: again at `not_before`)
         → uncertain                      (the answer was lost, or the node died: it may have arrived)
         → failed                         (a person must mend something)
         → cancelled                      (a digest with nothing in it, where that is not sent)
uncertain, failed, missed → planned       (a person: again) · uncertain → sent (a person, or heard late)
                          → cancelled     (a digest: there is a newer one)

The key is the guard against twice: a fire time that two nodes plan gives one row a target. `attempts` is the
fence, which only grows: an outcome is written only by the claim that it belongs to.
"""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Column,
    Index,
    UniqueConstraint,
    delete,
    func,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, Session, SQLModel, col, select

from analytics.reports.robots import ReportRobot, per_minute
from analytics.reports.schedules import ReportSchedule
from config.database import Database
from organisation.units import Unit

MAX_TRIES = 8
"""Tries of one delivery: with the pauses between them an hour and a half."""

_PAUSES = (1, 2, 4, 8, 16, 30, 30)  # minutes after the first, second … failed try
_CODE, _TOLD = 80, 1000
_FORGOTTEN = timedelta(days=400)  # a year's comparison and a bit; then the addresses go
_MINUTE = timedelta(minutes=1)


class Channel(StrEnum):
    MAIL = "mail"
    FOLDER = "folder"
    ROBOT = "robot"


class State(StrEnum):
    PLANNED = "planned"
    SENDING = "sending"
    SENT = "sent"
    UNCERTAIN = "uncertain"
    FAILED = "failed"
    MISSED = "missed"
    CANCELLED = "cancelled"


NEEDING_PERSON = (State.UNCERTAIN, State.FAILED, State.MISSED)


class ReportDelivery(SQLModel, table=True):
    """One report on its way to one target: an address, a folder below the root, a robot's name."""

    __tablename__ = "report_delivery"
    __table_args__ = (
        UniqueConstraint("schedule_id", "fire_at", "channel", "target"),
        CheckConstraint(
            "state IN ('planned', 'sending', 'sent', 'uncertain', 'failed', 'missed', 'cancelled')",
            name="ck_report_delivery_state",
        ),
        CheckConstraint("channel IN ('mail', 'folder', 'robot')", name="ck_report_delivery_channel"),
        Index(
            "ix_report_delivery_open",
            "not_before",
            sqlite_where=text("state IN ('planned', 'sending')"),
            postgresql_where=text("state IN ('planned', 'sending')"),
        ),
        Index("ix_report_delivery_state", "state"),
    )

    id: int | None = Field(default=None, primary_key=True)
    schedule_id: int = Field(foreign_key="report_schedule.id")
    fire_at: datetime  # or when a person ordered it
    week: str = Field(max_length=8)  # '' for a digest, which is of the moment it is made
    channel: str = Field(max_length=8)
    target: str = Field(max_length=320)
    state: str = Field(default=State.PLANNED, max_length=12)
    token: str = Field(max_length=32)  # names the message; made before the first call, the same at every try
    ordered_by: str = Field(default="", max_length=120)  # '' for the schedule's own
    not_before: datetime
    attempts: int = 0
    tries: int = 0  # of these, since it was planned or a person last had it go again
    node: str = Field(default="", max_length=80)
    lease_until: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    code: str = Field(default="", max_length=_CODE)
    told: str = Field(default="", max_length=_TOLD)
    files: dict[str, list[str]] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))

    @property
    def known_id(self) -> int:
        """The id of a stored delivery."""
        if self.id is None:
            raise RuntimeError("expected a stored delivery")
        return self.id


@dataclass(frozen=True)
class Outcome:
    """How a try ended. `state` is sent, planned (try again), uncertain or failed.

    `code` names an entry of the catalogue `reports`; `told` is what the other side said, without secrets.
    `again_after` is the least pause the other side asks for; `shared` says that its server is away, so that
    others need not be tried now.
    """

    state: State
    code: str = ""
    told: str = ""
    again_after: timedelta = timedelta(0)
    shared: bool = False


def plan(
    session: Session,
    schedule: ReportSchedule,
    fire_at: datetime,
    week: str,
    *,
    now: datetime,
    ordered_by: str = "",
) -> list[int]:
    """Plans one delivery a target, once however often it is called; gives the ids of this fire time's."""
    targets = [
        *((Channel.MAIL, address) for address in schedule.mail),
        *(((Channel.FOLDER, schedule.folder),) if schedule.folder is not None else ()),
        *((Channel.ROBOT, name) for name in schedule.robots),
    ]
    rows = [
        {
            "schedule_id": schedule.known_id,
            "fire_at": fire_at,
            "week": week,
            "channel": channel,
            "target": target,
            "state": State.PLANNED,
            "token": secrets.token_hex(16),
            "ordered_by": ordered_by,
            "not_before": now,
            "attempts": 0,
            "tries": 0,
            "node": "",
            "code": "",
            "told": "",
            "files": {},
        }
        for channel, target in targets
    ]
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    session.execute(
        insert(ReportDelivery).on_conflict_do_nothing(
            index_elements=["schedule_id", "fire_at", "channel", "target"]
        ),
        rows,
    )
    planned = (
        select(ReportDelivery)
        .where(ReportDelivery.schedule_id == schedule.known_id, ReportDelivery.fire_at == fire_at)
        .order_by(col(ReportDelivery.id))
    )
    return [delivery.known_id for delivery in session.exec(planned)]


def due_ids(session: Session, now: datetime, only: Collection[int] | None = None) -> list[int]:
    """The ids of what may be tried now, oldest fire time first; of `only` those where it is given."""
    wanted = (
        select(ReportDelivery.id)
        .where(ReportDelivery.state == State.PLANNED, col(ReportDelivery.not_before) <= now)
        .order_by(col(ReportDelivery.fire_at), col(ReportDelivery.schedule_id), col(ReportDelivery.id))
    )
    if only is not None:
        wanted = wanted.where(col(ReportDelivery.id).in_(only))
    return [found for found in session.exec(wanted) if found is not None]


def claim(
    database: Database, delivery_id: int, *, node: str, now: datetime, at_most: timedelta
) -> ReportDelivery | None:
    """Takes a planned delivery for one try, committed when this returns; None where it is not to be had.

    A robot that has had its messages of this minute puts the delivery off instead.
    """
    with database.write() as session:
        found = session.get(ReportDelivery, delivery_id)
        if found is None or found.state != State.PLANNED or found.not_before > now:
            return None
        if found.channel == Channel.ROBOT and _is_busy(session, found.target, now):
            session.execute(_planned(delivery_id).values(not_before=now + _MINUTE))
            return None
        taken = session.execute(
            _planned(delivery_id)
            .where(col(ReportDelivery.attempts) == found.attempts)
            .values(
                state=State.SENDING,
                attempts=found.attempts + 1,
                tries=found.tries + 1,
                node=node,
                started_at=now,
                lease_until=now + at_most,
                finished_at=None,
            )
            .returning(col(ReportDelivery.id))
        ).first()
        if taken is None:
            return None
        session.expire(found)
        session.refresh(found)
    return found


def _planned(delivery_id: int) -> Any:
    return (
        update(ReportDelivery)
        .where(col(ReportDelivery.id) == delivery_id, col(ReportDelivery.state) == State.PLANNED)
        .execution_options(synchronize_session=False)
    )


def _is_busy(session: Session, name: str, now: datetime) -> bool:
    """Has this robot had as many messages in the last minute as its platform takes? One asks at a time."""
    robot = session.exec(select(ReportRobot).where(ReportRobot.name == name).with_for_update()).one_or_none()
    if robot is None:
        return False
    started = select(func.count()).where(
        col(ReportDelivery.channel) == Channel.ROBOT,
        col(ReportDelivery.target) == name,
        col(ReportDelivery.started_at) > now - _MINUTE,
    )
    return session.scalar(started) >= per_minute(robot.kind)  # type: ignore[operator]


def note_files(database: Database, taken: ReportDelivery, files: Mapping[str, str]) -> bool:
    """Notes names and digests of what is about to be written, beside those of earlier tries.

    False where the claim is no longer ours.
    """
    noted = {name: list(dict.fromkeys([*taken.files.get(name, ()), found])) for name, found in files.items()}
    with database.write() as session:
        return session.execute(_ours(taken, State.SENDING).values(files=noted)).first() is not None


def finish(session: Session, taken: ReportDelivery, outcome: Outcome, *, now: datetime) -> State | None:
    """Writes how a try ended; gives the state it led to, None where the claim is no longer ours.

    A try that may go on is planned again after a pause, until there have been `MAX_TRIES`. An outcome that
    is heard after others gave the delivery up as uncertain still counts.
    """
    state = outcome.state
    values: dict[str, object] = {
        "lease_until": None,
        "code": outcome.code[:_CODE],
        "told": outcome.told[:_TOLD],
    }
    if state is State.PLANNED and taken.tries >= MAX_TRIES:
        state = State.FAILED
    if state is State.PLANNED:
        pause = timedelta(minutes=_PAUSES[min(taken.tries, len(_PAUSES)) - 1])
        values["not_before"] = now + max(pause, outcome.again_after)
    else:
        values["finished_at"] = now
    ours = _ours(taken, State.SENDING, *((State.UNCERTAIN,) if state is not State.UNCERTAIN else ()))
    return None if session.execute(ours.values(state=state, **values)).first() is None else state


def _ours(taken: ReportDelivery, *states: State) -> Any:
    return (
        update(ReportDelivery)
        .where(
            col(ReportDelivery.id) == taken.known_id,
            col(ReportDelivery.attempts) == taken.attempts,
            col(ReportDelivery.state).in_(states),
        )
        .returning(col(ReportDelivery.id))
        .execution_options(synchronize_session=False)
    )


def give_up_dead(session: Session, now: datetime) -> list[int]:
    """Ends the claims of nodes that died; gives those that are now uncertain.

    A folder is simply written again: the same name and our own digest. Of a mail or a message nobody knows
    whether it left.
    """
    dead = (col(ReportDelivery.state) == State.SENDING, col(ReportDelivery.lease_until) <= now)
    session.execute(
        update(ReportDelivery)
        .where(*dead, col(ReportDelivery.channel) == Channel.FOLDER)
        .values(state=State.PLANNED, lease_until=None, not_before=now, code="node_died")
        .execution_options(synchronize_session=False)
    )
    doubtful = session.execute(
        update(ReportDelivery)
        .where(*dead)
        .values(state=State.UNCERTAIN, lease_until=None, finished_at=now, code="node_died", told="")
        .returning(col(ReportDelivery.id))
        .execution_options(synchronize_session=False)
    )
    return [row[0] for row in doubtful]


def give_up_late(session: Session, now: datetime, lateness: timedelta) -> list[int]:
    """Leaves out what a schedule planned longer ago than `lateness`; gives the ids."""
    missed = session.execute(
        update(ReportDelivery)
        .where(
            col(ReportDelivery.state) == State.PLANNED,
            col(ReportDelivery.ordered_by) == "",
            col(ReportDelivery.fire_at) < now - lateness,
        )
        .values(state=State.MISSED, finished_at=now)
        .returning(col(ReportDelivery.id))
        .execution_options(synchronize_session=False)
    )
    return [row[0] for row in missed]


def hold_planned(session: Session, now: datetime) -> list[str]:
    """After a restore: what was to be sent may have arrived meanwhile and waits for a person.

    It is taken as begun, and nobody saw the end of it. Gives the code of each one's unit.
    """
    session.execute(
        update(ReportDelivery)
        .where(col(ReportDelivery.state) == State.PLANNED)
        .values(state=State.SENDING)
        .execution_options(synchronize_session=False)
    )
    held = session.execute(
        update(ReportDelivery)
        .where(col(ReportDelivery.state) == State.SENDING)
        .values(state=State.UNCERTAIN, lease_until=None, finished_at=now, code="restored", told="")
        .returning(col(ReportDelivery.schedule_id))
        .execution_options(synchronize_session=False)
    )
    schedules = [row[0] for row in held]
    units = session.exec(
        select(ReportSchedule.id, Unit.code)
        .join(Unit, col(Unit.id) == col(ReportSchedule.unit_id))
        .where(col(ReportSchedule.id).in_(schedules))
    )
    codes = dict(units.all())
    return [codes[id_] for id_ in schedules]


def cancel_planned(session: Session, schedule_id: int, now: datetime) -> int:
    """Calls off what an ended schedule had still planned; gives how many."""
    cancelled = session.execute(
        update(ReportDelivery)
        .where(col(ReportDelivery.schedule_id) == schedule_id, col(ReportDelivery.state) == State.PLANNED)
        .values(state=State.CANCELLED, finished_at=now)
        .returning(col(ReportDelivery.id))
        .execution_options(synchronize_session=False)
    )
    return len(cancelled.all())


def overtake(session: Session, schedule_id: int, fire_at: datetime, now: datetime) -> None:
    """Calls off what did not arrive of a schedule's earlier times: a newer digest says what is true now."""
    session.execute(
        update(ReportDelivery)
        .where(
            col(ReportDelivery.schedule_id) == schedule_id,
            col(ReportDelivery.fire_at) < fire_at,
            col(ReportDelivery.state).in_((State.PLANNED, *NEEDING_PERSON)),
        )
        .values(state=State.CANCELLED, finished_at=now, code="overtaken")
        .execution_options(synchronize_session=False)
    )


def forget_old(session: Session, now: datetime) -> None:
    """Deletes what ended more than 400 days ago: addresses are kept only as long as they are needed."""
    session.execute(
        delete(ReportDelivery)
        .where(col(ReportDelivery.finished_at) < now - _FORGOTTEN)
        .execution_options(synchronize_session=False)
    )


def decide(session: Session, delivery_id: int, *, arrived: bool, now: datetime, actor: str) -> bool:
    """A person's word on what waits for one: it arrived, or it goes again under the same Message-ID.

    False where the delivery does not wait for that. What was refused or missed cannot have arrived.
    """
    states = (State.UNCERTAIN,) if arrived else NEEDING_PERSON
    values: dict[str, object] = (
        {"state": State.SENT, "finished_at": now, "code": "told_by_person"}
        if arrived
        else {"state": State.PLANNED, "not_before": now, "tries": 0, "ordered_by": actor, "finished_at": None}
    )
    decided = session.execute(
        update(ReportDelivery)
        .where(col(ReportDelivery.id) == delivery_id, col(ReportDelivery.state).in_(states))
        .values(**values)
        .returning(col(ReportDelivery.id))
        .execution_options(synchronize_session=False)
    )
    return decided.first() is not None


def listed(
    session: Session,
    *,
    unit: Unit | None = None,
    only: Sequence[int] | None = None,
    needing_person: bool = False,
    limit: int = 50,
) -> list[tuple[ReportDelivery, str]]:
    """Deliveries with their unit's code, newest first."""
    wanted = (
        select(ReportDelivery, Unit.code)
        .join(ReportSchedule, col(ReportSchedule.id) == col(ReportDelivery.schedule_id))
        .join(Unit, col(Unit.id) == col(ReportSchedule.unit_id))
        .order_by(col(ReportDelivery.fire_at).desc(), col(ReportDelivery.id))
        .limit(limit)
    )
    if unit is not None:
        wanted = wanted.where(Unit.id == unit.id)
    if only is not None:
        wanted = wanted.where(col(ReportDelivery.id).in_(only))
    if needing_person:
        wanted = wanted.where(col(ReportDelivery.state).in_(NEEDING_PERSON))
    return list(session.exec(wanted))


def count_needing_person(session: Session, unit: Unit | None = None) -> int:
    """How many deliveries wait for a person's decision; of one unit where it is given."""
    wanted = select(func.count()).select_from(ReportDelivery)
    if unit is not None:
        wanted = wanted.join(ReportSchedule, col(ReportSchedule.id) == col(ReportDelivery.schedule_id)).where(
            col(ReportSchedule.unit_id) == unit.id
        )
    return session.exec(wanted.where(col(ReportDelivery.state).in_(NEEDING_PERSON))).one()


def known_digests(session: Session, folder: str, name: str) -> set[str]:
    """The digests that deliveries noted for a file of this name in a folder: such a file is our own."""
    wanted = select(ReportDelivery.files).where(
        ReportDelivery.channel == Channel.FOLDER, ReportDelivery.target == folder
    )
    return {found for files in session.exec(wanted) for found in files.get(name, ())}
