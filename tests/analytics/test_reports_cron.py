"""When reports go out: crontab's fields and numbering, Beijing time, and what is refused by name."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.exports.week import Week
from analytics.reports.cron import WEEKLY, next_fire, parse_cron, reported_day
from config import InputError
from config.clock import SHANGHAI
from config.settings import Settings

MONDAY = datetime(2026, 11, 16, tzinfo=SHANGHAI)


def fires(told: str, count: int = 8) -> list[str]:
    """The first fire times from Monday 16 November 2026 on, in Beijing."""
    found: list[str] = []
    now = MONDAY - timedelta(seconds=1)
    while len(found) < count:
        at = next_fire(told, now)
        assert at is not None
        found.append(f"{at.astimezone(SHANGHAI):%a %m-%d %H:%M}")
        now = at
    return found


def test_the_usual_time_is_monday_half_past_eight_in_beijing_after_the_collection() -> None:
    assert fires(WEEKLY, 2) == ["Mon 11-16 08:30", "Mon 11-23 08:30"]
    assert next_fire(WEEKLY, MONDAY) == datetime(2026, 11, 16, 0, 30, tzinfo=UTC)
    assert str(Settings.model_fields["collect_at"].default) < "08:30"


@pytest.mark.parametrize(
    ("told", "days"),
    [
        ("0 8 * * 0", "Sun"),
        ("0 8 * * 7", "Sun"),
        ("0 8 * * 1", "Mon"),
        ("0 8 * * mon", "Mon"),
        ("0 8 * * 1-5", "Mon Tue Wed Thu Fri"),
        ("0 8 * * MON,Thu", "Mon Thu"),
        ("0 8 * * 1-5/2", "Mon Wed Fri"),
        ("0 8 * * */2", "Tue Thu Sat Sun"),
        ("0 8 * * 5-7", "Fri Sat Sun"),
        ("0 8 * * *", "Mon Tue Wed Thu Fri Sat Sun"),
    ],
)
def test_weekdays_are_crontabs(told: str, days: str) -> None:
    count = len(days.split())
    assert " ".join(fire[:3] for fire in fires(told, count)) == days
    assert fires(told, count + 1)[-1][:3] == days[:3]  # and a week later again


def test_days_months_steps_and_ranges() -> None:
    assert fires("30 7 1 * *", 2) == ["Tue 12-01 07:30", "Fri 01-01 07:30"]
    assert fires("0 9 1 mar,Sep *", 2) == ["Mon 03-01 09:00", "Wed 09-01 09:00"]
    assert fires("0 8-10 * * *", 3) == ["Mon 11-16 08:00", "Mon 11-16 09:00", "Mon 11-16 10:00"]
    assert fires("0 6/8 * * *", 3) == ["Mon 11-16 06:00", "Mon 11-16 14:00", "Mon 11-16 22:00"]


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ("", "cron_fields"),
        ("30 7 * *", "cron_fields"),
        ("0 30 7 * * 1", "cron_fields"),
        ("@weekly", "cron_fields"),
        ("30 7 * * 8", "cron_field"),
        ("60 7 * * 1", "cron_field"),
        ("30 24 * * 1", "cron_field"),
        ("30 7 0 * *", "cron_field"),
        ("30 7 * 13 *", "cron_field"),
        ("30 7 * * 一", "cron_field"),
        ("30 7 * * 1#2", "cron_field"),
        ("30 7 L * *", "cron_field"),
        ("30 7 last * *", "cron_field"),
        ("30 7-5 * * 1", "cron_field"),
        ("30 */0 * * 1", "cron_field"),
        ("30 7 * * 1,", "cron_field"),
        ("30 ٧ * * 1", "cron_field"),
        ("* 7 * * 1", "cron_too_often"),
        ("0,30 7 * * 1", "cron_too_often"),
        ("30 7 1 * 1", "cron_two_days"),
        ("30 7 30 2 *", "cron_never"),
    ],
)
def test_what_is_no_time_is_refused_with_the_reason(told: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_cron(told)
    assert [problem.code for problem in caught.value.problems] == [f"reports.{code}"]
    assert str(caught.value)


@given(st.text(max_size=20))
def test_whatever_is_typed_is_a_time_or_a_refusal(told: str) -> None:
    try:
        trigger = parse_cron(told)
    except InputError:
        return
    assert trigger.get_next_fire_time(None, MONDAY) is not None


@given(
    minute=st.integers(0, 59),
    hour=st.integers(0, 23),
    weekday=st.integers(0, 7),
    hours=st.integers(0, 200),
)
def test_a_weekly_time_comes_once_a_week_at_that_minute_in_beijing(
    minute: int, hour: int, weekday: int, hours: int
) -> None:
    now = MONDAY + timedelta(hours=hours)
    at = next_fire(f"{minute} {hour} * * {weekday}", now)
    assert at is not None and now < at <= now + timedelta(days=7)
    there = at.astimezone(SHANGHAI)
    assert (there.minute, there.hour, there.isoweekday() % 7) == (minute, hour, weekday % 7)


@pytest.mark.parametrize("hour", [0, 7, 23])
@pytest.mark.parametrize("day", range(7))
def test_a_report_is_about_the_last_whole_week(day: int, hour: int) -> None:
    at = MONDAY + timedelta(days=day, hours=hour)
    assert str(Week.of(reported_day(at.astimezone(UTC)))) == "2026-W46"
