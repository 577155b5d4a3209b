"""Two runs side by side: what they were made of, who came in or went out, whose place moved."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from analytics.awards.folder import RunFolder
from analytics.awards.result import Placed
from analytics.awards.run import RECORD, rule_of
from analytics.awards.stages import number_of, results_of
from config.errors import MeizhenError

Key = tuple[str, str, str]  # category, track, handle


@dataclass(frozen=True)
class Move:
    """One account whose place or score differs; None where it has none."""

    category: str
    track: str
    handle: str
    name: str
    places: tuple[int | None, int | None]
    scores: tuple[Decimal | None, Decimal | None]
    reasons: tuple[Mapping[str, str], ...]  # why it is not on the second list


@dataclass(frozen=True)
class Comparison:
    """The run ids, the inputs that differ, and the accounts that moved."""

    run_ids: tuple[str, str]
    inputs: tuple[str, ...]
    moves: tuple[Move, ...]

    @property
    def same(self) -> bool:
        return self.run_ids[0] == self.run_ids[1] and not self.moves


def compare(one: Path, other: Path) -> Comparison:
    """Compares two runs. Raises MeizhenError where a folder holds no list yet."""
    first, second = _Side(one), _Side(other)
    inputs = {
        name for name in {*first.inputs, *second.inputs} if first.inputs.get(name) != second.inputs.get(name)
    }
    return Comparison((first.run_id, second.run_id), tuple(sorted(inputs)), tuple(_moves(first, second)))


class _Side:
    def __init__(self, path: Path) -> None:
        folder = RunFolder(path)
        rule = rule_of(folder)
        if not folder.was_done(number_of("anomalies"), "anomalies") or not folder.has(RECORD):
            raise MeizhenError("award.no_list", folder=path)
        record = json.loads((path / RECORD).read_text("utf-8"))
        self.run_id: str = record["run_id"]
        self.inputs: Mapping[str, str] = record["inputs"]
        self.placed: dict[Key, Placed] = {}
        self.reasons: dict[tuple[str, str], tuple[Mapping[str, str], ...]] = {}
        for result in results_of(rule, folder.path.joinpath):
            for track in result.tracks:
                for placed in track.places:
                    self.placed[result.category.id, track.track.id, placed.handle] = placed
            for account in result.ineligible:
                self.reasons[result.category.id, str(account["handle"])] = account["reasons"]  # type: ignore[assignment]


def _moves(first: _Side, second: _Side) -> Iterator[Move]:
    for key in sorted({*first.placed, *second.placed}):
        before, after = first.placed.get(key), second.placed.get(key)
        places = (before.place if before else None, after.place if after else None)
        scores = (before.score if before else None, after.score if after else None)
        if places[0] != places[1] or scores[0] != scores[1]:
            name = after.name if after else before.name if before else ""
            reasons = second.reasons.get((key[0], key[2]), ()) if after is None else ()
            yield Move(*key, name, places, scores, reasons)
