"""审核: what waits for whom, and one post as its reviewer reads, marks, signs or returns it."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from sqlmodel import Session, col, select

from config.clock import SHANGHAI
from config.errors import MeizhenError
from config.messages import text
from organisation import Account, Act, find_person
from organisation.stages import read_stages
from scheduler import review
from scheduler.review_content import of_facts
from scheduler.review_diff import side_by_side
from scheduler.review_form import review_form
from scheduler.review_people import may_read, name_substitute, places_of_post
from scheduler.review_views import shown, waiting, waiting_for
from web.access import SIGNED_IN, ruled
from web.desk import Desk
from web.pages._passages import passages
from web.pages._post_story import people_named
from web.rendering import go, page
from web.viewer import Viewer, Viewing

_Told = Annotated[str, Form(max_length=2000)]


def review_router(desk: Desk) -> APIRouter:
    """`/review`, `/review/{post}`, and what reviewers do there."""
    router = APIRouter()

    @router.get("/review")
    @ruled(Act.REVIEW_READ)
    def reviews(request: Request, viewer: Viewing, show: str = "") -> Response:
        unit = None if viewer.unit is None else viewer.within(Act.REVIEW_READ)
        everything = show == "all"
        with desk.database.read() as session:
            find = waiting if everything else waiting_for
            found = find(session, viewer.standing, viewer.now, unit=unit)
            names = _names(session, {name for one in found for name in one.accounts})
            people = people_named(session, [f"person:{one.by}" for one in found])
        facts = {"found": found, "everything": everything, "names": names, "people": people}
        return page(request, viewer, "reviews.html", facts)

    @router.get("/review/{post_id}")
    @ruled(Act.REVIEW_READ)
    def read(request: Request, viewer: Viewing, post_id: int) -> Response:
        with desk.database.write() as session:
            _require_reading(session, viewer, post_id)
            present = review.read(session, post_id, viewer.standing, viewer.now)
            before = review.known_before(session, present, viewer.standing.person_id)
            seen = shown(session, present)
            signs = review.may_sign(session, post_id, viewer.standing, viewer.now)
            names = _names(session, {copy.account for copy in seen.content.copies})
            logins = [seen.by, seen.ended_by, *(one.login for one in seen.remarks)]
            people = people_named(session, [f"person:{login}" for login in logins])
        stages = read_stages(present.stages)
        facts = {
            "seen": seen,
            "before": before,
            "rows": [] if before is None else side_by_side(before, present),
            "signs": signs,
            "next": stages[present.signed] if present.signed < len(stages) else "",
            "names": names,
            "people": people,
            "passages": passages(seen.content.text, seen.remarks),
            "today": viewer.now.astimezone(SHANGHAI).date(),
        }
        return page(request, viewer, "review.html", facts)

    @router.get("/review/{post_id}/form")
    @ruled(Act.REVIEW_READ)
    def form(viewer: Viewing, post_id: int) -> Response:
        with desk.database.write() as session:
            _require_reading(session, viewer, post_id)
            seen = shown(session, review.read(session, post_id, viewer.standing, viewer.now))
            content = review_form(session, seen, now=viewer.now)
        named = {"Content-Disposition": f'inline; filename="review-{post_id}.pdf"'}
        return Response(content, media_type="application/pdf", headers=named)

    @router.post("/review/{post_id}/approve")
    @ruled(Act.REVIEW_READ)
    def approve(request: Request, viewer: Viewing, post_id: int, number: Annotated[int, Form()]) -> Response:
        with desk.database.write() as session:
            _require_reading(session, viewer, post_id)
            _require_seen(session, post_id, number)
            submission, stage = review.approve(
                session, desk.keys, post_id, viewer.standing, now=desk.clock.now(), actor=viewer.actor
            )
        rest = read_stages(submission.stages)[submission.signed :]
        told = {"stage": text(f"review.stage_{stage}"), "id": post_id}
        if rest:
            return go(request, "/review", "reviews.signed", next=text(f"review.stage_{rest[0]}"), **told)
        return go(request, "/review", "reviews.approved", **told)

    @router.post("/review/{post_id}/return")
    @ruled(Act.REVIEW_READ)
    def send_back(request: Request, viewer: Viewing, post_id: int, reason: _Told = "") -> Response:
        with desk.database.write() as session:
            _require_reading(session, viewer, post_id)
            review.send_back(
                session, desk.keys, post_id, viewer.standing, reason, now=desk.clock.now(), actor=viewer.actor
            )
        return go(request, "/review", "reviews.returned", id=post_id)

    @router.post("/review/{post_id}/comment")
    @ruled(Act.REVIEW_READ)
    def comment(
        request: Request,
        viewer: Viewing,
        post_id: int,
        told: _Told = "",
        quote: _Told = "",
        start: Annotated[str, Form(max_length=10)] = "",
    ) -> Response:
        now = desk.clock.now()
        with desk.database.write() as session:
            _require_reading(session, viewer, post_id)
            present = review.read(session, post_id, viewer.standing, now)
            first, last = _place(of_facts(present.content).text, quote, start)
            review.comment(
                session,
                desk.keys,
                post_id,
                viewer.standing,
                start=first,
                end=last,
                told=told,
                now=now,
                actor=viewer.actor,
            )
        return go(request, f"/review/{post_id}", "reviews.commented")

    @router.post("/review/hand-on")
    @ruled(SIGNED_IN)
    def hand_on(
        request: Request,
        viewer: Viewing,
        login: Annotated[str, Form(max_length=120)] = "",
        until: Annotated[str, Form(max_length=10)] = "",
    ) -> Response:
        with desk.database.write() as session:
            other = find_person(session, login.strip()) if login.strip() else None
            last = _day(until) if other is not None else None
            name_substitute(
                session,
                desk.keys,
                viewer.standing,
                other,
                until=last,
                now=desk.clock.now(),
                actor=viewer.actor,
            )
        if other is None:
            return go(request, "/review", "reviews.handed_back")
        return go(request, "/review", "reviews.handed_on", name=other.name, until=last)

    return router


def _require_reading(session: Session, viewer: Viewer, post_id: int) -> None:
    """By a role, or in the place of somebody who may; else nothing is there."""
    if not may_read(session, viewer.standing, places_of_post(session, post_id), viewer.now):
        raise MeizhenError("organisation.out_of_sight")


def _require_seen(session: Session, post_id: int, number: int) -> None:
    """What is signed is what was on the page. Raises MeizhenError `review.overtaken`."""
    present = review.latest(session, post_id)
    if present is not None and present.number != number:
        raise MeizhenError("review.overtaken", post=post_id)


def _place(said: str, quote: str, start: str) -> tuple[int, int]:
    """The passage that was marked; where it was only quoted, it must stand there exactly once."""
    quote = quote.replace("\r\n", "\n")
    if start.isascii() and start.isdigit() and quote and said.startswith(quote, int(start)):
        return int(start), int(start) + len(quote)
    return review.passage(said, quote)


def _day(told: str) -> date:
    try:
        return date.fromisoformat(told)
    except ValueError:
        raise MeizhenError("input.not_a_moment", received=told[:40]) from None


def _names(session: Session, stable_ids: set[str]) -> dict[str, str]:
    """The names of accounts by `platform:handle`."""
    handles = {one.partition(":")[2] for one in stable_ids}
    accounts = session.exec(select(Account).where(col(Account.handle).in_(handles)))
    return {one.stable_id: one.name for one in accounts}
