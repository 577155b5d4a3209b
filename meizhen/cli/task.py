"""`meizhen task`: what has to be published by hand, and what came of it."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.errors import MeizhenError
from config.messages import present_language, text
from meizhen.cli._output import Cell, beijing, show_json, show_rows
from meizhen.house import open_house

if TYPE_CHECKING:
    from connectors import Label
    from scheduler.assisted_pictures import Picture
    from scheduler.assisted_tasks import TaskState
    from scheduler.assisted_views import Shown

app = typer.Typer(help=text("cli.task"), no_args_is_help=True)

TABLE_ROWS = 200

AsJson = Annotated[bool, typer.Option("--json", help=text("task.help_json"))]
TaskId = Annotated[int, typer.Argument(metavar="TASK", min=1, help=text("task.help_task"))]


@app.command("list", help=text("task.help_list"))
def list_all(
    state: Annotated[str | None, typer.Option("--state", help=text("task.help_state"))] = None,
    account: Annotated[str | None, typer.Option("--account", help=text("task.help_account"))] = None,
    mine: Annotated[bool, typer.Option("--mine", help=text("task.help_mine"))] = False,
    as_json: AsJson = False,
) -> None:
    from organisation import Act, find_account
    from scheduler.assisted_tasks import UNFINISHED
    from scheduler.assisted_views import list_tasks

    states = UNFINISHED if state is None else (_state(state),)
    with open_house() as house, house.database.read() as session:
        if mine and house.person is None:
            raise MeizhenError("task.nobody")
        found = list_tasks(
            session,
            states=states,
            person_id=house.person.person_id if mine and house.person is not None else None,
            account_id=None if account is None else find_account(session, account).known_id,
            # What somebody answers for themselves they may see wherever it is.
            within=None if mine else house.sight(Act.POST_READ),
            limit=None if as_json else TABLE_ROWS + 1,
        )
    rows: list[dict[str, Cell]] = [asdict(one) for one in found]
    for row in [] if as_json else rows:
        row["state"] = text(f"task.state_{row['state']}")
    shown = rows if as_json else rows[:TABLE_ROWS]
    columns = ("task", "post", "account", "state", "due", "expires_at", "responsible", "deputy")
    show_rows(shown, {name: text(f"task.column_{name}") for name in columns}, as_json=as_json)
    if len(rows) > len(shown):
        typer.echo(text("task.list_cut", limit=TABLE_ROWS), err=True)


def _state(told: str) -> "TaskState":
    from scheduler.assisted_tasks import TaskState

    try:
        return TaskState(told.lower())
    except ValueError:
        raise MeizhenError("input.not_one_of", expected=", ".join(TaskState), received=told) from None


@app.command(help=text("task.help_show"))
def show(
    task: TaskId,
    into: Annotated[
        Path | None, typer.Option("--into", metavar="FOLDER", help=text("task.help_into"))
    ] = None,
    qr: Annotated[Path | None, typer.Option("--qr", metavar="FILE.svg", help=text("task.help_qr"))] = None,
    site: Annotated[str, typer.Option("--site", metavar="URL", help=text("task.help_site"))] = "",
    as_json: AsJson = False,
) -> None:
    from scheduler.assisted_pictures import qr_of, task_address
    from scheduler.assisted_views import show_task

    if (qr is not None) != bool(site):
        raise MeizhenError("task.qr_needs_site")
    with open_house() as house, house.database.read() as session:
        seen = show_task(session, task, house.media_folder)
    files = [] if into is None else _written(seen, into)
    if qr is not None:
        _write(qr, qr_of(task_address(site, task)).encode())
    if as_json:
        show_json(_facts(seen) | {"files": files})
        return
    for line in _told(seen):
        typer.echo(line)
    for name in files:
        typer.echo(text("task.written", file=name))


@app.command("open", help=text("task.help_open"))
def open_one(task: TaskId) -> None:
    from scheduler.assisted import open_task

    with open_house() as house, house.database.write() as session:
        open_task(session, house.keys, task, now=house.clock.now(), actor=house.actor)
    typer.echo(text("task.opened", id=task))


@app.command(help=text("task.help_done"))
def done(
    task: TaskId,
    link: Annotated[str, typer.Option("--link", metavar="URL", help=text("task.help_link"))],
) -> None:
    from scheduler.assisted import finish_task

    with open_house() as house, house.database.write() as session:
        pasted = finish_task(session, house.keys, task, link, now=house.clock.now(), actor=house.actor)
    typer.echo(text("task.done", id=task, url=pasted.url))


@app.command(help=text("task.help_refuse"))
def refuse(
    task: TaskId,
    reason: Annotated[str, typer.Option("--reason", help=text("task.help_reason"))],
) -> None:
    from scheduler.assisted import refuse_task

    with open_house() as house, house.database.write() as session:
        refuse_task(session, house.keys, task, reason, now=house.clock.now(), actor=house.actor)
    typer.echo(text("task.refused", id=task))


@app.command(help=text("task.help_robot"))
def robot(
    code: Annotated[str, typer.Argument(metavar="UNIT", help=text("task.help_unit"))],
    name: Annotated[str | None, typer.Option("--robot", help=text("task.help_robot_name"))] = None,
    none: Annotated[bool, typer.Option("--none", help=text("task.help_robot_none"))] = False,
) -> None:
    from analytics.reports.robots import find_robot
    from organisation import find_unit
    from scheduler.assisted import set_robot

    if (name is None) != none:
        raise MeizhenError("task.one_robot")
    with open_house() as house, house.database.write() as session:
        unit = find_unit(session, code)
        if name is not None:
            find_robot(session, name)
        set_robot(session, house.keys, unit, name, now=house.clock.now(), actor=house.actor)
    typer.echo(text("task.robot_set", unit=code, robot=name) if name else text("task.robot_none", unit=code))


# --- how a task is told -----------------------------------------------------------------------------------


def _told(seen: "Shown") -> Iterable[str]:
    listed = seen.listed
    yield text(
        "task.heading",
        id=listed.task,
        post=listed.post,
        account=listed.account,
        state=text(f"task.state_{listed.state}"),
    )
    yield text("task.times", due=beijing(listed.due), expires=beijing(listed.expires_at))
    yield text("task.people", responsible=listed.responsible or "–", deputy=listed.deputy or "–")
    yield _in_language(seen.where)
    note = _in_language(seen.note)
    if note and note != _in_language(seen.where):
        yield note
    if seen.title:
        yield f"\n{text('task.title')}:\n{seen.title}"
    yield f"\n{text('task.text')}:\n{seen.text}\n"
    for label, value in seen.fields:
        yield f"{_in_language(label)}: {value}"
    for place, media in enumerate(seen.media, 1):
        yield f"{text('task.picture')} {place}: {media.file_name}" + (f" ({media.alt})" if media.alt else "")
    for point in seen.checklist:
        yield f"☐ {_in_language(point)}"
    if seen.example:
        yield text("task.example", example=seen.example)
    if listed.url:
        yield listed.url
    if seen.reason:
        yield text("task.because", reason=seen.reason)
    for event in seen.events:
        state = text(f"task.state_{event.to_state}")
        yield f"{beijing(event.at)}  {state}  {event.actor}  {event.told}".rstrip()


def _facts(seen: "Shown") -> dict[str, object]:
    return {
        **asdict(seen.listed),
        "title": seen.title,
        "text": seen.text,
        "fields": {_in_language(label): value for label, value in seen.fields},
        "media": [
            {"name": one.file_name, "content_type": one.content_type, "sha256": one.sha256, "alt": one.alt}
            for one in seen.media
        ],
        "where": _in_language(seen.where),
        "note": _in_language(seen.note),
        "checklist": [_in_language(one) for one in seen.checklist],
        "example": seen.example,
        "reason": seen.reason,
        "events": [one.model_dump(exclude={"id", "task_id"}) for one in seen.events],
    }


def _written(seen: "Shown", folder: Path) -> list[str]:
    """Writes what is to be copied into a folder: texts, and the pictures in the platform's size, in order."""
    from scheduler.assisted_pictures import picture_of

    pictures: list[Picture] = [
        picture_of(media, place, seen.longest_edge) for place, media in enumerate(seen.media, 1)
    ]
    named = {"title.txt": seen.title.encode(), "text.txt": seen.text.encode()}
    named |= {one.file_name: one.content for one in pictures}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MeizhenError("task.not_written", file=folder, reason=error.strerror) from None
    for name, content in named.items():
        _write(folder / name, content)
    return list(named)


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise MeizhenError("task.not_written", file=path, reason=error.strerror) from None


def _in_language(label: "Label") -> str:
    return label.zh if present_language() == "zh" else label.en
