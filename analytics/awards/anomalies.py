"""What a person should look at before the list is published. A flag changes no score and accuses nobody.

like_read       an article with far fewer likes per read than the account's others, or an account with far
                fewer than its track: bought reads bring no likes
spike           a day whose articles were read far more than the account's other days
mean_median     an account whose mean article is read far more often than its median one, against its track
unexplained, source_mix     where reads come from, see `source_anomalies`

"Far" is a robust z: (x − median) ÷ (1.4826 × median absolute deviation), x a logarithm. With the usual limits
about one honest article in a hundred is flagged, and an account that treats half of its articles is not: its
own history is bent then, and only the comparison with its track can tell. First digits are not looked at:
honest accounts fail that test.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TypeAlias

import numpy as np

from analytics.awards.columns import UNKNOWN, Columns, articles_in, begins_of
from analytics.awards.duck import named
from analytics.awards.files import Cell, shown, write_csv
from analytics.awards.freeze import Frozen
from analytics.awards.places import Accounts
from analytics.awards.rule import Anomaly, Category
from analytics.awards.sources import LIKES, watched
from analytics.indices.columns import MICROS, Real, Whole
from config.messages import told

COLUMNS = ("track", "handle", "check", "remote_id", "title", "day", "received", "usual", "z", "zh", "en")
CHECKS = ("like_read", "spike", "mean_median", "source_mix", "unexplained")
LEAST_ARTICLES = 8  # fewer tell no history
LEAST_ACCOUNTS = 5  # fewer are no track to compare with
TO_DEVIATION = 1.4826  # the MAD of a normal law × this is its standard deviation
_STILL = 1e-9  # less deviation is none
_SLACK = 0.01
_PLACES = 4  # compared and shown with these decimals, so that machines agree

Suspect: TypeAlias = tuple[str, str, str]  # handle, likes, reads


@dataclass(frozen=True)
class Flag:
    """One thing to look at: what was found, what is usual, how far off it is in robust deviations."""

    track: str
    handle: str
    check: str
    received: str
    usual: str
    z: Decimal | None

    def row(self, remote_id: str = "", title: str = "", day: str = "") -> list[Cell]:
        """The row of the file: about an article or a day, or else about the account."""
        entry = f"award.flag_{self.check}{'' if remote_id or day else '_account'}"
        params = {"received": self.received, "usual": self.usual, "z": self.z}
        zh, en = (told(entry, params, language=language) for language in ("zh", "en"))
        evidence = (self.received, self.usual, self.z)
        return [self.track, self.handle, self.check, remote_id, title, day, *evidence, zh, en]


def flag(
    category: Category,
    limits: Anomaly,
    frozen: Frozen,
    accounts: Accounts,
    path: Path,
    more: Iterable[list[Cell]] = (),
) -> Path:
    """Writes the flags of the ranked accounts, and `more` of them, by track, handle and check."""
    found = (*_flags(category, limits, frozen, accounts), *more)
    return write_csv(path, COLUMNS, sorted(found, key=lambda row: [str(cell) for cell in row[:6]]))


def not_looked_at(category: Category, limits: Anomaly, *, mixed: bool) -> tuple[str, ...]:
    """The checks that the rule leaves out or the figures do not allow; `mixed`: reads are told by source."""
    asked, able = _asked(limits), _able(category, mixed=mixed)
    return tuple(check for check in CHECKS if not (asked[check] and able[check]))


def asked_in_vain(category: Category, limits: Anomaly, *, mixed: bool) -> tuple[str, ...]:
    """The checks that the rule asks for and the figures do not allow."""
    asked, able = _asked(limits), _able(category, mixed=mixed)
    return tuple(check for check in CHECKS if asked[check] and not able[check])


def _asked(limits: Anomaly) -> dict[str, bool]:
    return {
        "like_read": limits.like_read is not None,
        "spike": limits.spike is not None,
        "mean_median": limits.mean_median is not None,
        "source_mix": limits.source_mix is not None,
        "unexplained": limits.unexplained is not None,
    }


def _able(category: Category, *, mixed: bool) -> dict[str, bool]:
    figures = watched(category.platform)
    read = bool(figures)
    return {
        "like_read": LIKES in figures,
        "spike": read,
        "mean_median": read,
        "source_mix": mixed,
        "unexplained": mixed,
    }


def _flags(category: Category, limits: Anomaly, frozen: Frozen, accounts: Accounts) -> Iterator[list[Cell]]:
    figures = watched(category.platform)
    if not figures:
        return
    columns = Columns.read(frozen, metrics=figures)
    read = columns.chosen(columns.figures[figures[0]] != UNKNOWN)
    ends = np.cumsum(np.bincount(read.account, minlength=len(read.accounts))).tolist()
    ratios: dict[str, dict[str, float]] = defaultdict(dict)
    skews: dict[str, dict[str, float]] = defaultdict(dict)
    suspects: dict[Suspect, Flag] = {}
    for account, begin, end in zip(read.accounts, [0, *ends], ends, strict=False):
        handle, track = account["handle"], account["track"]
        if handle not in accounts:
            continue
        reads = read.figures[figures[0]][begin:end]
        if limits.spike is not None:
            days = read.day[begin:end]
            yield from _spikes(track, handle, days, reads, limits.spike, limits.spike_reads)
        if len(reads) < LEAST_ARTICLES:
            continue
        if LIKES in figures and limits.like_read is not None:
            known = _Ratios.of(read.figures[LIKES][begin:end], reads)
            if len(known.values) >= LEAST_ARTICLES:
                ratios[track][handle] = median(known.values)
                suspects |= _liked_less(track, handle, known, limits.like_read)
        skews[track][handle] = _skew(reads)
    yield from _articles(frozen, figures[0], suspects)
    if limits.like_read is not None:
        yield from _against_track("like_read", ratios, -limits.like_read)
    if limits.mean_median is not None:
        yield from _against_track("mean_median", skews, limits.mean_median)


def median(values: Real | Whole) -> float:
    """The middle value; of an even number the mean of the two."""
    ordered = np.sort(values)
    return (float(ordered[(len(ordered) - 1) // 2]) + float(ordered[len(ordered) // 2])) / 2


def _logarithms(values: Real) -> Real:
    """Alike on all machines, unlike NumPy's."""
    return np.fromiter(map(math.log, values.tolist()), np.float64, len(values))


