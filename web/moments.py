"""Times as people read them: Beijing's, 24 hours, Monday first."""

from datetime import date, datetime, timedelta

from config.clock import SHANGHAI
from config.messages import text


def moment(at: datetime, now: datetime) -> str:
    """`11月22日 周日 18:00`; with the year where it is another one."""
    there = at.astimezone(SHANGHAI)
    return f"{day(there.date(), now)} {there:%H:%M}"


def day(on: date, now: datetime) -> str:
    """`11月22日 周日`; with the year where it is another one."""
    facts: dict[str, object] = {
        "month": text(f"moment.month_{on.month}"),
        "day": on.day,
        "weekday": text(f"moment.weekday_{on.isoweekday()}"),
    }
    if on.year == now.astimezone(SHANGHAI).year:
        return text("moment.day", **facts)
    return text("moment.day_of_year", year=on.year, **facts)


def clock_time(at: datetime) -> str:
    """`18:00`, Beijing's."""
    return f"{at.astimezone(SHANGHAI):%H:%M}"


def ago(at: datetime, now: datetime) -> str:
    """How long ago it was, or in how long it will be, in the largest unit that fits."""
    apart = now - at
    word = "ago" if apart >= timedelta(0) else "ahead"
    minutes = int(abs(apart).total_seconds() // 60)
    if minutes < 1:
        return text("moment.just_now")
    if minutes < 60:
        return text(f"moment.minutes_{word}", count=minutes)
    if minutes < 48 * 60:
        return text(f"moment.hours_{word}", count=minutes // 60)
    return text(f"moment.days_{word}", count=minutes // (24 * 60))


def for_input(at: datetime) -> str:
    """`2026-11-22T18:00`, Beijing's, as a `datetime-local` input has it."""
    return f"{at.astimezone(SHANGHAI):%Y-%m-%dT%H:%M}"


def seconds(at: datetime) -> str:
    """`05`: what `moment` leaves out, where one call follows another."""
    return f"{at.astimezone(SHANGHAI):%S}"
