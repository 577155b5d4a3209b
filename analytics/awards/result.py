"""What a run leaves behind: places with every figure, as values, CSV, JSON and a picture."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from pathlib import Path

from analytics.awards.files import Cell, read_csv, write_csv
from analytics.awards.index import levels_of
from analytics.awards.nouns import noun, ranked
from analytics.awards.places import TIE, by_handle
from analytics.awards.robustness import ALTERNATIVE
from analytics.awards.rule import Category, Rule, Track
from analytics.charts import PictureRow, ranking_picture
from connectors import connector_for, platforms

RANKING_COLUMNS = (
    "category",
    "track",
    "place",
    "awarded",
    "handle",
    "name",
    "unit_code",
    "unit",
    "score",
    "index",
    "data",
    "jury",
    "public",
    "low",
    "high",
    "inside",
    "flags",
)


@dataclass(frozen=True)
class Placed:
    """One account on the list. Parts without weight are None; `ties` holds what the chain compared.

    `low` to `high` is the interval of places under shaken weights, `inside` the share of draws that award it,
    `alternatives` its place by other ways to the list, `flags` how much a person should look at.
    """

    place: int
    awarded: bool
    handle: str
    name: str
    unit_code: str
    unit: str
    score: Decimal
    exact: Decimal
    index: Decimal | None
    data: Decimal | None
    jury: Decimal | None
    public: Decimal | None
    ties: Mapping[str, Decimal | None]
    figures: Mapping[str, str]
    low: int
    high: int
    inside: Decimal
    alternatives: Mapping[str, int | None]
    flags: int


@dataclass(frozen=True)
class TrackResult:
    """One track's list, by place, then handle."""

    track: Track
    places: tuple[Placed, ...]


@dataclass(frozen=True)
class CategoryResult:
    """One category: its tracks in the rule's order, and why the others do not take part."""

    category: Category
    tracks: tuple[TrackResult, ...]
    ineligible: tuple[Mapping[str, object], ...]


@dataclass(frozen=True)
class CategoryFiles:
    """The stage files of one category."""

    variables: Path
    eligibility: Path
    places: Path
    robustness: Path
    flags: Path


def read_category(category: Category, files: CategoryFiles) -> CategoryResult:
    """A category's list from the files of the stages."""
    accounts = by_handle(files.variables)
    shaken = by_handle(files.robustness)
    flags = Counter(row["handle"] for row in read_csv(files.flags))
    rows = list(read_csv(files.places))
    tracks = tuple(
        TrackResult(
            track,
            tuple(
                _placed(category, row, accounts[row["handle"]], shaken[row["handle"]], flags[row["handle"]])
                for row in rows
                if row["track"] == track.id
            ),
        )
        for track in category.tracks
    )
    return CategoryResult(category, tracks, _ineligible(files.eligibility))


def _placed(
    category: Category,
    row: Mapping[str, str],
    account: Mapping[str, str],
    shaken: Mapping[str, str],
    flags: int,
) -> Placed:
    return Placed(
        place=int(row["place"]),
        awarded=row["awarded"] == "true",
        handle=row["handle"],
        name=row["name"],
        unit_code=row["unit_code"],
        unit=row["unit"],
        score=Decimal(row["score"]),
        exact=Decimal(row["exact"]),
        index=_part(row["index"]),
        data=_part(row["data"]),
        jury=_part(row["jury"]),
        public=_part(row["public"]),
        ties={name: _part(row[f"{TIE}{name}"]) for name in category.tie_break},
        figures={name: account[name] for name in category.index.names},
        low=int(shaken["low"]),
        high=int(shaken["high"]),
        inside=Decimal(shaken["inside"]),
        alternatives={
            name.removeprefix(ALTERNATIVE): int(place) if place else None
            for name, place in shaken.items()
            if name.startswith(ALTERNATIVE)
        },
        flags=flags,
    )


def _part(text: str) -> Decimal | None:
    return Decimal(text) if text else None


def _ineligible(eligibility: Path) -> tuple[Mapping[str, object], ...]:
    failed = [row for row in read_csv(eligibility) if row["passed"] == "false"]
    return tuple(
        {
            "handle": handle,
            "name": reasons[0]["name"],
            "track": reasons[0]["track"],
            "reasons": [{name: reason[name] for name in ("rule", "zh", "en")} for reason in reasons],
        }
        for handle, found in groupby(failed, key=lambda row: row["handle"])
        for reasons in [list(found)]
    )


