"""What each term adds to an index, and how the gap between two indices splits over terms, exactly.

(Σ weight × level) of an index is a plain sum, and with power p the gap of two sums a and b is
(aᵖ − bᵖ) ÷ (a − b) times the difference of each term. An index by windows is the mean of such values: its gap
is split window by window. Where one of two accounts has a window more that is known, the windows weigh
differently for the two; what that makes is a line of its own.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal

from analytics.awards.index import level_values
from analytics.awards.rule import Category
from analytics.awards.windows import Row, known_of
from analytics.indices import IndexDefinition
from analytics.indices import explain as explain_index

Terms = Mapping[tuple[str, str], Decimal]  # by level and variable
UNEQUAL = ("", "windows")  # the line of windows that only one of two accounts has


def contributions(category: Category, account: Mapping[str, str]) -> dict[tuple[str, str], Decimal]:
    """What each term adds to the weighted sum of an account's index, by level and variable."""
    definition = category.index.definition
    if definition is None:
        pairs = zip(category.index.terms, level_values(category, account), strict=True)
        return {("", term.metric): term.weight * value for term, value in pairs}
    found: dict[tuple[str, str], Decimal] = {}
    for level in explain_index(definition, account).levels:
        for term in level.terms:
            key = level.id, term.variable
            found[key] = found.get(key, Decimal(0)) + level.weight * term.value
    return found


def total(terms: Terms) -> Decimal:
    """The weighted sum of an index."""
    return sum(terms.values(), Decimal(0))


def slope(category: Category, a: Decimal, b: Decimal) -> Decimal:
    """(index(a) − index(b)) ÷ (a − b) of two weighted sums; the derivative where they are equal."""
    definition = category.index.definition
    if definition is None:
        return Decimal(1)
    power, scale = definition.power, definition.scale
    if a == b:
        return power * a ** (power - 1) * scale if a > 0 else (scale if power == 1 else Decimal(0))
    return (_power(a, power) - _power(b, power)) / (a - b) * scale


def _power(total: Decimal, power: Decimal) -> Decimal:
    return Decimal(0) if total == 0 else total**power


class WindowTerms:
    """The terms of one account's known windows. Windows alike, as silent ones are, are computed once."""

    def __init__(self, category: Category, rows: Sequence[Row]) -> None:
        known = known_of(rows)
        names = category.index.names
        alike: dict[tuple[str, ...], Terms] = {}
        self.by_window: dict[str, Terms] = {}
        for row in known:
            key = tuple(row[name] for name in names)
            if key not in alike:
                alike[key] = contributions(category, row)
            self.by_window[row["window"]] = alike[key]
        self.share = Decimal(1) / len(known) if known else Decimal(0)


def split_windows(
    category: Category, theirs: WindowTerms, mine: WindowTerms
) -> dict[tuple[str, str], Decimal]:
    """The gap of two indices by windows, over terms: `theirs` less `mine`."""
    definition = category.index.definition
    if definition is None:
        raise ValueError("expected an index with a definition")
    found: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for window in sorted(theirs.by_window.keys() | mine.by_window.keys()):
        one, other = theirs.by_window.get(window), mine.by_window.get(window)
        a, b = total(one or {}), total(other or {})
        shares = (
            theirs.share if one is not None else Decimal(0),
            mine.share if other is not None else Decimal(0),
        )
        weight = (shares[0] + shares[1]) / 2 * slope(category, a, b)
        for key in one or other or {}:
            difference = (one or {}).get(key, Decimal(0)) - (other or {}).get(key, Decimal(0))
            found[key] += weight * difference
        if shares[0] != shares[1]:
            found[UNEQUAL] += (shares[0] - shares[1]) * (_value(definition, a) + _value(definition, b)) / 2
    return dict(found)


def _value(definition: IndexDefinition, weighted: Decimal) -> Decimal:
    return _power(weighted, definition.power) * definition.scale
