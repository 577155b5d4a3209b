"""评优 · 核对: a run computed again, two runs side by side, an account taken out by a named person."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response

from analytics.awards.comparison import compare
from analytics.awards.exclusions import Exclusion, exclusions
from analytics.awards.keeping import Award, Awards
from analytics.awards.verification import verify
from analytics.jobs.awards import order_exclusion
from organisation import Act, Place, require
from web.access import ruled
from web.desk import Desk
from web.jobs_shown import begin
from web.pages.awards import award_facts
from web.rendering import page
from web.viewer import Viewer, Viewing

_MOST_SHOWN = 200
_Name = Annotated[str, Form(max_length=200)]


def award_runs_router(desk: Desk) -> APIRouter:
    """`/awards/NAME/runs` and what is done there."""
    router = APIRouter()
    shelf = Awards(desk.settings.awards_root)

    def found(viewer: Viewer, name: str, act: Act = Act.AWARD_READ) -> Award:
        require(viewer.standing, act, Place(""))
        return shelf.find(name)

    def runs_page(request: Request, viewer: Viewer, award: Award, more: dict[str, object]) -> Response:
        facts = {
            "tab": "runs",
            "excluded": exclusions(award.run),
            "others": [one.name for one in shelf.known() if one.ranked and one.name != award.name],
            "free": _free_name(shelf, award),
            "verified": None,
            "compared": None,
            "most": _MOST_SHOWN,
            **award_facts(desk, viewer, award),
            **more,
        }
        return page(request, viewer, "award_runs.html", facts)

    @router.get("/awards/{name}/runs")
    @ruled(Act.AWARD_READ)
    def runs(
        request: Request, viewer: Viewing, name: str, other: Annotated[str, Query(max_length=100)] = ""
    ) -> Response:
        award = found(viewer, name)
        compared = compare(shelf.find(other).run.path, award.run.path) if other else None
        return runs_page(request, viewer, award, {"compared": compared, "other": other})

    @router.post("/awards/{name}/verify")
    @ruled(Act.AWARD_READ)
    def again(request: Request, viewer: Viewing, name: str) -> Response:
        award = found(viewer, name)
        return runs_page(request, viewer, award, {"verified": verify(award.run.path), "other": ""})

    @router.post("/awards/{name}/exclude")
    @ruled(Act.AWARD_RUN)
    def exclude(
        request: Request,
        viewer: Viewing,
        name: str,
        account: _Name,
        by: _Name,
        reason: Annotated[str, Form(max_length=1000)],
        into: _Name,
        category: _Name = "",
    ) -> Response:
        award = found(viewer, name, Act.AWARD_RUN)
        made = shelf.room(into.strip())
        exclusion = Exclusion(account.strip(), by.strip(), reason.strip(), category.strip())
        return begin(
            request, desk, viewer, lambda _: order_exclusion(award, made, exclusion), f"/awards/{name}/runs"
        )

    return router


def _free_name(shelf: Awards, award: Award) -> str:
    """A name for the next run of this award that no award has."""
    taken = {one.name for one in shelf.known()}
    return next(name for number in range(2, 10_000) if (name := f"{award.name}-{number}") not in taken)
