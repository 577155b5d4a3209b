"""How long an account has been silent: yellow after ten days, red after thirteen.

County checks fail accounts that are silent for two weeks, so the red light comes a day before.
"""

from datetime import datetime, timedelta
from enum import StrEnum

YELLOW_AFTER = timedelta(days=10)
RED_AFTER = timedelta(days=13)


class Silence(StrEnum):
    """The light of an account."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"
    UNKNOWN = "unknown"  # nothing of it is known: never published here, nothing collected


def silence_of(last: datetime | None, now: datetime) -> Silence:
    """The light of an account that last published then."""
    if last is None:
        return Silence.UNKNOWN
    if now - last >= RED_AFTER:
        return Silence.RED
    return Silence.YELLOW if now - last >= YELLOW_AFTER else Silence.GREEN
