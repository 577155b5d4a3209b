"""How people go: what they answer for goes to another, and the door is closed. Their history stays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, update
from sqlmodel import Field, Session, SQLModel, col, select

from config.batch import BatchStatement
from config.errors import MeizhenError
from config.secrets import KeyRing
from organisation.grants import GrantedRole, grant_role, keep_an_owner, roles_of
from organisation.ledger import record
from organisation.one_time_codes import Purpose, void_codes
from organisation.people import Person, PersonState, hold_people, move_person, secret_of, state_of
from organisation.sessions import end_sessions
from organisation.units import find_unit

DEPUTY = "deputy"  # the charge of an account's deputy, who stands in for the person who answers for it


class Charge(SQLModel, table=True):
    """Who answers for a thing: an account, a post, a draft, a report. One person a thing."""

    __tablename__ = "charge"

    kind: str = Field(primary_key=True, max_length=32)  # the noun of the room that owns it: account, post, …
    thing_id: int = Field(primary_key=True)
    person_id: int = Field(foreign_key="person.id", index=True)
    since: datetime


@dataclass(frozen=True)
class HandOver:
    """What went to another: how many things of each kind, and the roles they were given."""

    things: dict[str, int]
    roles: tuple[GrantedRole, ...]


_CHARGE = BatchStatement(
    "INSERT INTO charge (kind, thing_id, person_id, since) "
    "SELECT :kind, thing_id, :person_id, :now FROM {rows} AS thing WHERE true "
    "ON CONFLICT (kind, thing_id) DO UPDATE SET person_id = excluded.person_id, since = excluded.since",
    {"thing_id": "integer"},
)


def put_in_charge(session: Session, person: Person, kind: str, ids: Sequence[int], *, at: datetime) -> None:
    """The person answers for these things from now on, whoever did before.

    The ledger tells it with the act by which it comes about.
    """
    values = {"kind": kind, "person_id": person.known_id, "now": at.astimezone(UTC)}
    _CHARGE.run(session.connection(), [(thing_id,) for thing_id in ids], **values)


def hand_on(
    session: Session,
    keys: KeyRing,
    person: Person,
    kind: str,
    things: Mapping[int, str],
    *,
    at: datetime,
    actor: str,
) -> None:
    """These things, each with its name for the ledger, are the person's to answer for from now on.

    Raises MeizhenError `person.is_disabled`.
    """
    if state_of(session, person) == PersonState.DISABLED:
        raise MeizhenError("person.is_disabled", login=person.login)
    put_in_charge(session, person, kind, list(things), at=at)
    named = "posts" if kind == "post" else "accounts"
    details: dict[str, object] = {"kind": kind, named: list(things.values())}
    record(session, keys, at=at, actor=actor, act="person.charge", subject=person.subject, details=details)


def in_charge(session: Session, kind: str, thing_id: int) -> Person | None:
    """Who answers for this thing."""
    return session.exec(
        select(Person)
        .join(Charge, col(Charge.person_id) == col(Person.id))
        .where(Charge.kind == kind, Charge.thing_id == thing_id)
    ).one_or_none()


def people_in_charge(session: Session, kind: str, ids: Sequence[int]) -> dict[int, Person]:
    """Who answers for each of these things; one for which nobody does is not named."""
    rows = session.exec(
        select(Charge.thing_id, Person)
        .join(Person, col(Charge.person_id) == col(Person.id))
        .where(Charge.kind == kind, col(Charge.thing_id).in_(ids))
    )
    return dict(iter(rows))


def things_of(session: Session, person: Person) -> dict[str, list[int]]:
    """The ids of the things the person answers for, by kind."""
    rows = session.exec(
        select(Charge.kind, Charge.thing_id)
        .where(Charge.person_id == person.known_id)
        .order_by(col(Charge.kind), col(Charge.thing_id))
    )
    found: dict[str, list[int]] = {}
    for kind, thing_id in rows:
        found.setdefault(kind, []).append(thing_id)
    return found


def charges_of(session: Session, person: Person) -> dict[str, int]:
    """How many things of each kind the person answers for."""
    rows = session.exec(
        select(Charge.kind, func.count())
        .where(Charge.person_id == person.known_id)
        .group_by(col(Charge.kind))
        .order_by(col(Charge.kind))
    ).all()
    return dict(rows)


def hand_over(
    session: Session,
    keys: KeyRing,
    person: Person,
    to: Person,
    *,
    at: datetime,
    actor: str,
    roles: bool = False,
) -> HandOver:
    """Everything the person answers for goes to another, in one step; with `roles` these too, as a gift:
    the person keeps theirs until they are disabled or it is taken.

    Raises MeizhenError `person.not_active` where the other cannot sign in, `person.same` for oneself.
    """
    hold_people(session)
    if person.known_id == to.known_id:
        raise MeizhenError("person.same", login=person.login)
    if state_of(session, to) != PersonState.ACTIVE:
        raise MeizhenError("person.not_active", login=to.login)
    things = charges_of(session, person)
    given = tuple(_give(session, keys, person, to, at=at, actor=actor)) if roles else ()
    session.execute(
        update(Charge)
        .where(col(Charge.person_id) == person.known_id)
        .values(person_id=to.known_id, since=at)
        .execution_options(synchronize_session=False)
    )
    details = {"to": to.login, "things": things, "roles": [f"{one.role}@{one.unit}" for one in given]}
    record(session, keys, at=at, actor=actor, act="person.hand_over", subject=person.subject, details=details)
    return HandOver(things, given)


def _give(
    session: Session, keys: KeyRing, person: Person, to: Person, *, at: datetime, actor: str
) -> list[GrantedRole]:
    given = []
    for one in roles_of(session, person):
        unit = None if not one.path else find_unit(session, one.unit)
        if grant_role(session, keys, to, one.role, unit, at=at, actor=actor):
            given.append(one)
    return given


def disable_person(
    session: Session, keys: KeyRing, person: Person, *, at: datetime, actor: str, reason: str = ""
) -> bool:
    """The person may nothing any more, at once: sessions and codes end. False where it was so before.

    Roles and what they answer for stay with them until somebody takes or hands it over. Raises MeizhenError
    `organisation.last_owner`.
    """
    hold_people(session)
    keep_an_owner(session, person)
    if not move_person(session, person, (PersonState.ACTIVE, PersonState.INVITED), PersonState.DISABLED):
        return False
    ended = end_sessions(session, person)
    for purpose in (Purpose.INVITE, Purpose.RESET):
        void_codes(session, purpose, person.known_id)
    details: dict[str, object] = {"sessions_ended": ended} | ({"reason": reason} if reason else {})
    record(session, keys, at=at, actor=actor, act="person.disable", subject=person.subject, details=details)
    return True


def enable_person(session: Session, keys: KeyRing, person: Person, *, at: datetime, actor: str) -> bool:
    """The person is here again, with their roles; False where they were not disabled."""
    hold_people(session)
    to = PersonState.ACTIVE if secret_of(session, person).password_hash else PersonState.INVITED
    if not move_person(session, person, (PersonState.DISABLED,), to):
        return False
    record(session, keys, at=at, actor=actor, act="person.enable", subject=person.subject)
    return True
