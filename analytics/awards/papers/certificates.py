"""Certificates: a number and a code for every awarded account, the same at every making."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from analytics.awards.result import CategoryResult, Placed
from analytics.awards.rule import Category, Rule, Track


@dataclass(frozen=True)
class Certificate:
    """One certificate: its number, whom it is for, and the text its code carries."""

    number: str
    category: Category
    track: Track
    placed: Placed
    told: str


def certificates(rule: Rule, results: Sequence[CategoryResult], run_id: str) -> list[Certificate]:
    """The certificates in the order of the list.

    A number is year, the run id's first eight digits, category and track as counted in the rule, place; those
    who share a place add -2, -3 … by handle.
    """
    found: list[Certificate] = []
    for category_number, result in enumerate(results, start=1):
        for track_number, track in enumerate(result.tracks, start=1):
            start = f"{rule.end.year}-{run_id[:8].upper()}-{category_number}{track_number:02}"
            sharing: Counter[int] = Counter()
            for placed in track.places:
                if placed.awarded:
                    sharing[placed.place] += 1
                    again = f"-{sharing[placed.place]}" if sharing[placed.place] > 1 else ""
                    number = f"{start}-{placed.place:03}{again}"
                    told = code_text(rule, result.category, track.track, placed, run_id, number)
                    found.append(Certificate(number, result.category, track.track, placed, told))
    return found


def code_text(rule: Rule, category: Category, track: Track, placed: Placed, run_id: str, number: str) -> str:
    """What a code carries, as JSON in ASCII: every reader understands it alike."""
    told = {
        "award": rule.id,
        "run": run_id,
        "category": category.id,
        "track": track.id,
        "place": placed.place,
        "account": f"{category.platform}:{placed.handle}",
        "number": number,
    }
    return json.dumps(told, separators=(",", ":"))
