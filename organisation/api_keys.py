"""Keys by which programs act for a person: shown once, kept as a hash, narrowed to some acts, and ended.

A key is `mz_PREFIX_SECRET`: it is looked for by its prefix and compared by its hash. It never may more than
its person may at this moment, and of that only the acts in its scopes.
"""

import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import JSON, Column, ColumnElement, bindparam, update
from sqlalchemy import select as columns
from sqlmodel import Field, Session, SQLModel, col, select

from config.errors import MeizhenError
from config.logging import hide
from config.secrets import KeyRing
from organisation.grants import standing_in, standing_of, with_standing
from organisation.ledger import record
from organisation.one_time_codes import hash_of
from organisation.people import Person, PersonState
from organisation.permissions import Act, Standing
from organisation.units import Unit

_ACTS = {act.value: act for act in Act}
_SIGNS = "abcdefghijklmnopqrstuvwxyz0123456789"
_PREFIX, _SECRET_BYTES = 10, 32
MOST_DAYS = 1100  # three years: who still needs it then makes a new one
_USED_EVERY = timedelta(minutes=1)  # a program that asks ten times a second writes once


class ApiKey(SQLModel, table=True):
    """One key of one person; `scopes` are acts."""

    __tablename__ = "api_key"

    id: int | None = Field(default=None, primary_key=True)
    prefix: str = Field(max_length=16, unique=True)
    secret_hash: str = Field(max_length=64)
    person_id: int = Field(foreign_key="person.id", index=True)
    name: str = Field(max_length=80)  # what it is for
    scopes: list[str] = Field(sa_column=Column(JSON, nullable=False))
    made_at: datetime
    made_by: str = Field(max_length=120)
    expires_at: datetime
    used_at: datetime | None = None
    revoked_at: datetime | None = None

    @property
    def known_id(self) -> int:
        """The row's id; the key is stored."""
        if self.id is None:
            raise ValueError("expected a stored key: it has no id yet")
        return self.id

    @property
    def subject(self) -> str:
        """How the ledger names it."""
        return f"key:{self.prefix}"


@dataclass(frozen=True)
class KeyHolder:
    """Who a key acts for, with what they may just now through it."""

    key: ApiKey
    person: Standing

    @property
    def actor(self) -> str:
        """Who acted, for the ledger: the person, and by which key."""
        return f"{self.person.subject} ({self.key.subject})"


def parse_scopes(told: Iterable[str]) -> tuple[Act, ...]:
    """Acts by name; `read` is all that change nothing. Raises MeizhenError `key.unknown_scope`."""
    found: set[Act] = set()
    for name in (part.strip() for one in told for part in one.split(",")):
        if name == "read":
            found |= {act for act in Act if act.reads}
        elif name in _ACTS:
            found.add(_ACTS[name])
        else:
            raise MeizhenError("key.unknown_scope", received=name[:40], known=", ".join(("read", *Act)))
    return tuple(act for act in Act if act in found)


def add_key(
    session: Session,
    keys: KeyRing,
    person: Person,
    name: str,
    scopes: Iterable[Act],
    *,
    days: int,
    at: datetime,
    actor: str,
) -> tuple[ApiKey, str]:
    """A new key and its text, which nobody can show again.

    Raises MeizhenError `key.bad_name`, `key.no_scope`, `key.bad_days`, `person.not_active`.
    """
    name, acts = name.strip(), [act.value for act in scopes]
    if not 1 <= len(name) <= 80 or not name.isprintable():
        raise MeizhenError("key.bad_name")
    if not acts:
        raise MeizhenError("key.no_scope")
    if not 1 <= days <= MOST_DAYS:
        raise MeizhenError("key.bad_days", received=days, most=MOST_DAYS)
    if person.state != PersonState.ACTIVE:
        raise MeizhenError("person.not_active", login=person.login)
    prefix = "".join(secrets.choice(_SIGNS) for _ in range(_PREFIX))
    secret = secrets.token_hex(_SECRET_BYTES)
    token = f"mz_{prefix}_{secret}"
    hide(token, secret)
    key = ApiKey(
        prefix=prefix,
        secret_hash=hash_of(token),
        person_id=person.known_id,
        name=name,
        scopes=acts,
        made_at=at,
        made_by=actor,
        expires_at=at + timedelta(days=days),
    )
    session.add(key)
    session.flush()
    details = {"person": person.login, "name": name, "scopes": acts, "expires_at": key.expires_at}
    record(session, keys, at=at, actor=actor, act="key.add", subject=key.subject, details=details)
    return key, token