def write_ranking(results: Sequence[CategoryResult], path: Path) -> Path:
    """The list as CSV, a row a place."""
    rows: list[list[Cell]] = []
    for result in results:
        for track in result.tracks:
            rows += [_ranking_row(result.category, track.track, placed) for placed in track.places]
    return write_csv(path, RANKING_COLUMNS, rows)


def _ranking_row(category: Category, track: Track, placed: Placed) -> list[Cell]:
    return [
        category.id,
        track.id,
        placed.place,
        "true" if placed.awarded else "false",
        placed.handle,
        placed.name,
        placed.unit_code,
        placed.unit,
        placed.score,
        placed.index,
        placed.data,
        placed.jury,
        placed.public,
        placed.low,
        placed.high,
        placed.inside,
        placed.flags,
    ]


def as_json(rule: Rule, results: Sequence[CategoryResult]) -> dict[str, object]:
    """The list with every figure, level and reason: what an appeal needs."""
    return {
        "award": {
            "id": rule.id,
            "title": rule.title,
            "start": rule.start.isoformat(),
            "end": rule.end.isoformat(),
            "read_age_days": rule.read_age_days,
        },
        "robustness": {
            "draws": rule.robustness.draws,
            "law": "dirichlet",
            "concentration": rule.robustness.concentration,
            "interval": [rule.robustness.low, rule.robustness.high],
        },
        "categories": [_category_json(result) | _breaks(rule, result.category) for result in results],
    }


def _breaks(rule: Rule, category: Category) -> dict[str, object]:
    """Breaks of the platform's series within the period; nothing where there is none."""
    if category.platform not in platforms():
        return {}
    within = {
        day.isoformat(): {"zh": label.zh, "en": label.en}
        for day, label in connector_for(category.platform).breaks.items()
        if rule.start < day <= rule.end
    }
    return {"breaks": within} if within else {}


def _category_json(result: CategoryResult) -> dict[str, object]:
    category, choice = result.category, result.category.index
    weights = {"data": category.data.weight, "jury": category.jury.weight, "public": category.public.weight}
    return {
        "id": category.id,
        "label": {"zh": category.label.zh, "en": category.label.en},
        "of": category.of,
        "platform": category.platform,
        "index": {
            "formula": choice.formula,
            "version": choice.version,
            "aggregate": choice.aggregate,
            "reads": "people" if choice.by_people else None,
        },
        "weights": weights,
        "tie_break": list(category.tie_break),
        "tracks": [
            {
                "id": track.track.id,
                "label": {"zh": track.track.label.zh, "en": track.track.label.en},
                "places": track.track.places,
                "accounts": _accounts_json(category, track.places),
            }
            for track in result.tracks
        ],
        "ineligible": list(result.ineligible),
    }


def _accounts_json(category: Category, places: Sequence[Placed]) -> list[dict[str, object]]:
    told = [_account_json(placed) for placed in places]
    definition = category.index.definition
    if definition is not None and not category.index.windowed:  # levels of windows stand in windows.csv
        levels = levels_of(category, [placed.figures for placed in places])
        for one, values in zip(told, levels, strict=True):
            pairs = zip(definition.levels, values, strict=True)
            one["levels"] = {level.id: value.normalize() for level, value in pairs}
    return told


def _account_json(placed: Placed) -> dict[str, object]:
    return {
        "place": placed.place,
        "awarded": placed.awarded,
        "handle": placed.handle,
        "name": placed.name,
        "unit_code": placed.unit_code,
        "unit": placed.unit,
        "score": placed.score,
        "parts": {"data": placed.data, "jury": placed.jury, "public": placed.public},
        "index": placed.index,
        "ties": dict(placed.ties),
        "interval": [placed.low, placed.high],
        "inside": placed.inside,
        "alternatives": dict(placed.alternatives),
        "flags": placed.flags,
        "figures": dict(placed.figures),
    }


def draw(rule: Rule, results: Sequence[CategoryResult], path: Path) -> tuple[Path, ...]:
    """The ranking picture, PNG and SVG."""
    rows = [
        PictureRow(
            result.category.label.zh,
            track.track.label.zh,
            placed.place,
            placed.name,
            placed.score,
            placed.awarded,
            noun(result.category.of, "zh"),
        )
        for result in results
        for track in result.tracks
        for placed in track.places
    ]
    return ranking_picture(rows, rule.title, path, noun=ranked(rule, "zh"))
