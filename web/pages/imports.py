"""数据 · 导入: a table is uploaded, its columns matched, its cells checked, its rows applied, undone."""

import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from sqlmodel import Session
from starlette.datastructures import FormData, UploadFile

from analytics.imports import list_imports
from analytics.imports.drafts import MOST_BYTES, Draft, Drafts
from analytics.imports.template import default_name, write_template
from analytics.jobs.figures import PREVIEW, PREVIEW_FILE, order_import, order_preview, order_undo
from analytics.mappings import ROLES, FileMapping, shipped_mappings, with_roles
from config.clock import shanghai_day
from config.errors import MeizhenError
from organisation import Account, AccountState, Act, Place, Unit, accounts_of, find_account, require
from organisation.job_runner import made_file
from organisation.jobs import Job, JobState, newest_job
from web.access import ruled
from web.bodies import MOST_WITH_FILES
from web.desk import Desk
from web.jobs_shown import begin, job_facts
from web.pages.figures import download, metric_name
from web.rendering import go, page
from web.viewer import Viewer, Viewing

_PAGE = 50
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_Token = Annotated[str, Form(max_length=32)]


async def _form(request: Request) -> FormData:
    """The form that the gate has read already, once it let the person in."""
    return await request.form()


def imports_router(desk: Desk) -> APIRouter:
    """`/figures/imports` and below it, and the template."""
    router = APIRouter()
    drafts = Drafts(desk.settings.home)

    @router.get("/figures/imports")
    @ruled(Act.FIGURES_READ)
    def imports(
        request: Request, viewer: Viewing, number: Annotated[int, Query(alias="page", ge=1)] = 1
    ) -> Response:
        with desk.database.read() as session:
            found = list_imports(
                session,
                within=viewer.within(Act.FIGURES_READ),
                actor=viewer.actor,
                offset=(number - 1) * _PAGE,
                limit=_PAGE + 1,
            )
        facts = {
            "tab": "imports",
            "imports": found[:_PAGE],
            "number": number,
            "more": len(found) > _PAGE,
            "megabytes": MOST_BYTES // 1024**2,
            "may_write": viewer.may_somewhere(Act.FIGURES_WRITE),
        }
        return page(request, viewer, "imports.html", facts)

    @router.post("/figures/imports", max_body_size=MOST_WITH_FILES)
    @ruled(Act.FIGURES_WRITE)
    def upload(request: Request, viewer: Viewing, form: Annotated[FormData, Depends(_form)]) -> Response:
        file = form.get("file")
        if not isinstance(file, UploadFile) or not file.filename:
            raise MeizhenError("figures_page.no_file")
        try:
            draft = drafts.keep(file.file, file.filename, owner=viewer.actor, at=desk.clock.now())
        finally:
            file.file.close()
        try:
            return check(request, viewer, draft)
        except BaseException:
            drafts.drop(draft)
            raise

    @router.get("/figures/imports/drafts/{token}")
    @ruled(Act.FIGURES_WRITE)
    def look(request: Request, viewer: Viewing, token: str) -> Response:
        draft = drafts.find(token, owner=viewer.actor)
        return page(request, viewer, "import_draft.html", {"tab": "imports", **_looked(desk, viewer, draft)})

    def check(
        request: Request, viewer: Viewer, draft: Draft, change: Callable[[], object] | None = None
    ) -> Response:
        """Has the draft looked at, as `change` says it is to be read."""
        return begin(
            request,
            desk,
            viewer,
            lambda session: order_preview(session, draft, viewer.standing, viewer.unit),
            f"/figures/imports/drafts/{draft.token}",
            also=change,
        )

    @router.post("/figures/imports/drafts/{token}")
    @ruled(Act.FIGURES_WRITE)
    def match(
        request: Request, viewer: Viewing, token: str, form: Annotated[FormData, Depends(_form)]
    ) -> Response:
        draft = drafts.find(token, owner=viewer.actor)
        told = {name: value for name, value in form.multi_items() if isinstance(value, str)}
        mapping, roles = _matched(told)
        with desk.database.read() as session:
            account = _own_account(session, viewer, told.get("account", ""))
        changed = replace(
            draft, account=account.stable_id if account else "", as_of=_day(told.get("as_of", ""))
        )
        return check(
            request,
            viewer,
            changed,
            lambda: drafts.change(
                changed, account=changed.account, as_of=changed.as_of, mapping=mapping, roles=roles
            ),
        )

    @router.post("/figures/imports/drafts/{token}/apply")
    @ruled(Act.FIGURES_WRITE)
    def apply(
        request: Request, viewer: Viewing, token: str, skip: Annotated[bool, Form()] = False
    ) -> Response:
        draft = drafts.find(token, owner=viewer.actor)
        return begin(
            request,
            desk,
            viewer,
            lambda session: order_import(session, draft, viewer.standing, viewer.unit, skip=skip),
        )

    @router.post("/figures/imports/drafts/{token}/drop")
    @ruled(Act.FIGURES_WRITE)
    def drop(request: Request, viewer: Viewing, token: str) -> Response:
        drafts.drop(drafts.find(token, owner=viewer.actor))
        return go(request, "/figures/imports", "figures_page.dropped")

    @router.post("/figures/imports/{number}/undo")
    @ruled(Act.FIGURES_WRITE)
    def undo(request: Request, viewer: Viewing, number: int) -> Response:
        return begin(request, desk, viewer, lambda session: order_undo(session, number, viewer.standing))

    @router.get("/figures/template")
    @ruled(Act.ACCOUNT_READ)
    def template(viewer: Viewing) -> Response:
        name = default_name(shanghai_day(viewer.now))
        with tempfile.TemporaryDirectory(prefix="meizhen-template-") as folder:
            path = Path(folder) / name
            with desk.database.read() as session:
                write_template(session, path, at=viewer.now, within=viewer.within(Act.ACCOUNT_READ))
            content = path.read_bytes()
        return download(name, content, _XLSX)

    return router


