"""人员 Who works with the house, and what they may do where."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import Query
from pydantic import Field, StringConstraints

from config.errors import MeizhenError
from organisation import (
    Act,
    Person,
    PersonState,
    Place,
    Role,
    Unit,
    add_person,
    charges_of,
    disable_person,
    drop_second_factor,
    enable_person,
    find_account,
    find_person,
    find_unit,
    grant_role,
    hand_over,
    invite_person,
    may,
    page_of_people,
    recovery_codes_left,
    require_granting,
    require_over,
    reset_password,
    revoke_role,
    roles_of,
    unit_codes,
)
from organisation.grants import require_gift
from organisation.leaving import DEPUTY, hand_on
from organisation.people import clean_login, secret_of
from organisation.permissions import HOUSE, ROLE_ACTS
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


class PersonWhole(PersonShown):
    """A person with how their door is locked, and how many things of each kind they answer for."""

    second_factor: bool
    recovery_codes: int
    charges: dict[str, int]


class CodeShown(Told):
    """A code with which the person, and nobody else, chooses a password once; it is not shown again."""

    login: str
    code: str
    expires_at: datetime


class HandingOver(Body):
    """To whom everything goes; with `roles` the roles as well."""

    to: Code
    roles: bool = False


class HandedOver(Told):
    """How many things of each kind went to the other, and the roles they were given."""

    login: str
    to: str
    things: dict[str, int]
    roles: list[RoleShown]


class Charging(Body):
    """Accounts to answer for, or to stand in for whoever does."""

    accounts: Annotated[list[Code], Field(min_length=1, max_length=200)]
    deputy: bool = False


class ChargesShown(Told):
    """How many things of each kind somebody answers for now."""

    login: str
    charges: dict[str, int]


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
def show(asked: Asked, login: Name) -> PersonWhole:
    """一个人 One person."""
    person = _over(asked, login)
    secret = secret_of(asked.session, person)
    return PersonWhole(
        **_told(asked, person).model_dump(),
        second_factor=secret.totp_confirmed,
        recovery_codes=recovery_codes_left(asked.session, person),
        charges=dict(charges_of(asked.session, person)),
    )


@noun.write("POST", "", Act.PERSON_WRITE, status=HTTPStatus.CREATED)
def add(asked: Asked, body: PersonAdded) -> Answer[PersonShown]:
    """添加 Somebody new; an invitation lets them in."""
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


@noun.write("POST", "/{login}/invitation", Act.PERSON_WRITE, status=HTTPStatus.CREATED)
def invite(asked: Asked, login: Name) -> CodeShown:
    """邀请 A one-time code for somebody who was not here yet; an older one is void."""
    person = _opened(asked, login)
    code, until = invite_person(asked.session, asked.keys, person, at=asked.now, actor=asked.actor)
    return CodeShown(login=person.login, code=code, expires_at=until)


@noun.write("POST", "/{login}/password-reset", Act.PERSON_WRITE, status=HTTPStatus.CREATED)
def reset(asked: Asked, login: Name) -> CodeShown:
    """重设密码 A one-time code for a new password; the old one and all sessions end at once."""
    person = _opened(asked, login)
    code, until = reset_password(asked.session, asked.keys, person, at=asked.now, actor=asked.actor)
    return CodeShown(login=person.login, code=code, expires_at=until)


@noun.write("DELETE", "/{login}/second-factor", Act.PERSON_WRITE)
def drop_factor(asked: Asked, login: Name) -> PersonShown:
    """取消两步验证 Their authenticator and recovery codes count no more: who lost them sets up new ones."""
    person = _opened(asked, login)
    if not drop_second_factor(asked.session, asked.keys, person, at=asked.now, actor=asked.actor):
        raise MeizhenError("person.no_factor", login=person.login)
    return _told(asked, person)


@noun.write("POST", "/{login}/hand-over", Act.PERSON_WRITE)
def give_all(asked: Asked, login: Name, body: HandingOver) -> HandedOver:
    """交接 Everything they answer for goes to another."""
    person, to = _over(asked, login), _over(asked, body.to)
    if body.roles:
        require_gift(asked.session, asked.person, person, to)
    done = hand_over(asked.session, asked.keys, person, to, at=asked.now, actor=asked.actor, roles=body.roles)
    given = [RoleShown(role=one.role, unit=one.unit) for one in done.roles]
    return HandedOver(login=person.login, to=to.login, things=done.things, roles=given)


@noun.write("POST", "/{login}/accounts", Act.PERSON_WRITE)
def charge(asked: Asked, login: Name, body: Charging) -> ChargesShown:
    """负责账号 They answer for these accounts from now on, whoever did before."""
    person = _over(asked, login)
    accounts = [find_account(asked.session, name) for name in body.accounts]
    for account in accounts:
        asked.at(asked.session.get_one(Unit, account.unit_id).path, act=Act.ACCOUNT_WRITE)
    kind = DEPUTY if body.deputy else "account"
    things = {account.known_id: account.stable_id for account in accounts}
    hand_on(asked.session, asked.keys, person, kind, things, at=asked.now, actor=asked.actor)
    return ChargesShown(login=person.login, charges=dict(charges_of(asked.session, person)))


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


def _opened(asked: Asked, login: str) -> Person:
    """The person whose door is opened anew: whoever holds the code may be them, so the key must have all
    that they may, or a program could do more than its key by signing in.
    """
    person = _over(asked, login)
    beyond = [
        act
        for one in roles_of(asked.session, person)
        for act in ROLE_ACTS[one.role]
        if not asked.person.in_scope(act)
    ]
    if beyond:
        raise MeizhenError("organisation.beyond_key", act=min(beyond))
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
