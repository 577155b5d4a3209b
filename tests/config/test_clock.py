"""Time is injected, aware, and counts on whatever is done to the machine's clock."""

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine

from config import Clock, ManualClock, SystemClock
from config.clock import shanghai_day


def test_the_system_clock_does_not_follow_a_jump_of_the_wall_clock() -> None:
    clock: Clock = SystemClock()
    before = clock.now()
    with time_machine.travel(before + timedelta(hours=1), tick=True):
        during = clock.now()
    assert timedelta(0) <= during - before < timedelta(minutes=5)
    assert before.utcoffset() == timedelta(0)


def test_a_manual_clock_moves_when_told() -> None:
    clock = ManualClock(datetime.fromisoformat("2026-03-02T09:00:00+08:00"))
    assert clock.now() == datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
    clock.advance(1.5)
    assert clock.now() == datetime(2026, 3, 2, 1, 0, 1, 500_000, tzinfo=UTC)
    clock.move_to(datetime(2026, 3, 1, tzinfo=UTC))
    assert clock.now() == datetime(2026, 3, 1, tzinfo=UTC)


def test_a_naive_time_is_refused() -> None:
    naive = datetime(2026, 3, 2)  # noqa: DTZ001 - it is the mistake under test
    with pytest.raises(ValueError, match="aware"):
        ManualClock(naive)
    with pytest.raises(ValueError, match="aware"):
        ManualClock(datetime(2026, 3, 2, tzinfo=UTC)).move_to(naive)


@pytest.mark.parametrize(
    ("at", "day"),
    [
        ("2026-03-01T15:59:59Z", date(2026, 3, 1)),
        ("2026-03-01T16:00:00Z", date(2026, 3, 2)),
        ("1988-07-01T15:00:00Z", date(1988, 7, 2)),  # summer time in Beijing, 1986 to 1991
    ],
)
def test_a_day_is_beijings(at: str, day: date) -> None:
    assert shanghai_day(datetime.fromisoformat(at)) == day
