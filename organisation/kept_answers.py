"""Answers kept by Idempotency-Key: who repeats a request gets the first answer, and nothing is done twice.

A request first claims its key in a transaction of its own, then does its work and keeps its answer in one
transaction. A claim whose process died is taken over after a while: the late one's work is then refused as a
whole, since its answer finds the claim gone.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, Session, SQLModel, col

from config.errors import MeizhenError
from config.secrets import KeyRing, Sealed

KEPT = timedelta(hours=24)
CLAIMED = timedelta(minutes=5)  # longer than any request lives


class KeptAnswer(SQLModel, table=True):
    """One key of one program; the answer is sealed, for a code that opens a door may stand in it."""

    __tablename__ = "kept_answer"

    api_key_id: int = Field(primary_key=True, foreign_key="api_key.id")
    key: str = Field(primary_key=True, max_length=255)
    request_hash: str = Field(max_length=64)  # of method, path, query and body
    claim: str = Field(max_length=32)
    at: datetime = Field(index=True)
    key_version: int | None = None  # None: under way
    wrapped_key: bytes | None = None
    ciphertext: bytes | None = None


@dataclass(frozen=True)
class Claim:
    """A request's right to do its work now."""

    api_key_id: int
    key: str
    token: str

    @property
    def owner(self) -> str:
        return f"answer {self.api_key_id} {self.key}"


def claim_key(
    session: Session, keys: KeyRing, api_key_id: int, key: str, request_hash: str, *, now: datetime
) -> Claim | bytes:
    """The right to do the work, or the answer that was kept.

    Raises MeizhenError `api.key_used_otherwise` where another request had this key, and `api.under_way` while
    the same one is being worked on.
    """
    claim = Claim(api_key_id, key, secrets.token_hex(16))
    row = {
        "api_key_id": api_key_id,
        "key": key,
        "request_hash": request_hash,
        "claim": claim.token,
        "at": now,
    }
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    asked = insert(KeptAnswer).values(row)
    left = col(KeptAnswer.key_version).is_(None) & (col(KeptAnswer.at) <= now - CLAIMED)
    taken = session.execute(
        asked.on_conflict_do_update(
            index_elements=["api_key_id", "key"],
            set_=row | {"key_version": None, "wrapped_key": None, "ciphertext": None},
            where=left | (col(KeptAnswer.at) <= now - KEPT),
        ).returning(col(KeptAnswer.claim))
    ).first()
    if taken is not None:
        return claim
    found = session.scalars(
        select(KeptAnswer).where(col(KeptAnswer.api_key_id) == api_key_id, col(KeptAnswer.key) == key)
    ).one()
    if found.request_hash != request_hash:
        raise MeizhenError("api.key_used_otherwise")
    if found.key_version is None or found.wrapped_key is None or found.ciphertext is None:
        raise MeizhenError("api.under_way")
    return keys.open(Sealed(found.key_version, found.wrapped_key, found.ciphertext), claim.owner)


def keep_answer(session: Session, keys: KeyRing, claim: Claim, answer: bytes) -> None:
    """Keeps the answer in the transaction of the work. Raises MeizhenError `api.overtaken`: all is undone."""
    sealed = keys.seal(answer, claim.owner)
    kept = session.execute(
        update(KeptAnswer)
        .where(*_ours(claim))
        .values(key_version=sealed.key_version, wrapped_key=sealed.wrapped_key, ciphertext=sealed.ciphertext)
        .returning(col(KeptAnswer.api_key_id))
        .execution_options(synchronize_session=False)
    ).first()
    if kept is None:
        raise MeizhenError("api.overtaken")


def give_up(session: Session, claim: Claim) -> None:
    """The request was refused and changed nothing: its key is free again."""
    session.execute(delete(KeptAnswer).where(*_ours(claim)).execution_options(synchronize_session=False))


def sweep_answers(session: Session, now: datetime) -> None:
    """Forgets what nobody may ask for any more."""
    old = delete(KeptAnswer).where(col(KeptAnswer.at) <= now - KEPT)
    session.execute(old.execution_options(synchronize_session=False))


def _ours(claim: Claim) -> tuple[ColumnElement[bool], ...]:
    return (
        col(KeptAnswer.api_key_id) == claim.api_key_id,
        col(KeptAnswer.key) == claim.key,
        col(KeptAnswer.claim) == claim.token,
        col(KeptAnswer.key_version).is_(None),
    )
