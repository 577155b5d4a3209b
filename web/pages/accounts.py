"""账号: cards, one account's page, connecting one by its platform's own form, testing, pausing, retiring."""

from collections.abc import Iterable
from datetime import date, timedelta
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import JSONResponse
from sqlmodel import Session

from config.clock import SHANGHAI
from config.errors import InputError, MeizhenError
from config.messages import present_language
from connectors import Connector, Finding, Label, connector_for, platforms
from organisation import (
    Account,
    AccountState,
    Act,
    Unit,
    add_account,
    find_unit,
    in_sight,
    open_credentials,
    require,
)
from organisation.account_import import change_account
from organisation.account_lists import account_with_unit, accounts_with_units
from organisation.leaving import DEPUTY, hand_on, in_charge
from scheduler.account_moves import AccountMove, move_account
from scheduler.checking import Examiner
from scheduler.posts import list_deliveries
from scheduler.queue import stop_accounts
from web.access import ruled
from web.account_cards import cards_of
from web.account_chart import chart_of
from web.desk import Desk
from web.pages.people import found as person_in_reach
from web.rendering import go, page
from web.unit_choices import units_to_choose
from web.viewer import Viewer, Viewing

CHECK_SECONDS = 20.0
_CHECKS = 4
_ROWS = 60
_WEEKS = 13
_AROUND = timedelta(days=30)
_Word = Annotated[str, Query(max_length=160)]
_Reason = Annotated[str, Form(max_length=300)]
_OWN = ("unit", "handle", "name", "track", "filed", "verified", "api_base")


