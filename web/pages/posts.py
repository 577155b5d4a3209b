"""稿件: all posts with filters and acts on many, and the whole story of one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from sqlmodel import Session

from config.clock import SHANGHAI
from config.errors import MeizhenError
from organisation import Account, Act, accounts_of, find_person, in_sight
from organisation.leaving import hand_on
from scheduler import bulk
from scheduler.campaign_counting import cell_of_post
from scheduler.campaign_places import require_sight
from scheduler.campaign_tables import Campaign
from scheduler.campaigns import find_campaign
from scheduler.deliveries import State
from scheduler.importance import mark_important
from scheduler.post_search import DRAFT, Asked, search_posts
from scheduler.review import may_sign, submit
from scheduler.review_drafts import send_draft
from scheduler.review_tables import Standing
from web.access import ruled
from web.desk import Desk
from web.pages._post_story import people_named, story_facts
from web.post_places import may_everywhere, require_posts
from web.rendering import go, own_address, page
from web.viewer import Viewer, Viewing

_ROWS = 50
_STATES = (DRAFT, Standing.OPEN, Standing.APPROVED, Standing.RETURNED, *State)
_Word = Annotated[str, Query(max_length=100)]
_Ids = Annotated[list[int], Form(default_factory=list, max_length=bulk.MOST_POSTS)]
_Address = Annotated[str, Form(max_length=2000)]


@dataclass(frozen=True)
class Undo:
    """What was just moved, for the button that takes it back."""

    posts: tuple[int, ...]
    days: int
    at: str


def posts_router(desk: Desk) -> APIRouter:
    """`/posts`, `/posts/{id}`, and the acts on them."""
    router = APIRouter()

    @router.get("/posts")
    @ruled(Act.POST_READ)
    def posts(
        request: Request,
        viewer: Viewing,
        state: _Word = "",
        account: Annotated[str, Query(max_length=160)] = "",
        words: _Word = "",
        since: _Word = "",
        until: _Word = "",
        before: Annotated[int | None, Query(ge=1)] = None,
        moved: Annotated[str, Query(max_length=2000)] = "",
        days: int = 0,
        at: _Word = "",
    ) -> Response:
        filters = {"state": state, "account": account, "words": words, "since": since, "until": until}
        with desk.database.read() as session:
            accounts = accounts_of(session, within=viewer.within(Act.POST_READ))
            asked = _asked(viewer, filters, accounts)
            after = None if before is None else (before,)
            rows = search_posts(session, in_sight(viewer.standing, Act.POST_READ), asked, after, _ROWS + 1)
            people = people_named(session, [row.created_by for row in rows])
        kept = {name: told for name, told in filters.items() if told}
        facts = {
            "rows": rows[:_ROWS],
            "more": len(rows) > _ROWS,
            "before": before,
            "filters": filters,
            "filtered": bool(kept),
            "query": urlencode(kept),
            "accounts": accounts,
            "states": _STATES,
            "people": people,
            "undo": _undo(moved, days, at),
            "sends": viewer.may_somewhere(Act.POST_SEND),
        }
        return page(request, viewer, "posts.html", facts)

    @router.post("/posts/move")
    @ruled(Act.POST_SEND)
    def move(
        request: Request, viewer: Viewing, days: Annotated[int, Form()], post: _Ids, back: _Address = ""
    ) -> Response:
        now = desk.clock.now()
        with desk.database.write() as session:
            require_posts(session, viewer, Act.POST_SEND, post)
            done = bulk.shift(session, desk.keys, post, days, now=now, actor=viewer.actor)
        desk.wake()
        here = _list_address(back)
        told = urlencode({"moved": ",".join(map(str, post)), "days": days, "at": now.isoformat()})
        joint = "&" if "?" in here else "?"
        return go(request, f"{here}{joint}{told}", "posts.moved", **vars(done), days=days)

    @router.post("/posts/move/undo")
    @ruled(Act.POST_SEND)
    def undo(
        request: Request,
        viewer: Viewing,
        days: Annotated[int, Form()],
        at: Annotated[str, Form(max_length=40)],
        post: _Ids,
        back: _Address = "",
    ) -> Response:
        with desk.database.write() as session:
            require_posts(session, viewer, Act.POST_SEND, post)
            done = bulk.undo_shift(
                session, desk.keys, post, days, _moment(at), now=desk.clock.now(), actor=viewer.actor
            )
        desk.wake()
        return go(request, _list_address(back), "posts.undone", **vars(done))

    @router.post("/posts/cancel")
    @ruled(Act.POST_SEND)
    def cancel(request: Request, viewer: Viewing, post: _Ids, back: _Address = "") -> Response:
        with desk.database.write() as session:
            require_posts(session, viewer, Act.POST_SEND, post)
            done = bulk.call_off(session, desk.keys, post, now=desk.clock.now(), actor=viewer.actor)
        desk.wake()
        return go(request, _list_address(back), "posts.cancelled", **vars(done))

    @router.get("/posts/{post_id}")
    @ruled(Act.POST_READ)
    def post(request: Request, viewer: Viewing, post_id: int) -> Response:
        with desk.database.read() as session:
            paths = require_posts(session, viewer, Act.POST_READ, [post_id])
            facts = story_facts(session, post_id, viewer.now)
            signs = may_sign(session, post_id, viewer.standing, viewer.now) if facts["draft"] else False
            facts["campaign"] = _campaign(session, viewer, post_id)
        offers = {
            "writes": may_everywhere(viewer, Act.POST_WRITE, paths),
            "sends": may_everywhere(viewer, Act.POST_SEND, paths),
            "reviews": may_everywhere(viewer, Act.REVIEW_READ, paths),
            "signs": signs,
        }
        return page(request, viewer, "post.html", {**facts, **offers})

    @router.post("/posts/{post_id}/send")
    @ruled(Act.POST_SEND)
    def send(request: Request, viewer: Viewing, post_id: int) -> Response:
        with desk.database.write() as session:
            require_posts(session, viewer, Act.POST_SEND, [post_id])
            ids = send_draft(session, desk.keys, post_id, now=desk.clock.now(), actor=viewer.actor)
        desk.wake()
        return go(request, f"/posts/{post_id}", "posts.sent", count=len(ids))

    @router.post("/posts/{post_id}/charge")
    @ruled(Act.POST_WRITE)
    def charge(
        request: Request, viewer: Viewing, post_id: int, login: Annotated[str, Form(max_length=120)]
    ) -> Response:
        with desk.database.write() as session:
            require_posts(session, viewer, Act.POST_WRITE, [post_id])
            person, things = find_person(session, login.strip()), {post_id: f"post:{post_id}"}
            hand_on(session, desk.keys, person, "post", things, at=desk.clock.now(), actor=viewer.actor)
        return go(request, f"/posts/{post_id}", "posts.handed_on", name=person.name)

    @router.post("/posts/{post_id}/important")
    @ruled(Act.POST_WRITE)
    def mark(request: Request, viewer: Viewing, post_id: int, important: Annotated[bool, Form()]) -> Response:
        with desk.database.write() as session:
            require_posts(session, viewer, Act.POST_WRITE, [post_id])
            mark_important(session, desk.keys, post_id, important, now=desk.clock.now(), actor=viewer.actor)
        return go(request, f"/posts/{post_id}", "posts.marked" if important else "posts.unmarked")

    @router.post("/posts/{post_id}/submit")
    @ruled(Act.POST_WRITE)
    def hand_in(
        request: Request, viewer: Viewing, post_id: int, urgent: Annotated[str, Form(max_length=500)] = ""
    ) -> Response:
        with desk.database.write() as session:
            require_posts(session, viewer, Act.POST_WRITE, [post_id])
            submit(
                session,
                desk.keys,
                post_id,
                viewer.standing,
                desk.settings.home / "media",
                urgent=urgent,
                now=desk.clock.now(),
                actor=viewer.actor,
            )
        return go(request, f"/posts/{post_id}", "posts.submitted")

    return router


def _campaign(session: Session, viewer: Viewer, post_id: int) -> Campaign | None:
    """The campaign that the post counts for, where the viewer sees it."""
    cell = cell_of_post(session, post_id)
    if cell is None:
        return None
    try:
        require_sight(session, viewer.standing, cell.campaign, Act.CAMPAIGN_READ)
    except MeizhenError:
        return None
    return find_campaign(session, cell.campaign)


def _asked(viewer: Viewer, told: Mapping[str, str], accounts: Sequence[Account]) -> Asked:
    """The filters of the address. Raises MeizhenError for a state or a day that is none."""
    state = told["state"]
    if state and state not in _STATES:
        raise MeizhenError("input.not_one_of", expected=", ".join(_STATES), received=state[:40])
    since, until = _day(told["since"]), _day(told["until"])
    return Asked(
        state=state or None,
        account_id=_account(told["account"].strip(), accounts),
        unit=None if viewer.unit is None else viewer.within(Act.POST_READ),
        words=told["words"].strip(),
        since=since,
        until=None if until is None else until + timedelta(days=1),
    )


def _account(told: str, accounts: Sequence[Account]) -> int | None:
    """The account named; 0, which none has, where nothing is named like that."""
    if not told:
        return None
    return next((one.known_id for one in accounts if told in (one.stable_id, one.handle, one.name)), 0)


def _day(told: str) -> datetime | None:
    """The first moment of a day in Beijing."""
    if not told:
        return None
    try:
        day = date.fromisoformat(told)
    except ValueError:
        raise MeizhenError("input.not_a_moment", received=told[:40]) from None
    return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)


def _moment(told: str) -> datetime:
    try:
        at = datetime.fromisoformat(told)
    except ValueError:
        raise MeizhenError("input.not_a_moment", received=told[:40]) from None
    if at.tzinfo is None:
        raise MeizhenError("input.not_a_moment", received=told[:40])
    return at


def _undo(moved: str, days: int, at: str) -> Undo | None:
    ids = tuple(int(one) for one in moved.split(",") if one.isascii() and one.isdigit() and len(one) < 10)
    return Undo(ids, days, at) if ids and days and at else None


def _list_address(told: str) -> str:
    return own_address(told, "/posts") if told.startswith("/posts") else "/posts"
