"""YouTube's units: what a call costs, the day's budget, and when it is new.

Sources conflict: the older page has one budget of 10,000 units with 1,600 for an upload, the newer one 100
uploads a day in a bucket of their own. The stricter one holds until the account's form says otherwise.
"""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from connectors._contract import Access
from connectors._errors import Label, Throttled

DAILY_UNITS = 10_000
INSERT_UNITS = 1_600
READ_UNITS = 1
_PACIFIC = ZoneInfo("America/Los_Angeles")
USED_UP = Label(
    "今天的接口配额已用完，太平洋时间零点后自动继续。",
    "The day's quota of the interface is used up; goes on by itself after midnight, Pacific time.",
)


def midnight_pacific(now: datetime) -> datetime:
    """When quotas are new, in UTC."""
    day = now.astimezone(_PACIFIC).date() + timedelta(days=1)
    return datetime.combine(day, time(), _PACIFIC).astimezone(UTC)


def insert_units(access: Access) -> int:
    return int(access.credentials.get("insert_units") or INSERT_UNITS)


def daily_units(access: Access) -> int:
    return int(access.credentials.get("daily_units") or DAILY_UNITS)


def spend(access: Access, units: int) -> None:
    """Takes units from the day's budget. Raises Throttled until midnight Pacific where they do not fit."""
    until = midnight_pacific(access.now())
    if not access.memory.spend("units", units, daily_units(access), until):
        raise Throttled("the day's units are used up", until=until, platform_code="budget", remedy=USED_UP)
