"""When a report goes out: a crontab line in Beijing time.

The five fields and the numbering of crontab: weekday 0 and 7 are Sunday, 1 is Monday. (APScheduler's own
`from_crontab` takes 0 for Monday, so the weekday is handed to it by name.)
"""

import re
from datetime import date, datetime, timedelta

from apscheduler.triggers.cron import CronTrigger

from config.clock import SHANGHAI
from config.errors import InputError, Problem

WEEKLY = "30 8 * * 1"
"""Monday 08:30: in the leaders' mail before nine with time for a few tries, and after Sunday's figures were
collected (`collect_at`, 08:05: WeChat has them from 08:00)."""

DAILY = "0 17 * * *"
"""Every day at 17:00: before people go home, with time to mend what is to go out in the evening."""

_FIELDS = ("minute", "hour", "day", "month", "weekday")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_BOUNDS = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 7)}
_ITEM = re.compile(r"(\*|([0-9a-z]+)(?:-([0-9a-z]+))?)(?:/([0-9]{1,2}))?", re.ASCII)
_LENGTH = 64


def parse_cron(told: str) -> CronTrigger:
    """The trigger of a crontab line, in Beijing time.

    Raises InputError: not five fields; a field that is no number, name, range, step or list of them; a moment
    that never comes; more than one minute an hour; day of month and weekday both given, which crontab and
    people read differently.
    """
    fields = told.lower().split()
    if len(fields) != len(_FIELDS) or len(told) > _LENGTH:
        raise _refused(told, Problem("reports.cron_fields", params={"received": told[:_LENGTH]}))
    values = {name: _values(told, name, field) for name, field in zip(_FIELDS, fields, strict=True)}
    if len(values["minute"]) != 1:
        raise _refused(told, Problem("reports.cron_too_often", column="minute"))
    if fields[2] != "*" and fields[4] != "*":
        raise _refused(told, Problem("reports.cron_two_days", column="day"))
    trigger = CronTrigger(
        minute=_listed(values["minute"]),
        hour=_listed(values["hour"]),
        day=_listed(values["day"]),
        month=_listed(values["month"]),
        day_of_week=",".join(_DAYS[number] for number in sorted({day % 7 for day in values["weekday"]})),
        timezone=SHANGHAI,
    )
    if trigger.get_next_fire_time(None, datetime(2024, 1, 1, tzinfo=SHANGHAI)) is None:
        raise _refused(told, Problem("reports.cron_never", column="day"))
    return trigger


def next_fire(told: str, now: datetime) -> datetime | None:
    """The first fire time after `now`."""
    found: datetime | None = parse_cron(told).get_next_fire_time(None, now + timedelta(microseconds=1))
    return found


def reported_day(fire_at: datetime) -> date:
    """A day of the week that a report of this fire time is about: the last whole one."""
    return fire_at.astimezone(SHANGHAI).date() - timedelta(days=7)


def _values(told: str, name: str, field: str) -> set[int]:
    """The numbers a field stands for."""
    values: set[int] = set()
    for item in field.split(","):
        found = _ITEM.fullmatch(item)
        span = None if found is None else _span(name, found)
        if found is None or span is None:
            low, high = _BOUNDS[name]
            params = {"received": item, "expected": f"{low}-{high}"}
            raise _refused(told, Problem("reports.cron_field", column=name, params=params))
        values |= set(range(span[0], span[1] + 1, int(found[4] or 1)))
    return values


def _span(name: str, found: re.Match[str]) -> tuple[int, int] | None:
    """First and last number of an item; None where it is none."""
    low, high = _BOUNDS[name]
    if found[4] is not None and int(found[4]) == 0:
        return None
    if found[1] == "*":
        return low, min(high, 6) if name == "weekday" else high
    first = _number(name, found[2])
    # As in crontab, `5/10` runs on to the end.
    last = _number(name, found[3]) if found[3] is not None else (high if found[4] else first)
    if first is None or last is None or not low <= first <= last <= high:
        return None
    return first, last


def _number(name: str, told: str) -> int | None:
    if told.isdigit():
        return int(told)
    names = {"month": _MONTHS, "weekday": _DAYS}.get(name, ())
    return names.index(told) + (name == "month") if told in names else None


def _listed(values: set[int]) -> str:
    return ",".join(map(str, sorted(values)))


def _refused(told: str, problem: Problem) -> InputError:
    return InputError(f"--cron {told[:_LENGTH]!r}", [problem])
