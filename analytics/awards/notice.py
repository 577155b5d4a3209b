"""The public notice: the list for everybody to look at, and the days on which one may object.

The days are set by a person when the notice is put up (`inputs/notice.json`), never by a clock in a stage.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from analytics.awards.files import Cell, json_bytes, write_csv
from analytics.awards.folder import INPUTS, RunFolder
from analytics.awards.result import CategoryResult
from analytics.awards.rule import Rule
from config.errors import MeizhenError

NOTICE = f"{INPUTS}/notice.json"
COLUMNS = ("category", "track", "place", "handle", "name", "unit", "score", "interval", "inside")


@dataclass(frozen=True)
class PublicDays:
    """The days of the notice, both included: day 1 is the day after it was put up."""

    put_up: date
    until: date


def write_notice(results: Sequence[CategoryResult], path: Path) -> Path:
    """The list of those who would be awarded, as it is put up; labels in Chinese."""
    rows: list[list[Cell]] = [
        [
            result.category.label.zh,
            track.track.label.zh,
            placed.place,
            placed.handle,
            placed.name,
            placed.unit,
            placed.score,
            f"{placed.low}–{placed.high}",
            placed.inside,
        ]
        for result in results
        for track in result.tracks
        for placed in track.places
        if placed.awarded
    ]
    return write_csv(path, COLUMNS, rows)


def put_up(folder: RunFolder, rule: Rule, day: date) -> PublicDays:
    """Notes the day on which the notice went up; the same day may be told again, another one may not."""
    if rule.notice is None:
        raise MeizhenError("award.rule_without_notice")
    days = PublicDays(day, day + timedelta(days=rule.notice.public_days))
    known = public_days(folder)
    if known is not None and known != days:
        raise MeizhenError("award.notice_is_up", put_up=known.put_up, until=known.until)
    if known is None:
        told = {"put_up": days.put_up.isoformat(), "until": days.until.isoformat()}
        folder.place(NOTICE, json_bytes(dict(told)))
    return days


def public_days(folder: RunFolder) -> PublicDays | None:
    """The days of the notice; None while it is not up."""
    if not folder.has(NOTICE):
        return None
    told = json.loads((folder.path / NOTICE).read_text("utf-8"))
    return PublicDays(date.fromisoformat(told["put_up"]), date.fromisoformat(told["until"]))