@dataclass(frozen=True)
class _Ratios:
    """ln((likes + 1) ÷ (reads + 1)) of every article that was read and whose likes are known."""

    likes: Whole
    reads: Whole
    values: Real

    @classmethod
    def of(cls, likes: Whole, reads: Whole) -> "_Ratios":
        known = (likes != UNKNOWN) & (reads > 0)
        likes, reads = likes[known], reads[known]
        return cls(likes, reads, _logarithms((likes / MICROS + 1) / (reads / MICROS + 1)))


def _skew(reads: Whole) -> float:
    mean = int(reads.sum()) / MICROS / len(reads)
    return math.log((mean + 1) / (median(reads) / MICROS + 1))


class Spread:
    """The median of values and their robust deviation."""

    def __init__(self, values: Sequence[float] | Real) -> None:
        known = np.asarray(values, dtype=np.float64)
        self.median = median(known)
        self._deviation = TO_DEVIATION * median(np.abs(known - self.median))

    def z(self, value: float) -> Decimal | None:
        """How far `value` is from the median, in robust deviations; None where the values do not vary."""
        if self._deviation < _STILL:
            return None
        return Decimal(repr(round((value - self.median) / self._deviation, _PLACES)))

    def beyond(self, limit: Decimal) -> float:
        """Between this value and the median no z reaches `limit`: there z need not be looked at."""
        return self.median + (float(limit) - _SLACK if limit > 0 else float(limit) + _SLACK) * self._deviation


def _liked_less(track: str, handle: str, known: _Ratios, limit: Decimal) -> dict[Suspect, Flag]:
    """The pairs of likes and reads that stand out. Articles that share them stand out together."""
    spread = Spread(known.values)
    usual = _share(spread.median)
    found: dict[Suspect, Flag] = {}
    for place in np.flatnonzero(known.values < spread.beyond(-limit)).tolist():
        z = spread.z(float(known.values[place]))
        if z is not None and z < -limit:
            pair = shown(int(known.likes[place])), shown(int(known.reads[place]))
            found[handle, *pair] = Flag(track, handle, "like_read", " / ".join(pair), usual, z)
    return found


def _articles(frozen: Frozen, reads: str, suspects: Mapping[Suspect, Flag]) -> Iterator[list[Cell]]:
    """The articles behind the suspects."""
    if not suspects:
        return
    with articles_in(frozen) as duck:
        duck.execute("CREATE TABLE suspect (handle VARCHAR, likes VARCHAR, reads VARCHAR)")
        duck.execute(
            "INSERT INTO suspect SELECT unnest(?), unnest(?), unnest(?)",
            [list(one) for one in zip(*suspects, strict=True)],
        )
        found = duck.execute(
            "SELECT s.handle, s.likes, s.reads, remote_id, title, published_day FROM articles a "
            f"JOIN suspect s ON a.handle = s.handle AND a.{named(LIKES)} = s.likes "
            f"AND a.{named(reads)} = s.reads"
        ).fetchall()
    for handle, likes, read, remote_id, title, day in found:
        yield suspects[handle, likes, read].row(remote_id, title or "", day)


def _spikes(
    track: str, handle: str, days: Whole, reads: Whole, limit: Decimal, least: int
) -> Iterator[list[Cell]]:
    begins = begins_of(days)
    if len(begins) < LEAST_ARTICLES:
        return
    totals = np.array([total / MICROS for total in np.add.reduceat(reads, begins).tolist()])
    logs = _logarithms(totals + 1)
    spread = Spread(logs)
    usual = f"{median(totals):.0f}"
    for place in np.flatnonzero(logs > spread.beyond(limit)).tolist():
        z, total = spread.z(float(logs[place])), float(totals[place])
        if z is not None and z > limit and total >= least:
            on = (date(1970, 1, 1) + timedelta(days=int(days[begins[place]]))).isoformat()
            yield Flag(track, handle, "spike", f"{total:.0f}", usual, z).row(day=on)


def _against_track(
    check: str, found: Mapping[str, Mapping[str, float]], limit: Decimal
) -> Iterator[list[Cell]]:
    """Accounts whose value lies beyond `limit` (below it where it is negative) among those of their track."""
    for track, values in found.items():
        if len(values) < LEAST_ACCOUNTS:
            continue
        spread = Spread(list(values.values()))
        for handle, value in values.items():
            z = spread.z(value)
            if z is not None and (z < limit if limit < 0 else z > limit):
                shown = _share if check == "like_read" else _times
                yield Flag(track, handle, check, shown(value), shown(spread.median), z).row()


def _share(logarithm: float) -> str:
    return f"{100 * math.exp(logarithm):.2f} %"


def _times(logarithm: float) -> str:
    return f"{math.exp(logarithm):.2f}"
