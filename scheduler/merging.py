"""Two people changed one text: what only one of them changed is taken, what both did is left to choose."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

_SENTENCE = re.compile(r"(?<=[。！？!?；;\n])")


@dataclass(frozen=True)
class Part:
    """A stretch of the merged text. Where `theirs` is not None, both changed it: `told` is mine."""

    told: str
    theirs: str | None = None

    @property
    def open(self) -> bool:
        """Is there something to choose?"""
        return self.theirs is not None


def merge(base: str, mine: str, theirs: str) -> list[Part]:
    """The parts of the text as both have it, sentence by sentence, in order.

    Taken together with `mine` everywhere they are my text plus what only the other changed, and the other
    way round; with nothing changed on one side they are the other side's text.
    """
    old, left, right = (_SENTENCE.split(one) for one in (base, mine, theirs))
    parts: list[Part] = []
    a = b = c = 0
    for start, end, x, y in (*_common(old, left, right), (len(old), len(old), len(left), len(right))):
        parts += _between("".join(old[a:start]), "".join(left[b:x]), "".join(right[c:y]))
        if start < end:
            parts.append(Part("".join(old[start:end])))
        a, b, c = end, x + end - start, y + end - start
    return [part for part in parts if part.told or part.theirs]


def _between(base: str, mine: str, theirs: str) -> list[Part]:
    if mine == theirs or theirs == base:
        return [Part(mine)]
    if mine == base:
        return [Part(theirs)]
    return [Part(mine, theirs)]


def _common(
    old: Sequence[str], left: Sequence[str], right: Sequence[str]
) -> Iterator[tuple[int, int, int, int]]:
    """Stretches of the base that both kept: from, to, where in mine, where in theirs."""
    mine, theirs = _kept(old, left), _kept(old, right)
    start: int | None = None
    for at in range(len(old) + 1):
        runs_on = (
            start is not None
            and at < len(old)
            and at in mine
            and at in theirs
            and mine[at] - mine[start] == at - start == theirs[at] - theirs[start]
        )
        if runs_on:
            continue
        if start is not None:
            yield start, at, mine[start], theirs[start]
        start = at if at < len(old) and at in mine and at in theirs else None


def _kept(old: Sequence[str], new: Sequence[str]) -> dict[int, int]:
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return {block.a + i: block.b + i for block in matcher.get_matching_blocks() for i in range(block.size)}
