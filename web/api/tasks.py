"""手动发布 What people publish by hand: what to copy, and what came of it."""

from datetime import datetime
from http import HTTPStatus
from pathlib import Path as File
from typing import Annotated

from fastapi import Path, Query
from sqlmodel import col, select

from analytics.reports.robots import find_robot
from config.errors import MeizhenError
from organisation import Account, Act, Unit, find_unit, require
from organisation.permissions import Place
from scheduler.assisted import finish_task, open_task, refuse_task, set_robot
from scheduler.assisted_pictures import picture_of
from scheduler.assisted_tasks import UNFINISHED, Task, TaskState
from scheduler.assisted_views import Listed, Shown, list_tasks, show_task
from web.api.accounts import seen as account_seen
from web.api.call import Asked
from web.api.connectors import LabelShown
from web.api.files import Download
from web.api.noun import Noun
from web.api.texts import Body, Code, Filter, Name, Number, Reason, Told

noun = Noun("tasks")

FilePlace = Annotated[int, Path(ge=1, le=1000, description="Which file of the task, from 1.")]
_MOST = 500


class TaskRow(Told):
    """A task in a list; `url` is the link once it is done."""

    task: int
    post: int
    account: str
    state: TaskState
    due: datetime
    expires_at: datetime
    responsible: str
    deputy: str
    url: str


class TaskList(Told):
    """Tasks by their time; `more` where there are more than are shown."""

    items: list[TaskRow]
    more: bool


class FieldCopied(Told):
    """A further wish of the copy."""

    label: LabelShown
    value: str


class FileCopied(Told):
    """A file in its order: `GET /tasks/{task}/files/{place}` gives it in the platform's size."""

    place: int
    file_name: str
    content_type: str
    sha256: str
    alt: str


class TaskEventShown(Told):
    """A step of the task."""

    at: datetime
    actor: str
    to_state: TaskState
    told: str


class TaskShown(TaskRow):
    """A task with all that is to be copied."""

    title: str
    text: str
    fields: list[FieldCopied]
    files: list[FileCopied]
    where: LabelShown
    note: LabelShown
    checklist: list[LabelShown]
    example: str
    reason: str
    events: list[TaskEventShown]


class Done(Body):
    """The link of what was published."""

    url: Code


class Refusal(Body):
    """Why it does not go out."""

    reason: Reason


class TaskRobot(Body):
    """The robot that tells of the tasks of a unit and all below it; null takes it away."""

    robot: Code | None


class TaskRobotShown(Told):
    """Who tells of a unit's tasks now."""

    unit: str
    robot: str | None


@noun.read("", Act.POST_READ)
def list_all(
    asked: Asked,
    state: TaskState | None = None,
    account: Filter = None,
    mine: Annotated[bool, Query(description="What I answer for or stand in for, wherever it is.")] = False,
) -> TaskList:
    """任务列表 Tasks that are not done, or in a state, by their time; at most 500."""
    if mine:
        asked.everybody()
        within = None
    else:
        within = asked.sight()
    found = list_tasks(
        asked.session,
        states=UNFINISHED if state is None else (state,),
        person_id=asked.person.person_id if mine else None,
        account_id=None if account is None else account_seen(asked, account)[0].known_id,
        within=within,
        limit=_MOST + 1,
    )
    return TaskList(items=[_row(one) for one in found[:_MOST]], more=len(found) > _MOST)


@noun.read("/{task}", Act.POST_READ)
def show(asked: Asked, task: Number) -> TaskShown:
    """一个任务 One task with what is to be copied."""
    _answering(asked, task)
    return _shown(show_task(asked.session, task, asked.media_folder))


