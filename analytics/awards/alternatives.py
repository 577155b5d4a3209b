"""Other ways to the same list: another version of the index, other windows, without the best article.

mean_of_weeks, mean_of_months, annual       other windows (`windows`) than those of the category's index
drop_top_post       without the account's best article: the most of the index's first figure
geometric           parts of the score multiplied instead of added
equal_weights       the levels of the index (its terms, where it has one level only) weigh the same
id:version          another version of the index
winsorised          articles count at most a high quantile of one figure; asked for by the category's index

A line that says nothing about a category (windows of a question site) is left out there.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Context, Decimal, localcontext
from pathlib import Path

import numpy as np

from analytics.awards.columns import UNKNOWN, Columns, begins_of
from analytics.awards.freeze import Frozen
from analytics.awards.index import indices_of
from analytics.awards.places import Accounts, by_handle, places_of, ties_of
from analytics.awards.rule import ACCOUNTS, ANNUAL, WINDOW_DAYS, Category, IndexChoice, Rule
from analytics.awards.score import part_weights, points, weighted
from analytics.awards.windows import Span, compute_windows
from analytics.indices import IndexDefinition
from analytics.indices.columns import MICROS, Mask

DROPPED = "drop_top_post"
GEOMETRIC, EQUAL = "geometric", "equal_weights"
WINSORISED = "winsorised"
_WINDOWS = (ANNUAL, *WINDOW_DAYS)
_MICRO = Decimal("0.000001")
_EXACT = Context(prec=50, rounding=ROUND_HALF_EVEN)
Indices = dict[str, Decimal]


@dataclass(frozen=True)
class Standings:
    """What the stages before found of a category's ranked accounts."""

    accounts: Accounts
    scores: Mapping[str, Mapping[str, str]]
    windows: Path | None = None  # of an index by windows

    @classmethod
    def read(cls, variables: Path, scores: Path, windows: Path | None = None) -> "Standings":
        rows = by_handle(scores)
        known = by_handle(variables)
        return cls({handle: known[handle] for handle in rows}, rows, windows)


Combine = Callable[[Category, Sequence[Decimal | None]], Decimal]


def lines_of(rule: Rule, category: Category) -> tuple[str, ...]:
    """The rule's alternatives that say something about this category."""
    choice = category.index
    several_articles = choice.definition is not None and category.of == ACCOUNTS
    counted = {*_WINDOWS, DROPPED} - {choice.aggregate} if several_articles else set()
    several = sum(weight > 0 for weight in part_weights(category)) > 1
    sized = len(choice.terms) > 1 or (choice.definition is not None and len(_shares(choice.definition)) > 1)
    able = {*counted, *(version.name for version in choice.versions)}
    able |= {GEOMETRIC} if several else set()
    able |= {EQUAL} if sized else set()
    lines = tuple(name for name in rule.robustness.alternatives if name in able)
    return lines if choice.winsorise is None else (*lines, WINSORISED)


def alternative_places(
    rule: Rule, category: Category, frozen: Frozen, standings: Standings
) -> dict[str, dict[str, int]]:
    """The place of every ranked account in its track, by alternative, in the rule's order.

    An account whose figures an alternative does not know has no place there.
    """
    lines = lines_of(rule, category)
    counted: dict[str, Indices] = {name: {} for name in lines}
    recounted = [name for name in lines if name not in (GEOMETRIC, EQUAL) or _is_even(category, name)]
    if recounted:
        columns = Columns.read(frozen, ids=DROPPED in lines)
        counting = _Counting(rule, category, columns, standings.accounts)
        for name in recounted:
            counted[name] = counting.indices(name)
    if EQUAL in lines and EQUAL not in recounted:
        even = replace(category, index=_even(category.index))
        values = indices_of(even, list(standings.accounts.values()))
        pairs = zip(standings.accounts, values, strict=True)
        counted[EQUAL] = {handle: value for handle, value in pairs if value is not None}
    found = {}
    for name in lines:
        if name == GEOMETRIC:
            found[name] = _places(rule, category, standings, _official(standings), _geometric)
        else:
            found[name] = _places(rule, category, standings, counted[name], weighted)
    return found


def _is_even(category: Category, name: str) -> bool:
    """Equal weights of an index by windows are counted window by window."""
    return name == EQUAL and category.index.windowed


