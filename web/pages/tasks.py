"""手动发布: what a person has to publish by hand, all that is to be copied, and what came of it."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from sqlmodel import Session, col, select

from config.errors import MeizhenError
from organisation import Account, Act
from scheduler.assisted import REASON, finish_task, open_task, refuse_task
from scheduler.assisted_pictures import picture_of, qr_of, task_address
from scheduler.assisted_tasks import UNFINISHED, TaskState, require_task
from scheduler.assisted_views import Listed, list_tasks, show_task
from scheduler.story import short_name
from web.access import SIGNED_IN, ruled
from web.desk import Desk
from web.pages._post_story import people_named
from web.pages.accounts import in_language
from web.pages.figures import download
from web.rendering import go, page
from web.viewer import Viewer, Viewing

_MOST = 200
_ENDED = (TaskState.DONE, TaskState.REFUSED)


def tasks_router(desk: Desk) -> APIRouter:
    """`/tasks` and below. Whoever answers for a task may see and finish it, wherever it is."""
    router = APIRouter()
    media = desk.settings.home / "media"

    @router.get("/tasks")
    @ruled(SIGNED_IN)
    def tasks(request: Request, viewer: Viewing, ended: Annotated[bool, Query()] = False) -> Response:
        states = _ENDED if ended else UNFINISHED
        with desk.database.read() as session:
            mine = list_tasks(session, states=states, person_id=viewer.standing.person_id, limit=_MOST)
            within = viewer.within(Act.POST_READ)
            seen = list_tasks(session, states=states, within=within, limit=_MOST)
            names = _names(session, [*mine, *seen])
        own = {one.task for one in mine}
        groups = {"mine": mine, "others": [one for one in seen if one.task not in own]}
        return page(request, viewer, "tasks.html", {"groups": groups, "names": names, "ended": ended})

    @router.get("/tasks/{task_id}")
    @ruled(SIGNED_IN)
    def task(request: Request, viewer: Viewing, task_id: int) -> Response:
        with desk.database.read() as session:
            require_task(session, viewer.standing, task_id, Act.POST_READ)
            may = _may_act(session, viewer, task_id)
            try:
                seen = show_task(session, task_id, media)
            except MeizhenError as error:
                # What must not be published is not shown; that it does not go out can be said all the same.
                facts: dict[str, object] = {"error": error, "here": f"/tasks/{task_id}", "most": REASON}
                return page(request, viewer, "task_withheld.html", facts | {"acts_here": may})
            names = _names(session, [seen.listed])
            actors = [event.actor for event in seen.events]
            people = {one: short_name(one) for one in actors} | people_named(session, actors)
        facts = {
            "task": seen.listed,
            "seen": seen,
            "name": names.get(seen.listed.account, seen.listed.account),
            "where": in_language(seen.where),
            "note": in_language(seen.note),
            "fields": [(in_language(label), value) for label, value in seen.fields],
            "checklist": [in_language(one) for one in seen.checklist],
            "acts_here": may and seen.listed.state in UNFINISHED,
            "most": REASON,
            "people": people,
            "address": _address(request, task_id),
        }
        return page(request, viewer, "task.html", facts)

    @router.get("/tasks/{task_id}/qr.svg")
    @ruled(SIGNED_IN)
    def qr(request: Request, viewer: Viewing, task_id: int) -> Response:
        with desk.database.read() as session:
            require_task(session, viewer.standing, task_id, Act.POST_READ)
        return Response(qr_of(_address(request, task_id)), media_type="image/svg+xml")

    @router.get("/tasks/{task_id}/files/{place}")
    @ruled(SIGNED_IN)
    def file(viewer: Viewing, task_id: int, place: int) -> Response:
        with desk.database.read() as session:
            require_task(session, viewer.standing, task_id, Act.POST_READ)
            seen = show_task(session, task_id, media)
        if not 1 <= place <= len(seen.media):
            raise MeizhenError("organisation.out_of_sight")
        made = picture_of(seen.media[place - 1], place, seen.longest_edge)
        return download(made.file_name, made.content, made.content_type)

    @router.post("/tasks/{task_id}/open")
    @ruled(SIGNED_IN)
    def take(request: Request, viewer: Viewing, task_id: int) -> Response:
        with desk.database.write() as session:
            require_task(session, viewer.standing, task_id, Act.POST_SEND)
            open_task(session, desk.keys, task_id, now=desk.clock.now(), actor=viewer.actor)
        return go(request, f"/tasks/{task_id}", "tasks_page.taken")

    @router.post("/tasks/{task_id}/done")
    @ruled(SIGNED_IN)
    def done(
        request: Request, viewer: Viewing, task_id: int, link: Annotated[str, Form(max_length=2000)]
    ) -> Response:
        now = desk.clock.now()
        with desk.database.write() as session:
            require_task(session, viewer.standing, task_id, Act.POST_SEND)
            finish_task(session, desk.keys, task_id, link, now=now, actor=viewer.actor)
        desk.wake()
        return go(request, f"/tasks/{task_id}", "tasks_page.finished")

    @router.post("/tasks/{task_id}/refuse")
    @ruled(SIGNED_IN)
    def refuse(
        request: Request, viewer: Viewing, task_id: int, reason: Annotated[str, Form(max_length=2000)]
    ) -> Response:
        now = desk.clock.now()
        with desk.database.write() as session:
            require_task(session, viewer.standing, task_id, Act.POST_SEND)
            refuse_task(session, desk.keys, task_id, reason, now=now, actor=viewer.actor)
        desk.wake()
        return go(request, f"/tasks/{task_id}", "tasks_page.given_back")

    return router


def _address(request: Request, task_id: int) -> str:
    """The task's page as this browser reaches the house: what a phone opens."""
    return task_address(f"{request.url.scheme}://{request.url.netloc}", task_id)


def _may_act(session: Session, viewer: Viewer, task_id: int) -> bool:
    try:
        require_task(session, viewer.standing, task_id, Act.POST_SEND)
    except MeizhenError:
        return False
    return True


def _names(session: Session, listed: list[Listed]) -> dict[str, str]:
    """The names of the accounts that are listed, by `platform:handle`."""
    handles = {one.account.partition(":")[2] for one in listed}
    accounts = session.exec(select(Account).where(col(Account.handle).in_(handles)))
    return {account.stable_id: account.name for account in accounts}
