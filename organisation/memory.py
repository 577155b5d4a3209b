"""What connectors remember of an account between calls, processes and nodes: sealed values, budgets, leases.

Every call is one short transaction of its own and may come from any thread.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import uuid4
from weakref import WeakKeyDictionary

from sqlalchemy import bindparam, delete, text
from sqlmodel import Field, SQLModel, col
from sqlmodel.sql.sqltypes import UTCDateTime

from config.clock import Clock
from config.database import Database
from config.logging import hide, is_secret_name
from config.secrets import KeyRing, Sealed
from connectors import steady

_KEY_LENGTH = 160
_LOOK_AGAIN_SECONDS = 0.1
_KEPT_SECONDS = 2.0


class AccountMemory(SQLModel, table=True):
    """One remembered value (a token, an uploaded file's id), sealed for its account and key."""

    __tablename__ = "account_memory"

    account_id: int = Field(primary_key=True, foreign_key="account.id")
    key: str = Field(primary_key=True, max_length=_KEY_LENGTH)
    until: datetime | None = None
    key_version: int
    wrapped_key: bytes
    ciphertext: bytes


class AccountBudget(SQLModel, table=True):
    """How much of a platform's allowance is spent in the period that ends at `until`."""

    __tablename__ = "account_budget"

    account_id: int = Field(primary_key=True, foreign_key="account.id")
    key: str = Field(primary_key=True, max_length=_KEY_LENGTH)
    spent: int
    until: datetime


class AccountLease(SQLModel, table=True):
    """Who alone may do something for an account right now, among all nodes."""

    __tablename__ = "account_lease"

    account_id: int = Field(primary_key=True, foreign_key="account.id")
    key: str = Field(primary_key=True, max_length=_KEY_LENGTH)
    holder: str = Field(max_length=32)
    until: datetime


# Texts of their own, since building the statements took longer than running them: a connector spends before
# each of its calls, and a day's collection fetches every account's token.
_SPEND = text(
    "INSERT INTO account_budget AS budget (account_id, key, spent, until) "
    "VALUES (:account_id, :key, :amount, :until) "
    "ON CONFLICT (account_id, key) DO UPDATE SET "
    "spent = CASE WHEN budget.until <= :now THEN :amount ELSE budget.spent + :amount END, "
    "until = CASE WHEN budget.until <= :now THEN excluded.until ELSE budget.until END "
    "WHERE budget.until <= :now OR budget.spent + :amount <= :limit RETURNING spent"
).bindparams(bindparam("until", type_=UTCDateTime()), bindparam("now", type_=UTCDateTime()))

_PUT = text(
    "INSERT INTO account_memory (account_id, key, until, key_version, wrapped_key, ciphertext) "
    "VALUES (:account_id, :key, :until, :key_version, :wrapped_key, :ciphertext) "
    "ON CONFLICT (account_id, key) DO UPDATE SET until = excluded.until, key_version = excluded.key_version, "
    "wrapped_key = excluded.wrapped_key, ciphertext = excluded.ciphertext"
).bindparams(bindparam("until", type_=UTCDateTime()))
_GET = text(
    "SELECT until, key_version, wrapped_key, ciphertext FROM account_memory "
    "WHERE account_id = :account_id AND key = :key"
).columns(until=UTCDateTime())
_SWEEP = text("DELETE FROM account_memory WHERE account_id = :account_id AND until <= :now").bindparams(
    bindparam("now", type_=UTCDateTime())
)
_LEASE = text(
    "INSERT INTO account_lease AS lease (account_id, key, holder, until) "
    "VALUES (:account_id, :key, :holder, :until) "
    "ON CONFLICT (account_id, key) DO UPDATE SET holder = excluded.holder, until = excluded.until "
    "WHERE lease.until <= :now RETURNING holder"
).bindparams(bindparam("until", type_=UTCDateTime()), bindparam("now", type_=UTCDateTime()))
_RELEASE = text(
    "DELETE FROM account_lease WHERE account_id = :account_id AND key = :key AND holder = :holder"
)

_locks: WeakKeyDictionary[Database, dict[tuple[int, str], threading.Lock]] = WeakKeyDictionary()
_locks_guard = threading.Lock()


def _lock(database: Database, account_id: int, key: str) -> threading.Lock:
    with _locks_guard:
        return _locks.setdefault(database, {}).setdefault((account_id, key), threading.Lock())


class SealedMemory:
    """`connectors.Memory` of one account over the database.

    `lease` is how long `single_flight` is kept from other nodes should this one die in it.
    """

    def __init__(
        self, database: Database, keys: KeyRing, account_id: int, *, clock: Clock, lease: timedelta
    ) -> None:
        self._database = database
        self._keys = keys
        self._account_id = account_id
        self._clock = clock
        self._lease = lease
        self._read: dict[str, tuple[float, str, datetime | None]] = {}
        self._flights: dict[tuple[int, str], str] = {}  # by thread and key: who holds the lease

    def get(self, key: str) -> str | None:
        """The value; None when never put or past its `until`. Raises MeizhenError with the wrong keys.

        What another process puts is seen after two seconds at the latest, and at once within `single_flight`.
        """
        read_at, value, until = self._read.get(key, (-_KEPT_SECONDS, "", None))
        if steady() - read_at >= _KEPT_SECONDS:
            with self._database.reading() as connection:
                row = connection.execute(_GET, {"account_id": self._account_id, "key": key}).first()
            if row is None:
                return None
            sealed = Sealed(row.key_version, row.wrapped_key, row.ciphertext)
            value, until = self._keys.open(sealed, self._owner(key)).decode(), row.until
            self._read[key] = (steady(), value, until)
            _hide(key, value)
        return None if until is not None and until <= self._clock.now() else value

    def put(self, key: str, value: str, *, until: datetime | None = None) -> None:
        """Remembers `value`, for ever or until then; what else is past its time is swept away with it.

        The value that a `single_flight` was for ends it: the lease goes in the same transaction.
        """
        self._read.pop(key, None)
        _hide(key, value)
        sealed = self._keys.seal(value.encode(), self._owner(_checked(key)))
        facts = {
            "account_id": self._account_id,
            "key": key,
            "until": until,
            "key_version": sealed.key_version,
            "wrapped_key": sealed.wrapped_key,
            "ciphertext": sealed.ciphertext,
        }
        flight = threading.get_ident(), key
        holder = self._flights.get(flight)
        with self._database.writing() as connection:
            connection.execute(_SWEEP, {"account_id": self._account_id, "now": self._clock.now()})
            connection.execute(_PUT, facts)
            if holder is not None:
                connection.execute(_RELEASE, {"account_id": self._account_id, "key": key, "holder": holder})
        self._flights.pop(flight, None)
        self._read[key] = (steady(), value, until)

    def forget(self, key: str) -> None:
        self._read.pop(key, None)
        with self._database.writing() as connection:
            connection.execute(
                delete(AccountMemory).where(
                    col(AccountMemory.account_id) == self._account_id, col(AccountMemory.key) == key
                )
            )

    def spend(self, key: str, amount: int, limit: int, until: datetime) -> bool:
        """Takes `amount` from a budget of `limit` that is new after `until`; False when it would not fit.

        One statement decides and writes, so callers on all nodes together never pass the limit.
        """
        if amount < 0:
            raise ValueError(f"expected an amount of 0 or more, got {amount}")
        if amount > limit:
            return False
        facts = {
            "account_id": self._account_id,
            "key": _checked(key),
            "amount": amount,
            "limit": limit,
            "until": until,
            "now": self._clock.now(),
        }
        with self._database.writing() as connection:
            return connection.execute(_SPEND, facts).first() is not None

    @contextmanager
    def single_flight(self, key: str) -> Iterator[None]:
        """Held by one caller at a time for this account, over all threads and nodes, until its value is put.

        Without a `put` of the key, until the block ends. Not reentrant.

        The database's lease ends by itself, so that a node that died does not block the others for ever.
        """
        holder = uuid4().hex
        with _lock(self._database, self._account_id, _checked(key)):
            pause = threading.Event()
            while not self._take(key, holder):
                pause.wait(_LOOK_AGAIN_SECONDS)
            self._read.clear()
            flight = threading.get_ident(), key
            self._flights[flight] = holder
            try:
                yield
            finally:
                if self._flights.pop(flight, None) is not None:
                    self._release(key, holder)

    def _take(self, key: str, holder: str) -> bool:
        now = self._clock.now()
        facts = {"account_id": self._account_id, "key": key, "holder": holder}
        with self._database.writing() as connection:
            taken = connection.execute(_LEASE, {**facts, "until": now + self._lease, "now": now})
            return taken.first() is not None

    def _release(self, key: str, holder: str) -> None:
        facts = {"account_id": self._account_id, "key": key, "holder": holder}
        with self._database.writing() as connection:
            connection.execute(_RELEASE, facts)

    def _owner(self, key: str) -> str:
        return f"memory {self._account_id} {key}"


def _hide(key: str, value: str) -> None:
    """Tokens that a platform gave stay out of the logs as credentials do."""
    if is_secret_name(key):
        hide(value)


def _checked(key: str) -> str:
    if not 0 < len(key) <= _KEY_LENGTH:
        raise ValueError(f"expected a key of 1 to {_KEY_LENGTH} characters, got {len(key)}")
    return key
