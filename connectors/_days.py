"""Days and moments as Chinese platforms count them: all cut at Beijing midnight (metrics-map.md, C14)."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from connectors._json import whole

BEIJING = ZoneInfo("Asia/Shanghai")
_MILLISECONDS = 10**11  # what is greater counts milliseconds
_LATEST = 2**33


def day_of(at: datetime) -> date:
    return at.astimezone(BEIJING).date()


def midnight_after(now: datetime) -> datetime:
    """When quotas of a day are new."""
    return datetime.combine(day_of(now) + timedelta(days=1), time(), BEIJING).astimezone(UTC)


def moment(value: object) -> datetime | None:
    """Epoch seconds or milliseconds, as number or text; None where it is anything else."""
    number = whole(value)
    if number is None or number == 0:
        return None
    seconds = number // 1000 if number > _MILLISECONDS else number
    return datetime.fromtimestamp(seconds, UTC) if seconds < _LATEST else None
