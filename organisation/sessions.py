"""Who is signed in: kept on the server, so that it ends when we say so. The browser holds a random token."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, bindparam, delete, update
from sqlalchemy import select as columns
from sqlmodel import Field, Session, SQLModel, col, select

from config.logging import hide
from config.secrets import KeyRing
from organisation.grants import standing_in, with_standing
from organisation.ledger import record
from organisation.one_time_codes import hash_of
from organisation.people import Person, PersonState
from organisation.permissions import Standing

_TOKEN_BYTES = 32
_SEEN_EVERY = timedelta(minutes=1)  # a page that asks ten times a second writes once


class SignedIn(SQLModel, table=True):
    """One session of one person."""

    __tablename__ = "signed_in"

    token_hash: str = Field(primary_key=True, max_length=64)
    person_id: int = Field(foreign_key="person.id", index=True)
    made_at: datetime
    seen_at: datetime
    confirmed_at: datetime  # when the password was given last: dangerous acts want it fresh
    address: str = Field(max_length=64)
    agent: str = Field(default="", max_length=200)


@dataclass(frozen=True)
class Ages:
    """How long a session lasts: without being used, and at all."""

    idle: timedelta = timedelta(hours=8)
    absolute: timedelta = timedelta(days=7)


def open_session(
    session: Session,
    person: Person,
    *,
    at: datetime,
    address: str,
    agent: str = "",
    replaces: str | None = None,
) -> str:
    """A new session's token; the one that the browser came with ends (no fixation)."""
    if replaces:
        end_session(session, replaces)
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    hide(token)
    session.add(
        SignedIn(
            token_hash=hash_of(token),
            person_id=person.known_id,
            made_at=at,
            seen_at=at,
            confirmed_at=at,
            address=address[:64],
            agent=agent[:200],
        )
    )
    session.flush()
    return token


# Made once: it is asked before every page.
_HOLDER = with_standing(
    columns(SignedIn, Person)
    .join(Person, col(Person.id) == col(SignedIn.person_id))
    .where(
        col(SignedIn.token_hash) == bindparam("token_hash"),
        col(SignedIn.seen_at) > bindparam("seen_after"),
        col(SignedIn.made_at) > bindparam("made_after"),
        col(Person.state) == PersonState.ACTIVE,
    )
    .execution_options(populate_existing=True)
)


def find_session(
    session: Session, token: str, *, now: datetime, ages: Ages | None = None
) -> tuple[SignedIn, Person, Standing] | None:
    """Who holds this token, with what they may just now.

    None where it is none of ours, has ended, or the person was disabled.
    """
    ages = ages or Ages()
    facts = {
        "token_hash": hash_of(token),
        "seen_after": now - ages.idle,
        "made_after": now - ages.absolute,
    }
    found = session.execute(_HOLDER, facts).all()
    if not found:
        return None
    hide(token)  # only ours: whoever sends many of their own would push out what is hidden already
    signed, person, *_ = found[0]
    return signed, person, standing_in(found)


def end_all_sessions(session: Session) -> None:
    """Everybody signs in anew: after a restore nobody knows which of them had ended."""
    session.execute(delete(SignedIn).execution_options(synchronize_session=False))


def wants_touch(signed: SignedIn, now: datetime) -> bool:
    """Is it long enough ago that the session's use was noted?"""
    return now - signed.seen_at >= _SEEN_EVERY


def stays_until(signed: SignedIn, ages: Ages) -> datetime:
    """Until when time alone changes nothing about the session: its use is to be noted then, or it ends."""
    return min(signed.seen_at + min(_SEEN_EVERY, ages.idle), signed.made_at + ages.absolute)


def touch_session(session: Session, signed: SignedIn, now: datetime) -> None:
    """Notes that the session is used; one that has ended meanwhile stays ended."""
    session.execute(
        update(SignedIn)
        .where(col(SignedIn.token_hash) == signed.token_hash, col(SignedIn.seen_at) < now)
        .values(seen_at=now)
        .execution_options(synchronize_session=False)
    )


def confirm_session(session: Session, signed: SignedIn, now: datetime) -> None:
    """The person gave their password again."""
    session.execute(
        update(SignedIn)
        .where(col(SignedIn.token_hash) == signed.token_hash)
        .values(confirmed_at=now)
        .execution_options(synchronize_session=False)
    )


def is_fresh(signed: SignedIn, now: datetime, within: timedelta = timedelta(minutes=15)) -> bool:
    """Was the password given lately enough for a dangerous act?"""
    return now - signed.confirmed_at <= within


def end_session(session: Session, token: str) -> bool:
    """This session is over; False where it was none."""
    return _end(session, [col(SignedIn.token_hash) == hash_of(token)]) > 0


def end_sessions(session: Session, person: Person, *, but: str | None = None) -> int:
    """All sessions of the person are over (but the one of this token); gives how many."""
    which = [col(SignedIn.person_id) == person.known_id]
    if but is not None:
        which.append(col(SignedIn.token_hash) != hash_of(but))
    return _end(session, which)


def sign_out(session: Session, keys: KeyRing, token: str, *, at: datetime) -> bool:
    """Ends a session because its person says so; recorded. False where it was none."""
    found = session.exec(
        select(Person)
        .join(SignedIn, col(SignedIn.person_id) == col(Person.id))
        .where(SignedIn.token_hash == hash_of(token))
    ).one_or_none()
    if found is None or not end_session(session, token):
        return False
    record(session, keys, at=at, actor=found.subject, act="person.sign_out", subject=found.subject)
    return True


def sweep_sessions(session: Session, now: datetime, ages: Ages | None = None) -> int:
    """Forgets what has ended by age; gives how many."""
    ages = ages or Ages()
    idle = _end(session, [col(SignedIn.seen_at) <= now - ages.idle])
    return idle + _end(session, [col(SignedIn.made_at) <= now - ages.absolute])


def _end(session: Session, which: Sequence[ColumnElement[bool]]) -> int:
    ended = session.execute(
        delete(SignedIn)
        .where(*which)
        .returning(col(SignedIn.token_hash))
        .execution_options(synchronize_session=False)
    ).all()
    return len(ended)
