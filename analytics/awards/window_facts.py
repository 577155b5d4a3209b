"""The windows of accounts for explanations, parsed when asked for: a province has half a million of them."""

import csv
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from analytics.awards.rule import Category
from analytics.awards.split import WindowTerms
from analytics.awards.windows import Row, known_of
from analytics.indices import LevelValue
from analytics.indices import explain as explain_index

_SHOWN = Decimal("1e-12")
_KEPT = 64  # accounts whose terms are kept: neighbours come again


class WindowFacts:
    """What `windows.csv` of a category tells; nothing where its index has no windows."""

    def __init__(self, category: Category, path: Path | None) -> None:
        self._category = category
        self._columns: Sequence[str] = ()
        self._lines: dict[str, list[str]] = {}
        self.terms = lru_cache(_KEPT)(self._terms)
        if path is not None:
            with path.open(encoding="utf-8", newline="") as file:
                self._columns = next(csv.reader([file.readline()]))
                groups = groupby(file, key=lambda line: next(csv.reader([line]))[0])
                self._lines = {handle: list(lines) for handle, lines in groups}

    def rows(self, handle: str) -> list[Row]:
        """Every window of an account, by time."""
        cells = csv.reader(self._lines.get(handle, ()))
        return [dict(zip(self._columns, row, strict=True)) for row in cells]

    def _terms(self, handle: str) -> WindowTerms:
        return WindowTerms(self._category, self.rows(handle))

    def levels(self, handle: str) -> tuple[LevelValue, ...]:
        """The levels of an account's known windows: means of figures, terms and levels."""
        definition = self._category.index.definition
        known = known_of(self.rows(handle))
        if definition is None or not known:
            return ()
        alike: dict[tuple[str, ...], tuple[LevelValue, ...]] = {}
        every = []
        for row in known:
            key = tuple(row[name] for name in definition.variables)
            if key not in alike:
                alike[key] = explain_index(definition, row).levels
            every.append(alike[key])
        return tuple(_mean(of_windows) for of_windows in zip(*every, strict=True))


def _mean(levels: Sequence[LevelValue]) -> LevelValue:
    first = levels[0]
    terms = tuple(
        replace(
            one[0],
            figure=_average([term.figure for term in one]),
            x=_average([term.x for term in one]),
            value=_average([term.value for term in one]),
        )
        for one in zip(*(level.terms for level in levels), strict=True)
    )
    value = _average([level.value for level in levels])
    return replace(first, defined=any(level.defined for level in levels), value=value, terms=terms)


def _average(values: Sequence[Decimal]) -> Decimal:
    return (sum(values, Decimal(0)) / len(values)).quantize(_SHOWN).normalize()
