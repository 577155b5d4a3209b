"""What changed between two submissions, side by side: sentence against sentence, what differs is marked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest

from scheduler.review_content import of_facts
from scheduler.review_tables import Submission
from scheduler.review_views import lines_of

_ALIKE = 0.4  # below this two sentences have nothing in common worth marking
_AROUND = 2  # unchanged sentences shown before and after a change


@dataclass(frozen=True)
class Piece:
    """A stretch of a sentence; `differs` where the other side has not got it."""

    told: str
    differs: bool = False


@dataclass(frozen=True)
class Row:
    """Two sentences beside each other; None on the side that has none. `skipped` counts those left out."""

    before: tuple[Piece, ...] | None
    after: tuple[Piece, ...] | None
    skipped: int = 0

    @property
    def changed(self) -> bool:
        sides = (self.before, self.after)
        return None in sides or any(piece.differs for side in sides for piece in side or ())


def side_by_side(before: Submission, after: Submission) -> list[Row]:
    """The two submissions as rows, with what surrounds each change; [] where nothing differs."""
    old, new = (lines_of(of_facts(one.content)) for one in (before, after))
    rows = list(_rows(old, new))
    return list(_near_changes(rows)) if any(row.changed for row in rows) else []


def _rows(old: Sequence[str], new: Sequence[str]) -> Iterator[Row]:
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            for line in new[c:d]:
                yield Row((Piece(line),), (Piece(line),))
            continue
        for left, right in zip_longest(old[a:b], new[c:d]):
            yield _pair(left, right)


def _pair(left: str | None, right: str | None) -> Row:
    if left is None or right is None:
        return Row(_whole(left), _whole(right))
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    if matcher.ratio() < _ALIKE:
        return Row(_whole(left), _whole(right))
    codes = matcher.get_opcodes()
    before = tuple(Piece(left[a:b], kind != "equal") for kind, a, b, _, _ in codes if a < b)
    after = tuple(Piece(right[c:d], kind != "equal") for kind, _, _, c, d in codes if c < d)
    return Row(before, after)


def _whole(line: str | None) -> tuple[Piece, ...] | None:
    return None if line is None else (Piece(line, differs=True),)


def _near_changes(rows: Sequence[Row]) -> Iterator[Row]:
    """The rows near a change; a stretch of others becomes one row that counts them."""
    changed = [number for number, row in enumerate(rows) if row.changed]
    shown = {near for number in changed for near in range(number - _AROUND, number + _AROUND + 1)}
    skipped = 0
    for number, row in enumerate(rows):
        if number not in shown:
            skipped += 1
            continue
        if skipped:
            yield Row((), (), skipped)
            skipped = 0
        yield row
    if skipped:
        yield Row((), (), skipped)
