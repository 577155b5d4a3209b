"""评优 · 公示: the list put up for everybody to look at, and the objections to it: filed, answered, kept."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from analytics.awards.acts import note_act
from analytics.awards.keeping import Award, Awards
from analytics.awards.notice import public_days, put_up
from analytics.awards.objections import answer_objection, file_objection, objections
from analytics.awards.run import rule_of
from config.clock import shanghai_day
from organisation import Act, Place, require
from web.access import ruled
from web.desk import Desk
from web.pages.awards import award_facts
from web.rendering import go, page
from web.viewer import Viewer, Viewing

_Name = Annotated[str, Form(max_length=200)]
_Text = Annotated[str, Form(max_length=5000)]


def notices_router(desk: Desk) -> APIRouter:
    """`/awards/NAME/notice` and below it."""
    router = APIRouter()
    shelf = Awards(desk.settings.awards_root)

    def found(viewer: Viewer, name: str, act: Act = Act.AWARD_READ) -> Award:
        require(viewer.standing, act, Place(""))
        return shelf.find(name)

    @router.get("/awards/{name}/notice")
    @ruled(Act.AWARD_READ)
    def notice(request: Request, viewer: Viewing, name: str) -> Response:
        award = found(viewer, name)
        facts = {
            "tab": "notice",
            "rows": award.notice(),
            "days": public_days(award.run),
            "objections": objections(award.run),
            "today": shanghai_day(viewer.now),
        }
        return page(request, viewer, "award_notice.html", {**facts, **award_facts(desk, viewer, award)})

    @router.post("/awards/{name}/notice")
    @ruled(Act.AWARD_RUN)
    def put_up_now(request: Request, viewer: Viewing, name: str) -> Response:
        award = found(viewer, name, Act.AWARD_RUN)
        days = put_up(award.run, rule_of(award.run), shanghai_day(desk.clock.now()))
        note_run(desk, viewer, award, "award.notice", {"put_up": days.put_up, "until": days.until})
        return go(request, f"/awards/{name}/notice", "awards_page.put_up", until=days.until)

    @router.post("/awards/{name}/objections")
    @ruled(Act.AWARD_RUN)
    def file(
        request: Request, viewer: Viewing, name: str, text: _Text, by: _Name = "", account: _Name = ""
    ) -> Response:
        award = found(viewer, name, Act.AWARD_RUN)
        today = shanghai_day(desk.clock.now())
        filed = file_objection(
            award.run, rule_of(award.run), by=by, account=account.strip(), text=text, today=today
        )
        told = {"number": filed.number, "by": by, "account": account, "text": text}
        note_run(desk, viewer, award, "award.objection", told)
        return go(request, f"/awards/{name}/notice", "awards_page.filed", number=filed.number, due=filed.due)

    @router.post("/awards/{name}/objections/{number}")
    @ruled(Act.AWARD_RUN)
    def answer(
        request: Request,
        viewer: Viewing,
        name: str,
        number: int,
        text: _Text,
        by: _Name,
        upheld: Annotated[bool, Form()] = False,
    ) -> Response:
        award = found(viewer, name, Act.AWARD_RUN)
        today = shanghai_day(desk.clock.now())
        answer_objection(award.run, number, by=by, text=text, upheld=upheld, today=today)
        told = {"number": number, "by": by, "text": text, "upheld": upheld}
        note_run(desk, viewer, award, "award.answer", told)
        return go(request, f"/awards/{name}/notice", "awards_page.answered", number=number)

    return router


def note_run(desk: Desk, viewer: Viewer, award: Award, act: str, details: Mapping[str, object]) -> None:
    """Writes an act on a run into the ledger."""
    rule, at = rule_of(award.run), desk.clock.now()
    with desk.database.write() as session:
        note_act(session, desk.keys, rule, act, details, at=at, actor=viewer.actor)
