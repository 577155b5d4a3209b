"""What one figure alone would have had to be for the next place: found by bisection, others fixed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from analytics.awards.index import index_of
from analytics.awards.result import Placed
from analytics.awards.rule import Category, Rule
from analytics.awards.score import points, rounded, weighted
from analytics.awards.windows import index_of_windows

_MOST = Decimal(1024)  # times as much: beyond it, it is no advice
_STEPS = 30
_WHOLE = Decimal(1)
Facts = Mapping[str, str]
Passes = Callable[[Sequence[Facts]], bool]


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
    windows: Sequence[Facts] | None = None,
) -> tuple[Remedy, ...]:
    """For each metric of the index: what it would have had to be to pass the account above.

    `windows`: the known ones of an index by windows, whose figures grow alike.
    """
    account = facts[own.handle]
    # On a percentile scale the others count; on a fixed one only these two do.
    counting = places if category.data.scale == "percentile_in_track" else (own, above)
    indices = {placed.handle: placed.index for placed in counting if placed.index is not None}
    tracks = {handle: facts[handle]["track"] for handle in indices}

    def passes(changed: Sequence[Facts]) -> bool:
        by_window = windows is not None
        index = index_of_windows(category.index, changed) if by_window else index_of(category, changed[0])
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
    rows = [account] if windows is None else windows
    found = [_count(metric, names, account, rows, passes) for metric, names in groups.items()]
    found += [_term(term.metric, account, passes) for term in category.index.terms]
    return tuple(found)


def _count(
    metric: str, names: Sequence[str], account: Facts, rows: Sequence[Facts], passes: Passes
) -> Remedy:
    """All variables of a figure grow together: more shares are more shares of the best article too."""
    now = {name: Decimal(account[name]) for name in names}

    def grown(of: Facts, times: Decimal) -> dict[str, Decimal]:
        return {name: (Decimal(of[name]) * times).quantize(_WHOLE, ROUND_CEILING) for name in names}

    def enough(times: Decimal) -> bool:
        more = ({name: str(value) for name, value in grown(row, times).items()} for row in rows)
        return passes([{**row, **told} for row, told in zip(rows, more, strict=True)])

    if not enough(_MOST):
        return Remedy(metric, now, None, None)
    times = _least(enough, _WHOLE, _MOST)
    return Remedy(metric, now, grown(account, times), (times - 1).quantize(Decimal("0.0001"), ROUND_CEILING))


def _term(metric: str, account: Facts, passes: Passes) -> Remedy:
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
        return passes([{**account, metric: str(at(share))}])

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
