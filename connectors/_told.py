"""Numbers, times and names as strangers tell them."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

BEIJING = ZoneInfo("Asia/Shanghai")


def count(value: object) -> int | None:
    """A whole number from 0 on; None for anything else: unknown is never 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def moment(value: object) -> datetime | None:
    """An ISO time with its zone; None for anything else."""
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None


def beijing_day(at: datetime) -> date:
    return at.astimezone(BEIJING).date()


def midnight(day: date) -> datetime:
    """When a Beijing day begins, in UTC."""
    return datetime.combine(day, time(), BEIJING).astimezone(UTC)


def words(value: str) -> list[str]:
    """The names in an option, parted by commas of either script."""
    return [word.strip() for word in value.replace("，", ",").split(",") if word.strip()]
