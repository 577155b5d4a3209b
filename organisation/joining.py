"""How people come in: the first owner by a code from the machine, all others invited. No account is there
from the start, and nobody chooses a password for somebody else.
"""

from datetime import datetime

from sqlmodel import Session

from config.errors import MeizhenError
from config.secrets import KeyRing
from organisation.grants import grant_role, owners
from organisation.ledger import record
from organisation.one_time_codes import Purpose, issue_code, use_code, void_codes
from organisation.passwords import check_password, hash_password
from organisation.people import (
    Person,
    PersonState,
    add_person,
    hold_people,
    move_person,
    secret_of,
    state_of,
)
from organisation.permissions import Role
from organisation.sessions import end_sessions


def set_up_code(session: Session, *, at: datetime) -> tuple[str, datetime] | None:
    """A code by which the first owner comes in, and when it expires; None where the house has an owner."""
    hold_people(session)
    return None if owners(session) else issue_code(session, Purpose.SETUP, None, at=at)


def claim_house(
    session: Session, keys: KeyRing, code: str, login: str, name: str, password: str, *, at: datetime
) -> Person:
    """The first owner: made, with a password of their own, once.

    Raises MeizhenError `person.bad_code` (also where the house has an owner), or what is wrong with login,
    name or password; the code is still good then, for the transaction is rolled back.
    """
    hold_people(session)
    use_code(session, code, Purpose.SETUP, at=at)
    if owners(session):
        raise MeizhenError("person.bad_code")
    person = add_person(session, keys, login, name, at=at, actor="setup")
    set_password(session, person, password, at=at)
    move_person(session, person, (PersonState.INVITED,), PersonState.ACTIVE)
    grant_role(session, keys, person, Role.OWNER, None, at=at, actor="setup")
    void_codes(session, Purpose.SETUP)
    record(session, keys, at=at, actor=person.subject, act="house.claim", subject="house")
    return person


def invite_person(
    session: Session, keys: KeyRing, person: Person, *, at: datetime, actor: str
) -> tuple[str, datetime]:
    """A code by which the person chooses their first password; an older invitation is void.

    Raises MeizhenError `person.not_invitable` where they have been here, or are disabled.
    """
    if state_of(session, person) != PersonState.INVITED:
        raise MeizhenError("person.not_invitable", login=person.login)
    code, expires_at = issue_code(session, Purpose.INVITE, person.known_id, at=at)
    record(session, keys, at=at, actor=actor, act="person.invite", subject=person.subject)
    return code, expires_at


def reset_password(
    session: Session, keys: KeyRing, person: Person, *, at: datetime, actor: str
) -> tuple[str, datetime]:
    """A code by which the person chooses a new password; the old one and all sessions end at once.

    Raises MeizhenError `person.not_active`.
    """
    if state_of(session, person) != PersonState.ACTIVE:
        raise MeizhenError("person.not_active", login=person.login)
    secret = secret_of(session, person)
    secret.password_hash = ""
    session.add(secret)
    ended = end_sessions(session, person)
    code, expires_at = issue_code(session, Purpose.RESET, person.known_id, at=at)
    details = {"sessions_ended": ended}
    record(session, keys, at=at, actor=actor, act="person.reset", subject=person.subject, details=details)
    return code, expires_at


def accept_code(session: Session, keys: KeyRing, code: str, password: str, *, at: datetime) -> Person:
    """The person of an invitation or a reset chooses their password, and is here from now on.

    Raises MeizhenError `person.bad_code`, or what is wrong with the password.
    """
    taken = use_code(session, code, Purpose.INVITE, Purpose.RESET, at=at)
    person = session.get(Person, taken.person_id, populate_existing=True)
    if person is None or person.state == PersonState.DISABLED:
        raise MeizhenError("person.bad_code")
    set_password(session, person, password, at=at)
    move_person(session, person, (PersonState.INVITED,), PersonState.ACTIVE)
    end_sessions(session, person)
    details = {"by": taken.purpose}
    record(
        session,
        keys,
        at=at,
        actor=person.subject,
        act="person.password",
        subject=person.subject,
        details=details,
    )
    return person


def change_password(
    session: Session, keys: KeyRing, person: Person, password: str, *, at: datetime, but: str | None = None
) -> None:
    """The person's own new password, whose old one was just checked (`signing_in.check_own_password`).

    All their sessions end but the one of the token `but`.
    """
    set_password(session, person, password, at=at)
    void_codes(session, Purpose.RESET, person.known_id)
    details: dict[str, object] = {"sessions_ended": end_sessions(session, person, but=but)}
    record(
        session,
        keys,
        at=at,
        actor=person.subject,
        act="person.password",
        subject=person.subject,
        details=details,
    )


def set_password(session: Session, person: Person, password: str, *, at: datetime) -> None:
    """Checks and keeps a password that its person chose. Raises MeizhenError as `check_password` does."""
    check_password(password, own_words=(person.login, person.login.partition("@")[0], person.name))
    secret = secret_of(session, person)
    secret.password_hash, secret.password_at = hash_password(password), at
    session.add(secret)
    session.flush()
