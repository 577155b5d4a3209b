"""A post as Weibo tells it: its id, its moment, its address (sheet section 2)."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CREATED = re.compile(
    r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d{1,2}) (\d{2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2}) (\d{4})", re.ASCII
)
_DIGITS = re.compile(r"\d{1,30}", re.ASCII)
_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Status:
    """A post of the timeline. `original` is False for a repost; `at` is None where it cannot be read."""

    id: str
    text: str
    at: datetime | None
    original: bool


def read_status(raw: object) -> Status | None:
    """A STATUS object of an answer; None where it has no usable id."""
    if not isinstance(raw, dict):
        return None
    # Weibo's own examples show `id` rounded by floating point: the text forms come first.
    found = next((found for name in ("idstr", "mid", "id") if (found := identifier(raw.get(name)))), "")
    text = raw.get("text")
    if not found:
        return None
    return Status(
        id=found,
        text=text if isinstance(text, str) else "",
        at=moment(raw.get("created_at")),
        original=not raw.get("retweeted_status"),
    )


def identifier(value: object) -> str:
    """An id as text, '' where there is none; ids pass 2^53 and come as number or text."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return ""
    return str(value) if _DIGITS.fullmatch(str(value)) and int(value) > 0 else ""


def whole(value: object) -> int | None:
    """A count, as number or text; None where it is anything else: unknown is never 0."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    return int(value) if _DIGITS.fullmatch(str(value)) else None


def moment(value: object) -> datetime | None:
    """`created_at` ("Mon Mar 02 09:30:11 +0800 2026"), whatever the machine's locale."""
    found = _CREATED.fullmatch(value) if isinstance(value, str) else None
    if found is None or found[1] not in _MONTHS:
        return None
    month, (day, hour, minute, second) = _MONTHS.index(found[1]) + 1, map(int, found.group(2, 3, 4, 5))
    offset = timedelta(hours=int(found[7]), minutes=int(found[8])) * (-1 if found[6] == "-" else 1)
    try:
        return datetime(int(found[9]), month, day, hour, minute, second, tzinfo=timezone(offset))
    except ValueError:
        return None


def base62(mid: str) -> str:
    """The short form of a mid in addresses: groups of 7 digits from the right, each to base 62."""
    groups = [mid[max(0, end - 7) : end] for end in range(len(mid), 0, -7)]
    coded = [_in_base62(int(group)).rjust(4, "0") for group in groups]
    return "".join(reversed(coded)).lstrip("0")


def _in_base62(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 62)
        digits = _ALPHABET[rest] + digits
    return digits


def public_url(uid: str, mid: str) -> str:
    """Where readers find the post."""
    return f"https://weibo.com/{uid}/{base62(mid)}"
