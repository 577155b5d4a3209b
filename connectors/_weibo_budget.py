"""The day's calls: 100 per app and user over all interfaces (sheet section 6), planned by purpose."""

from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from connectors._contract import Access, Asking
from connectors._errors import Label, Throttled

BEIJING = ZoneInfo("Asia/Shanghai")
DAILY_CALLS = 100
COLLECTING_CALLS = 50  # the rest stays in reserve for publishing

_USED_UP = Label(
    "今天的微博接口次数已用完，北京时间零点后自动继续。",
    "Today's Weibo calls are used up; goes on by itself after midnight in Beijing.",
)


class Purpose(StrEnum):
    """What a call is for: publishing may use the whole day's calls, collecting a part."""

    PUBLISHING = "publishing"  # share, and the looks after a doubt
    COLLECTING = "collecting"  # figures and checks


def beijing_day(at: datetime) -> date:
    """The Beijing day of a moment: Weibo cuts days there."""
    return at.astimezone(BEIJING).date()


def midnight_after(at: datetime) -> datetime:
    """The next midnight in Beijing, when the day's calls are new."""
    day = beijing_day(at) + timedelta(days=1)
    return datetime(day.year, day.month, day.day, tzinfo=BEIJING)


def spend_call(access: Access, purpose: Purpose) -> None:
    """Takes one call from the day's budget. Raises Throttled until midnight when none is left."""
    until = midnight_after(access.now())
    memory = access.memory
    fits = purpose is Purpose.PUBLISHING or memory.spend(Asking.counted_under, 1, COLLECTING_CALLS, until)
    if not (fits and memory.spend("calls", 1, DAILY_CALLS, until)):
        raise Throttled(
            f"the day's calls for {purpose} are used up",
            until=until,
            platform_code="budget",
            remedy=_USED_UP,
        )
