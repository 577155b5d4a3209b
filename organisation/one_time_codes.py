"""Codes that open one door once: the first owner's set-up, an invitation, a new password.

A code is shown once and kept as a hash; it has over 120 random bits, so that guessing needs no throttle.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import delete, update
from sqlmodel import Field, Session, SQLModel, col

from config.errors import MeizhenError
from config.logging import hide

_SIGNS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that a reader takes for another
_GROUPS, _GROUP = 5, 5  # 31 ** 25 ≈ 2 ** 123
_KEPT = timedelta(days=30)


class Purpose(StrEnum):
    """What a code is good for."""

    SETUP = "setup"
    INVITE = "invite"
    RESET = "reset"


LIVES = {
    Purpose.SETUP: timedelta(hours=24),
    Purpose.INVITE: timedelta(days=7),
    Purpose.RESET: timedelta(hours=24),
}


class OneTimeCode(SQLModel, table=True):
    """One code; a set-up code belongs to nobody yet."""

    __tablename__ = "one_time_code"

    code_hash: str = Field(primary_key=True, max_length=64)
    purpose: str = Field(max_length=16)
    person_id: int | None = Field(default=None, foreign_key="person.id", index=True)
    made_at: datetime
    expires_at: datetime
    used_at: datetime | None = None


def hash_of(secret: str) -> str:
    """How a long random secret is kept and looked for: it needs no slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def new_code() -> str:
    """A code for people to copy: five groups of five signs."""
    groups = ["".join(secrets.choice(_SIGNS) for _ in range(_GROUP)) for _ in range(_GROUPS)]
    code = "-".join(groups)
    hide(code)
    return code


def issue_code(
    session: Session, purpose: Purpose, person_id: int | None, *, at: datetime
) -> tuple[str, datetime]:
    """A new code and when it expires. A person's older ones for the same purpose are void."""
    session.execute(delete(OneTimeCode).where(col(OneTimeCode.expires_at) < at - _KEPT))
    if person_id is not None:
        void_codes(session, purpose, person_id)
    code, expires_at = new_code(), at + LIVES[purpose]
    session.add(
        OneTimeCode(
            code_hash=hash_of(code),
            purpose=purpose,
            person_id=person_id,
            made_at=at,
            expires_at=expires_at,
        )
    )
    session.flush()
    return code, expires_at


def use_code(session: Session, code: str, *purposes: Purpose, at: datetime) -> OneTimeCode:
    """Takes the code: of two who use it at once, one. Raises MeizhenError `person.bad_code`.

    Unknown, used, void and expired are told alike.
    """
    taken = session.execute(
        update(OneTimeCode)
        .where(
            col(OneTimeCode.code_hash) == hash_of(code.strip().lower()),
            col(OneTimeCode.purpose).in_(purposes),
            col(OneTimeCode.used_at).is_(None),
            col(OneTimeCode.expires_at) > at,
        )
        .values(used_at=at)
        .returning(col(OneTimeCode.code_hash))
        .execution_options(synchronize_session=False)
    ).first()
    row = None if taken is None else session.get(OneTimeCode, taken[0])
    if row is None:
        raise MeizhenError("person.bad_code")
    hide(code)
    return row


def void_codes(session: Session, purpose: Purpose, person_id: int | None = None) -> None:
    """No code of this purpose is good any more: of one person, or of all."""
    voided = delete(OneTimeCode).where(
        col(OneTimeCode.purpose) == purpose, col(OneTimeCode.used_at).is_(None)
    )
    if person_id is not None:
        voided = voided.where(col(OneTimeCode.person_id) == person_id)
    session.execute(voided.execution_options(synchronize_session=False))
