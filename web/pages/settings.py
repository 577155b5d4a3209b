"""设置: oneself, programs' keys, webhooks, reports that send themselves, what the house runs with."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from pydantic import SecretStr
from sqlmodel import Session, col, select

from analytics.reports.cron import next_fire
from analytics.reports.deliveries import cancel_planned
from analytics.reports.robots import Kind, add_robot, find_robot, listed_robots, open_robot, parse_key
from analytics.reports.schedules import (
    FORMATS,
    USUAL_FORMATS,
    Content,
    Order,
    ReportSchedule,
    add_schedule,
    end_schedule,
    find_schedule,
    remove_robot,
    running_schedules,
)
from analytics.reports.trial import require_sent, try_robot
from config.errors import InputError, MeizhenError, Problem
from config.messages import present_language, text
from config.settings import Settings, expected_of, meaning_of
from organisation import Act, Unit, find_unit, http_for, require, require_over
from organisation.api_keys import add_key, find_key, list_keys, parse_scopes, revoke_key
from organisation.permissions import HOUSE
from organisation.webhooks import EVENTS, list_webhooks
from web.access import SIGNED_IN, ruled
from web.desk import Desk
from web.rendering import go, page
from web.viewer import Viewer, Viewing

_Short = Annotated[str, Form(max_length=200)]
_Long = Annotated[str, Form(max_length=4000)]


@dataclass(frozen=True)
class Setting:
    """A setting as it is shown: `value` is '' for a secret, of which only `there` is told."""

    name: str
    value: str
    secret: bool
    there: bool
    usual: bool
    meaning: str
    expected: str


def settings_router(desk: Desk) -> APIRouter:
    """`/settings` and what is done there."""
    router = APIRouter()

    @router.get("/settings")
    @ruled(SIGNED_IN)
    def settings(request: Request, viewer: Viewing) -> Response:
        reports, schedules = viewer.may_somewhere(Act.REPORT_READ), viewer.may_somewhere(Act.REPORT_SCHEDULE)
        hooks = viewer.may_somewhere(Act.WEBHOOK_READ)
        with desk.database.read() as session:
            facts: dict[str, object] = {
                "keys": list_keys(session, person=viewer.person),
                "webhooks": list_webhooks(session, viewer.within(Act.WEBHOOK_READ)) if hooks else [],
                "schedules": _schedules(session, viewer) if reports else [],
                "robots": listed_robots(session) if viewer.may(Act.REPORT_SCHEDULE) else [],
            }
        facts |= {
            "house": _shown(desk.settings) if viewer.may(Act.HOUSE_RUN) else [],
            "hooks": hooks,
            "adds_hooks": viewer.may_somewhere(Act.WEBHOOK_WRITE),
            "events": EVENTS,
            "reports": reports,
            "adds_schedules": schedules,
            "adds_robots": viewer.may(Act.REPORT_SCHEDULE),
            "kinds": list(Kind),
            "formats": FORMATS,
            "contents": list(Content),
            "order": Order(),
        }
        return page(request, viewer, "settings.html", facts)

    # --- keys of programs ---------------------------------------------------------------------------------

    @router.post("/settings/keys")
    @ruled(SIGNED_IN)
    def new_key(
        request: Request, viewer: Viewing, name: _Short, scopes: _Long, days: Annotated[int, Form()]
    ) -> Response:
        acts = parse_scopes(scopes.split())
        with desk.database.write() as session:
            key, token = add_key(
                session,
                desk.keys,
                viewer.person,
                name,
                acts,
                days=days,
                at=desk.clock.now(),
                actor=viewer.actor,
            )
        facts = {"secret": token, "name": key.name, "told": "settings.key_told"}
        return page(request, viewer, "secret_once.html", facts)

    @router.post("/settings/keys/{prefix}/revoke")
    @ruled(SIGNED_IN)
    def end_key(request: Request, viewer: Viewing, prefix: str) -> Response:
        with desk.database.write() as session:
            key, person = find_key(session, prefix)
            if person.known_id != viewer.person.known_id:
                require_over(session, viewer.standing, person, Act.PERSON_WRITE)
            if not revoke_key(session, desk.keys, key, at=desk.clock.now(), actor=viewer.actor):
                raise MeizhenError("key.revoked_already", prefix=prefix)
        return go(request, "/settings", "key.revoked", login=person.login, prefix=prefix)

    # --- reports that send themselves ---------------------------------------------------------------------

    @router.post("/settings/schedules")
    @ruled(Act.REPORT_SCHEDULE)
    def new_schedule(
        request: Request, viewer: Viewing, unit: _Short, order: Annotated[Order, Depends(order_of)]
    ) -> Response:
        _require_mail(order)
        now = desk.clock.now()
        with desk.database.write() as session:
            place = unit_of_form(session, viewer, unit, Act.REPORT_SCHEDULE)
            add_schedule(session, desk.keys, place, order, now=now, actor=viewer.actor)
        what = text(f"settings.content_{order.content}")
        return go(request, "/settings", "settings.scheduled", unit=place.name_zh, what=what)

    @router.get("/settings/schedules/{number}")
    @ruled(Act.REPORT_SCHEDULE)
    def one_schedule(request: Request, viewer: Viewing, number: int) -> Response:
        with desk.database.read() as session:
            made, unit = find_schedule(session, number)
            require(viewer.standing, Act.REPORT_SCHEDULE, unit)
        facts = {"made": made, "unit": unit, "formats": FORMATS, "contents": list(Content)}
        return page(request, viewer, "schedule.html", facts)

    @router.post("/settings/schedules/{number}")
    @ruled(Act.REPORT_SCHEDULE)
    def change_schedule(
        request: Request, viewer: Viewing, number: int, order: Annotated[Order, Depends(order_of)]
    ) -> Response:
        _require_mail(order)
        now = desk.clock.now()
        with desk.database.write() as session:
            _, unit = find_schedule(session, number)
            require(viewer.standing, Act.REPORT_SCHEDULE, unit)
            # An order is never changed: it ends, with what it planned, and another stands from now on.
            end_schedule(session, desk.keys, number, now=now, actor=viewer.actor)
            cancel_planned(session, number, now)
            add_schedule(session, desk.keys, unit, order, now=now, actor=viewer.actor)
        return go(request, "/settings", "settings.schedule_changed", unit=unit.name_zh)

    @router.post("/settings/schedules/{number}/end")
    @ruled(Act.REPORT_SCHEDULE)
    def stop_schedule(request: Request, viewer: Viewing, number: int) -> Response:
        now = desk.clock.now()
        with desk.database.write() as session:
            _, unit = find_schedule(session, number)
            require(viewer.standing, Act.REPORT_SCHEDULE, unit)
            end_schedule(session, desk.keys, number, now=now, actor=viewer.actor)
            count = cancel_planned(session, number, now)
        return go(request, "/settings", "reports.unscheduled", id=number, count=count)

    @router.post("/settings/robots")
    @ruled(Act.REPORT_SCHEDULE)
    def new_robot(request: Request, viewer: Viewing, name: _Short, kind: _Short, key: _Long) -> Response:
        require(viewer.standing, Act.REPORT_SCHEDULE, HOUSE)
        if kind not in tuple(Kind):
            raise MeizhenError("input.not_one_of", expected=", ".join(Kind), received=kind[:40])
        robot = parse_key(Kind(kind), key)
        with desk.database.write() as session:
            add_robot(session, desk.keys, name.strip(), robot, now=desk.clock.now(), actor=viewer.actor)
        return go(request, "/settings", "settings.robot_added", name=name.strip())

    @router.post("/settings/robots/{name}/test")
    @ruled(Act.REPORT_SCHEDULE)
    def tried_robot(request: Request, viewer: Viewing, name: str) -> Response:
        require(viewer.standing, Act.REPORT_SCHEDULE, HOUSE)
        with desk.database.read() as session:
            robot = open_robot(desk.keys, find_robot(session, name))
        http = http_for(f"robot-{robot.kind}", desk.settings)
        require_sent(try_robot(http, desk.settings, robot, desk.clock.now()))
        return go(request, "/settings", "reports.robot_tested")

    @router.post("/settings/robots/{name}/remove")
    @ruled(Act.REPORT_SCHEDULE)
    def end_robot(request: Request, viewer: Viewing, name: str) -> Response:
        require(viewer.standing, Act.REPORT_SCHEDULE, HOUSE)
        with desk.database.write() as session:
            remove_robot(session, desk.keys, name, now=desk.clock.now(), actor=viewer.actor)
        return go(request, "/settings", "settings.robot_removed", name=name)

    def _require_mail(order: Order) -> None:
        if order.mail and not (desk.settings.smtp_host and desk.settings.smtp_from):
            raise InputError("report schedule", [Problem("reports.mail_unset", column="mail")])

    def _schedules(session: Session, viewer: Viewer) -> list[tuple[ReportSchedule, Unit, object, bool]]:
        """The running ones in reach, each with when it fires next and whether they may end it."""
        within = set(session.exec(select(col(Unit.id)).where(viewer.within(Act.REPORT_READ))))
        return [
            (made, unit, next_fire(made.cron, viewer.now), viewer.may(Act.REPORT_SCHEDULE, unit.path))
            for made, unit in running_schedules(session)
            if unit.id in within
        ]

    return router


def order_of(
    formats: Annotated[list[str], Form(default_factory=list, max_length=10)],
    content: Annotated[Content, Form()] = Content.WEEK,
    cron: _Short = "",
    mail: _Long = "",
    robots: _Long = "",
    folder: _Short = "",
    skips_empty: Annotated[bool, Form()] = False,
) -> Order:
    """What a form says of what goes when and where, and in which forms."""
    return Order(
        content=content,
        skips_empty=skips_empty,
        cron=cron.strip(),
        mail=_words(mail),
        folder=folder.strip() or None,
        robots=_words(robots),
        formats=tuple(formats) or USUAL_FORMATS,
    )


def unit_of_form(session: Session, viewer: Viewer, code: str, act: Act) -> Unit:
    """The unit of a form, where they may do this. Raises as `organisation.require`."""
    unit = find_unit(session, code.strip())
    require(viewer.standing, act, unit)
    return unit


def _words(told: str) -> tuple[str, ...]:
    return tuple(told.replace(",", " ").replace("，", " ").split())


def _shown(settings: Settings) -> list[Setting]:
    """Every setting; of secrets only whether they are there."""
    shown = []
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        secret = isinstance(value, SecretStr)
        there = bool(value.get_secret_value()) if isinstance(value, SecretStr) else value not in ("", None)
        usual = value == field.default
        meaning, expected = meaning_of(name).told(present_language()), expected_of(field)
        shown.append(Setting(name, "" if secret else str(value), secret, there, usual, meaning, expected))
    return shown
