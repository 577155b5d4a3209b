"""The writers of one process, one after the other: SQLite lets one write at a time.

SQLite itself only sleeps and asks again, ever more rarely. A plain lock lets whoever writes in a loop take it
again before those who wait have woken up: while a collection stored its answers, its sixteen workers waited
half of their time to write down a token.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_LONGEST_COURTESY = 1.0  # seconds that a long writer lets short ones go first


class WriterTurns:
    """A lock for writers; a short one (a statement or two) goes before the long ones that wait as well."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._short = 0  # waiting
        self._none_short = threading.Condition()

    @contextmanager
    def turn(self, *, short: bool, seconds: float) -> Iterator[None]:
        """The turn, or after so many seconds none: the database then decides who may write."""
        taken = self._wait_as_short(seconds) if short else self._wait_as_long(seconds)
        try:
            yield
        finally:
            if taken:
                self._lock.release()

    def _wait_as_short(self, seconds: float) -> bool:
        if self._lock.acquire(blocking=False):
            return True
        with self._none_short:
            self._short += 1
        try:
            return self._lock.acquire(timeout=seconds)
        finally:
            with self._none_short:
                self._short -= 1
                if not self._short:
                    self._none_short.notify_all()

    def _wait_as_long(self, seconds: float) -> bool:
        with self._none_short:
            self._none_short.wait_for(lambda: not self._short, min(_LONGEST_COURTESY, seconds))
        return self._lock.acquire(timeout=seconds)
