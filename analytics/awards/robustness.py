"""How sure each place is: weights shaken by chance, and other ways to the list.

The organiser's weights (of the index's levels, of the score's parts) are drawn from Dirichlet laws around
them; each draw ranks the track anew. Weights and levels are whole millionths, so that sums are exact and no
machine rounds otherwise; the generator's stream is fixed for good, and seeded by the run id.
Draws compare unrounded scores: a tie at the published precision is no certainty.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from analytics.awards.alternatives import Standings, alternative_places, lines_of
from analytics.awards.files import Cell, write_csv
from analytics.awards.freeze import Frozen
from analytics.awards.index import levels_of
from analytics.awards.rule import Category, Part, Robustness, Rule
from analytics.awards.score import part_weights
from analytics.awards.window_levels import moments_of, weighed

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Whole = npt.NDArray[np.int64]
    Real = npt.NDArray[np.float64]

COLUMNS = ("track", "handle", "place", "low", "high", "inside")
ALTERNATIVE = "place_"
_CHUNK = 100  # draws at a time: a chunk of 11,000 accounts takes about 50 MB
_THREADS = 2
_MILLION = 1_000_000


@dataclass(frozen=True)
class Shaken:
    """What the draws found of one account: the interval, and the share of draws inside the places."""

    low: int
    high: int
    inside: Decimal


def robustness(
    rule: Rule,
    category: Category,
    frozen: Frozen,
    standings: Standings,
    places: Mapping[str, int],
    run_id: str,
    path: Path,
) -> Path:
    """Writes one row a ranked account: its place, interval, share of draws inside, place by alternative."""
    lines = lines_of(rule, category)
    others = alternative_places(rule, category, frozen, standings)
    shaken: dict[str, Shaken] = {}
    for number, track in enumerate(category.tracks):
        members = [handle for handle, row in standings.scores.items() if row["track"] == track.id]
        members.sort()
        if members:
            levels = _levels(category, standings, members)
            parts = [
                [_number(standings.scores[handle][name]) for name in ("jury", "public")] for handle in members
            ]
            seed = f"{run_id}/{category.id}/{number}"
            found = shake(category, rule.robustness, levels, parts, track.places, seed)
            shaken |= dict(zip(members, found, strict=True))
    columns = (*COLUMNS, *(f"{ALTERNATIVE}{name}" for name in lines))
    return write_csv(path, columns, _rows(category, standings, places, shaken, others))


def _levels(category: Category, standings: Standings, members: Sequence[str]) -> list[tuple[Decimal, ...]]:
    """What the draws weigh: levels, or the moments of an index by windows."""
    if standings.windows is None:
        return levels_of(category, [standings.accounts[handle] for handle in members])
    moments = moments_of(category, standings.windows, members)
    return [moments[handle] for handle in members]


def _number(text: str) -> Decimal:
    return Decimal(text) if text else Decimal(0)


def _rows(
    category: Category,
    standings: Standings,
    places: Mapping[str, int],
    shaken: Mapping[str, Shaken],
    others: Mapping[str, Mapping[str, int]],
) -> Iterator[list[Cell]]:
    for track in category.tracks:
        members = [handle for handle, row in standings.scores.items() if row["track"] == track.id]
        for handle in sorted(members, key=lambda handle: (places[handle], handle)):
            found = shaken[handle]
            alternative = (line.get(handle) for line in others.values())
            yield [track.id, handle, places[handle], found.low, found.high, found.inside, *alternative]


def shake(
    category: Category,
    law: Robustness,
    levels: Sequence[Sequence[Decimal]],
    parts: Sequence[Sequence[Decimal]],
    awarded: int,
    seed: str,
) -> list[Shaken]:
    """Ranks one track under `law.draws` draws of weights.

    `levels`: each account's levels of the index; `parts`: its jury and public points. Both in the accounts'
    order, in which the answers come.
    """
    import numpy as np

    small = len(levels) <= np.iinfo(np.int16).max  # 10,000 draws of 11,000 accounts in 220 MB
    ranked = np.empty((len(levels), law.draws), dtype=np.int16 if small else np.int32)
    unit = _unit(levels, level_weights(category))
    draws = _Draws(category, law, seed, unit)
    whole = np.array(
        [[int((value / unit).to_integral_value()) for value in row] for row in levels], dtype=np.int64
    ).reshape(len(levels), -1)
    judged = np.array([[float(value) for value in row] for row in parts], dtype=np.float64)

    def rank(start: int) -> None:
        end = min(start + _CHUNK, law.draws)
        ranked[:, start:end] = _ranks(draws.scores(start, end, whole, judged)).T

    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(rank, range(0, law.draws, _CHUNK)))
    return _summed_up(ranked, law, awarded)


def _unit(levels: Sequence[Sequence[Decimal]], weights: Sequence[Decimal]) -> Decimal:
    """What a level is counted in: a millionth, or more where 64 bits would not hold the sums."""
    most = max((abs(value) for row in levels for value in row), default=Decimal(0))
    total = sum((abs(weight) for weight in weights), Decimal(1)) * _MILLION
    unit = Decimal("0.000001")
    while most / unit * total >= 2**62:
        unit *= 10
    return unit


def _summed_up(
    ranked: "npt.NDArray[np.int16] | npt.NDArray[np.int32]", law: Robustness, awarded: int
) -> list[Shaken]:

    draws = law.draws
    # The smallest place that at least the share `low` (`high`) of the draws does not pass.
    ends = [max(0, -(-int(draws * share * _MILLION) // _MILLION) - 1) for share in (law.low, law.high)]
    inside = (ranked <= awarded).sum(axis=1)
    ranked.partition(sorted(set(ends)), axis=1)
    return [
        Shaken(
            int(ranked[number, ends[0]]),
            int(ranked[number, ends[1]]),
            (Decimal(int(inside[number])) / draws).quantize(Decimal("0.0001")),
        )
        for number in range(len(ranked))
    ]


class _Draws:
    """Weights of chance: for the levels of the index and for the parts of the score."""

    def __init__(self, category: Category, law: Robustness, seed: str, unit: Decimal) -> None:
        import hashlib

        import numpy as np

        self._category = category
        self._unit = float(unit)
        words = np.frombuffer(hashlib.sha256(seed.encode()).digest(), dtype="<u4")
        # The stream of this class is fixed for good (NEP 19); those of newer generators may change.
        chance = np.random.RandomState(np.random.MT19937(words.tolist()))
        self._levels = _dirichlet(chance, law, level_weights(category))
        self._parts = _dirichlet(chance, law, part_weights(category))

    def scores(self, start: int, end: int, levels: "Whole", judged: "Real") -> "Real":
        """The scores of every account (columns) under the draws from `start` to `end` (rows)."""
        import numpy as np

        weights = self._parts[start:end].astype(np.float64) / _MILLION
        scores = np.zeros((end - start, len(levels)))
        if self._category.data.weight:
            scores += weights[:, 0, None] * self._points(self._indices(self._levels[start:end], levels))
        for part in (0, 1):
            scores += weights[:, 1 + part, None] * judged[None, :, part]
        return scores

    def _indices(self, weights: "Whole", levels: "Whole") -> "Real":
        import numpy as np

        if self._category.index.windowed:
            moments = levels.astype(np.float64) * self._unit
            found = weighed(self._category, weights.astype(np.float64) / _MILLION, moments)
            definition = self._category.index.definition
            return found if definition is None else found * float(definition.scale)
        totals = np.zeros((len(weights), len(levels)), dtype=np.int64)
        for level in range(levels.shape[1]):  # no matrix product: its sums have no fixed order
            totals += weights[:, level, None] * levels[None, :, level]
        return _powered(self._category, totals.astype(np.float64) / _MILLION * self._unit)

    def _points(self, values: "Real") -> "Real":
        import numpy as np

        data: Part = self._category.data
        if data.anchor is not None:
            points: Real = values / float(data.anchor) * 100.0
            return points
        others = max(values.shape[1] - 1, 1)
        low, high = _ranks(values), _ranks(-values)  # 1 is the greatest; 1 is the least
        beaten, equal = high - 1, values.shape[1] - low - high + 1
        if values.shape[1] == 1:
            return np.full(values.shape, 100.0)
        percentiles: Real = 100.0 * (2 * beaten + equal) / (2 * others)
        return percentiles


def _powered(category: Category, totals: "Real") -> "Real":
    """From the weighted sum of levels to the index."""
    import numpy as np

    definition = category.index.definition
    if definition is None:
        return totals
    power, scale = definition.power, float(definition.scale)
    if power == power.to_integral_value() and power > 0:
        value = totals
        for _ in range(int(power) - 1):
            value = value * totals
        return value * scale
    powered: Real = np.sign(totals) * np.abs(totals) ** float(power) * scale
    return powered


def level_weights(category: Category) -> tuple[Decimal, ...]:
    """What a draw shakes of the index: the weights of its levels, or of its question terms."""
    definition = category.index.definition
    if definition is not None:
        return tuple(level.weight for level in definition.levels)
    return tuple(term.weight for term in category.index.terms)


def _dirichlet(chance: "np.random.RandomState", law: Robustness, weights: Sequence[Decimal]) -> "Whole":
    """Draws around `weights` with their sum, in whole millionths; a weight of 0 or below stays as it is."""
    import numpy as np

    drawn = np.tile(np.array([_millionths(weight) for weight in weights], dtype=np.int64), (law.draws, 1))
    shaken = [number for number, weight in enumerate(weights) if weight > 0]
    if len(shaken) > 1:
        total = sum((weights[number] for number in shaken), Decimal(0))
        law_of = [float(law.concentration * weights[number] / total) for number in shaken]
        shares = chance.dirichlet(law_of, size=law.draws) * float(total) * _MILLION
        drawn[:, shaken] = np.rint(shares).astype(np.int64)
    return drawn.reshape(law.draws, len(weights))


def _millionths(value: Decimal) -> int:
    return int((value * _MILLION).to_integral_value())


def _ranks(scores: "Real") -> "npt.NDArray[np.int32]":
    """The place of every column in its row: 1 is the greatest, equal scores share."""
    import numpy as np

    order = np.argsort(-scores, axis=1)  # equal scores share a place, whatever their order
    sorted_ = np.take_along_axis(scores, order, axis=1)
    new = np.ones(scores.shape, dtype=bool)
    new[:, 1:] = sorted_[:, 1:] != sorted_[:, :-1]
    count = np.arange(1, scores.shape[1] + 1, dtype=np.int32)
    places = np.maximum.accumulate(np.where(new, count[None, :], 0), axis=1).astype(np.int32)
    ranked = np.empty_like(places)
    np.put_along_axis(ranked, order, places, axis=1)
    return ranked
