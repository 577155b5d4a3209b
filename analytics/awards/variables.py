"""From frozen figures to one row an account: how much it posted, how well it is covered, its variables.

An unknown figure adds nothing and is told by `data_coverage`; a variable is unknown only when no article of
the account has the figure. Without articles every sum is 0.
"""

from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

import numpy as np

from analytics.awards.columns import UNKNOWN, Columns
from analytics.awards.counts import Counts, Variables
from analytics.awards.files import Cell, plain, shown, write_csv
from analytics.awards.freeze import Frozen
from analytics.awards.questions import (
    ACCOUNT_FIGURES,
    INFINITE,
    QUESTION_FIGURES,
    TURNED,
    VOLUNTARY,
    median,
    wilson_lower,
)
from analytics.awards.rule import Category
from analytics.awards.sources import flat
from analytics.awards.ties import SHARE
from analytics.awards.windows import weeks_of
from analytics.indices.columns import Mask, Whole

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
_MICRO = Decimal("0.000001")
_ENDLESS = np.iinfo(np.int64).max
_MEDIAN = "median_first_answer_hours"


def count_variables(category: Category, frozen: Frozen, path: Path) -> Path:
    """Writes one row an account: FACT_COLUMNS, then the variables or question metrics; '' is unknown."""
    return write_csv(path, (*FACT_COLUMNS, *category.index.names), _rows(category, Columns.read(frozen)))


def _rows(category: Category, columns: Columns) -> Iterator[list[Cell]]:
    counts = Counts(columns, columns.account, len(columns.accounts))
    found = Variables(counts, columns.accounts, category.index.days).of(category.index.sources)
    known = {
        name: [
            shown(value) if sure else None for value, sure in zip(one.values.tolist(), one.known, strict=True)
        ]
        for name, one in found.items()
    }
    questions = _Questions(category, columns, counts)
    known |= {term.metric: questions.metric(term.metric) for term in category.index.terms}
    facts = _Facts(category, columns, counts, questions)
    for number, account in enumerate(columns.accounts):
        yield [*facts.row(number, account), *(known[name][number] for name in category.index.names)]


class _Facts:
    """What is told of an account beside its variables."""

    def __init__(self, category: Category, columns: Columns, counts: Counts, questions: "_Questions") -> None:
        self._counts = counts
        self._questions = counts.number(columns.question)
        asked = columns.question if questions.metrics else None
        self._expected = counts.number(asked)
        self._covered = counts.number(
            _covered(category, columns) & questions.known & (True if asked is None else asked)
        )
        weeks = columns.account * (1 << 24) + weeks_of(columns.day)
        first = np.concatenate((np.ones(min(len(weeks), 1), dtype=bool), weeks[1:] != weeks[:-1]))
        self._weeks = counts.number(first)
        self._shares = counts.total(SHARE) if SHARE in columns.figures else None

    def row(self, number: int, account: Mapping[str, str]) -> list[Cell]:
        counts = self._counts
        posts = int(counts.posts[number])
        shares = self._shares
        return [
            *(account[name] for name in FACT_COLUMNS[:7]),
            posts,
            int(counts.originals[number]) if counts.knows_original[number] or not posts else None,
            int(counts.headlines[number]) if counts.knows_position[number] or not posts else None,
            int(self._questions[number]),
            int(self._weeks[number]),
            self._coverage(number, int(account["open_gaps"])),
            shown(int(shares.values[number])) if shares is not None and shares.known[number] else None,
        ]

    def _coverage(self, number: int, gaps: int) -> str:
        """Articles with every figure ÷ all; a day that could not be collected counts as one without."""
        whole = int(self._expected[number]) + gaps
        if not whole:
            return ""
        return plain((Decimal(int(self._covered[number])) / whole).quantize(_MICRO, ROUND_HALF_EVEN))


def _covered(category: Category, columns: Columns) -> Mask:
    """The articles with every figure that the index is made of."""
    sources = list(flat(category.index.sources))
    covered = np.ones(len(columns), dtype=bool)
    for metric in sorted({source.metric for source in sources if source.of == "article"}):
        covered &= columns.figures[metric] != UNKNOWN
    if any(source.select == "headline" for source in sources):
        covered &= columns.knows_position
    if any(source.select == "original" for source in sources):
        covered &= columns.knows_original
    return covered


class _Questions:
    """The metrics of a question site. `known`: is it known how a question was answered?"""

    def __init__(self, category: Category, columns: Columns, counts: Counts) -> None:
        self.metrics = [term.metric for term in category.index.terms if term.metric in QUESTION_FIGURES]
        self._columns = columns
        self._counts = counts
        self._asked = counts.number(columns.question)
        self.known = np.ones(len(columns), dtype=bool)
        for metric in self.metrics:
            if metric not in VOLUNTARY:
                self.known &= self._answer(metric) != UNKNOWN

    def _answer(self, metric: str) -> Whole:
        """What is known of each question; hours to the first answer are endless while there is none."""
        figure = self._columns.figures[QUESTION_FIGURES[metric][0]]
        if metric != _MEDIAN:
            return figure
        unanswered = (figure == UNKNOWN) & (self._columns.figures[QUESTION_FIGURES[metric][1]] == 0)
        return np.where(unanswered, _ENDLESS, figure)

    def metric(self, metric: str) -> list[str | None]:
        """The metric of every account as text; None is unknown."""
        if metric in ACCOUNT_FIGURES:
            name = ACCOUNT_FIGURES[metric]
            return [plain(Decimal(one[name])) if one[name] else None for one in self._columns.accounts]
        told_ = self._medians(metric) if metric == _MEDIAN else self._rates(metric)
        return [None if value is None else plain(value) for value in told_]

    def _rates(self, metric: str) -> Iterator[Decimal | None]:
        answer = self._answer(metric)
        tried = self._columns.question & (answer != UNKNOWN)
        trials = self._counts.number(tried)
        successes = self._counts.number(tried & ((answer > 0) != (metric in TURNED)))
        for tries, right, asked in zip(
            trials.tolist(), successes.tolist(), self._asked.tolist(), strict=True
        ):
            if not tries and asked and metric not in VOLUNTARY:
                yield None
            else:
                yield wilson_lower(Decimal(right), Decimal(tries))

    def _medians(self, metric: str) -> Iterator[Decimal | None]:
        hours = self._answer(metric)
        told_ = self._columns.question & (hours != UNKNOWN)
        ends = np.cumsum(self._counts.number(told_))
        values = hours[told_]
        for number, asked in enumerate(self._asked.tolist()):
            mine = values[ends[number - 1] if number else 0 : ends[number]].tolist()
            waited = [INFINITE if one == _ENDLESS else Decimal(one).scaleb(-6) for one in mine]
            yield median(waited) if waited or asked else INFINITE
