"""China's holidays and make-up working days 调休, as the package `holidays` knows them.

The State Council announces the make-up days of a year in the November before it; until a release of the
package has them, only the days that the law fixes are known, and `is_announced` says so.
"""

import re
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holidays import HolidayBase

_LANGUAGES = {"zh": "zh_CN", "en": "en_US"}
_MOVED_FROM = re.compile(r"[（(](?:由|substituted from).*[)）]\s*\Z")


@dataclass(frozen=True)
class SpecialDay:
    """A day off, or (`works`) a Saturday or Sunday on which people work; `name` is '' for the latter."""

    on: date
    name: str
    works: bool


def special_days(since: date, until: date, language: str) -> list[SpecialDay]:
    """The special days from `since` to `until`, the end excluded, in order."""
    found = [day for year in range(since.year, until.year + 1) for day in _of_year(year, language)]
    return [day for day in found if since <= day.on < until]


def is_announced(year: int) -> bool:
    """Are the make-up days of that year known? No year of the last decades went without."""
    return any(day.works for day in _of_year(year, "zh"))


@cache
def _of_year(year: int, language: str) -> tuple[SpecialDay, ...]:
    known = _china(year, language)
    off = [SpecialDay(on, _MOVED_FROM.sub("", name).strip(), False) for on, name in known.items()]
    working = [SpecialDay(on, "", True) for on in known.weekend_workdays if on.year == year]
    return tuple(sorted((*off, *working), key=lambda day: day.on))


def _china(year: int, language: str) -> "HolidayBase":
    from holidays import country_holidays  # takes a while: only where a calendar is shown

    return country_holidays("CN", years=year, language=_LANGUAGES[language])
