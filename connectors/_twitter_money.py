"""What X charges (pay per use, the sheet of 2026), and the ceiling that an account sets for reading."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

from connectors._contract import Access
from connectors._errors import Label, Throttled

POST, POST_WITH_LINK = Decimal("0.015"), Decimal("0.200")  # US dollars
POST_READ = Decimal("0.005")
DAILY_READS = 500
_USED_UP = Label(
    "今天为数据付费读取的条数到了上限（daily_reads），世界时零点后继续。",
    "The day's ceiling of paid reads (daily_reads) is reached; goes on after midnight UTC.",
)


def daily_reads(access: Access) -> int:
    return int(access.credentials.get("daily_reads") or DAILY_READS)


def spend_reads(access: Access, posts: int) -> None:
    """Takes so many posts from the day's ceiling, before they are read. Raises Throttled."""
    day = access.now().astimezone(UTC).date() + timedelta(days=1)
    until = datetime.combine(day, time(), UTC)
    if not access.memory.spend("reads", posts, daily_reads(access), until):
        raise Throttled(
            "the day's paid reads are used up", until=until, platform_code="budget", remedy=_USED_UP
        )


def told(access: Access) -> Label:
    """The prices, and what this account's reading may cost at most in a day."""
    most = daily_reads(access) * POST_READ
    return Label(
        f"按次收费：一条 {POST} 美元，带链接 {POST_WITH_LINK}；"
        f"数据每天最多读 {daily_reads(access)} 条，约 {most} 美元。",
        f"Paid by use: a post {POST} USD, with a link {POST_WITH_LINK}; figures read at most "
        f"{daily_reads(access)} posts a day, about {most} USD.",
    )
