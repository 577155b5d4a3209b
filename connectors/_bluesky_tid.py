"""Record keys of Bluesky: a TID is a moment in microseconds and ten bits of whose clock it was."""

import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256

_DIGITS = "234567abcdefghijklmnopqrstuvwxyz"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TID = re.compile("[234567abcdefghij][234567a-z]{12}")


def make_tid(at: datetime, name: str) -> str:
    """The TID of this moment; of two names at one moment each has its own, but for one chance in 1024."""
    clock = int.from_bytes(sha256(name.encode()).digest()[:2]) & 0x3FF
    number = ((at - _EPOCH) // timedelta(microseconds=1)) << 10 | clock
    return "".join(_DIGITS[number >> 5 * place & 31] for place in reversed(range(13)))


def moment_of(tid: str) -> datetime:
    """When a TID was made (UTC). Raises ValueError for what is none."""
    if not _TID.fullmatch(tid):
        raise ValueError("not a TID")
    number = 0
    for digit in tid:
        number = number << 5 | _DIGITS.index(digit)
    return _EPOCH + timedelta(microseconds=number >> 10)
