"""People of tests: present, with a password, and with roles."""

from datetime import datetime

from sqlalchemy import update
from sqlmodel import Session, col

from config import Database
from config.secrets import KeyRing
from organisation import Person, PersonState, Role, Unit, add_person, grant_role
from organisation.passwords import hash_password
from organisation.people import PersonSecret, move_person

PASSWORD = "草原上的云走得很慢呢"
_HASH = hash_password(PASSWORD)  # once: it takes its time


def make_tree(database: Database) -> dict[str, Unit]:
    """NM with the leagues HH (below it the college HH-1) and BT, and another root BJ; by code."""
    made: dict[str, Unit] = {}
    with database.write() as session:
        for code, parent in (("NM", ""), ("HH", "NM"), ("HH-1", "HH"), ("BT", "NM"), ("BJ", "")):
            above = made.get(parent)
            unit = Unit(
                code=code,
                kind="league",
                name_zh=code,
                path=f"{code}/",
                parent_id=above.id if above else None,
            )
            session.add(unit)
            session.flush()
            unit.path = f"{above.path if above else ''}{unit.id}/"
            session.add(unit)
            session.flush()
            made[code] = unit
    return made


def make_person(
    database: Database,
    keys: KeyRing,
    login: str,
    *,
    at: datetime,
    unit: Unit | None = None,
    roles: dict[Role, Unit | None] | None = None,
    present: bool = True,
) -> Person:
    """Somebody with these roles; `present` can sign in with PASSWORD."""
    with database.write() as session:
        person = add_person(session, keys, login, f"姓名{login}", unit=unit, at=at, actor="test")
        if present:
            enter(session, person)
        for role, place in (roles or {}).items():
            grant_role(session, keys, person, role, place, at=at, actor="test")
    return person


def enter(session: Session, person: Person) -> None:
    """The person has chosen PASSWORD."""
    move_person(session, person, (PersonState.INVITED,), PersonState.ACTIVE)
    secret = update(PersonSecret).where(col(PersonSecret.person_id) == person.known_id)
    session.execute(secret.values(password_hash=_HASH))
