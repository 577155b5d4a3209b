"""People: adding and inviting, roles, the door closed and opened, and the page by which somebody leaves."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from sqlmodel import Session, col, select

from config.errors import MeizhenError
from organisation import (
    Account,
    Act,
    Person,
    Place,
    Role,
    Unit,
    add_person,
    disable_person,
    enable_person,
    find_person,
    find_unit,
    grant_role,
    hand_over,
    in_sight,
    invite_person,
    parse_role,
    require,
    require_granting,
    require_over,
    reset_password,
    revoke_role,
    roles_of,
)
from organisation.grants import EVERYWHERE, require_gift
from organisation.leaving import things_of
from organisation.people import secret_of
from scheduler.posts import Post
from web.access import ruled
from web.desk import Desk
from web.rendering import go, page
from web.unit_choices import units_to_choose
from web.viewer import Viewer, Viewing

_Short = Annotated[str, Form(max_length=300)]


def people_router(desk: Desk) -> APIRouter:
    """`/people/{login}` and what is done there."""
    router = APIRouter()

    @router.get("/people/new")
    @ruled(Act.PERSON_WRITE)
    def new(request: Request, viewer: Viewing, unit: str = "") -> Response:
        given = {"unit": unit or (viewer.unit.code if viewer.unit else "")}
        with desk.database.read() as session:
            units = units_to_choose(session, in_sight(viewer.standing, Act.PERSON_WRITE))
        return page(request, viewer, "person_form.html", {"given": given, "units": units})

    @router.post("/people/new")
    @ruled(Act.PERSON_WRITE)
    def add(
        request: Request, viewer: Viewing, login: _Short, name: _Short, email: _Short = "", unit: _Short = ""
    ) -> Response:
        now = desk.clock.now()
        with desk.database.write() as session:
            place = _unit(session, unit)
            require(viewer.standing, Act.PERSON_WRITE, Place(place.path if place else ""))
            person = add_person(
                session, desk.keys, login, name, email=email, unit=place, at=now, actor=viewer.actor
            )
            code, until = invite_person(session, desk.keys, person, at=now, actor=viewer.actor)
        return page(request, viewer, "person_code.html", {"person": person, "code": code, "until": until})

    @router.get("/people/{login}")
    @ruled(Act.PERSON_READ)
    def person(request: Request, viewer: Viewing, login: str) -> Response:
        with desk.database.read() as session:
            one = found(session, viewer, login, Act.PERSON_READ)
            unit = session.get(Unit, one.unit_id) if one.unit_id else None
            facts = {
                "person": one,
                "unit": unit,
                "roles": roles_of(session, one),
                "factor": secret_of(session, one).totp_confirmed,
                "charges": {kind: len(ids) for kind, ids in things_of(session, one).items()},
                "writes": _may_over(session, viewer, one, Act.PERSON_WRITE),
                "grants": viewer.may_somewhere(Act.ROLE_GRANT),
                "units": units_to_choose(session, in_sight(viewer.standing, Act.ROLE_GRANT)),
                "all_roles": list(Role),
                "everywhere": EVERYWHERE,
            }
        return page(request, viewer, "person.html", facts)

    @router.post("/people/{login}/code")
    @ruled(Act.PERSON_WRITE)
    def code(request: Request, viewer: Viewing, login: str) -> Response:
        now = desk.clock.now()
        with desk.database.write() as session:
            one = found(session, viewer, login, Act.PERSON_WRITE)
            make = invite_person if one.state == "invited" else reset_password
            told, until = make(session, desk.keys, one, at=now, actor=viewer.actor)
        return page(request, viewer, "person_code.html", {"person": one, "code": told, "until": until})

    @router.post("/people/{login}/roles")
    @ruled(Act.ROLE_GRANT)
    def roles(
        request: Request,
        viewer: Viewing,
        login: str,
        role: _Short,
        unit: _Short,
        take: Annotated[bool, Form()] = False,
    ) -> Response:
        wanted, now = parse_role(role), desk.clock.now()
        with desk.database.write() as session:
            one = _known(session, login)
            place = None if unit == EVERYWHERE else find_unit(session, unit.strip())
            require_granting(viewer.standing, one, wanted, place)
            act = revoke_role if take else grant_role
            if not act(session, desk.keys, one, wanted, place, at=now, actor=viewer.actor):
                missed = "organisation.not_held" if take else "organisation.held_already"
                raise MeizhenError(missed, login=one.login, role=wanted, unit=unit)
        return go(
            request, f"/people/{login}", "unit.role_taken" if take else "unit.role_given", name=one.name
        )

    @router.post("/people/{login}/door")
    @ruled(Act.PERSON_WRITE)
    def door(
        request: Request, viewer: Viewing, login: str, shut: Annotated[bool, Form()], reason: _Short = ""
    ) -> Response:
        now = desk.clock.now()
        with desk.database.write() as session:
            one = found(session, viewer, login, Act.PERSON_WRITE)
            if shut:
                done = disable_person(
                    session, desk.keys, one, at=now, actor=viewer.actor, reason=reason.strip()
                )
            else:
                done = enable_person(session, desk.keys, one, at=now, actor=viewer.actor)
            if not done:
                raise MeizhenError("person.is_disabled" if shut else "person.not_disabled", login=one.login)
        return go(
            request, f"/people/{login}", "person.disabled" if shut else "person.enabled", login=one.login
        )

    @router.get("/people/{login}/leave")
    @ruled(Act.PERSON_WRITE)
    def leave(request: Request, viewer: Viewing, login: str) -> Response:
        with desk.database.read() as session:
            one = found(session, viewer, login, Act.PERSON_WRITE)
            facts = {
                "person": one,
                "things": _named(session, things_of(session, one)),
                "roles": roles_of(session, one),
            }
        return page(request, viewer, "leave.html", facts)

    @router.post("/people/{login}/leave")
    @ruled(Act.PERSON_WRITE)
    def give(
        request: Request, viewer: Viewing, login: str, to: _Short, roles: Annotated[bool, Form()] = False
    ) -> Response:
        now = desk.clock.now()
        with desk.database.write() as session:
            one = found(session, viewer, login, Act.PERSON_WRITE)
            other = found(session, viewer, to, Act.PERSON_WRITE)
            if roles:
                require_gift(session, viewer.standing, one, other)
            done = hand_over(session, desk.keys, one, other, at=now, actor=viewer.actor, roles=roles)
        count = sum(done.things.values())
        shown = {"login": one.login, "to": other.login, "count": count, "roles": len(done.roles)}
        return go(request, f"/people/{login}/leave", "person.handed_over", **shown)

    return router


def found(session: Session, viewer: Viewer, login: str, act: Act) -> Person:
    """The person of an address. Raises as `require_over`; nobody and out of reach are the same."""
    one = _known(session, login)
    require_over(session, viewer.standing, one, act)
    return one


def _known(session: Session, login: str) -> Person:
    try:
        return find_person(session, login)
    except MeizhenError:
        raise MeizhenError("organisation.out_of_sight") from None


def _may_over(session: Session, viewer: Viewer, person: Person, act: Act) -> bool:
    try:
        require_over(session, viewer.standing, person, act)
    except MeizhenError:
        return False
    return True


def _unit(session: Session, code: str) -> Unit | None:
    return find_unit(session, code.strip()) if code.strip() else None


def _named(session: Session, things: dict[str, list[int]]) -> dict[str, list[tuple[str, str]]]:
    """What somebody answers for, by kind: each thing by name, and where it is shown ('': nowhere)."""
    named: dict[str, list[tuple[str, str]]] = {}
    for kind, ids in things.items():
        names = {}
        if kind == "account":
            rows = session.exec(select(Account).where(col(Account.id).in_(ids)))
            names = {row.known_id: f"{row.name} ({row.stable_id})" for row in rows}
        elif kind == "post":
            pairs = session.exec(select(Post.id, Post.title).where(col(Post.id).in_(ids)))
            names = {post_id: title for post_id, title in pairs if post_id is not None}
        where = f"/{kind}s/" if names else ""
        named[kind] = [(names.get(id_) or f"#{id_}", f"{where}{id_}" if where else "") for id_ in ids]
    return named
