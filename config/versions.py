"""The version of a database: while it stays the same, nobody has committed anything, in whatever process.

SQLite: `PRAGMA data_version` tells another number on a connection once changes were committed by any other
connection (sqlite.org/pragma.html, data_version). Ours never writes, so every commit is another's, this
process's own too; and it is never in a transaction, which would show it an earlier state.

PostgreSQL: `pg_current_snapshot()` (documentation, "System Information Functions and Operators"): `xmax` is
"one past the highest completed transaction ID", `xip_list` are "transactions in progress". A transaction that
ends leaves the list or pushes `xmax` beyond itself, so no two equal snapshots lie before and after a commit.
It changes more often than it must (a transaction rolled back, another database of the server): that is safe.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

_ASKED = {"sqlite": "PRAGMA data_version", "postgresql": "SELECT pg_current_snapshot()::text"}


@dataclass(frozen=True)
class Version:
    """Equal only to a version told by the same connection."""

    connection: int
    told: str


class VersionTeller:
    """Tells a database's version on a connection of its own, which is opened at the first question."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._opened = 0
        self._ask: Callable[[str], Any] | None = None
        self._close: Callable[[], object] | None = None

    def version(self) -> Version | None:
        """The version now; None where the database does not answer."""
        with self._lock:
            try:
                ask = self._ask or self._open()
                return Version(self._opened, str(ask(_ASKED[self._engine.dialect.name]).fetchone()[0]))
            except (SQLAlchemyError, self._engine.dialect.loaded_dbapi.Error):
                self._end()
                return None

    def close(self) -> None:
        with self._lock:
            self._end()

    def _open(self) -> Callable[[str], Any]:
        taken = self._engine.raw_connection()
        driver: Any = taken.driver_connection
        taken.detach()
        self._close = taken.close
        if self._engine.dialect.name == "postgresql":
            driver.autocommit = True
        self._opened += 1
        self._ask = driver.execute
        return driver.execute  # type: ignore[no-any-return]

    def _end(self) -> None:
        close, self._ask, self._close = self._close, None, None
        if close is not None:
            close()
