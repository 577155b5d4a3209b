"""Assisted publishing: what people do to the tasks that were handed to them, and what reminds them.

A task's delivery stays `handed_over` until a person pastes the link (published) or says that it does not go
out (failed). Each step is one compare-and-set with its event and its ledger entry.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlmodel import Field, Session, SQLModel, col

from config.errors import MeizhenError
from config.messages import Words
from config.secrets import KeyRing
from connectors import Pasted
from organisation.accounts import Account
from organisation.ledger import record
from organisation.people import Person
from organisation.units import Unit, nearest
from scheduler import notices, transitions
from scheduler.assisted_tasks import UNFINISHED, Task, TaskState, move
from scheduler.assisted_views import assistance_of, connector_of
from scheduler.deliveries import Delivery

REASON = 500
_STATES = "task.state_"
_REMINDERS = 3  # at the hand-over, half-way, and when the time is over


class TaskRobot(SQLModel, table=True):
    """The group robot that tells of the tasks of a unit and of all below it that name no other."""

    __tablename__ = "task_robot"

    unit_id: int = Field(primary_key=True, foreign_key="unit.id")
    robot: str = Field(max_length=40)  # a robot's name (`meizhen report robot list`)


@dataclass(frozen=True)
class Reminder:
    """What a person must be told now; `robot` '' where no robot is named for the unit."""

    task: int
    post: int
    account: str
    due: datetime
    expires_at: datetime
    number: int  # 1 handed over, 2 not done yet, 3 its time is over
    responsible: str
    deputy: str
    robot: str


# --- acts -------------------------------------------------------------------------------------------------


def open_task(session: Session, keys: KeyRing, task_id: int, *, now: datetime, actor: str) -> None:
    """A person takes the task up. Raises MeizhenError `task.unknown` or `task.wrong_state`."""
    task = _held(session, task_id, (TaskState.WAITING,))
    _moved(session, task, (TaskState.WAITING,), TaskState.OPENED, now=now, actor=actor)
    _note(session, keys, task, "task.open", now=now, actor=actor)


def finish_task(
    session: Session, keys: KeyRing, task_id: int, url: str, *, now: datetime, actor: str
) -> Pasted:
    """A person has published it: the link is checked, the delivery is published at that address.

    Raises MeizhenError `task.unknown`, `task.wrong_state`, `task.bad_link` for an address that no post of
    the platform has, `task.link_taken` for one that another post of the account has.
    """
    task = _held(session, task_id, UNFINISHED)
    account = session.get_one(Account, task.account_id)
    assistance = assistance_of(connector_of(account.platform))
    pasted = assistance.pasted(url, account.api_base)
    if pasted is None and not assistance.links and not account.api_base:
        pasted = Pasted(url.strip(), "")  # nothing is known of its addresses: `resolve` checks that it is one
    if pasted is None:
        example = assistance.example or account.api_base
        raise MeizhenError("task.bad_link", received=url[:120], example=example)
    _require_new(session, task, pasted)
    transitions.resolve(
        session, keys, task.delivery_id, published_url=pasted.url, now=now, actor=actor
    )  # its task ends with it
    if pasted.remote_id:
        session.execute(
            update(Delivery)
            .where(col(Delivery.id) == task.delivery_id)
            .values(remote_id=pasted.remote_id)
            .execution_options(synchronize_session=False)
        )
    _note(session, keys, task, "task.done", now=now, actor=actor, details={"url": pasted.url})
    return pasted


def refuse_task(
    session: Session, keys: KeyRing, task_id: int, reason: str, *, now: datetime, actor: str
) -> None:
    """A person says that it does not go out, and why: the delivery has failed and may be retried.

    Raises MeizhenError `task.unknown`, `task.wrong_state`, `task.needs_reason`.
    """
    reason = reason.strip()
    if not reason or len(reason) > REASON:
        raise MeizhenError("task.needs_reason", limit=REASON)
    task = _held(session, task_id, UNFINISHED)
    _moved(session, task, UNFINISHED, TaskState.REFUSED, now=now, actor=actor, told=reason)
    transitions.resolve(session, keys, task.delivery_id, published_url=None, now=now, actor=actor)
    _note(session, keys, task, "task.refuse", now=now, actor=actor, details={"reason": reason})


def set_robot(
    session: Session, keys: KeyRing, unit: Unit, robot: str | None, *, now: datetime, actor: str
) -> None:
    """Has a robot tell of the unit's tasks; None takes it away. That there is one was checked before."""
    unit_id = unit.id or 0
    known = session.get(TaskRobot, unit_id)
    if robot is None:
        if known is not None:
            session.delete(known)
    else:
        known = known or TaskRobot(unit_id=unit_id, robot=robot)
        known.robot = robot
        session.add(known)
    details = {"robot": robot or ""}
    record(session, keys, at=now, actor=actor, act="task.robot", subject=f"unit:{unit.code}", details=details)


# --- time -------------------------------------------------------------------------------------------------


