"""What a person should look at before the list is published. A flag changes no score and accuses nobody.

like_read       an article with far fewer likes per read than the account's others, or an account with far
                fewer than its track: bought reads bring no likes
spike           a day whose articles were read far more than the account's other days
mean_median     an account whose mean article is read far more often than its median one, against its track
unexplained     the share of reads from no known source; not looked at while sources are not collected

"Far" is a robust z: (x − median) ÷ (1.4826 × median absolute deviation), x a logarithm. With the usual limits
about one honest article in a hundred is flagged, and an account that treats half of its articles is not: its
own history is bent then, and only the comparison with its track can tell. First digits are not looked at:
honest accounts fail that test.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from statistics import fmean, median

from analytics.awards.files import Cell, write_csv
from analytics.awards.freeze import Frozen
from analytics.awards.places import Accounts
from analytics.awards.rule import Anomaly, Category
from analytics.awards.sources import LIKES, watched
from analytics.awards.variables import by_account
from config.messages import told

COLUMNS = ("track", "handle", "check", "remote_id", "title", "day", "received", "usual", "z", "zh", "en")
CHECKS = ("like_read", "spike", "mean_median", "unexplained")
_LEAST_ARTICLES = 8  # fewer tell no history
_LEAST_ACCOUNTS = 5  # fewer are no track to compare with
_TO_DEVIATION = 1.4826  # the MAD of a normal law × this is its standard deviation
_STILL = 1e-9  # less deviation is none
_PLACES = 4  # compared and shown with these decimals, so that machines agree


@dataclass(frozen=True)
class Flag:
    """One thing to look at: what was found, what is usual, how far off it is in robust deviations."""

    track: str
    handle: str
    check: str
    received: str
    usual: str
    z: Decimal | None
    remote_id: str = ""
    title: str = ""
    day: str = ""

    def told(self, language: str) -> str:
        entry = f"award.flag_{self.check}{'' if self.remote_id or self.day else '_account'}"
        return told(entry, {"received": self.received, "usual": self.usual, "z": self.z}, language=language)


def flag(category: Category, limits: Anomaly, frozen: Frozen, accounts: Accounts, path: Path) -> Path:
    """Writes the flags of the ranked accounts, by track, handle and check, with their evidence."""
    rows = sorted(_flags(category, limits, frozen, accounts), key=lambda row: [str(cell) for cell in row[:6]])
    return write_csv(path, COLUMNS, rows)


def not_looked_at(category: Category, limits: Anomaly) -> tuple[str, ...]:
    """The checks that the rule leaves out or the platform's figures do not allow."""
    figures = watched(category.platform)
    able = {
        "like_read": limits.like_read is not None and LIKES in figures,
        "spike": limits.spike is not None and bool(figures),
        "mean_median": limits.mean_median is not None and bool(figures),
        "unexplained": False,
    }
    return tuple(check for check in CHECKS if not able[check])


def _flags(category: Category, limits: Anomaly, frozen: Frozen, accounts: Accounts) -> Iterator[list[Cell]]:
    figures = watched(category.platform)
    if not figures:
        return
    ratios: dict[str, dict[str, float]] = defaultdict(dict)
    skews: dict[str, dict[str, float]] = defaultdict(dict)
    for account, rows in by_account(frozen):
        handle, track = account["handle"], account["track"]
        if handle not in accounts:
            continue
        articles = [article for article in rows if article[figures[0]]]
        if limits.spike is not None:
            yield from _told(_spikes(track, handle, articles, figures[0], limits.spike, limits.spike_reads))
        if len(articles) < _LEAST_ARTICLES:
            continue
        if LIKES in figures and limits.like_read is not None:
            known = _ratios(articles, figures[0])
            if len(known) >= _LEAST_ARTICLES:
                ratios[track][handle] = median(value for _, value in known)
                yield from _told(_liked_less(track, handle, known, figures[0], limits.like_read))
        skews[track][handle] = _skew([float(article[figures[0]]) for article in articles])
    if limits.like_read is not None:
        yield from _told(_against_track("like_read", ratios, -limits.like_read))
    if limits.mean_median is not None:
        yield from _told(_against_track("mean_median", skews, limits.mean_median))


def _told(flags: Iterator[Flag]) -> Iterator[list[Cell]]:
    for one in flags:
        yield [
            one.track,
            one.handle,
            one.check,
            one.remote_id,
            one.title,
            one.day,
            one.received,
            one.usual,
            one.z,
            one.told("zh"),
            one.told("en"),
        ]


def _ratios(articles: Sequence[Mapping[str, str]], reads: str) -> list[tuple[Mapping[str, str], float]]:
    """ln((likes + 1) ÷ (reads + 1)) of every article that was read and whose likes are known."""
    return [
        (article, math.log((float(article[LIKES]) + 1) / (float(article[reads]) + 1)))
        for article in articles
        if article[LIKES] and float(article[reads]) > 0
    ]


def _skew(reads: Sequence[float]) -> float:
    return math.log((fmean(reads) + 1) / (median(reads) + 1))


class Spread:
    """The median of values and their robust deviation."""

    def __init__(self, values: Sequence[float]) -> None:
        self.median = median(values)
        self._deviation = _TO_DEVIATION * median(abs(one - self.median) for one in values)

    def z(self, value: float) -> Decimal | None:
        """How far `value` is from the median, in robust deviations; None where the values do not vary."""
        if self._deviation < _STILL:
            return None
        return Decimal(repr(round((value - self.median) / self._deviation, _PLACES)))


def _liked_less(
    track: str,
    handle: str,
    known: Sequence[tuple[Mapping[str, str], float]],
    reads: str,
    limit: Decimal,
) -> Iterator[Flag]:
    spread = Spread([value for _, value in known])
    usual = _share(spread.median)
    for article, value in known:
        z = spread.z(value)
        if z is not None and z < -limit:
            received = f"{article[LIKES]} / {article[reads]}"
            yield Flag(
                track,
                handle,
                "like_read",
                received,
                usual,
                z,
                article["remote_id"],
                article["title"],
                article["published_day"],
            )


def _spikes(
    track: str,
    handle: str,
    articles: Sequence[Mapping[str, str]],
    reads: str,
    limit: Decimal,
    least: int,
) -> Iterator[Flag]:
    days: dict[str, float] = defaultdict(float)
    for article in articles:
        days[article["published_day"]] += float(article[reads])
    if len(days) < _LEAST_ARTICLES:
        return
    logs = {day: math.log(total + 1) for day, total in days.items()}
    usual = f"{median(days.values()):.0f}"
    spread = Spread(list(logs.values()))
    for day, value in logs.items():
        z = spread.z(value)
        if z is not None and z > limit and days[day] >= least:
            yield Flag(track, handle, "spike", f"{days[day]:.0f}", usual, z, day=day)


def _against_track(check: str, found: Mapping[str, Mapping[str, float]], limit: Decimal) -> Iterator[Flag]:
    """Accounts whose value lies beyond `limit` (below it where it is negative) among those of their track."""
    for track, values in found.items():
        if len(values) < _LEAST_ACCOUNTS:
            continue
        spread = Spread(list(values.values()))
        for handle, value in values.items():
            z = spread.z(value)
            if z is not None and (z < limit if limit < 0 else z > limit):
                shown = _share if check == "like_read" else _times
                yield Flag(track, handle, check, shown(value), shown(spread.median), z)


def _share(logarithm: float) -> str:
    return f"{100 * math.exp(logarithm):.2f} %"


def _times(logarithm: float) -> str:
    return f"{math.exp(logarithm):.2f}"
