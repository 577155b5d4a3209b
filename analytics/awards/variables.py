"""From frozen figures to one row an account: how much it posted, how well it is covered, its variables.

An unknown figure adds nothing and is told by `data_coverage`; a variable is unknown only when no article of
the account has the figure. Without articles every sum is 0.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import groupby
from pathlib import Path

from analytics.awards.files import Cell, plain, read_csv, write_csv
from analytics.awards.freeze import Frozen
from analytics.awards.questions import (
    ACCOUNT_FIGURES,
    DUPLICATE,
    INFINITE,
    KINDS,
    QUESTION_FIGURES,
    TURNED,
    VOLUNTARY,
    median,
    wilson_lower,
)
from analytics.awards.rule import Category
from analytics.awards.sources import Source, flat
from analytics.awards.ties import SHARE
from analytics.indices import compute, load_definition

QUESTION = "question"
FACT_COLUMNS = (
    "handle",
    "name",
    "unit_code",
    "unit",
    "track",
    "filed",
    "verified",
    "posts",
    "original_posts",
    "headlines",
    "questions",
    "active_weeks",
    "data_coverage",
    "shares",
)
_SELECTS = ("", "original", "headline", "max")
_MICRO = Decimal("0.000001")


@dataclass
class Sums:
    """One figure over the articles of one account; each selection is None until an article has it."""

    by_select: dict[str, Decimal | None] = field(default_factory=lambda: dict.fromkeys(_SELECTS))

    def add(self, value: Decimal, *, original: bool, headline: bool) -> None:
        known = self.by_select
        known[""] = (known[""] or 0) + value
        known["max"] = value if known["max"] is None else max(known["max"], value)
        if original:
            known["original"] = (known["original"] or 0) + value
        if headline:
            known["headline"] = (known["headline"] or 0) + value


@dataclass
class Tally:
    """What the articles of one account add up to."""

    posts: int = 0
    originals: int = 0
    headlines: int = 0
    questions: int = 0
    expected: int = 0  # articles that should have every figure
    covered: int = 0  # those that have
    knows_original: bool = False
    knows_position: bool = False
    weeks: set[tuple[int, int]] = field(default_factory=set)
    sums: dict[str, Sums] = field(default_factory=dict)
    over: dict[tuple[str, str], int] = field(default_factory=dict)  # articles past a limit
    hours: list[Decimal] = field(default_factory=list)
    rates: dict[str, list[int]] = field(default_factory=dict)  # metric → [successes, trials]


class Counter:
    """Adds up articles: of one account, in the whole period or any part of it."""

    def __init__(self, category: Category, metrics: Sequence[str]) -> None:
        self._metrics = metrics
        sources = category.index.sources
        self._questions = [term.metric for term in category.index.terms if term.metric in QUESTION_FIGURES]
        self._required = sorted({source.metric for source in flat(sources) if source.of == "article"})
        self._wants_position = any(source.select == "headline" for source in flat(sources))
        self._wants_original = any(source.select == "original" for source in flat(sources))
        self._limits = [
            (source.metric, source.select, source.over) for source in sources if source.over is not None
        ]

    def tally(self, articles: Iterable[Mapping[str, str]]) -> Tally:
        tally = Tally(sums={metric: Sums() for metric in self._metrics})
        tally.rates = {metric: [0, 0] for metric in self._questions if KINDS[metric] == "wilson_lower"}
        for article in articles:
            self._count(tally, article)
        return tally

    def _count(self, tally: Tally, article: Mapping[str, str]) -> None:
        if is_duplicate(article):
            return
        year, week, _ = date.fromisoformat(article["published_day"]).isocalendar()
        original, headline = article["original"] == "true", article["position"] == "1"
        tally.posts += 1
        tally.weeks.add((year, week))
        tally.originals += original
        tally.headlines += headline
        tally.knows_original |= bool(article["original"])
        tally.knows_position |= bool(article["position"])
        for metric in self._metrics:
            if article[metric]:
                tally.sums[metric].add(Decimal(article[metric]), original=original, headline=headline)
        for metric, select, limit in self._limits:
            if article[metric] and Decimal(article[metric]) > limit:
                tally.over[metric, select] = tally.over.get((metric, select), 0) + 1
        tally.questions += article["kind"] == QUESTION
        if not self._questions:
            tally.expected += 1
            tally.covered += self._covered(article)
        elif article["kind"] == QUESTION:
            tally.expected += 1
            tally.covered += self._ask(tally, article)

    def _covered(self, article: Mapping[str, str]) -> bool:
        return (
            all(article[metric] for metric in self._required)
            and (bool(article["position"]) or not self._wants_position)
            and (bool(article["original"]) or not self._wants_original)
        )

    def _ask(self, tally: Tally, article: Mapping[str, str]) -> bool:
        """Counts one question; True where it is known how it was answered."""
        known = self._covered(article)
        for metric in self._questions:
            if metric == "median_first_answer_hours":
                hours = _waited(article)
                known &= hours is not None
                tally.hours += [] if hours is None else [hours]
                continue
            answer = article[QUESTION_FIGURES[metric][0]]
            if answer:
                tally.rates[metric][0] += (Decimal(answer) > 0) != (metric in TURNED)
                tally.rates[metric][1] += 1
            elif metric not in VOLUNTARY:
                known = False
        return known


def is_duplicate(article: Mapping[str, str]) -> bool:
    """A question that was asked before takes no part; nor does it count as an article."""
    told = article.get(DUPLICATE, "")
    return bool(told) and Decimal(told) > 0


def _waited(article: Mapping[str, str]) -> Decimal | None:
    """Hours to the first answer; infinite while there is none, None where that is not known."""
    if article["first_answer_hours"]:
        return Decimal(article["first_answer_hours"])
    return INFINITE if article["answers"] and Decimal(article["answers"]) == 0 else None


def count_variables(category: Category, frozen: Frozen, path: Path) -> Path:
    """Writes one row an account: FACT_COLUMNS, then the variables or question metrics; '' is unknown."""
    return write_csv(path, (*FACT_COLUMNS, *category.index.names), _rows(category, frozen))


def by_account(frozen: Frozen) -> Iterator[tuple[dict[str, str], Iterator[dict[str, str]]]]:
    """Each account with its articles, in the files' order; the articles must be read before the next one."""
    grouped = groupby(read_csv(frozen.articles), key=lambda article: article["handle"])
    handle, articles = next(grouped, ("", iter(())))
    for account in read_csv(frozen.accounts):
        while handle and handle < account["handle"]:  # of an account that is not among them
            handle, articles = next(grouped, ("", iter(())))
        if account["handle"] == handle:
            yield account, articles
            handle, articles = next(grouped, ("", iter(())))
        else:
            yield account, iter(())


