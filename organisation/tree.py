"""The tree as somebody looks at it: where their reach begins, one level at a time; who may what at a unit."""

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import func
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from organisation.grants import EVERYWHERE, GrantedRole, RoleGrant
from organisation.people import Person
from organisation.permissions import ROLE_ACTS, Act, Role, Standing
from organisation.units import Unit


def top_units(session: Session, person: Standing) -> list[Unit]:
    """The units where the person's reach begins: the roots for somebody of the whole house."""
    paths = {held.path for held in person.held if Act.UNIT_READ in ROLE_ACTS[held.role]}
    wanted = select(Unit).order_by(col(Unit.id))
    wanted = (
        wanted.where(col(Unit.parent_id).is_(None))
        if "" in paths
        else wanted.where(col(Unit.path).in_(paths))
    )
    found = list(session.exec(wanted))
    return [
        unit
        for unit in found
        if not any(unit.path != other.path and unit.path.startswith(other.path) for other in found)
    ]


def children_of(
    session: Session, units: Collection[Unit], *, first: int = 0, limit: int = 500
) -> dict[int, list[tuple[Unit, int]]]:
    """The units right below these, by parent's id, in the order they were added, each with how many stand
    right below it. One statement; `limit` is for all of them together.
    """
    lower = aliased(Unit)
    below = (
        select(func.count()).select_from(lower).where(col(lower.parent_id) == col(Unit.id)).scalar_subquery()
    )
    wanted = (
        select(Unit, below)
        .where(col(Unit.parent_id).in_([unit.id for unit in units]))
        .order_by(col(Unit.id))
        .offset(first)
        .limit(limit)
    )
    found: dict[int, list[tuple[Unit, int]]] = defaultdict(list)
    for unit, count in session.exec(wanted):
        if unit.parent_id is not None:
            found[unit.parent_id].append((unit, count))
    return dict(found)


def roles_at(session: Session, unit: Unit) -> list[tuple[Person, GrantedRole]]:
    """Who holds which role at the unit, or above it for all below; by role and login."""
    rows = session.exec(
        select(Person, RoleGrant.role, Unit.code, Unit.path)
        .join(RoleGrant, col(RoleGrant.person_id) == col(Person.id))
        .outerjoin(Unit, col(Unit.id) == col(RoleGrant.unit_id))
        .where(col(RoleGrant.unit_id).in_(unit.ids) | col(RoleGrant.unit_id).is_(None))
    )
    found = [
        (person, GrantedRole(Role(role), code or EVERYWHERE, path or "")) for person, role, code, path in rows
    ]
    order = list(Role)
    return sorted(found, key=lambda pair: (order.index(pair[1].role), pair[0].login))
