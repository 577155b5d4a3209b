"""An index by windows: computed for every ISO week (or calendar month) of the period, then their mean.

A week runs from Monday to Sunday and takes part whole, though the period begins or ends within it; d is 7 for
a week and 30 for any month. A silent window counts as what the index gives without articles (0); one whose
articles lack a figure is unknown and takes no part. `CATEGORY/windows.csv` has every window of every account.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import groupby
from pathlib import Path

import numpy as np

from analytics.awards.columns import Columns
from analytics.awards.counts import Counts, Found, Variables, all_known
from analytics.awards.files import Cell, read_csv, shown, write_csv
from analytics.awards.freeze import Frozen
from analytics.awards.index import COLUMNS as INDEX_COLUMNS
from analytics.awards.rule import WEEKS, WINDOW_DAYS, Category, IndexChoice, Rule
from analytics.awards.sources import Source
from analytics.indices import IndexDefinition
from analytics.indices.columns import Mask, Whole, compute_columns

FILE = "windows.csv"
COLUMNS = ("handle", "window", "posts", "index")
_MICRO = Decimal("0.000001")
Row = Mapping[str, str]


@dataclass(frozen=True)
class Span:
    """The windows of a period: weeks or months, numbered since 1970."""

    aggregate: str
    first: int
    count: int

    @classmethod
    def of(cls, rule: Rule, aggregate: str) -> "Span | None":
        """None for the whole period at once."""
        if aggregate not in WINDOW_DAYS:
            return None
        days = np.array([_since_1970(rule.start), _since_1970(rule.end)], dtype=np.int64)
        first, last = _numbers(aggregate, days).tolist()
        return cls(aggregate, first, last - first + 1)

    @property
    def days(self) -> int:
        """What d is in a window."""
        return WINDOW_DAYS[self.aggregate]

    def group(self, columns: Columns) -> Whole:
        """The window of each article, those of an account side by side."""
        group: Whole = columns.account * self.count + (_numbers(self.aggregate, columns.day) - self.first)
        return group

    def name(self, number: int) -> str:
        """A window of the span as people read it: a week's Monday, a month."""
        place = self.first + number
        if self.aggregate == WEEKS:
            return (date(1970, 1, 1) + timedelta(days=7 * place - 3)).isoformat()
        return f"{1970 + place // 12}-{place % 12 + 1:02}"


def weeks_of(day: Whole) -> Whole:
    """The ISO week of each day, as the number of Mondays since 1970 (which began on a Thursday)."""
    return (day + 3) // 7


def _numbers(aggregate: str, day: Whole) -> Whole:
    if aggregate == WEEKS:
        return weeks_of(day)
    return day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def _since_1970(day: date) -> int:
    return (day - date(1970, 1, 1)).days


@dataclass(frozen=True)
class Computed:
    """The index of every window in whole millionths, `known` where its figures are; a row an account."""

    values: Whole
    known: Mask

    def mean(self, account: int) -> Decimal | None:
        """The mean of an account's known windows; None where there is none."""
        number = int(self.known[account].sum())
        total = Decimal(int(self.values[account].sum())).scaleb(-6)
        return mean_of(total, number) if number else None


def mean_of(total: Decimal, number: int) -> Decimal:
    """The mean of window indices that sum to `total`: six decimals."""
    return (total / number).quantize(_MICRO, ROUND_HALF_EVEN)


def compute_windows(
    columns: Columns,
    definition: IndexDefinition,
    sources: Iterable[Source],
    span: Span | None,
    days: int,
    *,
    wanted: Mask | None = None,
) -> Computed:
    """The index of every account (of the `wanted`) and window; without a span the period is the window."""
    counts, found = _counted(columns, sources, span, days)
    windows = span.count if span else 1
    known = all_known(found.values(), counts.size)
    if wanted is not None:
        known &= np.repeat(wanted, windows)
    values = np.zeros(counts.size, dtype=np.int64)
    values[known] = compute_columns(definition, {name: one.values[known] for name, one in found.items()})
    shape = len(columns.accounts), windows
    return Computed(values.reshape(shape), known.reshape(shape))


def _counted(
    columns: Columns, sources: Iterable[Source], span: Span | None, days: int
) -> tuple[Counts, dict[str, Found]]:
    windows = span.count if span else 1
    group = span.group(columns) if span else columns.account
    counts = Counts(columns, group, len(columns.accounts) * windows)
    return counts, Variables(counts, columns.accounts, span.days if span else days).of(sources)


def write_windows(rule: Rule, category: Category, frozen: Frozen, path: Path) -> set[str]:
    """Writes a row an account and window; gives the accounts of which no window is known."""
    choice, columns = category.index, Columns.read(frozen)
    span = Span.of(rule, choice.aggregate)
    if span is None or choice.definition is None:
        raise ValueError(f"expected an index by windows in {category.id}")
    computed = compute_windows(columns, choice.definition, choice.sources, span, span.days)
    write_csv(path, (*COLUMNS, *choice.names), _window_rows(choice, columns, span, computed))
    known = np.count_nonzero(computed.known, axis=1).tolist()
    return {
        account["handle"] for account, windows in zip(columns.accounts, known, strict=True) if not windows
    }


def _window_rows(
    choice: IndexChoice, columns: Columns, span: Span, computed: Computed
) -> Iterator[list[Cell]]:
    counts, found = _counted(columns, choice.sources, span, span.days)
    figures = [
        [shown(value) if sure else None for value, sure in zip(one.values.tolist(), one.known, strict=True)]
        for one in found.values()
    ]
    names = [span.name(number) for number in range(span.count)]
    values, known = computed.values.ravel().tolist(), computed.known.ravel().tolist()
    for place, (value, sure, posts) in enumerate(zip(values, known, counts.posts.tolist(), strict=True)):
        handle, window = columns.accounts[place // span.count]["handle"], names[place % span.count]
        yield [handle, window, posts, shown(value) if sure else None, *(one[place] for one in figures)]


def write_indices(windows: Path, eligible: Collection[str], path: Path) -> Path:
    """Writes handle and index of the eligible accounts, as `index.compute_indices` does."""
    rows = ((handle, index_by_windows(rows)) for handle, rows in by_account(windows) if handle in eligible)
    return write_csv(path, INDEX_COLUMNS, rows)


def by_account(path: Path) -> Iterator[tuple[str, list[Row]]]:
    """Each account with its windows, in the file's order."""
    for handle, rows in groupby(read_csv(path), key=lambda row: row["handle"]):
        yield handle, list(rows)


def known_of(rows: Iterable[Row]) -> list[Row]:
    """The windows whose figures are known."""
    return [row for row in rows if row["index"]]


def index_by_windows(rows: Iterable[Row]) -> Decimal | None:
    """An account's index from its windows; None where none is known."""
    values = [Decimal(row["index"]) for row in known_of(rows)]
    return mean_of(sum(values, Decimal(0)), len(values)) if values else None


def index_of_windows(choice: IndexChoice, rows: Iterable[Row]) -> Decimal | None:
    """The same from the windows' variables, whatever index stands with them; all are known."""
    known = list(rows)
    if choice.definition is None or not known:
        return None
    names = choice.definition.variables
    figures = {
        name: np.array([int(Decimal(row[name]).scaleb(6)) for row in known], dtype=np.int64) for name in names
    }
    total = int(compute_columns(choice.definition, figures).sum())
    return mean_of(Decimal(total).scaleb(-6), len(known))
