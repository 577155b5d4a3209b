"""How often somebody may try to sign in: counted in the database, so that all nodes count together.

Three counts, each over a window that begins at its first try: of an account from one address, of an address,
of an account from everywhere. Nobody is locked out for good: a window ends. Who signed in from an address
before is not held up there by what others try elsewhere.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address

from sqlalchemy import bindparam, delete, or_, text, update
from sqlmodel import Field, Session, SQLModel, col, select
from sqlmodel.sql.sqltypes import UTCDateTime

from config.errors import MeizhenError


@dataclass(frozen=True)
class Limit:
    """At most `tries` within `window`."""

    tries: int
    window: timedelta


PAIR = Limit(10, timedelta(minutes=15))
ADDRESS = Limit(50, timedelta(hours=1))
ACCOUNT = Limit(50, timedelta(hours=1))
_TRUSTED = timedelta(days=30)


class SignInThrottle(SQLModel, table=True):
    """One count. The key is a hash: people type passwords where the login belongs."""

    __tablename__ = "sign_in_throttle"

    key: str = Field(primary_key=True, max_length=80)
    count: int
    until: datetime
    trusted_until: datetime | None = None


# One statement takes a place in the window, or none: of thousand tries at once only the limit's are taken.
_TAKE = text(
    "INSERT INTO sign_in_throttle (key, count, until) VALUES (:key, 1, :until) "
    "ON CONFLICT (key) DO UPDATE SET "
    "count = CASE WHEN sign_in_throttle.until <= :now THEN 1 ELSE sign_in_throttle.count + 1 END, "
    "until = CASE WHEN sign_in_throttle.until <= :now THEN :until ELSE sign_in_throttle.until END "
    "WHERE sign_in_throttle.until <= :now OR sign_in_throttle.count < :tries "
    "RETURNING count"
).bindparams(bindparam("now", type_=UTCDateTime()), bindparam("until", type_=UTCDateTime()))


def admit(session: Session, login: str, address: str, *, now: datetime) -> bool:
    """Counts a try before anything is looked at. True where it is the last one that a window takes.

    Raises MeizhenError `person.throttled` with the seconds to wait; the transaction is then left without a
    count of its own.
    """
    place = _network(address)
    pair = _key("pair", login, place)
    limits = [(pair, PAIR), (_key("address", place), ADDRESS)]
    trusted = session.exec(select(SignInThrottle.trusted_until).where(SignInThrottle.key == pair)).first()
    if trusted is None or trusted <= now:
        limits.append((_key("account", login), ACCOUNT))
    last = False
    for key, limit in limits:
        values = {"key": key, "now": now, "until": now + limit.window, "tries": limit.tries}
        count = session.execute(_TAKE, values).scalar()
        if count is None:
            until = session.exec(select(SignInThrottle.until).where(SignInThrottle.key == key)).one()
            raise MeizhenError("person.throttled", seconds=max(1, int((until - now).total_seconds()) + 1))
        last = last or count == limit.tries
    return last


def trust(session: Session, login: str, address: str, *, now: datetime) -> None:
    """The person did sign in there: their count there begins anew, and what others try holds them up less."""
    session.execute(
        update(SignInThrottle)
        .where(col(SignInThrottle.key) == _key("pair", login, _network(address)))
        .values(count=0, trusted_until=now + _TRUSTED)
        .execution_options(synchronize_session=False)
    )


def sweep_throttle(session: Session, now: datetime) -> None:
    """Forgets counts whose window and trust have ended."""
    trusted = col(SignInThrottle.trusted_until)
    session.execute(
        delete(SignInThrottle)
        .where(col(SignInThrottle.until) <= now, or_(trusted.is_(None), trusted <= now))
        .execution_options(synchronize_session=False)
    )


def _key(kind: str, *parts: str) -> str:
    told = "\x00".join(parts).encode("utf-8", "surrogatepass")
    return f"{kind}:{hashlib.sha256(told).hexdigest()}"


def _network(address: str) -> str:
    """Whose address it is: a house has 2**64 of the sixth version."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped) if mapped else str(IPv6Address(int(found) >> 64 << 64))
    return str(found)
