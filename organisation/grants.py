"""Roles given and taken: who holds what where, kept in the database and read anew for every decision."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Index, Row, Select, UniqueConstraint, bindparam, text
from sqlalchemy import select as columns
from sqlmodel import Field, Session, SQLModel, col, select

from config.errors import MeizhenError
from config.secrets import KeyRing
from organisation.ledger import record
from organisation.people import Person, PersonSecret, PersonState, hold_people, state_of
from organisation.permissions import HOUSE, Act, Held, Place, Role, Standing, may, require
from organisation.units import Unit, find_unit

EVERYWHERE = "*"  # how people and the ledger name the whole house


class RoleGrant(SQLModel, table=True):
    """One role of one person: at a unit with all below it, or (`unit_id` None) at the whole house."""

    __tablename__ = "role_grant"
    __table_args__ = (
        UniqueConstraint("person_id", "role", "unit_id"),
        Index(
            "ix_role_grant_everywhere",
            "person_id",
            "role",
            unique=True,
            sqlite_where=text("unit_id IS NULL"),
            postgresql_where=text("unit_id IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    person_id: int = Field(foreign_key="person.id")
    role: str = Field(max_length=32)
    unit_id: int | None = Field(default=None, foreign_key="unit.id", index=True)
    at: datetime
    by: str = Field(max_length=120)


class RoleRule(SQLModel, table=True):
    """What a role demands of those who hold it."""

    __tablename__ = "role_rule"

    role: str = Field(primary_key=True, max_length=32)
    second_factor: bool = False


@dataclass(frozen=True)
class GrantedRole:
    """A role as people see it: `unit` is a code, `*` for the whole house."""

    role: Role
    unit: str
    path: str


def parse_role(told: str) -> Role:
    """The role of that name. Raises MeizhenError `organisation.unknown_role`."""
    try:
        return Role(told.strip().lower().replace("-", "_"))
    except ValueError:
        raise MeizhenError(
            "organisation.unknown_role", received=told[:40], expected=", ".join(Role)
        ) from None


def roles_of(session: Session, person: Person) -> list[GrantedRole]:
    """The person's roles, by place and role; whether they are active or not."""
    rows = session.exec(
        select(RoleGrant.role, Unit.code, Unit.path)
        .outerjoin(Unit, col(Unit.id) == col(RoleGrant.unit_id))
        .where(RoleGrant.person_id == person.known_id)
    ).all()
    found = [GrantedRole(Role(role), code or EVERYWHERE, path or "") for role, code, path in rows]
    return sorted(found, key=lambda one: (one.path, list(Role).index(one.role)))


_FACTS = (
    col(Person.id),
    col(Person.login),
    col(Person.state),
    col(PersonSecret.totp_confirmed),
    col(RoleGrant.role),
    col(Unit.path),
    col(RoleRule.second_factor),
)


