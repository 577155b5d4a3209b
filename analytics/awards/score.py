"""The score: a linear sum of data, jury and public parts, each on 0–100 (a fixed anchor may be passed)."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from pathlib import Path

from analytics.awards.files import Cell, read_csv, write_csv
from analytics.awards.jury import Key, Score, jury_mean
from analytics.awards.rule import Category, Part, Rule
from config.errors import InputError, Problem

COLUMNS = ("handle", "track", "index", "data", "jury", "public", "score")
_HUNDRED = Decimal(100)
_MICRO = Decimal("0.000001")


def score(
    rule: Rule,
    category: Category,
    variables: Path,
    indices: Path,
    scores: Mapping[Key, list[Score]],
    votes: Mapping[Key, Decimal],
    path: Path,
) -> Path:
    """Writes the parts and the score of every account that has an index.

    Raises InputError naming every account without enough judges or without a number of votes.
    """
    tracks = {account["handle"]: account["track"] for account in read_csv(variables)}
    index = {row["handle"]: Decimal(row["index"]) for row in read_csv(indices)}
    keys = {handle: (category.id, handle) for handle in index}
    data = _points(category.data, index, tracks)
    jury = {handle: jury_mean(category.jury, list(scores.get(keys[handle], ()))) for handle in index}
    counted = {handle: votes.get(keys[handle]) for handle in index}
    problems = _missing(category, jury, counted)
    if problems:
        raise InputError(category.id, problems)
    public = _points(category.public, {handle: counted[handle] or Decimal(0) for handle in index}, tracks)
    rows = _rows(rule, category, tracks, index, data, jury, public)
    return write_csv(path, COLUMNS, rows)


def _rows(
    rule: Rule,
    category: Category,
    tracks: Mapping[str, str],
    index: Mapping[str, Decimal],
    data: Mapping[str, Decimal],
    jury: Mapping[str, Decimal | None],
    public: Mapping[str, Decimal],
) -> Iterator[list[Cell]]:
    for handle in index:
        parts = (
            (category.data.weight, data[handle]),
            (category.jury.weight, jury[handle]),
            (category.public.weight, public[handle]),
        )
        total = sum((weight * (points or 0) for weight, points in parts), Decimal(0))
        shown = [points if weight else None for weight, points in parts]
        yield [handle, tracks[handle], index[handle], *shown, rounded(rule, total)]


def rounded(rule: Rule, value: Decimal) -> Decimal:
    """The published precision, at which scores are compared."""
    mode = ROUND_HALF_UP if rule.rounding == "half-up" else ROUND_HALF_EVEN
    return value.quantize(Decimal(1).scaleb(-rule.places), mode)


def _points(part: Part, values: Mapping[str, Decimal], tracks: Mapping[str, str]) -> dict[str, Decimal]:
    if part.anchor is not None:
        anchor = part.anchor
        return {handle: (value / anchor * _HUNDRED).quantize(_MICRO) for handle, value in values.items()}
    points: dict[str, Decimal] = {}
    for track in sorted(set(tracks.values())):
        members = [handle for handle in values if tracks[handle] == track]
        points |= dict(zip(members, percentiles([values[handle] for handle in members]), strict=True))
    return points


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


def _missing(
    category: Category, jury: Mapping[str, Decimal | None], votes: Mapping[str, Decimal | None]
) -> list[Problem]:
    problems = []
    for handle in jury:
        if category.jury.weight and jury[handle] is None:
            params: Mapping[str, object] = {"handle": handle, "least": category.jury.min_judges}
            problems.append(Problem("award.too_few_judges", params=params))
        if category.public.weight and votes[handle] is None:
            problems.append(Problem("award.no_votes", params={"handle": handle}))
    return problems
