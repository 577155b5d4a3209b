"""The score: a linear sum of data, jury and public parts, each on 0–100 (a fixed anchor may be passed)."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from pathlib import Path

from analytics.awards.files import Cell, read_csv, write_csv
from analytics.awards.rule import Category, Part, Rule
from config.errors import InputError, Problem

COLUMNS = ("handle", "track", "index", "data", "jury", "public", "exact", "score")
_HUNDRED = Decimal(100)
_MICRO = Decimal("0.000001")


def score(
    rule: Rule, category: Category, variables: Path, indices: Path, jury: Path, votes: Path | None, path: Path
) -> Path:
    """Writes the parts and the score of every account that has an index or a jury's mean.

    `exact` is the sum before it is rounded. Raises InputError naming every account without a number of votes.
    """
    tracks = {account["handle"]: account["track"] for account in read_csv(variables)}
    index = {row["handle"]: _number(row["index"]) for row in read_csv(indices)}
    means = {row["handle"]: _number(row["mean"]) for row in read_csv(jury)}
    counted = _votes(category, index, votes)
    known = {handle: value for handle, value in index.items() if value is not None}
    data = points(category.data, known, tracks)
    public = points(category.public, counted, tracks)
    return write_csv(path, COLUMNS, _rows(rule, category, tracks, index, (data, means, public)))


def _number(text: str) -> Decimal | None:
    return Decimal(text) if text else None


def _rows(
    rule: Rule,
    category: Category,
    tracks: Mapping[str, str],
    index: Mapping[str, Decimal | None],
    parts: Sequence[Mapping[str, Decimal | None]],
) -> Iterator[list[Cell]]:
    weights = part_weights(category)
    for handle, value in index.items():
        shown = [part.get(handle) if weight else None for part, weight in zip(parts, weights, strict=True)]
        exact = weighted(category, shown)
        yield [handle, tracks[handle], value, *shown, exact, rounded(rule, exact)]


def part_weights(category: Category) -> tuple[Decimal, Decimal, Decimal]:
    """The weights of data, jury and public part."""
    return category.data.weight, category.jury.weight, category.public.weight


def weighted(category: Category, parts: Sequence[Decimal | None]) -> Decimal:
    """The sum of data, jury and public part by their weights, not rounded."""
    pairs = zip(part_weights(category), parts, strict=True)
    return sum((weight * (part or 0) for weight, part in pairs), Decimal(0))


def rounded(rule: Rule, value: Decimal) -> Decimal:
    """The published precision, at which scores are compared."""
    mode = ROUND_HALF_UP if rule.rounding == "half-up" else ROUND_HALF_EVEN
    return value.quantize(Decimal(1).scaleb(-rule.places), mode)


def points(part: Part, values: Mapping[str, Decimal], tracks: Mapping[str, str]) -> dict[str, Decimal]:
    """A part's points of each account, by the part's scale; six decimals."""
    if part.anchor is not None:
        anchor = part.anchor
        return {handle: (value / anchor * _HUNDRED).quantize(_MICRO) for handle, value in values.items()}
    if part.scale == "points":
        return {handle: _capped(part, value) for handle, value in values.items()}
    found: dict[str, Decimal] = {}
    for track in sorted(set(tracks.values())):
        members = [handle for handle in values if tracks[handle] == track]
        found |= dict(zip(members, percentiles([values[handle] for handle in members]), strict=True))
    return found


def _capped(part: Part, value: Decimal) -> Decimal:
    whole = (value / part.per).quantize(Decimal(1), ROUND_HALF_UP)
    return (min(whole, part.cap) / part.cap * _HUNDRED).quantize(_MICRO, ROUND_HALF_EVEN)


def percentiles(values: Sequence[Decimal]) -> list[Decimal]:
    """The share of the others that a value beats, half of those it equals, × 100; alone it is 100.

    One entrant more can change it for everyone: rules that must not be moved so take a fixed anchor.
    """
    if len(values) == 1:
        return [_HUNDRED.quantize(_MICRO)]
    below: dict[Decimal, int] = {}
    beaten = 0
    times = Counter(values)
    for value in sorted(times):
        below[value] = beaten
        beaten += times[value]
    others = 2 * (len(values) - 1)
    return [
        (_HUNDRED * (2 * below[value] + times[value] - 1) / others).quantize(_MICRO, ROUND_HALF_EVEN)
        for value in values
    ]


def _votes(category: Category, index: Mapping[str, Decimal | None], votes: Path | None) -> dict[str, Decimal]:
    """The votes of every account that is scored; none where votes have no weight."""
    if not category.public.weight or votes is None:
        return {}
    found = {
        row["handle"]: Decimal(row["votes"]) for row in read_csv(votes) if row["category"] == category.id
    }
    missing = [
        Problem("award.no_votes", params={"handle": handle}) for handle in index if handle not in found
    ]
    if missing:
        raise InputError(category.id, missing)
    return {handle: found[handle] for handle in index}
