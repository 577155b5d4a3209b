"""日历: what goes out when, by month, week or list; moved by dragging, by a form, or by keys."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import JSONResponse
from sqlmodel import Session

from config.clock import SHANGHAI
from config.errors import MeizhenError
from config.holidays import is_announced
from config.messages import present_language, text
from organisation import Account, AccountState, Act, Place, accounts_of, find_account, require
from scheduler import transitions
from scheduler.calendar import DRAFT, Slot, find_slot, next_dues, slots_between
from scheduler.deliveries import State
from scheduler.posts import parse_due
from scheduler.review_drafts import Change, change_draft
from scheduler.review_tables import Standing
from web.access import ruled
from web.calendar_events import day_events, gap_events, slot_event
from web.desk import Desk
from web.moments import moment
from web.rendering import go, own_address, page, told_as_toast
from web.silence import gaps_between, last_seen, silent_accounts
from web.viewer import Viewer, Viewing

STATES = (DRAFT, Standing.OPEN, Standing.APPROVED, Standing.RETURNED, *State)
IN_REVIEW = (Standing.OPEN, Standing.APPROVED)
_LONGEST = timedelta(days=70)
_AHEAD = timedelta(days=7)
_MOST_ROWS = 300
_Word = Annotated[str, Query(max_length=160)]


def calendar_router(desk: Desk) -> APIRouter:
    """`/calendar`, its events, and moving one of them."""
    router = APIRouter()

    @router.get("/calendar")
    @ruled(Act.POST_READ)
    def calendar(
        request: Request, viewer: Viewing, account: _Word = "", state: _Word = "", week: _Word = ""
    ) -> Response:
        first = _week(week, viewer.now)
        with desk.database.read() as session:
            accounts = accounts_of(session, within=viewer.within(Act.POST_READ))
            chosen = _chosen(session, account)
            rows = _slots(session, viewer, first, first + _AHEAD, chosen, _state(state))
            silent = silent_accounts(session, viewer)
            coming = next_dues(session, [one.account.known_id for one in silent], viewer.now)
        kept = {name: told for name, told in (("account", account), ("state", state)) if told}
        years = {viewer.now.astimezone(SHANGHAI).year, (viewer.now + timedelta(days=45)).year}
        facts = {
            "accounts": accounts,
            "account": account,
            "state": state,
            "states": STATES,
            "query": urlencode(kept),
            "before": f"{first - _AHEAD:%Y-%m-%d}",
            "after": f"{first + _AHEAD:%Y-%m-%d}",
            "rows": rows[:_MOST_ROWS],
            "silent": silent,
            "coming": coming,
            "unannounced": sorted(year for year in years if not is_announced(year)),
            "writes": viewer.may_somewhere(Act.POST_WRITE),
        }
        return page(request, viewer, "calendar.html", facts)

    @router.get("/calendar/events")
    @ruled(Act.POST_READ)
    def events(
        viewer: Viewing,
        start: Annotated[str, Query(max_length=40)],
        end: Annotated[str, Query(max_length=40)],
        account: _Word = "",
        state: _Word = "",
    ) -> Response:
        since, until = _moment(start), _moment(end)
        if not timedelta(0) < until - since <= _LONGEST:
            raise MeizhenError("web.misread")
        with desk.database.read() as session:
            chosen = _chosen(session, account)
            slots = _slots(session, viewer, since, until, chosen, _state(state))
            accounts = (
                [chosen]
                if chosen
                else accounts_of(session, state=AccountState.ACTIVE, within=viewer.within(Act.ACCOUNT_READ))
            )
            ids = [one.known_id for one in accounts]
            gaps = gaps_between(
                accounts, last_seen(session, ids), next_dues(session, ids, viewer.now), since, until
            )
        days = (since.astimezone(SHANGHAI).date(), until.astimezone(SHANGHAI).date())
        told = [
            *day_events(*days, present_language()),
            *gap_events(gaps),
            *(slot_event(slot, viewer) for slot in slots),
        ]
        return JSONResponse(told)

    @router.get("/calendar/{kind}/{id_}")
    @ruled(Act.POST_READ)
    def slot(request: Request, viewer: Viewing, kind: str, id_: int, part: bool = False) -> Response:
        with desk.database.read() as session:
            slots = _found(session, viewer, kind, id_, Act.POST_READ)
        act = _act(slots[0])
        facts = {
            "slot": slots[0],
            "slots": slots,
            "moves": is_movable(slots[0]) and all(viewer.may(act, one.path) for one in slots),
            "voids": slots[0].state in IN_REVIEW and slots[0].delivery is None,
        }
        return page(request, viewer, "parts/_slot.html" if part else "calendar_slot.html", facts)

    @router.post("/calendar/{kind}/{id_}")
    @ruled(Act.POST_READ)
    def move(
        request: Request,
        viewer: Viewing,
        kind: str,
        id_: int,
        due: Annotated[str, Form(max_length=40)],
        void: Annotated[bool, Form()] = False,
        back: Annotated[str, Form(max_length=1000)] = "/calendar",
    ) -> Response:
        now = desk.clock.now()
        to = parse_due(due, now)
        with desk.database.write() as session:
            slots = _found(session, viewer, kind, id_, None)
            _move(session, desk, viewer, slots, to, now, void=void)
        desk.wake()
        told = {"headline": slots[0].headline[:40], "at": moment(to, now)}
        if request.headers.get("x-calendar") == "yes":
            return Response(status_code=204, headers=told_as_toast(text("calendar.moved", **told)))
        return go(request, own_address(back, "/calendar"), "calendar.moved", **told)

    return router


def is_movable(slot: Slot) -> bool:
    """Does the slot's state let people move it? What it lands on is decided when it is moved."""
    return slot.delivery is None or slot.state in transitions.PERSON_MAY_MOVE


