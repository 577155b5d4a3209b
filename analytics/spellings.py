"""How people write numbers, rates and days in tables, read strictly: what is not certain is refused."""

import re
import unicodedata
from datetime import date, datetime, time
from decimal import Decimal

from config.clock import SHANGHAI

UNKNOWN = frozenset({"", "-", "--", "---", "—", "——", "–", "/", "n/a", "null", "none", "暂无", "无"})
"""What people write where there is no figure (lower case, half width)."""

_SCALES = {"": Decimal(1), "万": Decimal(10**4), "w": Decimal(10**4), "亿": Decimal(10**8)}
_NUMBER = re.compile(r"(\d{1,3}(?:,\d{3})+|\d{1,15})(\.\d{1,20})?\s?([万亿w]?)", re.ASCII)
_PERCENT = re.compile(r"(\d{1,6}(?:\.\d{1,20})?)\s?%", re.ASCII)
_DAY = re.compile(
    r"(?:(\d{4})(\d\d)(\d\d)|(\d{4})([-/.])(\d{1,2})\5(\d{1,2})|(\d{4})\s?年\s?(\d{1,2})\s?月\s?(\d{1,2})\s?日)"
    r"(?:[ t]+(\d{1,2}):(\d\d)(?::(\d\d)(?:\.\d+)?)?)?",
    re.ASCII,
)


def _plain(cell: str) -> str:
    """Half width, lower case, without blanks around."""
    return unicodedata.normalize("NFKC", cell).strip().lower()


def is_unknown(cell: str) -> bool:
    """Does the cell say that there is no figure? Unknown is never 0."""
    return _plain(cell) in UNKNOWN


def read_number(cell: str) -> Decimal:
    """A number not below 0: `3204`, `3,204`, `1.28万`, `３２０４`. Raises ValueError for anything else.

    `10万+` is refused: it is not a number but a bound.
    """
    found = _NUMBER.fullmatch(_plain(cell))
    if found is None:
        raise ValueError(f"expected a number, got {cell!r}")
    whole, fraction, scale = found.groups()
    return Decimal(whole.replace(",", "") + (fraction or "")) * _SCALES[scale]


def read_count(cell: str) -> Decimal:
    """A whole number not below 0. Raises ValueError."""
    number = read_number(cell)
    if number != number.to_integral_value():
        raise ValueError(f"expected a whole number, got {cell!r}")
    return number.quantize(Decimal(1))


def read_rate(cell: str) -> Decimal:
    """A share of 1: `0.612` or `61.2%`. Raises ValueError, also for 61.2 without a sign: it may mean both."""
    percent = _PERCENT.fullmatch(_plain(cell))
    rate = Decimal(percent[1]) / 100 if percent else read_number(cell)
    if rate > 1:
        raise ValueError(f"expected a rate from 0 to 1, or one with %, got {cell!r}")
    return rate


def read_moment(cell: str) -> datetime:
    """A Beijing day, with or without a time: 20260302, 2026-03-02, 2026/3/2, 2026.3.2, 2026年3月2日.

    Raises ValueError; a day without a time begins at midnight.
    """
    found = _DAY.fullmatch(_plain(cell))
    if found is None:
        raise ValueError(f"expected a date, got {cell!r}")
    groups = found.groups()
    year, month, day = next(
        parts for parts in (groups[0:3], (groups[3], *groups[5:7]), groups[7:10]) if parts[0]
    )
    hour, minute, second = (int(part or 0) for part in groups[10:])
    on = date(int(year), int(month), int(day))
    if not 2000 <= on.year <= 2100:
        raise ValueError(f"expected a year from 2000 to 2100, got {cell!r}")
    return datetime.combine(on, time(hour, minute, second), SHANGHAI)
