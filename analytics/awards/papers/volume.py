"""The volume effect: how little one more article may be read to raise an index all the same.

It belongs beside every list: an index that rewards volume is a choice of whoever published it.
"""

from decimal import Decimal

from analytics.awards.result import CategoryResult
from analytics.awards.rule import ACCOUNTS
from analytics.indices import compute

_MOST = Decimal(4)  # times the mean: an index that asks for more does not reward volume
_STEPS = 20


def volume_effect(result: CategoryResult) -> Decimal | None:
    """The share of its mean article above which one more secondary article (neither headline nor the best)
    raises the index of the account in the middle of the list; None where the index cannot tell.
    """
    choice = result.category.index
    definition = choice.definition
    posts = next((one.variable for one in choice.sources if one.of == "posts" and not one.select), None)
    listed = [placed for track in result.tracks for placed in track.places if placed.index is not None]
    if definition is None or posts is None or choice.windowed or result.category.of != ACCOUNTS or not listed:
        return None
    middle = sorted(listed, key=lambda placed: (placed.index, placed.handle))[len(listed) // 2]
    figures = {name: Decimal(told) for name, told in middle.figures.items()}
    number = figures[posts]
    summed = {one.variable for one in choice.sources if one.of == "article" and not one.select}
    if number <= 0:
        return None

    def raises(share: Decimal) -> bool:
        more = {name: value + value / number * share for name, value in figures.items() if name in summed}
        return compute(definition, {**figures, **more, posts: number + 1}) > compute(definition, figures)

    if not raises(_MOST):
        return None
    low, high = Decimal(0), _MOST
    for _ in range(_STEPS):
        half = (low + high) / 2
        low, high = (low, half) if raises(half) else (half, high)
    return high