def _act(slot: Slot) -> Act:
    return Act.POST_WRITE if slot.delivery is None else Act.POST_SEND


def _move(
    session: Session,
    desk: Desk,
    viewer: Viewer,
    slots: Sequence[Slot],
    to: datetime,
    now: datetime,
    *,
    void: bool,
) -> None:
    first = slots[0]
    if first.delivery is not None:
        transitions.reschedule(session, desk.keys, [first.delivery], due=to, now=now, actor=viewer.actor)
        return
    if first.state in IN_REVIEW and not void:
        raise MeizhenError("calendar.would_void", post=first.post)
    change_draft(
        session,
        desk.keys,
        first.post,
        Change(due=to),
        author_id=viewer.person.known_id,
        now=now,
        actor=viewer.actor,
    )


def _found(session: Session, viewer: Viewer, kind: str, id_: int, act: Act | None) -> list[Slot]:
    """The slots of an address; `act` None is what moving them needs. What is not there is out of sight."""
    if kind not in ("delivery", DRAFT):
        raise MeizhenError("web.no_page")
    try:
        slots = find_slot(session, kind, id_)
    except MeizhenError:
        raise MeizhenError("organisation.out_of_sight") from None
    for slot in slots:
        require(viewer.standing, act or _act(slot), Place(slot.path))
    return slots


def _slots(
    session: Session,
    viewer: Viewer,
    since: datetime,
    until: datetime,
    account: Account | None,
    state: str,
) -> list[Slot]:
    found = slots_between(
        session,
        viewer.within(Act.POST_READ),
        since,
        until,
        account_id=None if account is None else account.known_id,
    )
    return [slot for slot in found if not state or slot.state == state]


def _chosen(session: Session, name: str) -> Account | None:
    """The account of the filter. One out of reach shows nothing: every list is `within` reach."""
    return find_account(session, name) if name else None


def _state(told: str) -> str:
    if told and told not in STATES:
        raise MeizhenError("input.not_one_of", expected=", ".join(STATES), received=told[:40])
    return told


def _week(told: str, now: datetime) -> datetime:
    """The Monday, Beijing's, of the week that a day (`2026-03-02`) lies in; of the present one without it."""
    here = now.astimezone(SHANGHAI)
    try:
        day = datetime.fromisoformat(told).date() if told else here.date()
    except ValueError:
        raise MeizhenError("input.not_a_moment", received=told[:40]) from None
    monday = day - timedelta(days=day.weekday())
    return datetime(monday.year, monday.month, monday.day, tzinfo=SHANGHAI)


def _moment(told: str) -> datetime:
    """A moment of FullCalendar's; without a zone it is Beijing's."""
    try:
        at = datetime.fromisoformat(told)
    except ValueError:
        raise MeizhenError("input.not_a_moment", received=told[:40]) from None
    return (at.replace(tzinfo=SHANGHAI) if at.tzinfo is None else at).astimezone(UTC)
