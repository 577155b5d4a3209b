"""What one figure alone would have had to be for the next place: found by bisection, others fixed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from analytics.awards.index import index_of
from analytics.awards.result import Placed
from analytics.awards.rule import Category, Rule
from analytics.awards.score import points, rounded, weighted

_MOST = Decimal(1024)  # times as much: beyond it, it is no advice
_STEPS = 30
_WHOLE = Decimal(1)
Facts = Mapping[str, str]


@dataclass(frozen=True)
class Remedy:
    """One metric and its variables: as they are, and as they would have had to be (None: no value would do).

    `more` is the share by which a count would have had to grow; None where it does not apply.
    """

    metric: str
    now: Mapping[str, Decimal]
    needed: Mapping[str, Decimal] | None
    more: Decimal | None


def remedies(
    rule: Rule,
    category: Category,
    places: Sequence[Placed],
    own: Placed,
    above: Placed,
    facts: Mapping[str, Facts],
) -> tuple[Remedy, ...]:
    """For each metric of the index: what it would have had to be to pass the account above."""
    account = facts[own.handle]
    # On a percentile scale the others count; on a fixed one only these two do.
    counting = places if category.data.scale == "percentile_in_track" else (own, above)
    indices = {placed.handle: placed.index for placed in counting if placed.index is not None}
    tracks = {handle: facts[handle]["track"] for handle in indices}

    def passes(changed: Facts) -> bool:
        index = index_of(category, changed)
        if index is None:
            return False
        data = points(category.data, indices | {own.handle: index}, tracks)
        mine = weighted(category, (data[own.handle], own.jury, own.public))
        theirs = weighted(category, (data.get(above.handle), above.jury, above.public))
        return rounded(rule, mine) > rounded(rule, theirs)

    groups: dict[str, list[str]] = {}
    for source in category.index.sources:
        if source.of in ("article", "account") and source.over is None:
            groups.setdefault(source.metric, []).append(source.variable)
    found = [_count(metric, names, account, passes) for metric, names in groups.items()]
    found += [_term(term.metric, account, passes) for term in category.index.terms]
    return tuple(found)


def _count(metric: str, names: Sequence[str], account: Facts, passes: Callable[[Facts], bool]) -> Remedy:
    """All variables of a figure grow together: more shares are more shares of the best article too."""
    now = {name: Decimal(account[name]) for name in names}

    def grown(times: Decimal) -> dict[str, Decimal]:
        return {name: (value * times).quantize(_WHOLE, ROUND_CEILING) for name, value in now.items()}

    def enough(times: Decimal) -> bool:
        return passes({**account, **{name: str(value) for name, value in grown(times).items()}})

    if not enough(_MOST):
        return Remedy(metric, now, None, None)
    times = _least(enough, _WHOLE, _MOST)
    return Remedy(metric, now, grown(times), (times - 1).quantize(Decimal("0.0001"), ROUND_CEILING))


def _term(metric: str, account: Facts, passes: Callable[[Facts], bool]) -> Remedy:
    """A question site's metric: a rate up to 1, hours down to 0, a count up."""
    now = Decimal(account[metric])
    if metric.endswith("_hours"):
        best, start = Decimal(0), now if now.is_finite() else Decimal(10**6)
    elif metric.endswith("_rate"):
        best, start = _WHOLE, now
    else:
        best, start = (now + 1) * _MOST, now
    step = Decimal("0.0001") if metric.endswith(("_hours", "_rate")) else _WHOLE
    rounding = ROUND_FLOOR if best < start else ROUND_CEILING

    def at(share: Decimal) -> Decimal:
        return (start + (best - start) * share).quantize(step, rounding)

    def enough(share: Decimal) -> bool:
        return passes({**account, metric: str(at(share))})

    if not enough(_WHOLE):
        return Remedy(metric, {metric: now}, None, None)
    return Remedy(metric, {metric: now}, {metric: at(_least(enough, Decimal(0), _WHOLE))}, None)


def _least(enough: Callable[[Decimal], bool], low: Decimal, high: Decimal) -> Decimal:
    """About the least value from `low` to `high` that is enough; `high` is."""
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if enough(middle):
            high = middle
        else:
            low = middle
    return high