def accounts_router(desk: Desk) -> APIRouter:
    """`/accounts` and below."""
    router = APIRouter()
    examiner = Examiner(desk.database, desk.keys, desk.settings, desk.clock, at_once=_CHECKS)

    def found(session: Session, viewer: Viewer, account_id: int, act: Act) -> tuple[Account, Unit]:
        pair = account_with_unit(session, account_id)
        if pair is None:
            raise MeizhenError("organisation.out_of_sight")
        require(viewer.standing, act, pair[1])
        return pair

    @router.get("/accounts")
    @ruled(Act.ACCOUNT_READ)
    def accounts(
        request: Request,
        viewer: Viewing,
        words: _Word = "",
        platform: _Word = "",
        state: _Word = "",
        number: Annotated[int, Query(alias="page", ge=1, le=10_000)] = 1,
    ) -> Response:
        with desk.database.read() as session:
            pairs = accounts_with_units(
                session,
                viewer.within(Act.ACCOUNT_READ),
                words=words.strip(),
                platform=platform,
                state=state,
                first=(number - 1) * _ROWS,
                limit=_ROWS + 1,
            )
            cards = cards_of(session, pairs[:_ROWS], viewer.now)
        filters = {"words": words, "platform": platform, "state": state}
        kept = {name: told for name, told in filters.items() if told}
        facts = {
            "cards": cards,
            "filters": filters,
            "filtered": bool(kept),
            "address": f"/accounts?{urlencode(kept)}{'&' if kept else ''}page=",
            "number": number,
            "more": len(pairs) > _ROWS,
            "platforms": _labels(),
            "states": list(AccountState),
            "connects": viewer.may_somewhere(Act.ACCOUNT_WRITE),
        }
        return page(request, viewer, "accounts.html", facts)

    def form(
        request: Request,
        viewer: Viewer,
        platform: str,
        given: dict[str, str],
        error: MeizhenError | None = None,
        account: Account | None = None,
    ) -> Response:
        connector = _connector(platform)
        with desk.database.read() as session:
            units = units_to_choose(session, in_sight(viewer.standing, Act.ACCOUNT_WRITE))
        facts = {
            "units": units,
            "connector": connector,
            "label": in_language(connector.label),
            "fields": [(field, in_language(field.label)) for field in connector.credential_fields],
            "given": {name: given.get(name, "") for name in _OWN}
            | {
                field.name: "" if field.secret else given.get(field.name, "")
                for field in connector.credential_fields
            },
            "error": error,
            "account": account,
        }
        status = HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY
        return page(request, viewer, "account_form.html", facts, status=status)

    @router.get("/accounts/new")
    @ruled(Act.ACCOUNT_WRITE)
    def new(request: Request, viewer: Viewing, platform: _Word = "") -> Response:
        if not platform:
            return page(request, viewer, "account_platforms.html", {"platforms": _labels()})
        unit = viewer.unit.code if viewer.unit else ""
        return form(request, viewer, platform, {"unit": unit})

    @router.post("/accounts/new")
    @ruled(Act.ACCOUNT_WRITE)
    async def read_form(request: Request, viewer: Viewing) -> Response:
        from starlette.concurrency import run_in_threadpool

        told = await request.form()
        values = {name: value for name, value in told.items() if isinstance(value, str)}
        return await run_in_threadpool(connect, request, viewer, values)

    def connect(request: Request, viewer: Viewer, told: dict[str, str]) -> Response:
        platform = told.get("platform", "")
        values = _values(platform, told) | {"platform": platform}
        try:
            with desk.database.write() as session:
                _require_unit(session, viewer, values["unit"])
                account = add_account(session, desk.keys, values, at=desk.clock.now(), actor=viewer.actor)
        except InputError as error:
            return form(request, viewer, platform, values, error)
        return go(request, f"/accounts/{account.id}", "account.connected", account=account.stable_id)

    @router.get("/accounts/{account_id}")
    @ruled(Act.ACCOUNT_READ)
    def account(request: Request, viewer: Viewing, account_id: int) -> Response:
        with desk.database.read() as session:
            pair = found(session, viewer, account_id, Act.ACCOUNT_READ)
            (card,) = cards_of(session, [pair], viewer.now)
            posts = list_deliveries(
                session,
                account_id=account_id,
                since=viewer.now - _AROUND,
                until=viewer.now + _AROUND,
                limit=100,
            )
            held = open_credentials(session, desk.keys, pair[0])
            deputy = in_charge(session, DEPUTY, account_id)
        known = pair[0].platform in platforms()
        fields = connector_for(pair[0].platform).credential_fields if known else ()
        path = pair[1].path
        facts = {
            "card": card,
            "label": in_language(connector_for(pair[0].platform).label) if known else pair[0].platform,
            "fields": [(in_language(field.label), bool(held.get(field.name))) for field in fields],
            "posts": list(reversed(posts)),
            "deputy": deputy,
            "writes": viewer.may(Act.ACCOUNT_WRITE, path),
            "checks": viewer.may(Act.ACCOUNT_CHECK, path) and known,
            "steers": viewer.may(Act.QUEUE_STEER, path),
            "counts": viewer.may(Act.FIGURES_READ, path),
            "seconds": int(CHECK_SECONDS),
            "findings": None if card.checkup is None else told_of(card.checkup.told()),
            "fine": card.checkup is not None and card.checkup.fine,
        }
        return page(request, viewer, "account.html", facts)

    @router.get("/accounts/{account_id}/weeks")
    @ruled(Act.FIGURES_READ)
    def weeks(viewer: Viewing, account_id: int) -> Response:
        with desk.database.read() as session:
            one, unit = found(session, viewer, account_id, Act.FIGURES_READ)
        until: date = viewer.now.astimezone(SHANGHAI).date()
        return JSONResponse(chart_of(desk, one, unit, until, weeks=_WEEKS))

    @router.post("/accounts/{account_id}/check")
    @ruled(Act.ACCOUNT_CHECK)
    def check(request: Request, viewer: Viewing, account_id: int) -> Response:
        with desk.database.read() as session:
            one, _ = found(session, viewer, account_id, Act.ACCOUNT_CHECK)
        checked = examiner.ask([one], CHECK_SECONDS).get(one.known_id)
        facts = {
            "findings": None if checked is None else told_of(checked.findings),
            "fine": checked is not None and checked.fine,
            "account": one,
            "seconds": int(CHECK_SECONDS),
        }
        part = request.headers.get("hx-request") == "true"
        return page(request, viewer, "parts/_findings.html" if part else "account_check.html", facts)

    @router.get("/accounts/{account_id}/edit")
    @ruled(Act.ACCOUNT_WRITE)
    def edit(request: Request, viewer: Viewing, account_id: int) -> Response:
        with desk.database.read() as session:
            one, unit = found(session, viewer, account_id, Act.ACCOUNT_WRITE)
            held = open_credentials(session, desk.keys, one)
        given = {
            **held,
            "unit": unit.code,
            "handle": one.handle,
            "name": one.name,
            "track": one.track,
            "filed": one.filed.isoformat() if one.filed else "",
            "verified": "true" if one.verified else "",
            "api_base": one.api_base,
        }
        return form(request, viewer, one.platform, given, account=one)

    @router.post("/accounts/{account_id}/edit")
    @ruled(Act.ACCOUNT_WRITE)
    async def read_edit(request: Request, viewer: Viewing, account_id: int) -> Response:
        from starlette.concurrency import run_in_threadpool

        told = await request.form()
        values = {name: value for name, value in told.items() if isinstance(value, str)}
        return await run_in_threadpool(change, request, viewer, account_id, values)

    def change(request: Request, viewer: Viewer, account_id: int, told: dict[str, str]) -> Response:
        one: Account | None = None
        values: dict[str, str] = {}
        try:
            with desk.database.write() as session:
                one, _ = found(session, viewer, account_id, Act.ACCOUNT_WRITE)
                values = _values(one.platform, told)
                del values["handle"]
                _require_unit(session, viewer, values["unit"])
                change_account(session, desk.keys, one, values, at=desk.clock.now(), actor=viewer.actor)
        except InputError as error:
            if one is None:
                raise
            return form(request, viewer, one.platform, values | {"handle": one.handle}, error, one)
        return go(request, f"/accounts/{account_id}", "account.changed", account=one.stable_id)

    @router.post("/accounts/{account_id}/lane")
    @ruled(Act.QUEUE_STEER)
    def lane(
        request: Request,
        viewer: Viewing,
        account_id: int,
        stopped: Annotated[bool, Form()],
        reason: _Reason = "",
    ) -> Response:
        now = desk.clock.now()
        with desk.database.write() as session:
            one, _ = found(session, viewer, account_id, Act.QUEUE_STEER)
            stop_accounts(
                session, desk.keys, [one], now=now, actor=viewer.actor, stopped=stopped, reason=reason.strip()
            )
        desk.wake()
        told = "account.lane_stopped" if stopped else "account.lane_opened"
        return go(request, f"/accounts/{account_id}", told, account=one.stable_id)

    @router.post("/accounts/{account_id}/charge")
    @ruled(Act.ACCOUNT_WRITE)
    def charge(
        request: Request,
        viewer: Viewing,
        account_id: int,
        login: Annotated[str, Form(max_length=120)],
        deputy: Annotated[bool, Form()] = False,
    ) -> Response:
        with desk.database.write() as session:
            one, _ = found(session, viewer, account_id, Act.ACCOUNT_WRITE)
            person = person_in_reach(session, viewer, login.strip(), Act.PERSON_WRITE)
            kind, things = DEPUTY if deputy else "account", {account_id: one.stable_id}
            hand_on(session, desk.keys, person, kind, things, at=desk.clock.now(), actor=viewer.actor)
        told = "account.page_deputy_is" if deputy else "account.page_handed_on"
        return go(request, f"/accounts/{account_id}", told, name=person.name)

    @router.post("/accounts/{account_id}/state")
    @ruled(Act.ACCOUNT_WRITE)
    def state(
        request: Request,
        viewer: Viewing,
        account_id: int,
        verb: Annotated[str, Form(max_length=10)],
        reason: _Reason = "",
    ) -> Response:
        if verb not in tuple(AccountMove):
            raise MeizhenError("web.misread")
        move = AccountMove(verb)
        with desk.database.write() as session:
            one, _ = found(session, viewer, account_id, Act.ACCOUNT_WRITE)
            move_account(
                session, desk.keys, one, move, at=desk.clock.now(), actor=viewer.actor, reason=reason.strip()
            )
        desk.wake()
        told = {"pause": "paused", "resume": "resumed", "retire": "retired"}[verb]
        return go(request, f"/accounts/{account_id}", f"account.{told}", account=one.stable_id)

    return router