class _Counting:
    """Counts the articles once more, as each alternative wants them."""

    def __init__(self, rule: Rule, category: Category, columns: Columns, ranked: Collection[str]) -> None:
        self._rule = rule
        self._choice = category.index
        self._columns = columns
        self._ranked = np.array([account["handle"] in ranked for account in columns.accounts], dtype=bool)

    def indices(self, name: str) -> Indices:
        """The index of the ranked accounts by one alternative, where its figures are known."""
        choice, columns = self._choice, self._columns
        definition = choice.definition
        if definition is None:
            raise ValueError(f"expected an index with a definition for {name}")
        sources = choice.sources
        if name == DROPPED:
            columns = columns.chosen(~self._best())
        elif name == WINSORISED:
            columns = self._capped()
        elif name == EQUAL:
            definition = _even(choice).definition or definition
        elif name not in _WINDOWS:
            version = next(one for one in choice.versions if one.name == name)
            definition, sources = version.definition, version.sources
        span = Span.of(self._rule, name if name in _WINDOWS else choice.aggregate)
        days = self._rule.days if choice.windowed else choice.days
        computed = compute_windows(columns, definition, sources, span, days, wanted=self._ranked)
        means = ((one["handle"], computed.mean(place)) for place, one in enumerate(columns.accounts))
        return {handle: mean for handle, mean in means if mean is not None}

    def _best(self) -> Mask:
        """Each account's best article: the most of the first figure, then of the next, then the last id."""
        columns = self._columns
        rows = np.arange(len(columns))
        for metric in dict.fromkeys(
            source.metric for source in self._choice.sources if source.of == "article"
        ):
            figures = columns.figures[metric][rows]
            figures = np.where(figures == UNKNOWN, -MICROS, figures)
            begins = begins_of(columns.account[rows])
            most = np.maximum.reduceat(figures, begins) if len(rows) else figures
            rows = rows[figures == np.repeat(most, np.diff(np.append(begins, len(rows))))]
        last: dict[int, int] = {}
        for row, account in zip(rows.tolist(), columns.account[rows].tolist(), strict=True):
            if account not in last or columns.ids[row] > columns.ids[last[account]]:
                last[account] = row
        best = np.zeros(len(columns), dtype=bool)
        best[list(last.values())] = True
        return best

    def _capped(self) -> Columns:
        """The articles with at most the quantile of a figure: the least value that enough do not pass."""
        wanted = self._choice.winsorise
        if wanted is None:
            return self._columns
        figures = self._columns.figures[wanted.metric]
        known = np.sort(figures[figures != UNKNOWN])
        if not len(known):
            return self._columns
        place = int((len(known) * wanted.quantile).to_integral_value(ROUND_CEILING))
        return self._columns.with_figure(wanted.metric, np.minimum(figures, known[max(place, 1) - 1]))


def _official(standings: Standings) -> Indices:
    return {handle: Decimal(row["index"]) for handle, row in standings.scores.items() if row["index"]}


def _shares(definition: IndexDefinition) -> tuple[object, ...]:
    """What weighs: the levels, or the terms of the only level."""
    levels = definition.levels
    return tuple(levels) if len(levels) > 1 else tuple(levels[0].terms)


def _even(choice: IndexChoice) -> IndexChoice:
    """The same index with equal weights whose sum is that of the old ones."""
    if choice.definition is None:
        share = Decimal(1) / len(choice.terms) if choice.terms else Decimal(0)
        return replace(choice, terms=tuple(replace(term, weight=share) for term in choice.terms))
    levels = choice.definition.levels
    if len(levels) > 1:
        mean = sum((level.weight for level in levels), Decimal(0)) / len(levels)
        even = tuple(replace(level, weight=mean) for level in levels)
    else:
        terms = levels[0].terms
        mean = sum((term.weight for term in terms), Decimal(0)) / len(terms)
        even = (replace(levels[0], terms=tuple(replace(term, weight=mean) for term in terms)),)
    return replace(choice, definition=replace(choice.definition, levels=even))


def _geometric(category: Category, parts: Sequence[Decimal | None]) -> Decimal:
    """Π part ^ weight: a part of 0 makes the whole 0."""
    pairs = [(w, part or Decimal(0)) for w, part in zip(part_weights(category), parts, strict=True) if w]
    if any(part <= 0 for _, part in pairs):
        return Decimal(0)
    with localcontext(_EXACT):
        logarithm = sum((weight * part.ln() for weight, part in pairs), Decimal(0))
        return logarithm.exp().quantize(_MICRO, ROUND_HALF_EVEN)


def _places(
    rule: Rule, category: Category, standings: Standings, indices: Indices, combine: Combine
) -> dict[str, int]:
    """The places that another index, or another sum of the parts, would have given."""
    tracks = {handle: account["track"] for handle, account in standings.accounts.items()}
    data = points(category.data, indices, tracks)
    exact, ties = {}, {}
    for handle, row in standings.scores.items():
        if category.data.weight and handle not in indices:
            continue
        parts = [data.get(handle), _part(row["jury"]), _part(row["public"])]
        exact[handle] = combine(category, parts)
        ties[handle] = ties_of(category, indices.get(handle), row["jury"], standings.accounts[handle])
    return places_of(rule, category, standings.accounts, exact, ties)


def _part(text: str) -> Decimal | None:
    return Decimal(text) if text else None
