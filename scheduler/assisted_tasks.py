"""Tasks: what a person has to publish by hand, and every step of it.

A task is opened in the transaction that hands its delivery over, and ends with that delivery, whoever moves
it: no delivery is handed over without a task, and none of its tasks outlives it.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, select, text, update
from sqlmodel import Field, Session, SQLModel, col

from config.batch import storable
from config.errors import MeizhenError
from connectors import Label
from organisation import Account, Act, Place, Standing, Unit, require
from organisation.leaving import DEPUTY, Charge
from scheduler.deliveries import State
from scheduler.journal import Ended

_TOLD = 500


class TaskState(StrEnum):
    """Where a task is."""

    WAITING = "waiting"  # nobody has looked at it
    OPENED = "opened"  # a person has taken it up
    EXPIRED = "expired"  # its time is over; it may be out all the same, so a person still says how it ended
    DONE = "done"  # the person pasted the link: published
    REFUSED = "refused"  # the person says it does not go out: certainly not published


UNFINISHED = (TaskState.WAITING, TaskState.OPENED, TaskState.EXPIRED)
_STATES = ",".join(f"'{state}'" for state in TaskState)
_OPEN = text("state IN ('waiting','opened','expired')")


class Task(SQLModel, table=True):
    """One delivery in a person's hands. `note` is what the connector says of it; `due` is the delivery's."""

    __tablename__ = "task"
    __table_args__ = (
        Index("uq_task_unfinished", "delivery_id", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index("ix_task_state", "state", "due", "id"),
        Index(
            "ix_task_remind",
            "remind_at",
            sqlite_where=text("remind_at IS NOT NULL"),
            postgresql_where=text("remind_at IS NOT NULL"),
        ),
        CheckConstraint(f"state IN ({_STATES})", name="ck_task_state"),
        CheckConstraint("(state IN ('done', 'refused')) = (ended_at IS NOT NULL)", name="ck_task_ended"),
    )

    id: int | None = Field(default=None, primary_key=True)
    delivery_id: int = Field(foreign_key="delivery.id", index=True)
    account_id: int = Field(foreign_key="account.id", index=True)
    state: str = Field(default=TaskState.WAITING, max_length=16)
    due: datetime
    expires_at: datetime
    handed_at: datetime
    responsible_id: int | None = Field(default=None, foreign_key="person.id")
    deputy_id: int | None = Field(default=None, foreign_key="person.id")
    note_zh: str = Field(default="", max_length=_TOLD)
    note_en: str = Field(default="", max_length=_TOLD)
    remind_at: datetime | None = None  # when the next reminder is due; None: no more
    reminded: int = 0
    opened_at: datetime | None = None
    opened_by: str = Field(default="", max_length=120)
    ended_at: datetime | None = None
    ended_by: str = Field(default="", max_length=120)
    reason: str = Field(default="", max_length=_TOLD)

    @property
    def known_id(self) -> int:
        """The row's id; the task is stored."""
        if self.id is None:
            raise ValueError("expected a stored task")
        return self.id


class TaskEvent(SQLModel, table=True):
    """One step of a task, written in the transaction that made it."""

    __tablename__ = "task_event"

    id: int | None = Field(default=None, primary_key=True)
    task_id: int = Field(foreign_key="task.id", index=True)
    at: datetime
    from_state: str = Field(default="", max_length=16)
    to_state: str = Field(max_length=16)
    actor: str = Field(max_length=120)
    told: str = Field(default="", max_length=_TOLD)


def require_task(session: Session, person: Standing, task_id: int, act: Act) -> None:
    """May they do this with the task? Whoever answers for it may, and whoever may at its account's unit.

    Raises as `organisation.require`; a task that is not there is out of sight.
    """
    row = session.execute(
        select(col(Unit.path), col(Task.responsible_id), col(Task.deputy_id))
        .join(Account, col(Account.unit_id) == col(Unit.id))
        .join(Task, col(Task.account_id) == col(Account.id))
        .where(col(Task.id) == task_id)
    ).one_or_none()
    if row is None:
        raise MeizhenError("organisation.out_of_sight")
    path, *answering = row
    if person.enrolling or person.person_id not in answering:
        require(person, act, Place(path))