@noun.download("/{task}/files/{place}", Act.POST_READ, "application/octet-stream")
def file(asked: Asked, task: Number, place: FilePlace) -> Download:
    """任务的素材 A picture of the task in the platform's size, or another file as it is kept."""
    _answering(asked, task)
    seen = show_task(asked.session, task, asked.media_folder)
    if place > len(seen.media):
        raise MeizhenError("organisation.out_of_sight")
    picture = picture_of(seen.media[place - 1], place, seen.longest_edge)

    def write(folder: File) -> File:
        path = folder / picture.file_name
        path.write_bytes(picture.content)
        return path

    return Download(write)


@noun.write("POST", "/{task}/open", Act.POST_SEND)
def take_up(asked: Asked, task: Number) -> TaskShown:
    """接手 Take it up: others see that somebody is at it."""
    _answering(asked, task)
    open_task(asked.session, asked.keys, task, now=asked.now, actor=asked.actor)
    return _again(asked, task)


@noun.write("POST", "/{task}/done", Act.POST_SEND)
def finish(asked: Asked, task: Number, body: Done) -> TaskShown:
    """已发布 It was published: the link is checked, and the delivery is published at that address."""
    _answering(asked, task)
    finish_task(asked.session, asked.keys, task, body.url, now=asked.now, actor=asked.actor)
    return _again(asked, task)


@noun.write("POST", "/{task}/refuse", Act.POST_SEND)
def refuse(asked: Asked, task: Number, body: Refusal) -> TaskShown:
    """不发布 It does not go out; its delivery has failed and may be retried."""
    _answering(asked, task)
    refuse_task(asked.session, asked.keys, task, body.reason, now=asked.now, actor=asked.actor)
    return _again(asked, task)


@noun.write("PUT", "/robots/{code}", Act.REPORT_SCHEDULE, status=HTTPStatus.OK)
def name_robot(asked: Asked, code: Name, body: TaskRobot) -> TaskRobotShown:
    """提醒机器人 Have a robot tell of the tasks of a unit and all below it, or none."""
    unit = find_unit(asked.session, code)
    asked.at(unit.path)
    if body.robot is not None:
        find_robot(asked.session, body.robot)
    set_robot(asked.session, asked.keys, unit, body.robot, now=asked.now, actor=asked.actor)
    return TaskRobotShown(unit=unit.code, robot=body.robot)


def _answering(asked: Asked, task: int) -> None:
    """The act at the account's unit; whoever answers for the task may do it as well, if their key may."""
    found = asked.session.exec(
        select(Unit.path, Task.responsible_id, Task.deputy_id)
        .join(Account, col(Account.unit_id) == col(Unit.id))
        .join(Task, col(Task.account_id) == col(Account.id))
        .where(Task.id == task)
    ).one_or_none()
    if found is None or asked.act is None:
        raise MeizhenError("task.unknown", id=task)
    path, *answering = found
    asked.everybody()
    person = asked.person
    if person.enrolling or not person.in_scope(asked.act) or person.person_id not in answering:
        require(person, asked.act, Place(path))


def _again(asked: Asked, task: int) -> TaskShown:
    asked.wakes = True
    asked.session.flush()
    asked.session.expire_all()
    return _shown(show_task(asked.session, task, asked.media_folder))


def _row(one: Listed) -> TaskRow:
    return TaskRow.model_validate(one)


def _shown(seen: Shown) -> TaskShown:
    return TaskShown(
        **_row(seen.listed).model_dump(),
        title=seen.title,
        text=seen.text,
        fields=[
            FieldCopied(label=LabelShown.model_validate(label), value=value) for label, value in seen.fields
        ],
        files=[
            FileCopied(
                place=place,
                file_name=one.file_name,
                content_type=one.content_type,
                sha256=one.sha256,
                alt=one.alt,
            )
            for place, one in enumerate(seen.media, 1)
        ],
        where=LabelShown.model_validate(seen.where),
        note=LabelShown.model_validate(seen.note),
        checklist=[LabelShown.model_validate(one) for one in seen.checklist],
        example=seen.example,
        reason=seen.reason,
        events=[TaskEventShown.model_validate(one) for one in seen.events],
    )