def remind(session: Session, now: datetime, actor: str) -> list[Reminder]:
    """Takes the reminders that are due, each once over all nodes, and expires what is past its time.

    Half-way and at the end a notice is opened as well, which stays until the account has no task left.
    """
    over = select(col(Task.id)).where(
        col(Task.state).in_((TaskState.WAITING, TaskState.OPENED)), col(Task.remind_at) <= now,
        col(Task.expires_at) <= now,
    )  # fmt: skip
    ids = [one for one in session.execute(over).scalars() if one is not None]
    move(session, ids, (TaskState.WAITING, TaskState.OPENED), TaskState.EXPIRED, now=now, actor=actor)
    due = session.scalars(
        select(Task)
        .where(col(Task.remind_at) <= now, col(Task.state).in_(UNFINISHED))
        .order_by(col(Task.id))
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    for task in due:
        task.reminded = _REMINDERS if task.state == TaskState.EXPIRED else task.reminded + 1
        task.remind_at = _next(task, now)
        session.add(task)
    session.flush()
    late = {task.account_id for task in due if task.reminded > 1}
    if late:
        notices.of_tasks(session, late, now, code="expired" if ids else "waiting")
    return _reminders(session, [task.known_id for task in due])


def _next(task: Task, now: datetime) -> datetime | None:
    """When to remind again: half-way, then when the time is over, then no more."""
    if task.reminded >= _REMINDERS:
        return None
    if task.reminded == 1:
        half = task.handed_at + (task.expires_at - task.handed_at) / 2
        return max(half, now + timedelta(minutes=1))
    return task.expires_at


def _reminders(session: Session, ids: list[int]) -> list[Reminder]:
    if not ids:
        return []
    rows = session.execute(
        select(Task, Account, col(Unit.path), col(Delivery.post_id))
        .join(Account, col(Account.id) == col(Task.account_id))
        .join(Unit, col(Unit.id) == col(Account.unit_id))
        .join(Delivery, col(Delivery.id) == col(Task.delivery_id))
        .where(col(Task.id).in_(ids))
        .order_by(col(Task.id))
    ).all()
    robots = task_robots(session)
    people = {id_ for task, *_ in rows for id_ in (task.responsible_id, task.deputy_id) if id_ is not None}
    called = select(col(Person.id), col(Person.name)).where(col(Person.id).in_(people))
    names = {id_: name for id_, name in session.execute(called)}  # noqa: C416
    return [
        Reminder(
            task.known_id,
            post,
            account.stable_id,
            task.due,
            task.expires_at,
            task.reminded,
            names.get(task.responsible_id, ""),
            names.get(task.deputy_id, ""),
            nearest(path, robots) or "",
        )
        for task, account, path, post in rows
    ]


def task_robots(session: Session) -> dict[str, str]:
    """The robots of units that name one, by the unit's path: each is for the unit and all below it."""
    named = select(col(Unit.path), col(TaskRobot.robot)).join(
        TaskRobot, col(TaskRobot.unit_id) == col(Unit.id)
    )
    return {path: robot for path, robot in session.execute(named)}  # noqa: C416 - rows are no pairs to mypy


# --- inside -----------------------------------------------------------------------------------------------


def _held(session: Session, task_id: int, allowed: tuple[TaskState, ...]) -> Task:
    task = session.scalars(
        select(Task)
        .where(col(Task.id) == task_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if task is None:
        raise MeizhenError("task.unknown", id=task_id)
    if task.state not in allowed:
        raise MeizhenError(
            "task.wrong_state",
            may_have_gone_out=task.state == TaskState.DONE,
            id=task_id,
            state=Words(_STATES, (task.state,)),
            expected=Words(_STATES, allowed),
        )
    return task


def _moved(
    session: Session,
    task: Task,
    sources: tuple[TaskState, ...],
    target: TaskState,
    *,
    now: datetime,
    actor: str,
    told: str = "",
) -> None:
    if not move(session, [task.known_id], sources, target, now=now, actor=actor, told=told):
        raise MeizhenError(  # somebody was faster
            "task.wrong_state",
            id=task.id,
            state=Words(_STATES, (task.state,)),
            expected=Words(_STATES, sources),
        )


def _require_new(session: Session, task: Task, pasted: Pasted) -> None:
    taken = session.execute(
        select(col(Delivery.post_id)).where(
            col(Delivery.account_id) == task.account_id,
            col(Delivery.url) == pasted.url,
            col(Delivery.id) != task.delivery_id,
        )
    ).first()
    if taken is not None:
        raise MeizhenError("task.link_taken", url=pasted.url, post=taken[0])


def _note(
    session: Session,
    keys: KeyRing,
    task: Task,
    act: str,
    *,
    now: datetime,
    actor: str,
    details: dict[str, object] | None = None,
) -> None:
    record(
        session,
        keys,
        at=now,
        actor=actor,
        act=act,
        subject=f"task:{task.known_id}",
        details={"delivery": task.delivery_id, **(details or {})},
    )