def open_tasks(session: Session, ended: Sequence[Ended], actor: str) -> None:
    """A task for each of these calls that ended in a person's hands; in the transaction that wrote them."""
    handed = [item for item in ended if item.verdict.state is State.HANDED_OVER]
    if not handed:
        return
    charges = _charges(session, {item.work.account_id for item in handed})
    tasks = []
    for item in handed:
        receipt, account_id = item.verdict.receipt, item.work.account_id
        note = receipt.note if receipt is not None and receipt.note is not None else Label("", "")
        tasks.append(
            Task(
                delivery_id=item.work.id,
                account_id=account_id,
                due=item.work.due,
                expires_at=max(item.work.late_after, item.at),
                handed_at=item.at,
                responsible_id=charges.get(("account", account_id)),
                deputy_id=charges.get((DEPUTY, account_id)),
                note_zh=storable(note.zh, _TOLD),
                note_en=storable(note.en, _TOLD),
                remind_at=item.at,
            )
        )
    session.add_all(tasks)
    session.flush()
    session.add_all(_event(task.known_id, task.handed_at, "", TaskState.WAITING, actor) for task in tasks)


def move(
    session: Session,
    task_ids: Collection[int],
    sources: Collection[TaskState],
    target: TaskState,
    *,
    now: datetime,
    actor: str,
    told: str = "",
) -> set[int]:
    """Moves those of the tasks that are in one of these states; gives which. One compare-and-set each."""
    rows = session.execute(
        select(col(Task.id), col(Task.state))
        .where(col(Task.id).in_(task_ids), col(Task.state).in_(sources))
        .order_by(col(Task.id))
        .with_for_update()
    ).all()
    before = {row[0]: row[1] for row in rows}
    if not before:
        return set()
    told, actor = storable(told, _TOLD), storable(actor, 120)
    values: dict[str, object] = {"state": target}
    if target is TaskState.OPENED:
        values |= {"opened_at": now, "opened_by": actor}
    if target in (TaskState.DONE, TaskState.REFUSED):
        values |= {"ended_at": now, "ended_by": actor, "reason": told, "remind_at": None}
    moved = session.execute(
        update(Task)
        .where(col(Task.id).in_(list(before)), col(Task.state).in_(sources))
        .values(**values)
        .returning(col(Task.id))
        .execution_options(synchronize_session=False)
    ).scalars()
    done = {one for one in moved if one is not None}
    session.add_all(_event(one, now, before[one], target, actor, told) for one in sorted(done))
    return done


def end_tasks(
    session: Session,
    delivery_ids: Collection[int],
    target: TaskState,
    *,
    now: datetime,
    actor: str,
    told: str,
) -> None:
    """The deliveries are a person's no more: their tasks end with them."""
    wanted = select(col(Task.id)).where(
        col(Task.delivery_id).in_(delivery_ids), col(Task.state).in_(UNFINISHED)
    )
    ids = [one for one in session.execute(wanted).scalars() if one is not None]
    if ids:
        move(session, ids, UNFINISHED, target, now=now, actor=actor, told=told)


def _charges(session: Session, account_ids: Collection[int]) -> dict[tuple[str, int], int]:
    rows = session.execute(
        select(col(Charge.kind), col(Charge.thing_id), col(Charge.person_id)).where(
            col(Charge.kind).in_(("account", DEPUTY)), col(Charge.thing_id).in_(account_ids)
        )
    )
    return {(kind, thing_id): person_id for kind, thing_id, person_id in rows}


def _event(
    task_id: int, at: datetime, source: str, target: TaskState, actor: str, told: str = ""
) -> TaskEvent:
    return TaskEvent(task_id=task_id, at=at, from_state=source, to_state=target, actor=actor, told=told)