def with_standing(asked: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """A question about people that also asks what they hold: a row a role, for `standing_in`."""
    return (
        asked.add_columns(*_FACTS)
        .join(PersonSecret, col(PersonSecret.person_id) == col(Person.id))
        .outerjoin(RoleGrant, col(RoleGrant.person_id) == col(Person.id))
        .outerjoin(Unit, col(Unit.id) == col(RoleGrant.unit_id))
        .outerjoin(RoleRule, col(RoleRule.role) == col(RoleGrant.role))
        .order_by(col(RoleGrant.id))
    )


def standing_in(rows: Sequence[Row[*tuple[Any, ...]]]) -> Standing:
    """What a person holds, from the rows about them that `with_standing` asked for."""
    facts = [row[-len(_FACTS) :] for row in rows]
    person_id, login, state, confirmed, *_ = facts[0]
    held = tuple(Held(Role(role), path or "") for *_, role, path, _ in facts if role is not None)
    enrolling = not confirmed and any(demanded for *_, demanded in facts)
    if state != PersonState.ACTIVE or enrolling:
        held = ()
    return Standing(person_id, login, held, enrolling)


_STANDING = with_standing(columns().select_from(Person).where(col(Person.id) == bindparam("person")))


def standing_of(session: Session, person: Person) -> Standing:
    """What the person holds at this moment, for `may` and `visible_to`: load it anew for every request."""
    return standing_in(session.execute(_STANDING, {"person": person.known_id}).all())


def factor_roles(session: Session) -> set[Role]:
    """The roles that demand a second factor."""
    rows = session.exec(select(RoleRule.role).where(col(RoleRule.second_factor))).all()
    return {Role(role) for role in rows}


def demand_factor(
    session: Session, keys: KeyRing, role: Role, *, demanded: bool, at: datetime, actor: str
) -> bool:
    """Whoever holds the role needs a second factor from now on (or no more); False where it was so before."""
    row = session.get(RoleRule, role) or RoleRule(role=role)
    if row.second_factor == demanded:
        return False
    row.second_factor = demanded
    session.add(row)
    session.flush()
    details = {"second_factor": demanded}
    record(session, keys, at=at, actor=actor, act="role.rule", subject=f"role:{role}", details=details)
    return True


def grant_role(
    session: Session,
    keys: KeyRing,
    person: Person,
    role: Role,
    unit: Unit | None,
    *,
    at: datetime,
    actor: str,
) -> bool:
    """Gives the role at the unit and all below it (None: the whole house); False where they held it there.

    Raises MeizhenError `person.is_disabled`.
    """
    hold_people(session)
    if state_of(session, person) == PersonState.DISABLED:
        raise MeizhenError("person.is_disabled", login=person.login)
    if _grant(session, person, role, unit) is not None:
        return False
    unit_id = None if unit is None else unit.id
    session.add(RoleGrant(person_id=person.known_id, role=role, unit_id=unit_id, at=at, by=actor))
    session.flush()
    _record(session, keys, "role.grant", person, role, unit, at=at, actor=actor)
    return True


def revoke_role(
    session: Session,
    keys: KeyRing,
    person: Person,
    role: Role,
    unit: Unit | None,
    *,
    at: datetime,
    actor: str,
) -> bool:
    """Takes the role that was given at exactly this place; False where none was.

    Raises MeizhenError `organisation.last_owner` for the last owner of the house who can sign in.
    """
    hold_people(session)
    found = _grant(session, person, role, unit)
    if found is None:
        return False
    if role == Role.OWNER and unit is None:
        keep_an_owner(session, person)
    session.delete(found)
    session.flush()
    _record(session, keys, "role.revoke", person, role, unit, at=at, actor=actor)
    return True


def owners(session: Session) -> list[Person]:
    """The owners of the whole house who can sign in."""
    return list(
        session.exec(
            select(Person)
            .join(RoleGrant, col(RoleGrant.person_id) == col(Person.id))
            .where(
                RoleGrant.role == Role.OWNER,
                col(RoleGrant.unit_id).is_(None),
                Person.state == PersonState.ACTIVE,
            )
            .order_by(col(Person.login))
        )
    )


def keep_an_owner(session: Session, leaving: Person) -> None:
    """Raises MeizhenError `organisation.last_owner` where the house would have no owner without this one."""
    ids = {owner.id for owner in owners(session)}
    if ids == {leaving.known_id}:
        raise MeizhenError("organisation.last_owner", login=leaving.login)


def places_of(session: Session, person: Person) -> list[Place]:
    """Where a person belongs and holds roles: who acts on them acts on all of that."""
    home = None if person.unit_id is None else session.get(Unit, person.unit_id)
    paths = {one.path for one in roles_of(session, person)}
    return [Place(path) for path in sorted(paths | {home.path if home else ""})]


def require_over(session: Session, acting: Standing, person: Person, act: Act) -> None:
    """May `acting` do this to the person, everywhere the person is somebody?

    Otherwise an administrator of one department, by giving an owner who sits there a new password, would
    become owner. Raises MeizhenError as `permissions.require` does.
    """
    for place in places_of(session, person):
        require(acting, act, place)
    if act.reads:
        return
    for one in roles_of(session, person):
        if one.role == Role.OWNER:
            require(acting, Act.ROLE_GRANT_OWNER, Place(one.path))


def require_granting(acting: Standing, person: Person, role: Role, unit: Unit | None) -> None:
    """May `acting` give or take this role there? Nobody but an owner does it to themselves.

    Raises MeizhenError as `permissions.require` does, or `organisation.own_role`.
    """
    place = HOUSE if unit is None else Place(unit.path)
    require(acting, Act.ROLE_GRANT_OWNER if role == Role.OWNER else Act.ROLE_GRANT, place)
    if acting.person_id == person.id and not may(acting, Act.ROLE_GRANT_OWNER, place):
        raise MeizhenError("organisation.own_role", login=acting.login)


def require_gift(session: Session, acting: Standing, person: Person, to: Person) -> None:
    """May `acting` give all that the person holds to another as well? Raises as `require_granting` does."""
    for one in roles_of(session, person):
        require_granting(
            acting, to, one.role, None if one.unit == EVERYWHERE else find_unit(session, one.unit)
        )


def record_refusal(
    session: Session, keys: KeyRing, person: Standing, act: Act, subject: str, *, at: datetime, actor: str
) -> None:
    """Notes in the ledger that somebody was refused."""
    details = {"act": act.value, "person": person.login}
    record(session, keys, at=at, actor=actor, act="access.refused", subject=subject[:200], details=details)


def _grant(session: Session, person: Person, role: Role, unit: Unit | None) -> RoleGrant | None:
    at_place = col(RoleGrant.unit_id).is_(None) if unit is None else col(RoleGrant.unit_id) == unit.id
    wanted = select(RoleGrant).where(RoleGrant.person_id == person.known_id, RoleGrant.role == role, at_place)
    return session.exec(wanted).one_or_none()


def _record(
    session: Session,
    keys: KeyRing,
    act: str,
    person: Person,
    role: Role,
    unit: Unit | None,
    *,
    at: datetime,
    actor: str,
) -> None:
    details = {"role": role.value, "unit": EVERYWHERE if unit is None else unit.code}
    record(session, keys, at=at, actor=actor, act=act, subject=person.subject, details=details)
