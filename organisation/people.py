"""People: who works with the house. What secrets they sign in with stands in another table."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from difflib import get_close_matches
from enum import StrEnum

from sqlalchemy import ColumnElement, text, update
from sqlalchemy import select as columns
from sqlmodel import Field, Session, SQLModel, col, select

from config.errors import MeizhenError
from config.keyset import keyset
from config.secrets import KeyRing
from organisation.ledger import record
from organisation.units import Unit, in_subtree

_LOGIN = re.compile(r"\w[\w.@+\-]{1,63}")
_LOCK = 7236403  # of pg_advisory_xact_lock; the ledger holds 7236402


class PersonState(StrEnum):
    """Whether somebody can sign in."""

    INVITED = "invited"  # there, without a password of their own yet
    ACTIVE = "active"
    DISABLED = "disabled"  # may nothing, keeps their history


class Person(SQLModel, table=True):
    """Somebody who works with the house; `unit_id` is where they belong (None: to the house as a whole)."""

    __tablename__ = "person"

    id: int | None = Field(default=None, primary_key=True)
    login: str = Field(max_length=64, unique=True)  # as `clean_login` gives it
    name: str = Field(max_length=120)
    email: str = Field(default="", max_length=254)
    unit_id: int | None = Field(default=None, foreign_key="unit.id", index=True)
    state: str = Field(default=PersonState.INVITED, max_length=16)
    made_at: datetime

    @property
    def known_id(self) -> int:
        """The row's id; the person is stored."""
        if self.id is None:
            raise ValueError(f"expected a stored person: {self.login} has no id yet")
        return self.id

    @property
    def subject(self) -> str:
        """How the ledger names them."""
        return f"person:{self.login}"


class PersonSecret(SQLModel, table=True):
    """What a person signs in with: never beside the facts that lists and answers show."""

    __tablename__ = "person_secret"

    person_id: int = Field(primary_key=True, foreign_key="person.id")
    password_hash: str = Field(default="", max_length=255)  # '': none yet
    password_at: datetime | None = None
    totp_key_version: int | None = None
    totp_wrapped_key: bytes | None = None
    totp_ciphertext: bytes | None = None
    totp_confirmed: bool = False  # a code of it was given once: only then it is asked for
    totp_step: int = 0  # of the last code that was taken: each is good once


def clean_login(login: str) -> str:
    """The one spelling under which a login is kept and looked for."""
    return unicodedata.normalize("NFKC", login).strip().casefold()


def add_person(
    session: Session,
    keys: KeyRing,
    login: str,
    name: str,
    *,
    at: datetime,
    actor: str,
    email: str = "",
    unit: Unit | None = None,
) -> Person:
    """A new person without a password and without a role.

    Raises MeizhenError `person.bad_login`, `person.bad_name`, `person.bad_email` or `person.there_already`.
    """
    clean, name, email = clean_login(login), name.strip(), email.strip()
    if not _LOGIN.fullmatch(clean):
        raise MeizhenError("person.bad_login")
    if not 1 <= len(name) <= 120 or not name.isprintable():
        raise MeizhenError("person.bad_name")
    if email and (len(email) > 254 or not re.fullmatch(r"[^@\s]+@[^@\s]+", email)):
        raise MeizhenError("person.bad_email")
    hold_people(session)
    if session.exec(select(Person.id).where(Person.login == clean)).first() is not None:
        raise MeizhenError("person.there_already", login=clean)
    person = Person(login=clean, name=name, email=email, unit_id=unit.id if unit else None, made_at=at)
    session.add(person)
    session.flush()
    session.add(PersonSecret(person_id=person.known_id))
    session.flush()
    details = {"name": name, "unit": unit.code if unit else None}
    record(session, keys, at=at, actor=actor, act="person.add", subject=person.subject, details=details)
    return person


def find_person(session: Session, login: str) -> Person:
    """The person of a login. Raises MeizhenError `person.unknown` with near ones."""
    person = session.exec(select(Person).where(Person.login == clean_login(login))).one_or_none()
    if person is None:
        logins = session.exec(select(Person.login).limit(10_000)).all()
        near = ", ".join(get_close_matches(clean_login(login), logins, n=3)) or "–"
        raise MeizhenError("person.unknown", login=login, near=near)
    return person


def list_people(
    session: Session,
    *,
    unit: Unit | None = None,
    state: str | None = None,
    within: ColumnElement[bool] | None = None,
) -> list[tuple[Person, str | None]]:
    """People by login, each with the code of the unit they belong to.

    `unit`: only who belongs to it or below; `within` is a condition on the units (`permissions.in_sight`).
    """
    wanted = select(Person, Unit.code).outerjoin(Unit, col(Unit.id) == col(Person.unit_id))
    if unit is not None:
        wanted = wanted.where(in_subtree(unit))
    if state is not None:
        wanted = wanted.where(Person.state == state)
    if within is not None:
        wanted = wanted.where(within)
    return list(session.exec(wanted.order_by(col(Person.login))).all())


def page_of_people(
    session: Session,
    within: ColumnElement[bool],
    after: Sequence[object] | None,
    limit: int,
    *,
    state: str | None = None,
) -> list[tuple[Person, str | None]]:
    """People by login, each with the code of the unit they belong to; beyond the login `after`."""
    wanted = (
        columns(Person, col(Unit.code)).outerjoin(Unit, col(Unit.id) == col(Person.unit_id)).where(within)
    )
    if state is not None:
        wanted = wanted.where(col(Person.state) == state)
    return [
        (person, code) for person, code in session.execute(keyset(wanted, [col(Person.login)], after, limit))
    ]


def secret_of(session: Session, person: Person) -> PersonSecret:
    """What the person signs in with, as the database has it now."""
    wanted = select(PersonSecret).where(PersonSecret.person_id == person.known_id)
    return session.exec(wanted.execution_options(populate_existing=True)).one()


def state_of(session: Session, person: Person) -> str:
    """The person's state as the database has it now: the row at hand may be of an earlier look."""
    return session.exec(select(Person.state).where(Person.id == person.known_id)).one()


def move_person(session: Session, person: Person, sources: tuple[PersonState, ...], to: PersonState) -> bool:
    """One compare-and-set of the state; False where it was none of `sources`."""
    moved = session.execute(
        update(Person)
        .where(col(Person.id) == person.known_id, col(Person.state).in_(sources))
        .values(state=to)
        .returning(col(Person.id))
        .execution_options(synchronize_session=False)
    ).first()
    if moved is None:
        return False
    person.state = to
    return True


def hold_people(session: Session) -> None:
    """Changes to people and roles wait for each other from here to the transaction's end.

    Two that each leave one owner would leave none together. SQLite's writers wait anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
