"""Tasks as people see them: in a list, and one with all that is to be copied.

What is shown is put together like every post that leaves, and behind the same gate: what is not what was
approved is not shown to be published either.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import ColumnElement, Row, Select, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from config.errors import MeizhenError
from connectors import Assistance, Connector, Label, Media, connector_for, fitted, platforms
from organisation.accounts import Account
from organisation.people import Person
from organisation.units import Unit
from scheduler.assisted_tasks import UNFINISHED, Task, TaskEvent, TaskState
from scheduler.deliveries import Delivery
from scheduler.outgoing import outgoing_for
from scheduler.review_approvals import refusals

_ANYWHERE = Assistance(
    Label("请在平台上发布,再把链接贴回来。", "Publish it on the platform, then paste its link.")
)


@dataclass(frozen=True)
class Listed:
    """A task in a list; `url` is the link once it is done."""

    task: int
    post: int
    account: str
    state: str
    due: datetime
    expires_at: datetime
    responsible: str
    deputy: str
    url: str


@dataclass(frozen=True)
class Shown:
    """All that a person needs to publish by hand: what to copy, pictures in order, what to look at.

    `note` is what the connector said at the hand-over, as that a draft waits in the console. `fields` are
    the copy's further wishes, each with its label. `longest_edge` is for `assisted_pictures.picture_of`.
    """

    listed: Listed
    title: str
    text: str
    fields: tuple[tuple[Label, str], ...]
    media: tuple[Media, ...]
    longest_edge: int | None
    where: Label
    note: Label
    checklist: tuple[Label, ...]
    example: str
    reason: str
    events: tuple[TaskEvent, ...]


_Responsible, _Deputy = aliased(Person), aliased(Person)


def list_tasks(
    session: Session,
    *,
    states: Sequence[TaskState] = UNFINISHED,
    person_id: int | None = None,
    account_id: int | None = None,
    within: ColumnElement[bool] | None = None,
    limit: int | None = None,
) -> list[Listed]:
    """Tasks in due order, in one statement: those of a person (responsible or deputy), or of an account.

    `within` is a condition on the accounts' units (`organisation.in_sight`).
    """
    wanted = _wanted().where(col(Task.state).in_(states)).order_by(col(Task.due), col(Task.id)).limit(limit)
    if person_id is not None:
        wanted = wanted.where(or_(col(Task.responsible_id) == person_id, col(Task.deputy_id) == person_id))
    if account_id is not None:
        wanted = wanted.where(col(Task.account_id) == account_id)
    if within is not None:
        wanted = wanted.join(Unit, col(Unit.id) == col(Account.unit_id)).where(within)
    return [_listed(row) for row in session.execute(wanted)]


def unfinished_tasks(session: Session, delivery_ids: Collection[int]) -> dict[int, int]:
    """The unfinished task of each of these deliveries that has one."""
    wanted = select(col(Task.delivery_id), col(Task.id)).where(
        col(Task.delivery_id).in_(delivery_ids), col(Task.state).in_(UNFINISHED)
    )
    return {delivery: task for delivery, task in session.execute(wanted) if task is not None}


def show_task(session: Session, task_id: int, media_folder: Path) -> Shown:
    """One task with all that is to be copied; the files are not read.

    Raises MeizhenError `task.unknown`, and `task.not_approved` where an unfinished one is not what was
    approved any more: it must not be published.
    """
    row = session.execute(_wanted().where(col(Task.id) == task_id)).first()
    if row is None:
        raise MeizhenError("task.unknown", id=task_id)
    task: Task = row[0]
    listed, delivery = _listed(row), session.get_one(Delivery, task.delivery_id)
    built = outgoing_for(session, [delivery], media_folder)
    if task.state in UNFINISHED and refusals(session, built.reviewed):
        raise MeizhenError("task.not_approved", id=task_id, post=delivery.post_id)
    connector = connector_of(row[2])
    outgoing = built.outgoing[task.delivery_id]
    outgoing = outgoing if connector is None else fitted(connector, outgoing)
    assistance = assistance_of(connector)
    events = session.scalars(
        select(TaskEvent).where(col(TaskEvent.task_id) == task_id).order_by(col(TaskEvent.id))
    )
    labels = {} if connector is None else connector.options
    return Shown(
        listed,
        outgoing.title,
        outgoing.text,
        tuple((labels[name], value) for name, value in outgoing.options.items() if name in labels and value),
        outgoing.media,
        assistance.longest_edge,
        assistance.where,
        Label(task.note_zh, task.note_en),
        assistance.checklist,
        assistance.example,
        task.reason,
        tuple(events),
    )


def connector_of(platform: str) -> Connector | None:
    """The platform's connector; None where a package that brought it is gone."""
    return connector_for(platform) if platform in platforms() else None


def assistance_of(connector: Connector | None) -> Assistance:
    """What the platform says about publishing by hand; where it says nothing, any address fits."""
    if connector is not None and connector.assistance is not None:
        return connector.assistance
    return _ANYWHERE


def _wanted() -> Select[Task, int, str, str, str, str | None, str | None]:
    return (
        select(
            Task,
            col(Delivery.post_id),
            col(Account.platform),
            col(Account.handle),
            col(Delivery.url),
            col(_Responsible.login),
            col(_Deputy.login),
        )
        .join(Delivery, col(Delivery.id) == col(Task.delivery_id))
        .join(Account, col(Account.id) == col(Task.account_id))
        .outerjoin(_Responsible, col(_Responsible.id) == col(Task.responsible_id))
        .outerjoin(_Deputy, col(_Deputy.id) == col(Task.deputy_id))
    )


def _listed(row: Row[Task, int, str, str, str, str | None, str | None]) -> Listed:
    task, post, platform, handle, url, responsible, deputy = row
    return Listed(
        task.known_id,
        post,
        f"{platform}:{handle}",
        task.state,
        task.due,
        task.expires_at,
        responsible or "",
        deputy or "",
        url,
    )
