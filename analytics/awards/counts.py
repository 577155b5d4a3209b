"""What articles add up to in groups: accounts, or an account's weeks or months. All whole numbers.

An unknown figure adds nothing; a sum is unknown only where no article of the group has the figure. Without
articles every sum is 0.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from analytics.awards.columns import UNKNOWN, Columns, begins_of
from analytics.awards.sources import Source
from analytics.indices import load_definition
from analytics.indices.columns import MICROS, Mask, Whole, compute_columns
from config.errors import MeizhenError

_MOST = 2.0**62


@dataclass(frozen=True)
class Found:
    """One variable of every group in whole millionths, and where it is known."""

    values: Whole
    known: Mask

    @classmethod
    def of(cls, values: Whole) -> "Found":
        return cls(values, np.ones(len(values), dtype=bool))


class Counts:
    """Counts the articles of `columns` in `size` groups; `group` says each article's, and never falls."""

    def __init__(self, columns: Columns, group: Whole, size: int) -> None:
        self._columns = columns
        self._group = group
        self.size = size
        self.posts = self.number()
        self.originals = self.number(columns.original)
        self.headlines = self.number(columns.headline)
        self.knows_original = self.number(columns.knows_original) > 0
        self.knows_position = self.number(columns.knows_position) > 0

    def number(self, rows: Mask | None = None) -> Whole:
        """How many articles (of `rows`) each group has."""
        group = self._group if rows is None else self._group[rows]
        return np.bincount(group, minlength=self.size).astype(np.int64)

    def total(self, metric: str, select: str = "") -> Found:
        """A figure's sum (`max`: its most) over the selected articles; known where one of them has it."""
        rows = self._known(metric, select)
        group, figures = self._group[rows], self._columns.figures[metric][rows]
        values, known = np.zeros(self.size, dtype=np.int64), np.zeros(self.size, dtype=bool)
        if len(group):
            begins = begins_of(group)
            if select != "max" and np.abs(np.add.reduceat(figures.astype(np.float64), begins)).max() > _MOST:
                raise MeizhenError("award.sum_too_large", metric=metric)
            values[group[begins]] = (np.maximum if select == "max" else np.add).reduceat(figures, begins)
            known[group[begins]] = True
        return Found(values, known)

    def over(self, metric: str, limit: int) -> Whole:
        """How many articles have more than `limit` millionths."""
        return self.number(self._known(metric, "") & (self._columns.figures[metric] > limit))

    def _known(self, metric: str, select: str) -> Mask:
        known: Mask = self._columns.figures[metric] != UNKNOWN
        if select == "original":
            return known & self._columns.original
        return known & self._columns.headline if select == "headline" else known


class Variables:
    """The variables of indices from counted articles, for every group.

    The groups of one account stand side by side: `size` of counts is a multiple of the number of accounts.
    """

    def __init__(self, counts: Counts, accounts: Sequence[Mapping[str, str]], days: int) -> None:
        self._counts = counts
        self._accounts = accounts
        self._days = days

    def of(self, sources: Iterable[Source]) -> dict[str, Found]:
        """Every source's variable."""
        return {source.variable: self._one(source) for source in sources}

    def _one(self, source: Source) -> Found:
        counts = self._counts
        if source.of == "days":
            return Found.of(np.full(counts.size, self._days * MICROS, dtype=np.int64))
        if source.of == "index":
            inner = self.of(source.inner)
            known = all_known(inner.values(), counts.size)
            return Found(self._nested(source.metric, inner, known), known)
        if source.of == "account":
            return self._of_account(source.metric)
        found = self._of_posts(source) if source.of == "posts" else self._sum(source)
        unknown = np.zeros(counts.size, dtype=bool)
        if source.select == "headline":
            unknown = ~counts.knows_position
        elif source.select == "original":
            unknown = ~counts.knows_original
        silent = counts.posts == 0
        return Found(np.where(silent, 0, found.values), silent | (found.known & ~unknown))

    def _nested(self, name: str, inner: Mapping[str, Found], known: Mask) -> Whole:
        values = np.zeros(self._counts.size, dtype=np.int64)
        figures = {variable: found.values[known] for variable, found in inner.items()}
        values[known] = compute_columns(load_definition(name), figures)
        return values

    def _of_account(self, metric: str) -> Found:
        told = [account[metric] for account in self._accounts]
        each = self._counts.size // max(len(told), 1)
        values = np.array([millionths(one) if one else 0 for one in told], dtype=np.int64)
        return Found(
            np.repeat(values, each), np.repeat(np.array([bool(one) for one in told], dtype=bool), each)
        )

    def _chosen(self, select: str) -> Whole:
        counts = self._counts
        return {"original": counts.originals, "headline": counts.headlines}.get(select, counts.posts)

    def _of_posts(self, source: Source) -> Found:
        return Found.of(self._chosen(source.select) * MICROS)

    def _sum(self, source: Source) -> Found:
        counts = self._counts
        if source.over is not None:
            over = counts.over(source.metric, millionths(str(source.over))) * MICROS
            return Found(over, counts.total(source.metric).known)
        found = counts.total(source.metric, source.select)
        # No article of the selection: 0 where there is none, unknown where there is one without the figure.
        return Found(found.values, found.known | (self._chosen(source.select) == 0))


def all_known(found: Iterable[Found], size: int) -> Mask:
    """Where every one of them is known."""
    known = np.ones(size, dtype=bool)
    for one in found:
        known &= one.known
    return known


def millionths(told: str) -> int:
    """A figure's text in whole millionths."""
    return int(Decimal(told).scaleb(6))
