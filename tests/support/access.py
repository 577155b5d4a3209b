"""Accounts as a connector sees them, for tests: `from access import MemoryStore, make_access`."""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from connectors import Access, Http

_PATIENCE = 30.0  # seconds: a caller that waits for itself fails instead of hanging the run


class MemoryStore:
    """The `Memory` protocol in this process: thread-safe, one account's, on the injected clock."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._values: dict[str, tuple[str, datetime | None]] = {}
        self._budgets: dict[str, tuple[int, datetime]] = {}
        self._flights: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def get(self, key: str) -> str | None:
        with self._lock:
            value, until = self._values.get(key, (None, None))
            return None if until is not None and self._now() >= until else value

    def put(self, key: str, value: str, *, until: datetime | None = None) -> None:
        with self._lock:
            self._values[key] = (value, until)

    def forget(self, key: str) -> None:
        with self._lock:
            self._values.pop(key, None)

    @contextmanager
    def single_flight(self, key: str) -> Iterator[None]:
        with self._lock:
            flight = self._flights[key]
        if not flight.acquire(timeout=_PATIENCE):
            raise TimeoutError(f"single_flight({key!r}) was never free")
        try:
            yield
        finally:
            flight.release()

    def spend(self, key: str, amount: int, limit: int, until: datetime) -> bool:
        with self._lock:
            spent, ends = self._budgets.get(key, (0, until))
            if self._now() >= ends:
                spent, ends = 0, until
            if spent + amount > limit:
                return False
            self._budgets[key] = (spent + amount, ends)
            return True


def make_access(
    platform: str,
    handle: str,
    *,
    credentials: Mapping[str, str],
    api_base: str,
    verified: bool = True,
    now: Callable[[], datetime],
    memory: MemoryStore | None = None,
    seconds: float = 5.0,
) -> Access:
    """An account's `Access` with a fresh memory and its own way out; `seconds` is a call's deadline."""
    return Access(
        account=f"{platform}:{handle}",
        handle=handle,
        credentials=dict(credentials),
        verified=verified,
        http=Http(platform, seconds=seconds),
        memory=memory or MemoryStore(now),
        now=now,
        api_base=api_base,
    )