def _looked(desk: Desk, viewer: Viewer, draft: Draft) -> dict[str, object]:
    within = viewer.within(Act.FIGURES_WRITE)
    with desk.database.read() as session:
        accounts = accounts_of(session, state=AccountState.ACTIVE, within=within)
        job = newest_job(session, f"draft:{draft.token}")
        looked = newest_job(session, f"draft:{draft.token}", PREVIEW)
    found = _found(desk, looked)
    base = _shipped(draft.base or str(found.get("mapping", "")))
    roles = found.get("roles")
    return {
        "draft": draft,
        "preview": found,
        "accounts": accounts,
        "mappings": shipped_mappings(),
        "base": base,
        "roles": {**(roles if isinstance(roles, dict) else {}), **draft.roles},
        "choices": list(_choices(base)) if base else [],
        "today": shanghai_day(viewer.now),
        **job_facts(job, viewer.now, cancels=True),
    }


def _found(desk: Desk, job: Job | None) -> dict[str, object]:
    """What a look at the draft found; nothing before it is through, or once its file is gone."""
    if job is None or job.state != JobState.DONE:
        return {}
    try:
        path = made_file(desk.settings.jobs_folder, job, PREVIEW_FILE)
    except MeizhenError:
        return {}
    told: dict[str, object] = json.loads(path.read_text("utf-8"))
    return told


def _choices(mapping: FileMapping) -> Iterator[tuple[str, str]]:
    """What a column may be: role, and the figure it is ('' for the roles that are none)."""
    for role in ROLES:
        yield role, ""
    for place, figure in enumerate(mapping.figures):
        yield f"figure:{place}", metric_name(mapping.platform, figure.meaning.name)


def _shipped(name: str) -> FileMapping | None:
    return next((mapping for mapping in shipped_mappings() if mapping.name == name), None)


def _matched(told: dict[str, str]) -> tuple[FileMapping | None, dict[str, str]]:
    """The mapping that a person made, and what they said of each column; none where headings decide."""
    base = _shipped(told.get("mapping", ""))
    if base is None:
        return None, {}
    same = told.get("matched") == base.name
    roles = {
        column: told.get(f"role-{place}", "")
        for place in range(len(told))
        if (column := told.get(f"column-{place}"))
    }
    return (with_roles(base, roles), roles) if same and roles else (base, {})


def _own_account(session: Session, viewer: Viewer, name: str) -> Account | None:
    """The account of that name. Raises as `organisation.require` where it is not the viewer's."""
    if not name:
        return None
    account = find_account(session, name)
    require(viewer.standing, Act.FIGURES_WRITE, Place(session.get_one(Unit, account.unit_id).path))
    return account


def _day(told: str) -> date | None:
    if not told:
        return None
    try:
        return date.fromisoformat(told)
    except ValueError:
        raise MeizhenError("award.not_a_day", received=told) from None
