"""人员 Who works with the house, and what they may do where."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import Query
from pydantic import StringConstraints

from config.errors import MeizhenError
from organisation import (
    Act,
    Person,
    PersonState,
    Place,
    Role,
    Unit,
    add_person,
    disable_person,
    enable_person,
    find_person,
    find_unit,
    grant_role,
    may,
    page_of_people,
    require_granting,
    require_over,
    revoke_role,
    roles_of,
    unit_codes,
)
from organisation.people import clean_login
from organisation.permissions import HOUSE
from web.api.accounts import Why
from web.api.call import Answer, Asked
from web.api.cursors import Page, Pages
from web.api.noun import Noun
from web.api.texts import Body, Code, Filter, Line, Name, Told

noun = Noun("people")


class RoleShown(Told):
    """A role that somebody holds; `unit` is a code, `*` for the whole house."""

    role: Role
    unit: str


class PersonShown(Told):
    """A person, with the roles that the caller may see."""

    login: str
    name: str
    email: str
    unit: str | None
    state: PersonState
    made_at: datetime
    roles: list[RoleShown]


class RolesShown(Told):
    """What somebody holds now, as far as the caller may see it: nothing else of them is told."""

    login: str
    roles: list[RoleShown]


class PersonAdded(Body):
    """A new person, without a password and without a role."""

    login: Annotated[str, StringConstraints(min_length=2, max_length=64)]
    name: Line
    email: Annotated[str, StringConstraints(max_length=254)] = ""
    unit: Code | None = None


class RoleGiven(Body):
    """A role; without a unit at the whole house."""

    role: Role
    unit: Code | None = None


@noun.read("", Act.PERSON_READ)
def list_people(asked: Asked, paging: Pages, state: PersonState | None = None) -> Page[PersonShown]:
    """人员列表 People by login."""
    sight = asked.sight()
    rows, following = asked.page(
        paging,
        {"state": state},
        (str,),
        lambda after, limit: page_of_people(asked.session, sight, after, limit, state=state),
        lambda row: (row[0].login,),
    )
    return Page[PersonShown](items=[_shown(asked, person, code) for person, code in rows], next=following)


@noun.read("/{login}", Act.PERSON_READ)
def show(asked: Asked, login: Name) -> PersonShown:
    """一个人 One person."""
    return _told(asked, _over(asked, login))


@noun.write("POST", "", Act.PERSON_WRITE, status=HTTPStatus.CREATED)
def add(asked: Asked, body: PersonAdded) -> Answer[PersonShown]:
    """添加 Somebody new; `meizhen person invite` lets them in."""
    unit = None if body.unit is None else find_unit(asked.session, body.unit)
    asked.at(unit.path if unit else HOUSE.path)
    if clean_login(body.login) != body.login:
        raise MeizhenError("person.bad_login")
    if body.email != body.email.strip():
        raise MeizhenError("person.bad_email")
    person = add_person(
        asked.session,
        asked.keys,
        body.login,
        body.name,
        email=body.email,
        unit=unit,
        at=asked.now,
        actor=asked.actor,
    )
    return Answer(_told(asked, person), location=f"/api/v1/people/{person.login}")


@noun.write("POST", "/{login}/disable", Act.PERSON_WRITE)
def disable(asked: Asked, login: Name, body: Why) -> PersonShown:
    """停用 They may nothing any more; their history stays."""
    person = _over(asked, login)
    reason = body.reason or ""
    if not disable_person(asked.session, asked.keys, person, at=asked.now, actor=asked.actor, reason=reason):
        raise MeizhenError("person.is_disabled", login=person.login)
    return _told(asked, person)


@noun.write("POST", "/{login}/enable", Act.PERSON_WRITE)
def enable(asked: Asked, login: Name) -> PersonShown:
    """恢复 They may sign in again."""
    person = _over(asked, login)
    if not enable_person(asked.session, asked.keys, person, at=asked.now, actor=asked.actor):
        raise MeizhenError("person.not_disabled", login=person.login)
    return _told(asked, person)


@noun.write("POST", "/{login}/roles", Act.ROLE_GRANT, status=HTTPStatus.CREATED)
def grant(asked: Asked, login: Name, body: RoleGiven) -> RolesShown:
    """授予角色 Give a role, at a unit and all below it or at the whole house."""
    person, unit = _granting(asked, login, body.role, body.unit)
    if not grant_role(asked.session, asked.keys, person, body.role, unit, at=asked.now, actor=asked.actor):
        raise MeizhenError(
            "organisation.held_already", login=person.login, role=body.role, unit=body.unit or "*"
        )
    return RolesShown(login=person.login, roles=_roles(asked, person))


@noun.write("DELETE", "/{login}/roles/{role}", Act.ROLE_GRANT)
def revoke(
    asked: Asked,
    login: Name,
    role: Role,
    unit: Annotated[Filter, Query(description="The unit it was given at; none is the whole house.")] = None,
) -> RolesShown:
    """收回角色 Take a role that was given at just this place."""
    person, place = _granting(asked, login, role, unit)
    if not revoke_role(asked.session, asked.keys, person, role, place, at=asked.now, actor=asked.actor):
        raise MeizhenError("organisation.not_held", login=person.login, role=role, unit=unit or "*")
    return RolesShown(login=person.login, roles=_roles(asked, person))


def _over(asked: Asked, login: str) -> Person:
    person = find_person(asked.session, login)
    asked.everybody()  # asked of every place where they are somebody
    if asked.act is not None:
        require_over(asked.session, asked.person, person, asked.act)
    return person


def _granting(asked: Asked, login: str, role: Role, code: str | None) -> tuple[Person, Unit | None]:
    unit = None if code is None else find_unit(asked.session, code)
    asked.at(unit.path if unit else HOUSE.path)
    person = find_person(asked.session, login)
    require_granting(asked.person, person, role, unit)
    return person, unit


def _told(asked: Asked, person: Person) -> PersonShown:
    codes = unit_codes(asked.session, [] if person.unit_id is None else [person.unit_id])
    return _shown(asked, person, codes.get(person.unit_id or 0))


def _shown(asked: Asked, person: Person, unit: str | None) -> PersonShown:
    return PersonShown(
        login=person.login,
        name=person.name,
        email=person.email,
        unit=unit,
        state=PersonState(person.state),
        made_at=person.made_at,
        roles=_roles(asked, person),
    )


def _roles(asked: Asked, person: Person) -> list[RoleShown]:
    return [
        RoleShown(role=one.role, unit=one.unit)
        for one in roles_of(asked.session, person)
        if may(asked.person, Act.PERSON_READ, Place(one.path))
    ]
