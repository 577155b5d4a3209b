"""Other ways to the same list: another version of the index, other windows, without the best article.

mean_of_weeks       the mean of the index of every ISO week (Monday to Sunday) of the period, silent ones too
mean_of_months      the same of calendar months; d is 7 for a week and 30 for any month
drop_top_post       without the account's best article: the most of the index's first figure
geometric           parts of the score multiplied instead of added
equal_weights       the levels of the index (its terms, where it has one level only) weigh the same
id:version          another version of the index
winsorised          articles count at most a high quantile of one figure; asked for by the category's index

A line that says nothing about a category (windows of a question site) is left out there.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Context, Decimal, localcontext
from pathlib import Path

from analytics.awards.files import plain, read_csv
from analytics.awards.freeze import Frozen
from analytics.awards.index import index_of
from analytics.awards.places import Accounts, by_handle, places_of, ties_of
from analytics.awards.rule import Category, IndexChoice, Rule
from analytics.awards.score import part_weights, points, weighted
from analytics.awards.sources import Source
from analytics.awards.variables import Counter, by_account, variables_of
from analytics.indices import IndexDefinition, compute

WEEKS, MONTHS, DROPPED = "mean_of_weeks", "mean_of_months", "drop_top_post"
GEOMETRIC, EQUAL = "geometric", "equal_weights"
WINSORISED = "winsorised"
_WEEK, _MONTH = 7, 30
_MICRO = Decimal("0.000001")
_EXACT = Context(prec=50, rounding=ROUND_HALF_EVEN)
Article = Mapping[str, str]
Indices = dict[str, Decimal]
Window = tuple[int, int]


@dataclass(frozen=True)
class Standings:
    """What the stages before found of a category's ranked accounts."""

    accounts: Accounts
    scores: Mapping[str, Mapping[str, str]]

    @classmethod
    def read(cls, variables: Path, scores: Path) -> "Standings":
        rows = by_handle(scores)
        known = by_handle(variables)
        return cls({handle: known[handle] for handle in rows}, rows)


Combine = Callable[[Category, Sequence[Decimal | None]], Decimal]


def lines_of(rule: Rule, category: Category) -> tuple[str, ...]:
    """The rule's alternatives that say something about this category."""
    choice = category.index
    counted = (WEEKS, MONTHS, DROPPED) if choice.definition is not None else ()
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
    if any(name not in (GEOMETRIC, EQUAL) for name in lines):
        counter = _Counting(rule, category, frozen, lines)
        for account, articles in by_account(frozen):
            known = standings.accounts.get(account["handle"])
            if known is not None:
                for name, value in counter.indices({**account, **known}, list(articles)):
                    counted[name][account["handle"]] = value
    if EQUAL in lines:
        even = replace(category, index=_even(category.index))
        for handle, row in standings.accounts.items():
            index = index_of(even, row)
            counted[EQUAL] |= {} if index is None else {handle: index}
    found = {}
    for name in lines:
        if name == GEOMETRIC:
            found[name] = _places(rule, category, standings, _official(standings), _geometric)
        else:
            found[name] = _places(rule, category, standings, counted[name], weighted)
    return found


class _Counting:
    """Counts an account's articles once more, as each alternative wants them."""

    def __init__(self, rule: Rule, category: Category, frozen: Frozen, lines: Sequence[str]) -> None:
        self._category = category
        self._counter = Counter(category, frozen.article_metrics)
        self._lines = lines
        days = [rule.start + timedelta(days=number) for number in range(rule.days)]
        self._windows = {
            WEEKS: (_WEEK, _week, {_week(day) for day in days}),
            MONTHS: (_MONTH, _month, {_month(day) for day in days}),
        }
        articles = [source for source in category.index.sources if source.of == "article"]
        self._best = [source.metric for source in articles]
        self._most = _most(category, frozen) if WINSORISED in lines else None

    def indices(self, account: Article, articles: Sequence[Article]) -> Iterator[tuple[str, Decimal]]:
        """The index by each alternative, of an account with its frozen facts and its variables."""
        choice = self._category.index
        for name in self._lines:
            value = None
            if name in self._windows and choice.definition is not None:
                value = self._mean(account, articles, choice.definition, *self._windows[name])
            elif name == DROPPED and choice.definition is not None:
                rest = self._without_best(articles)
                value = self._index(account, rest, choice.definition, choice.sources, choice.days)
            elif name == WINSORISED and choice.definition is not None:
                capped = [self._capped(article) for article in articles]
                value = self._index(account, capped, choice.definition, choice.sources, choice.days)
            for version in choice.versions:
                if version.name == name and set(version.sources) <= set(choice.sources):
                    value = compute(version.definition, account)  # its variables are counted already
                elif version.name == name:
                    value = self._index(account, articles, version.definition, version.sources, choice.days)
            if value is not None:
                yield name, value

    def _mean(
        self,
        account: Article,
        articles: Sequence[Article],
        definition: IndexDefinition,
        days: int,
        window: Callable[[date], Window],
        windows: set[Window],
    ) -> Decimal | None:
        """The mean over all windows whose figures are known."""
        inside: dict[Window, list[Article]] = {one: [] for one in windows}
        for article in articles:
            inside[window(date.fromisoformat(article["published_day"]))].append(article)
        sources = self._category.index.sources
        silent = self._index(account, (), definition, sources, days)
        values = [
            self._index(account, found, definition, sources, days) if found else silent
            for found in inside.values()
        ]
        known = [value for value in values if value is not None]
        return (sum(known, Decimal(0)) / len(known)).quantize(_MICRO, ROUND_HALF_EVEN) if known else None

    def _index(
        self,
        account: Article,
        articles: Sequence[Article],
        definition: IndexDefinition,
        sources: Sequence[Source],
        days: int,
    ) -> Decimal | None:
        variables = variables_of(sources, self._counter.tally(articles), account, days)
        return None if None in variables.values() else compute(definition, variables)

    def _without_best(self, articles: Sequence[Article]) -> Sequence[Article]:
        best = max(articles, key=self._weight, default=None)
        return [article for article in articles if article is not best]

    def _capped(self, article: Article) -> Article:
        wanted = self._category.index.winsorise
        if wanted is None or self._most is None or not article[wanted.metric]:
            return article
        return {**article, wanted.metric: plain(min(Decimal(article[wanted.metric]), self._most))}

    def _weight(self, article: Article) -> tuple[list[Decimal], str]:
        figures = [Decimal(article[metric] or -1) for metric in self._best]
        return figures, article["remote_id"]


def _most(category: Category, frozen: Frozen) -> Decimal | None:
    """The quantile of the figure over the category's articles: the least value that enough do not pass."""
    wanted = category.index.winsorise
    if wanted is None:
        return None
    values = sorted(Decimal(row[wanted.metric]) for row in read_csv(frozen.articles) if row[wanted.metric])
    place = int((len(values) * wanted.quantile).to_integral_value(ROUND_CEILING))
    return values[max(place, 1) - 1] if values else None


def _week(day: date) -> Window:
    year, week, _ = day.isocalendar()
    return year, week


def _month(day: date) -> Window:
    return day.year, day.month


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