def find_key(session: Session, prefix: str) -> tuple[ApiKey, Person]:
    """The key of a prefix and its person. Raises MeizhenError `key.unknown`."""
    wanted = select(ApiKey, Person).join(Person, col(Person.id) == col(ApiKey.person_id))
    found = session.exec(wanted.where(ApiKey.prefix == prefix)).one_or_none()
    if found is None:
        raise MeizhenError("key.unknown", prefix=prefix[:16])
    return found


# Made once: it is asked before every request.
_GOOD = with_standing(
    columns(ApiKey)
    .join(Person, col(Person.id) == col(ApiKey.person_id))
    .where(
        col(ApiKey.prefix) == bindparam("prefix"),
        col(ApiKey.revoked_at).is_(None),
        col(ApiKey.expires_at) > bindparam("now"),
        col(Person.state) == PersonState.ACTIVE,
    )
)


def holder_of(session: Session, token: str, now: datetime) -> KeyHolder | None:
    """Who acts by this key; None where it is none, has ended, or its person may not sign in."""
    mark, _, rest = token.partition("_")
    prefix, _, secret = rest.partition("_")
    if mark != "mz" or len(prefix) != _PREFIX or not secret or not token.isascii():
        return None
    found = session.execute(_GOOD, {"prefix": prefix, "now": now}).all()
    if not found or not hmac.compare_digest(found[0][0].secret_hash, hash_of(token)):
        return None
    key: ApiKey = found[0][0]
    hide(token, secret)
    return KeyHolder(key, _within(standing_in(found), key))


def list_keys(
    session: Session, *, person: Person | None = None, within: ColumnElement[bool] | None = None
) -> list[tuple[ApiKey, str]]:
    """Keys with the login of their person, newest first; `within` is a condition on the persons' units."""
    wanted = (
        select(ApiKey, Person.login)
        .join(Person, col(Person.id) == col(ApiKey.person_id))
        .outerjoin(Unit, col(Unit.id) == col(Person.unit_id))
        .order_by(col(ApiKey.id).desc())
    )
    if person is not None:
        wanted = wanted.where(ApiKey.person_id == person.known_id)
    if within is not None:
        wanted = wanted.where(within)
    return list(session.exec(wanted))


def revoke_key(session: Session, keys: KeyRing, key: ApiKey, *, at: datetime, actor: str) -> bool:
    """Ends a key at once; False where it was ended before."""
    revoked = session.execute(
        update(ApiKey)
        .where(col(ApiKey.id) == key.known_id, col(ApiKey.revoked_at).is_(None))
        .values(revoked_at=at)
        .returning(col(ApiKey.id))
        .execution_options(synchronize_session=False)
    ).first()
    if revoked is None:
        return False
    record(session, keys, at=at, actor=actor, act="key.revoke", subject=key.subject)
    return True


def wants_use_noted(key: ApiKey, now: datetime) -> bool:
    """Is it long enough ago that the key's use was noted?"""
    return key.used_at is None or now - key.used_at >= _USED_EVERY


def note_use(session: Session, key: ApiKey, now: datetime) -> None:
    """Notes that the key is used: who looks for keys that nobody needs can see it."""
    session.execute(
        update(ApiKey)
        .where(col(ApiKey.id) == key.known_id)
        .values(used_at=now)
        .execution_options(synchronize_session=False)
    )


def standing_by_key(session: Session, api_key_id: int, now: datetime) -> Standing:
    """What its person may through the key just now. Raises MeizhenError `key.unknown` for one that ended."""
    key = session.get_one(ApiKey, api_key_id)
    if key.revoked_at is not None or key.expires_at <= now:
        raise MeizhenError("key.unknown", prefix=key.prefix)
    return _within(standing_of(session, session.get_one(Person, key.person_id)), key)


def _within(person: Standing, key: ApiKey) -> Standing:
    """The person as their key lets them act."""
    return replace(person, scopes=frozenset(_ACTS[name] for name in key.scopes if name in _ACTS))