def in_language(label: Label) -> str:
    """The label in the reader's language."""
    return label.zh if present_language() == "zh" else label.en


def told_of(findings: Iterable[Finding]) -> list[tuple[bool, str, str]]:
    """Fine or not, what was found, and what to do about it, in the reader's language."""
    return [
        (one.fine, in_language(one.told), in_language(one.remedy) if one.remedy else "") for one in findings
    ]


def _labels() -> dict[str, str]:
    return {name: in_language(connector_for(name).label) for name in platforms()}


def _connector(platform: str) -> Connector:
    if platform not in platforms():
        raise MeizhenError("input.not_one_of", expected=", ".join(platforms()), received=platform[:40])
    return connector_for(platform)


def _values(platform: str, told: dict[str, str]) -> dict[str, str]:
    """What the form says, by the columns of an accounts file: our own and this platform's."""
    fields = {field.name for field in _connector(platform).credential_fields}
    return {name: told.get(name, "").strip() for name in _OWN} | {
        name: told[name].strip() for name in fields if told.get(name, "").strip()
    }


def _require_unit(session: Session, viewer: Viewer, code: str) -> None:
    """The account's unit must be one where they may write accounts; an unknown one the form tells."""
    try:
        unit = find_unit(session, code)
    except MeizhenError:
        return
    require(viewer.standing, Act.ACCOUNT_WRITE, unit)
