"""Shaking the weights of an index by windows, without computing every window anew in every draw.

With power p a window's index is (Σ weight × level) ^ p: a sum over products of p levels. Their means over the
windows (the moments) are computed once and exactly; a draw weighs them by the products of its weights.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Context, Decimal, localcontext
from functools import reduce
from itertools import combinations_with_replacement
from math import factorial
from operator import mul
from pathlib import Path
from typing import TYPE_CHECKING

from analytics.awards.index import levels_of
from analytics.awards.rule import Category
from analytics.awards.windows import Row, by_account, known_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_EXACT = Context(prec=100)
_SHOWN = Decimal("1e-12")
Product = tuple[int, ...]  # the numbers of the levels that are multiplied


def products(category: Category, levels: int) -> list[Product]:
    """Every product of p of the levels, in a fixed order."""
    definition = category.index.definition
    power = int(definition.power) if definition is not None else 1
    return list(combinations_with_replacement(range(levels), power))


def moments_of(category: Category, path: Path, handles: Iterable[str]) -> dict[str, tuple[Decimal, ...]]:
    """Each account's moments, in the order of `products`, from `windows.csv`."""
    wanted = set(handles)
    return {handle: _moments(category, rows) for handle, rows in by_account(path) if handle in wanted}


def _moments(category: Category, rows: Sequence[Row]) -> tuple[Decimal, ...]:
    known: Sequence[Mapping[str, str]] = known_of(rows)
    with localcontext(_EXACT):
        found = Counter(levels_of(category, known))  # silent windows are alike
        wanted = products(category, len(next(iter(found))))
        sums = [
            sum(
                (reduce(mul, (levels[n] for n in one)) * times for levels, times in found.items()), Decimal(0)
            )
            for one in wanted
        ]
        return tuple((total / len(known)).quantize(_SHOWN) for total in sums)


def weighed(
    category: Category, weights: "npt.NDArray[np.float64]", moments: "npt.NDArray[np.float64]"
) -> "npt.NDArray[np.float64]":
    """Σ coefficient × product of weights × moment of every account (columns) under every draw (rows).

    One product after the other: the order of the sum is fixed, whatever the machine.
    """
    import numpy as np

    total = np.zeros((len(weights), len(moments)))
    for place, one in enumerate(products(category, weights.shape[1])):
        times = np.full(len(weights), float(_coefficient(one)))
        for level in one:
            times *= weights[:, level]
        total += times[:, None] * moments[None, :, place]
    return total


def _coefficient(product: Product) -> int:
    """How often a product comes out of the power: (a + b)² has a·b twice."""
    return reduce(
        lambda found, times: found // factorial(times), Counter(product).values(), factorial(len(product))
    )
