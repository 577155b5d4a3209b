"""Signing in: counted, checked, recorded. Who is refused learns neither why, nor whether a person exists."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import update
from sqlmodel import Session, col, select

from config.clock import Clock
from config.database import Database
from config.errors import MeizhenError
from config.secrets import KeyRing
from organisation.ledger import record
from organisation.passwords import verify_password
from organisation.people import Person, PersonSecret, PersonState, clean_login
from organisation.second_factor import take_factor
from organisation.sessions import open_session
from organisation.throttle import admit, trust

NOBODY = "person:?"  # a login that is nobody's is not written down: people type passwords there


@dataclass(frozen=True)
class SignIn:
    """What somebody came with; `replaces` is the token of the session they had, which ends."""

    login: str
    password: str = field(repr=False)
    address: str
    code: str = field(default="", repr=False)
    agent: str = ""
    replaces: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Welcome:
    """The session that was opened. Whether a second factor is still wanted, `standing_of` tells."""

    person: Person
    token: str = field(repr=False)
    factor: str | None = None  # `totp` or `recovery`, where one was asked for


def sign_in(database: Database, keys: KeyRing, clock: Clock, given: SignIn) -> Welcome:
    """Opens a session.

    Raises MeizhenError `person.throttled` (before anything is looked at), `person.code_needed` (the password
    is right, a code is wanted too), `person.sign_in_refused` for everything else.
    """
    login, now = clean_login(given.login), clock.now()
    with database.write() as session:
        last = admit(session, login, given.address, now=now)
    with database.read() as session:
        person, secret = _found(session, login)
    # One verification, whether there is such a person or not; outside the transactions, for it takes long.
    right, newer = verify_password(given.password, _hash_of(person, secret))
    with database.write() as session:
        outcome = _decide(session, keys, login, given, secret if right else None, now)
        if isinstance(outcome, Welcome):
            _keep_newer(session, outcome.person, newer)
            trust(session, login, given.address, now=now)
        elif outcome != "code_needed" or last:
            _record_refusal(session, keys, person, given, outcome, last=last, at=now)
    if isinstance(outcome, Welcome):
        return outcome
    raise MeizhenError("person.code_needed" if outcome == "code_needed" else "person.sign_in_refused")


def check_own_password(
    database: Database, keys: KeyRing, clock: Clock, person: Person, password: str, address: str
) -> None:
    """The person's password once more, before a dangerous act; counted as a sign-in is.

    Raises MeizhenError `person.throttled` or `person.sign_in_refused`.
    """
    now = clock.now()
    with database.write() as session:
        last = admit(session, person.login, address, now=now)
    with database.read() as session:
        found, secret = _found(session, person.login)
    right, _ = verify_password(password, _hash_of(found, secret))
    with database.write() as session:
        if right:
            trust(session, person.login, address, now=now)
            return
        given = SignIn(person.login, password, address)
        _record_refusal(session, keys, person, given, "password", last=last, at=now)
    raise MeizhenError("person.sign_in_refused")


def _found(session: Session, login: str) -> tuple[Person | None, PersonSecret | None]:
    row = session.exec(
        select(Person, PersonSecret)
        .join(PersonSecret, col(PersonSecret.person_id) == col(Person.id))
        .where(Person.login == login)
        .execution_options(populate_existing=True)
    ).one_or_none()
    return (None, None) if row is None else (row[0], row[1])


def _hash_of(person: Person | None, secret: PersonSecret | None) -> str:
    if person is None or secret is None or person.state != PersonState.ACTIVE:
        return ""
    return secret.password_hash


def _decide(
    session: Session, keys: KeyRing, login: str, given: SignIn, proven: PersonSecret | None, now: datetime
) -> Welcome | str:
    """The session, or why there is none; `proven` is the secret whose password was right."""
    person, secret = _found(session, login)
    if proven is None or person is None or secret is None or person.state != PersonState.ACTIVE:
        return "password"
    if secret.password_hash != proven.password_hash:  # changed meanwhile
        return "password"
    factor = None
    if secret.totp_confirmed:
        if not given.code:
            return "code_needed"
        factor = take_factor(session, keys, person, secret, given.code, now)
        if factor is None:
            return "code"
    token = open_session(
        session, person, at=now, address=given.address, agent=given.agent, replaces=given.replaces
    )
    details = {"address": given.address, "factor": factor}
    record(
        session,
        keys,
        at=now,
        actor=person.subject,
        act="person.sign_in",
        subject=person.subject,
        details=details,
    )
    return Welcome(person, token, factor)


def _keep_newer(session: Session, person: Person, newer: str | None) -> None:
    if newer is not None:
        session.execute(
            update(PersonSecret)
            .where(col(PersonSecret.person_id) == person.known_id)
            .values(password_hash=newer)
            .execution_options(synchronize_session=False)
        )


def _record_refusal(
    session: Session,
    keys: KeyRing,
    person: Person | None,
    given: SignIn,
    why: str,
    *,
    last: bool,
    at: datetime,
) -> None:
    record(
        session,
        keys,
        at=at,
        actor=f"address:{given.address}"[:120],
        act="person.sign_in_refused",
        subject=NOBODY if person is None else person.subject,
        details={"why": why, "throttled": last},
    )
