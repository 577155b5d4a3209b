"""活动: the list, a campaign with its matrix, register and figures, one cell of it, and the report."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from pydantic import StringConstraints
from sqlmodel import Session

from config.clock import shanghai_day
from config.errors import MeizhenError
from organisation import Act, Place, Unit, require
from organisation.jobs import Order
from scheduler.campaign_board import Asked, page_of_campaigns
from scheduler.campaign_counting import Cell, Work, add_work, attach_post, detach_post, drop_work
from scheduler.campaign_items import ItemChange, Wanted, add_item, edit_item, remove_item
from scheduler.campaign_places import path_of_work, require_campaign, require_sight
from scheduler.campaign_report import order_report
from scheduler.campaign_tables import GOAL, NOTE, Phase
from scheduler.campaigns import (
    MOST_UNITS,
    Change,
    Plan,
    add_campaign,
    close_campaign,
    edit_campaign,
    find_campaign,
    reopen_campaign,
    units_of,
    units_offered,
)
from web.access import ruled
from web.desk import Desk
from web.jobs_shown import begin, job_part
from web.pages._campaign_facts import (
    back_to,
    board_seen,
    cell_facts,
    day_told,
    number_told,
    page_facts,
    place_of,
    place_told,
    reach_facts,
    report_facts,
    unit_facts,
    units_told,
)
from web.pages.organisation import found as unit_found
from web.post_places import require_posts
from web.refusals import status_of
from web.rendering import go, page
from web.viewer import Viewing

_SHOWN, _ENDED = 100, 30
_WEEKS = timedelta(days=20)
_Line = Annotated[str, Form(max_length=300)]
_Long = Annotated[str, Form(max_length=GOAL + 1000)]
_Lines = Annotated[str, StringConstraints(max_length=50_000)]
_Codes = Annotated[list[_Lines] | None, Form(max_length=2 * MOST_UNITS)]


def campaigns_router(desk: Desk) -> APIRouter:
    """`/campaigns` and below it."""
    router = APIRouter()

    @router.get("/campaigns")
    @ruled(Act.CAMPAIGN_READ)
    def campaigns(
        request: Request, viewer: Viewing, before: Annotated[str, Query(max_length=24)] = ""
    ) -> Response:
        within, today = viewer.within(Act.CAMPAIGN_READ), shanghai_day(viewer.now)
        with desk.database.read() as session:
            running = page_of_campaigns(
                session, within, Asked(today, (Phase.RUNNING, Phase.OVER)), limit=_SHOWN
            )
            coming = page_of_campaigns(session, within, Asked(today, (Phase.COMING,)), limit=_SHOWN)
            ended = page_of_campaigns(
                session, within, Asked(today, (Phase.CLOSED,)), place_told(before), limit=_ENDED + 1
            )
        facts = {
            "groups": {"running": running[::-1], "coming": coming[::-1], "ended": ended[:_ENDED]},
            "more": place_of(ended[_ENDED - 1].campaign) if len(ended) > _ENDED else "",
            "before": before,
            "today": today,
            "begins": viewer.may_somewhere(Act.CAMPAIGN_WRITE),
        }
        return page(request, viewer, "campaigns.html", facts)

    @router.get("/campaigns/new")
    @ruled(Act.CAMPAIGN_WRITE)
    def new(request: Request, viewer: Viewing) -> Response:
        today = shanghai_day(viewer.now)
        unit = "" if viewer.unit is None else viewer.unit.code
        given = {"unit": unit, "title": "", "goal": ""}
        given |= {"starts": today.isoformat(), "ends": (today + _WEEKS).isoformat()}
        facts: dict[str, object] = {"campaign": None, "given": given, "error": None, "edition": 0}
        with desk.database.read() as session:
            facts |= unit_facts(session, viewer)
        return page(request, viewer, "campaign_form.html", facts)

    @router.post("/campaigns/new")
    @ruled(Act.CAMPAIGN_WRITE)
    def add(
        request: Request,
        viewer: Viewing,
        unit: _Line,
        title: _Line,
        starts: _Line,
        ends: _Line,
        goal: _Long = "",
        units: _Codes = None,
    ) -> Response:
        given = {"unit": unit, "title": title, "goal": goal, "starts": starts, "ends": ends}
        try:
            with desk.database.write() as session:
                of = unit_found(session, viewer, unit.strip(), Act.CAMPAIGN_WRITE)
                told = units_told(session, viewer, units or ()) or units_offered(session, of)
                plan = Plan(title, day_told(starts), day_told(ends), goal)
                now = desk.clock.now()
                made = add_campaign(session, desk.keys, of, plan, told, now=now, actor=viewer.actor)
        except MeizhenError as error:  # what was typed stays
            with desk.database.read() as session:
                offered = unit_facts(session, viewer, told=units or ())
            facts = {"campaign": None, "given": given, "error": error, "edition": 0, **offered}
            return page(request, viewer, "campaign_form.html", facts, status=status_of(error))
        return go(request, f"/campaigns/{made.known_id}", "campaign_page.begun", title=made.title)

    @router.get("/campaigns/{campaign_id}")
    @ruled(Act.CAMPAIGN_READ)
    def one(request: Request, viewer: Viewing, campaign_id: int, whole: bool = False) -> Response:
        with desk.database.read() as session:
            board = board_seen(session, viewer, campaign_id)
            facts = page_facts(session, viewer, board)
            if whole:
                facts |= reach_facts(session, board)
        return page(request, viewer, "campaign.html", {**facts, "whole": whole})

    @router.get("/campaigns/{campaign_id}/figures")
    @ruled(Act.FIGURES_READ)
    def figures(request: Request, viewer: Viewing, campaign_id: int) -> Response:
        with desk.database.read() as session:
            facts = reach_facts(session, board_seen(session, viewer, campaign_id))
        return page(request, viewer, "parts/_campaign_figures.html", facts)

    @router.get("/campaigns/{campaign_id}/report")
    @ruled(Act.CAMPAIGN_READ)
    def report_state(request: Request, viewer: Viewing, campaign_id: int) -> Response:
        with desk.database.read() as session:
            require_sight(session, viewer.standing, campaign_id, Act.CAMPAIGN_READ)
            facts = report_facts(session, viewer, find_campaign(session, campaign_id))
        return job_part(request, viewer, facts)

    @router.get("/campaigns/{campaign_id}/edit")
    @ruled(Act.CAMPAIGN_WRITE)
    def edit(request: Request, viewer: Viewing, campaign_id: int) -> Response:
        with desk.database.read() as session:
            require_campaign(session, viewer.standing, campaign_id, Act.CAMPAIGN_WRITE)
            found = find_campaign(session, campaign_id)
            unit = session.get_one(Unit, found.unit_id)
            offered = unit_facts(session, viewer, found, [one.code for one in units_of(session, found)])
        given = {"unit": unit.code, "title": found.title, "goal": found.goal}
        given |= {"starts": found.starts.isoformat(), "ends": found.ends.isoformat()}
        facts = {"campaign": found, "given": given, "error": None, "edition": found.edition, **offered}
        return page(request, viewer, "campaign_form.html", facts)

    @router.post("/campaigns/{campaign_id}/edit")
    @ruled(Act.CAMPAIGN_WRITE)
    def save(
        request: Request,
        viewer: Viewing,
        campaign_id: int,
        edition: Annotated[int, Form(ge=0)],
        title: _Line,
        starts: _Line,
        ends: _Line,
        goal: _Long = "",
        units: _Codes = None,
    ) -> Response:
        given = {"title": title, "goal": goal, "starts": starts, "ends": ends}
        try:
            with desk.database.write() as session:
                require_campaign(session, viewer.standing, campaign_id, Act.CAMPAIGN_WRITE)
                there = {one.code: one for one in units_of(session, find_campaign(session, campaign_id))}
                wanted = {one.code: one for one in units_told(session, viewer, units or ())}
                change = Change(
                    title=title,
                    goal=goal,
                    starts=day_told(starts),
                    ends=day_told(ends),
                    enter=[one for code, one in wanted.items() if code not in there],
                    leave=[one for code, one in there.items() if code not in wanted],
                )
                now = desk.clock.now()
                edit_campaign(
                    session, desk.keys, campaign_id, change, edition=edition, now=now, actor=viewer.actor
                )
        except MeizhenError as error:
            with desk.database.read() as session:
                require_campaign(session, viewer.standing, campaign_id, Act.CAMPAIGN_WRITE)
                found = find_campaign(session, campaign_id)
                given["unit"] = session.get_one(Unit, found.unit_id).code
                offered = unit_facts(session, viewer, found, units or ())
            facts = {"campaign": found, "given": given, "error": error, "edition": edition, **offered}
            return page(request, viewer, "campaign_form.html", facts, status=status_of(error))
        return go(request, f"/campaigns/{campaign_id}", "campaign_page.saved")

    @router.post("/campaigns/{campaign_id}/report")
    @ruled(Act.REPORT_READ)
    def report(request: Request, viewer: Viewing, campaign_id: int) -> Response:
        with desk.database.read() as session:
            order = order_report(session, campaign_id, viewer.standing)
        # Who sees only a part of it finds theirs on the job's own page.
        address = f"/campaigns/{campaign_id}" if order.subject else ""
        return begin(request, desk, viewer, lambda _: order, address)

    @router.post("/campaigns/{campaign_id}/close")
    @ruled(Act.CAMPAIGN_WRITE)
    def close(request: Request, viewer: Viewing, campaign_id: int) -> Response:
        def closing(session: Session) -> Order:
            require_campaign(session, viewer.standing, campaign_id, Act.CAMPAIGN_WRITE)
            close_campaign(session, desk.keys, campaign_id, now=desk.clock.now(), actor=viewer.actor)
            return order_report(session, campaign_id, viewer.standing)

        return begin(request, desk, viewer, closing, f"/campaigns/{campaign_id}")

    @router.post("/campaigns/{campaign_id}/reopen")
    @ruled(Act.CAMPAIGN_WRITE)
    def reopen(request: Request, viewer: Viewing, campaign_id: int) -> Response:
        with desk.database.write() as session:
            require_campaign(session, viewer.standing, campaign_id, Act.CAMPAIGN_WRITE)
            reopen_campaign(session, desk.keys, campaign_id, now=desk.clock.now(), actor=viewer.actor)
        return go(request, f"/campaigns/{campaign_id}", "campaign_page.reopened")

    @router.post("/campaigns/{campaign_id}/items")
    @ruled(Act.CAMPAIGN_WRITE)
    def want(
        request: Request,
        viewer: Viewing,
        campaign_id: int,
        title: _Line,
        due: _Line,
        wanted: Annotated[int, Form()] = 1,
        kind: _Line = "",
    ) -> Response:
        with desk.database.write() as session:
            require_campaign(session, viewer.standing, campaign_id, Act.CAMPAIGN_WRITE)
            told = Wanted(title, day_told(due), wanted, kind)
            now = desk.clock.now()
            item = add_item(session, desk.keys, campaign_id, told, now=now, actor=viewer.actor)
        return go(request, f"/campaigns/{campaign_id}", "campaign_page.item_added", number=item.number)

    @router.post("/campaigns/{campaign_id}/items/{item}")
    @ruled(Act.CAMPAIGN_WRITE)
    def rewant(
        request: Request,
        viewer: Viewing,
        campaign_id: int,
        item: int,
        edition: Annotated[int, Form(ge=0)],
        title: _Line,
        due: _Line,
        wanted: Annotated[int, Form()],
        kind: _Line = "",
    ) -> Response:
        with desk.database.write() as session:
            require_campaign(session, viewer.standing, campaign_id, Act.CAMPAIGN_WRITE)
            change, now = ItemChange(title, day_told(due), wanted, kind), desk.clock.now()
            edit_item(
                session, desk.keys, campaign_id, item, change, edition=edition, now=now, actor=viewer.actor
            )
        return go(request, f"/campaigns/{campaign_id}", "campaign_page.item_saved", number=item)

    @router.post("/campaigns/{campaign_id}/items/{item}/remove")
    @ruled(Act.CAMPAIGN_WRITE)
    def unwant(request: Request, viewer: Viewing, campaign_id: int, item: int) -> Response:
        with desk.database.write() as session:
            require_campaign(session, viewer.standing, campaign_id, Act.CAMPAIGN_WRITE)
            remove_item(session, desk.keys, campaign_id, item, now=desk.clock.now(), actor=viewer.actor)
        return go(request, f"/campaigns/{campaign_id}", "campaign_page.item_removed", number=item)

    @router.get("/campaigns/{campaign_id}/cells/{item}/{code}")
    @ruled(Act.CAMPAIGN_READ)
    def cell(request: Request, viewer: Viewing, campaign_id: int, item: int, code: str) -> Response:
        with desk.database.read() as session:
            board = board_seen(session, viewer, campaign_id)
            facts = cell_facts(session, viewer, board, item, code)
        return page(request, viewer, "campaign_cell.html", facts)

    @router.post("/campaigns/{campaign_id}/posts")
    @ruled(Act.POST_WRITE)
    def attach(
        request: Request,
        viewer: Viewing,
        campaign_id: int,
        post: _Line,
        item: Annotated[int, Form(ge=0)] = 0,
        unit: _Line = "",
    ) -> Response:
        number = number_told(post)
        with desk.database.write() as session:
            require_posts(session, viewer, Act.POST_WRITE, [number])
            require_sight(session, viewer.standing, campaign_id, Act.CAMPAIGN_READ)
            where, now = Cell(campaign_id, item or None), desk.clock.now()
            attach_post(session, desk.keys, number, where, now=now, actor=viewer.actor)
        return go(request, back_to(campaign_id, item, unit), "campaign_page.attached", post=number)

    @router.post("/campaigns/{campaign_id}/posts/{post}/detach")
    @ruled(Act.POST_WRITE)
    def detach(
        request: Request,
        viewer: Viewing,
        campaign_id: int,
        post: int,
        item: Annotated[int, Form(ge=0)] = 0,
        unit: _Line = "",
    ) -> Response:
        with desk.database.write() as session:
            require_posts(session, viewer, Act.POST_WRITE, [post])
            require_sight(session, viewer.standing, campaign_id, Act.CAMPAIGN_READ)
            detach_post(session, desk.keys, campaign_id, post, now=desk.clock.now(), actor=viewer.actor)
        return go(request, back_to(campaign_id, item, unit), "campaign_page.detached", post=post)

    @router.post("/campaigns/{campaign_id}/register")
    @ruled(Act.POST_WRITE)
    def done(
        request: Request,
        viewer: Viewing,
        campaign_id: int,
        item: Annotated[int, Form(ge=1)],
        unit: _Line,
        note: Annotated[str, Form(max_length=NOTE + 100)],
        day: _Line,
        link: Annotated[str, Form(max_length=2000)] = "",
    ) -> Response:
        with desk.database.write() as session:
            of, now = unit_found(session, viewer, unit, Act.POST_WRITE), desk.clock.now()
            require_sight(session, viewer.standing, campaign_id, Act.CAMPAIGN_READ)
            told = Work(note, day_told(day), link)
            add_work(session, desk.keys, Cell(campaign_id, item), of, told, now=now, actor=viewer.actor)
        return go(request, back_to(campaign_id, item, unit), "campaign_page.noted")

    @router.post("/campaigns/{campaign_id}/register/{work_id}/strike")
    @ruled(Act.POST_WRITE)
    def strike(
        request: Request,
        viewer: Viewing,
        campaign_id: int,
        work_id: int,
        item: Annotated[int, Form(ge=0)] = 0,
        unit: _Line = "",
    ) -> Response:
        with desk.database.write() as session:
            require(viewer.standing, Act.POST_WRITE, Place(path_of_work(session, work_id)))
            require_sight(session, viewer.standing, campaign_id, Act.CAMPAIGN_READ)
            drop_work(session, desk.keys, campaign_id, work_id, now=desk.clock.now(), actor=viewer.actor)
        return go(request, back_to(campaign_id, item, unit), "campaign_page.struck")

    return router
