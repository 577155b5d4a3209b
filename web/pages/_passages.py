"""A text cut where remarks begin and end, so that each passage can be marked."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from scheduler.review_views import Remark


@dataclass(frozen=True)
class Passage:
    """A stretch of the text; `remarks` are the numbers (from 1) of those that are about it."""

    told: str
    remarks: tuple[int, ...]


def passages(said: str, remarks: Sequence[Remark]) -> list[Passage]:
    """The whole text in order, cut at every remark's ends."""
    inside = [one for one in remarks if one.end <= len(said)]
    cuts = sorted({0, len(said), *(one.start for one in inside), *(one.end for one in inside)})
    return [
        Passage(
            said[start:end],
            tuple(number for number, one in enumerate(remarks, 1) if one.start <= start and end <= one.end),
        )
        for start, end in pairwise(cuts)
    ]
