"""评优: the awards of the house; a rule read, rewritten and checked; dry run and run in the background."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from starlette.datastructures import FormData, UploadFile

from analytics.awards.explanation import explain
from analytics.awards.explanation_page import as_body
from analytics.awards.keeping import ENDINGS, GIVEN, MOST_RULE, Award, Awards
from analytics.awards.nouns import noun, ranked
from analytics.awards.rule import Rule
from analytics.awards.rule_file import SHAPES
from analytics.awards.rule_words import gate_told, reason_told, tie_told, value_told
from analytics.awards.stages import STAGES
from analytics.jobs.awards import (
    CHECK,
    CHECK_FILE,
    RULE_FILE,
    order_check,
    order_dry_run,
    order_papers,
    order_run,
    subject_of,
)
from config.clock import shanghai_day
from config.errors import InputError, MeizhenError
from config.messages import present_language
from organisation import Act, Place, record, require
from organisation.job_runner import made_file
from organisation.jobs import JobState, Order, newest_job, sees_job
from web.access import ruled
from web.bodies import MOST_WITH_FILES
from web.desk import Desk
from web.jobs_shown import begin, job_facts, job_part
from web.pages.figures import download
from web.rendering import go, page
from web.uploads import form_of
from web.viewer import Viewer, Viewing

_HOUSE = Place("")
_MOST_GIVEN = 8 * 1024 * 1024
_KINDS = {
    ".csv": "text/csv; charset=utf-8",
    ".json": "application/json",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".toml": "text/plain; charset=utf-8",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_Line = Annotated[str, Form(max_length=200)]


def awards_router(desk: Desk) -> APIRouter:
    """`/awards`: the shelf, rules, runs, explanations and downloads. An award is the whole house's."""
    router = APIRouter()
    shelf = Awards(desk.settings.awards_root)

    def found(viewer: Viewer, name: str, act: Act = Act.AWARD_READ) -> Award:
        require(viewer.standing, act, _HOUSE)
        return shelf.find(name)

    def started(
        request: Request, viewer: Viewer, award: Award, ordered: Callable[[], Order], back: str = ""
    ) -> Response:
        return begin(request, desk, viewer, lambda _: ordered(), f"/awards/{award.name}{back}")

    @router.get("/awards")
    @ruled(Act.AWARD_READ)
    def awards(request: Request, viewer: Viewing) -> Response:
        here = viewer.may(Act.AWARD_READ)
        known = shelf.known() if here else []
        with desk.database.read() as session:
            rows = [(one, _title(one), newest_job(session, subject_of(one))) for one in known]
        facts = {"rows": rows, "here": here, "shapes": SHAPES, "runs": viewer.may(Act.AWARD_RUN)}
        return page(request, viewer, "awards.html", {**facts, "year": shanghai_day(viewer.now).year})

    @router.post("/awards")
    @ruled(Act.AWARD_RUN)
    def add(request: Request, viewer: Viewing, name: _Line, shape: _Line) -> Response:
        require(viewer.standing, Act.AWARD_RUN, _HOUSE)
        award = shelf.add(name.strip(), shape)
        return go(request, f"/awards/{award.name}/rule", "awards_page.added", name=award.name)

    @router.get("/awards/{name}")
    @ruled(Act.AWARD_READ)
    def one(request: Request, viewer: Viewing, name: str) -> Response:
        award = found(viewer, name)
        facts: dict[str, object] = {
            "tab": "ranking",
            "ranking": award.ranking(),
            "noun": lambda of: noun(of, present_language()),
            **award_facts(desk, viewer, award),
        }
        return page(request, viewer, "award.html", facts)

    @router.get("/awards/{name}/work")
    @ruled(Act.AWARD_READ)
    def work(request: Request, viewer: Viewing, name: str) -> Response:
        award = found(viewer, name)
        return job_part(request, viewer, award_facts(desk, viewer, award))

    @router.get("/awards/{name}/rule")
    @ruled(Act.AWARD_READ)
    def rule(request: Request, viewer: Viewing, name: str) -> Response:
        award = found(viewer, name)
        facts = {"tab": "rule", "text": award.text(), "checked": _checked(desk, award), "most": MOST_RULE}
        facts |= {"gate": gate_told, "value": value_told, "reason": reason_told, "tie": tie_told}
        return page(request, viewer, "award_rule.html", {**facts, **award_facts(desk, viewer, award)})

    @router.post("/awards/{name}/rule")
    @ruled(Act.AWARD_RUN)
    def rewrite(
        request: Request, viewer: Viewing, name: str, text: Annotated[str, Form(max_length=MOST_RULE)]
    ) -> Response:
        award = found(viewer, name, Act.AWARD_RUN)
        award.rewrite(text)
        _note(desk, viewer, award, "award.rule", {})
        return go(request, f"/awards/{name}/rule", "awards_page.saved")

    @router.post("/awards/{name}/check")
    @ruled(Act.AWARD_READ)
    def check(request: Request, viewer: Viewing, name: str) -> Response:
        award = found(viewer, name)
        return started(request, viewer, award, lambda: order_check(award), "/rule")

    @router.post("/awards/{name}/given", max_body_size=MOST_WITH_FILES)
    @ruled(Act.AWARD_RUN)
    def given(
        request: Request, viewer: Viewing, name: str, form: Annotated[FormData, Depends(form_of)]
    ) -> Response:
        award = found(viewer, name, Act.AWARD_RUN)
        file, kind = form.get("file"), form.get("kind")
        if not isinstance(file, UploadFile) or not file.filename or not isinstance(kind, str):
            raise MeizhenError("figures_page.no_file")
        content = file.file.read(_MOST_GIVEN + 1)
        file.file.close()
        if len(content) > _MOST_GIVEN:
            raise MeizhenError("figures_page.too_large", limit=_MOST_GIVEN // 1024**2)
        award.take(kind, Path(file.filename).suffix.lower(), content)
        _note(desk, viewer, award, "award.given", {"kind": kind})
        return go(request, f"/awards/{name}", "awards_page.given_taken")

    @router.post("/awards/{name}/dry")
    @ruled(Act.AWARD_RUN)
    def dry(request: Request, viewer: Viewing, name: str) -> Response:
        award = found(viewer, name, Act.AWARD_RUN)
        return started(request, viewer, award, lambda: order_dry_run(award))

    @router.post("/awards/{name}/run")
    @ruled(Act.AWARD_RUN)
    def run(
        request: Request,
        viewer: Viewing,
        name: str,
        sign: _Line = "",
        reason: Annotated[str, Form(max_length=1000)] = "",
        until: _Line = STAGES[-1],
    ) -> Response:
        award = found(viewer, name, Act.AWARD_RUN)
        return started(
            request, viewer, award, lambda: order_run(award, sign=sign, reason=reason, until=until)
        )

    @router.post("/awards/{name}/papers")
    @ruled(Act.AWARD_RUN)
    def papers(request: Request, viewer: Viewing, name: str) -> Response:
        award = found(viewer, name, Act.AWARD_RUN)
        return started(request, viewer, award, lambda: order_papers(award), "/files")

    @router.get("/awards/{name}/explain")
    @ruled(Act.AWARD_READ)
    def explained(
        request: Request,
        viewer: Viewing,
        name: str,
        account: Annotated[str, Query(max_length=200)],
        category: Annotated[str, Query(max_length=100)] = "",
    ) -> Response:
        award = found(viewer, name)
        told = explain(award.run.path, account, category=category)
        facts = {"tab": "ranking", "body": as_body(told, present_language()).text, "told": told}
        return page(request, viewer, "award_explained.html", {**facts, **award_facts(desk, viewer, award)})

    @router.get("/awards/{name}/flags")
    @ruled(Act.AWARD_READ)
    def flags(request: Request, viewer: Viewing, name: str) -> Response:
        award = found(viewer, name)
        rows = list(award.flags(award.rule())) if award.frozen else []
        facts = {"tab": "flags", "rows": rows}
        return page(request, viewer, "award_flags.html", {**facts, **award_facts(desk, viewer, award)})

    @router.get("/awards/{name}/files")
    @ruled(Act.AWARD_READ)
    def files(request: Request, viewer: Viewing, name: str) -> Response:
        award = found(viewer, name)
        facts = {"tab": "files", "files": award.downloads(), **award_facts(desk, viewer, award)}
        return page(request, viewer, "award_files.html", facts)

    @router.get("/awards/{name}/files/{file:path}")
    @ruled(Act.AWARD_READ)
    def one_file(viewer: Viewing, name: str, file: str) -> Response:
        path = found(viewer, name).download(file)
        return download(path.name, path.read_bytes(), _KINDS.get(path.suffix, "application/octet-stream"))

    return router


def award_facts(desk: Desk, viewer: Viewer, award: Award) -> dict[str, object]:
    """What every page of one award shows."""
    wrong: InputError | None = None
    rule: Rule | None = None
    try:
        rule = award.rule()
    except InputError as error:
        wrong = error
    with desk.database.read() as session:
        job = newest_job(session, subject_of(award))
        cancels = job is not None and sees_job(viewer.standing, job)
    return {
        "award": award,
        "rule": rule,
        "ranked": ranked(rule, present_language()),
        "wrong": wrong,
        **job_facts(job, viewer.now, at=f"/awards/{award.name}/work", cancels=cancels),
        "runs": viewer.may(Act.AWARD_RUN),
        "given": {kind: award.given_file(kind) for kind in GIVEN},
        "endings": ",".join(ENDINGS),
    }


def _title(award: Award) -> str:
    try:
        return award.rule().title
    except InputError:
        return ""


def _checked(desk: Desk, award: Award) -> object:
    """What the newest look at the rule found; None where the rule is another by now."""
    with desk.database.read() as session:
        job = newest_job(session, subject_of(award), CHECK)
    if job is None or job.state != JobState.DONE:
        return None
    try:
        told, of = (made_file(desk.settings.jobs_folder, job, name) for name in (CHECK_FILE, RULE_FILE))
    except MeizhenError:  # no longer kept
        return None
    found: object = json.loads(told.read_text("utf-8"))
    return found if of.read_text("utf-8") == award.text() else None


def _note(desk: Desk, viewer: Viewer, award: Award, act: str, details: Mapping[str, object]) -> None:
    """Writes an act on an award into the ledger."""
    with desk.database.write() as session:
        record(
            session,
            desk.keys,
            at=desk.clock.now(),
            actor=viewer.actor,
            act=act,
            subject=f"award:{award.name}",
            details=details,
        )
