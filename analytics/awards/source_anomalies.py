"""Reads from elsewhere than usual: what a person should look at, from `source_mix.csv`.

source_mix      an article whose share of one source is far from the account's others, or an account whose
                usual share is far from its track's
unexplained     an account of whose reads too many come from no known source

A share is a source's reads ÷ all reads. "Far" is a robust z as in `anomalies`, and ten points of share at
least: below that nobody need look. Of several sources the one that is furthest off is told.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np

from analytics.awards.anomalies import COLUMNS, LEAST_ACCOUNTS, LEAST_ARTICLES, TO_DEVIATION
from analytics.awards.columns import UNKNOWN, Columns, articles_in
from analytics.awards.files import Cell, read_csv
from analytics.awards.freeze import Frozen
from analytics.awards.places import Accounts
from analytics.awards.rule import Anomaly, Category
from analytics.awards.source_mix import Mix, mix_metrics, mixes_of
from analytics.indices.columns import MICROS, Mask, Real, Whole
from config.messages import told

MIX, UNEXPLAINED = "source_mix", "unexplained"
_LEAST_POINTS = 0.1
_LEAST_DEVIATION = 0.01  # a source that never varies: a point of share is one deviation
_PLACES = 4


@dataclass(frozen=True)
class _Shares:
    """The shares of the articles of one account: a row an article, a column a source, the rest last."""

    shares: Real
    whole: Whole
    rows: Whole  # places of the articles among the account's

    @classmethod
    def of(cls, own: Columns, mix: Mix) -> "_Shares":
        """Of the articles that were read and whose sources are all known."""
        whole = own.figures[mix.whole]
        known: Mask = whole > 0
        for source in mix.sources:
            known = known & (own.figures[source] != UNKNOWN)
        rows = np.flatnonzero(known)
        named = np.stack([own.figures[source][rows] for source in mix.sources], axis=1)
        rest = np.maximum(whole[rows] - named.sum(axis=1), 0)
        shares = np.column_stack((named, rest)) / whole[rows][:, None]
        return cls(shares, whole[rows], rows)

    @property
    def enough(self) -> bool:
        return len(self.rows) >= LEAST_ARTICLES


def mix_flags(
    category: Category, limits: Anomaly, accounts: Accounts, frozen: Path, file: Path
) -> list[list[Cell]]:
    """The flags of the ranked accounts, as rows of `anomalies.csv`. `frozen`: accounts.csv."""
    source = Frozen(frozen, file, (), mix_metrics(category))
    columns = Columns.read(source, ids=True)
    looking = _Looking(limits)
    ends = np.cumsum(np.bincount(columns.account, minlength=len(columns.accounts))).tolist()
    for account, begin, end in zip(columns.accounts, [0, *ends], ends, strict=False):
        if account["handle"] in accounts and end > begin:
            looking.look_at(account, columns.chosen(slice(begin, end)), mixes_of(category))
    found = [*looking.unexplained, *looking.of_accounts(), *_titled(source, looking.articles)]
    return [one.row() for one in found]


def handles_told(category: Category, file: Path) -> set[str]:
    """The accounts of which enough articles tell their sources to be looked at."""
    counts: dict[str, int] = defaultdict(int)
    for row in read_csv(file):
        if any(row[mix.whole] and all(row[name] for name in mix.sources) for mix in mixes_of(category)):
            counts[row["handle"]] += 1
    return {handle for handle, count in counts.items() if count >= LEAST_ARTICLES}


@dataclass(frozen=True)
class _Flag:
    track: str
    handle: str
    check: str
    source: str
    received: float
    usual: float
    z: float | None
    remote_id: str = ""
    day: str = ""
    title: str = ""

    def row(self) -> list[Cell]:
        z = None if self.z is None else Decimal(repr(round(self.z, _PLACES)))
        evidence: dict[str, Cell] = {
            "track": self.track,
            "handle": self.handle,
            "check": self.check,
            "remote_id": self.remote_id,
            "title": self.title,
            "day": self.day,
            "received": f"{self.source} {_percent(self.received)}",
            "usual": _percent(self.usual),
            "z": z,
            **{language: self._told(language, z) for language in ("zh", "en")},
        }
        return [evidence[name] for name in COLUMNS]

    def _told(self, language: str, z: Decimal | None) -> str:
        params = {
            "source": told(f"explain.metric_{self.source}", {}, language=language),
            "received": _percent(self.received),
            "usual": _percent(self.usual),
            "z": z,
        }
        entry = f"award.flag_{self.check}{'' if self.remote_id else '_account'}"
        return told(entry, params, language=language)


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


class _Looking:
    """Looks at one account after the other, then at the tracks."""

    def __init__(self, limits: Anomaly) -> None:
        self._limits = limits
        self._usual: dict[tuple[str, Mix], dict[str, Real]] = defaultdict(dict)
        self.articles: list[_Flag] = []
        self.unexplained: list[_Flag] = []

    def look_at(self, account: Mapping[str, str], own: Columns, mixes: Sequence[Mix]) -> None:
        found = ((mix, _Shares.of(own, mix)) for mix in mixes)
        mix, shares = next((one for one in found if one[1].enough), (None, None))
        if mix is None or shares is None:
            return
        track, handle = account["track"], account["handle"]
        self._usual[track, mix][handle] = np.median(shares.shares, axis=0)
        if self._limits.source_mix is not None:
            self.articles += _articles(track, handle, own, mix, shares, self._limits)
        limit = self._limits.unexplained
        if limit is not None and mix.explained:
            share = float(
                (shares.shares[:, -1] * (shares.whole / MICROS)).sum() / (shares.whole / MICROS).sum()
            )
            if share > float(limit):
                self.unexplained.append(
                    _Flag(track, handle, UNEXPLAINED, mix.rest, share, float(limit), None)
                )

    def of_accounts(self) -> Iterator[_Flag]:
        """Accounts whose usual mix is far from that of their track."""
        if self._limits.source_mix is None:
            return
        for (track, mix), usual in self._usual.items():
            if len(usual) >= LEAST_ACCOUNTS:
                middle, z, far = _far(np.stack(list(usual.values())), float(self._limits.source_mix))
                for place, handle in enumerate(usual):
                    source = _furthest(z[place], far[place])
                    if source is not None:
                        name = (*mix.sources, mix.rest)[source]
                        received = float(usual[handle][source])
                        shown = float(middle[source]), float(z[place, source])
                        yield _Flag(track, handle, MIX, name, received, *shown)


def _articles(
    track: str, handle: str, own: Columns, mix: Mix, shares: _Shares, limits: Anomaly
) -> Iterator[_Flag]:
    middle, z, far = _far(shares.shares, float(limits.source_mix or 0))
    far &= (shares.whole >= limits.mix_reads * MICROS)[:, None]
    for place in np.flatnonzero(far.any(axis=1)).tolist():
        source = _furthest(z[place], far[place])
        if source is not None:
            row = int(shares.rows[place])
            on = date(1970, 1, 1) + timedelta(days=int(own.day[row]))
            yield _Flag(
                track,
                handle,
                MIX,
                (*mix.sources, mix.rest)[source],
                float(shares.shares[place, source]),
                float(middle[source]),
                float(z[place, source]),
                str(own.ids[row]),
                on.isoformat(),
            )


def _far(shares: Real, limit: float) -> tuple[Real, Real, Mask]:
    """The usual share of each source, how far each is from it in robust deviations, and which are too far."""
    middle = np.median(shares, axis=0)
    off = shares - middle
    deviation = np.maximum(TO_DEVIATION * np.median(np.abs(off), axis=0), _LEAST_DEVIATION)
    z = np.round(off / deviation, _PLACES)
    return middle, z, (np.abs(z) > limit) & (np.abs(off) >= _LEAST_POINTS)


def _furthest(z: Real, far: Mask) -> int | None:
    """The source that is furthest off, of those that are too far; the first of equals."""
    return int(np.argmax(np.where(far, np.abs(z), -1.0))) if far.any() else None


def _titled(frozen: Frozen, flags: Sequence[_Flag]) -> Iterator[_Flag]:
    """The flags of articles with their titles."""
    if not flags:
        return
    with articles_in(frozen) as duck:
        duck.execute("CREATE TABLE flagged (handle VARCHAR, remote_id VARCHAR)")
        pairs = [[flag.handle for flag in flags], [flag.remote_id for flag in flags]]
        duck.execute("INSERT INTO flagged SELECT unnest(?), unnest(?)", pairs)
        found = duck.execute(
            "SELECT handle, remote_id, title FROM articles JOIN flagged USING (handle, remote_id)"
        ).fetchall()
    titles = {(handle, remote_id): title or "" for handle, remote_id, title in found}
    for flag in flags:
        yield replace(flag, title=titles[flag.handle, flag.remote_id])