def _rows(category: Category, frozen: Frozen) -> Iterator[list[Cell]]:
    counter = Counter(category, frozen.article_metrics)
    for account, articles in by_account(frozen):
        tally = counter.tally(articles)
        known = variables_of(category.index.sources, tally, account, category.index.days)
        known |= {term.metric: _metric(term.metric, tally, account) for term in category.index.terms}
        values = (known[name] for name in category.index.names)
        yield [*_facts(account, tally), *(None if value is None else plain(value) for value in values)]


def variables_of(
    sources: Iterable[Source], tally: Tally, account: Mapping[str, str], days: int
) -> dict[str, Decimal | None]:
    """The variables of an index from counted articles; None is unknown."""
    return {source.variable: _variable(source, tally, account, days) for source in sources}


def _facts(account: Mapping[str, str], tally: Tally) -> list[Cell]:
    shares = tally.sums[SHARE].by_select[""] if SHARE in tally.sums else None
    return [
        *(account[name] for name in FACT_COLUMNS[:7]),
        tally.posts,
        tally.originals if tally.knows_original or not tally.posts else None,
        tally.headlines if tally.knows_position or not tally.posts else None,
        tally.questions,
        len(tally.weeks),
        _coverage(tally, int(account["open_gaps"])),
        None if shares is None else plain(shares),
    ]


def _coverage(tally: Tally, gaps: int) -> str:
    """Articles with every figure ÷ all articles; a day that could not be collected counts as one without."""
    whole = tally.expected + gaps
    return "" if not whole else plain((Decimal(tally.covered) / whole).quantize(_MICRO, ROUND_HALF_EVEN))


def _variable(source: Source, tally: Tally, account: Mapping[str, str], days: int) -> Decimal | None:
    if source.of == "days":
        return Decimal(days)
    if source.of == "index":
        inner = variables_of(source.inner, tally, account, days)
        return None if None in inner.values() else compute(load_definition(source.metric), inner)
    if source.of == "account":
        return Decimal(account[source.metric]) if account[source.metric] else None
    if not tally.posts:
        return Decimal(0)
    if source.select == "headline" and not tally.knows_position:
        return None
    if source.select == "original" and not tally.knows_original:
        return None
    if source.of == "posts":
        return Decimal(
            {"original": tally.originals, "headline": tally.headlines}.get(source.select, tally.posts)
        )
    return _sum(source, tally)


def _sum(source: Source, tally: Tally) -> Decimal | None:
    known = tally.sums[source.metric].by_select
    if source.over is not None:
        over = tally.over.get((source.metric, source.select), 0)
        return None if known[""] is None else Decimal(over)
    if known[source.select] is not None:
        return known[source.select]
    # No article of the selection: 0 where there is none, unknown where there is one without the figure.
    chosen = {"original": tally.originals, "headline": tally.headlines}.get(source.select, tally.posts)
    return None if chosen else Decimal(0)


def _metric(metric: str, tally: Tally, account: Mapping[str, str]) -> Decimal | None:
    if metric in ACCOUNT_FIGURES:
        figure = account[ACCOUNT_FIGURES[metric]]
        return Decimal(figure) if figure else None
    if metric == "median_first_answer_hours":
        return median(tally.hours) if tally.hours or tally.questions else INFINITE
    successes, trials = tally.rates[metric]
    if not trials and tally.questions and metric not in VOLUNTARY:
        return None
    return wilson_lower(Decimal(successes), Decimal(trials))
