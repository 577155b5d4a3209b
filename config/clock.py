"""Injected time: nothing in the house asks the machine's clock except through here."""

import time
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
# Counts on while the machine sleeps, unlike CLOCK_MONOTONIC; other systems have no such clock.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock(Protocol):
    """Tells the present moment."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        ...


class SystemClock:
    """The wall clock as it was at start, carried on by a clock that no one can set.

    A wall clock that jumps would send posts an hour early (`docs/decisions/0005`). `ahead` is how far another
    clock, which counts more than this machine's, was ahead of it at start.
    """

    def __init__(self, *, ahead: timedelta = timedelta(0)) -> None:
        self._started_at = datetime.now(UTC) + ahead
        self._anchor = time.clock_gettime(_STEADY)

    def now(self) -> datetime:
        return self._started_at + timedelta(seconds=time.clock_gettime(_STEADY) - self._anchor)


class ManualClock:
    """Stands still until it is moved: tests, and the demo's fast year."""

    def __init__(self, at: datetime) -> None:
        self.move_to(at)

    def now(self) -> datetime:
        return self._at

    def move_to(self, at: datetime) -> None:
        """Sets the clock; going back is allowed, since real clocks do. Raises ValueError for a naive time."""
        if at.tzinfo is None:
            raise ValueError("expected an aware datetime, got a naive one: give it a zone")
        self._at = at.astimezone(UTC)

    def advance(self, seconds: float) -> None:
        self._at += timedelta(seconds=seconds)


def shanghai_day(at: datetime) -> date:
    """The Beijing day of a moment: all Chinese platforms cut days at Beijing midnight."""
    return at.astimezone(SHANGHAI).date()
