"""评优 Award runs: lists, places, and why a place is what it is."""

from datetime import date
from decimal import Decimal
from pathlib import Path as File
from typing import Annotated

from fastapi import Path, Query

from organisation import Act
from web.api.call import Asked
from web.api.noun import Noun
from web.api.texts import Name, Told

noun = Noun("awards")

RunName = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]


class RunShown(Told):
    """A run by the name of its folder; `final` once notice and objections are over."""

    name: str
    run_id: str
    award: str
    title: str
    final: bool


class RunList(Told):
    """All runs in the folder of the setting `award_folder`, by name."""

    items: list[RunShown]


class PlaceShown(Told):
    """A place; `low` to `high` is its interval, `inside` the share of draws that award it."""

    place: int
    awarded: bool
    handle: str
    name: str
    unit_code: str
    unit: str
    score: Decimal
    index: Decimal | None
    data: Decimal | None
    jury: Decimal | None
    public: Decimal | None
    low: int
    high: int
    inside: Decimal
    flags: int


class TrackShown(Told):
    """A track's list."""

    id: str
    places: list[PlaceShown]


class CategoryShown(Told):
    """A category: its tracks, and who does not take part."""

    id: str
    tracks: list[TrackShown]
    ineligible: list[str]


class Ranking(Told):
    """The list of a run; no categories before the places are made."""

    name: str
    run_id: str
    number: int
    award: str
    start: date
    end: date
    categories: list[CategoryShown]


class LineShown(Told):
    """A part of the way to a neighbour."""

    part: str
    level: str
    variable: str
    value: Decimal


class GapShown(Told):
    """The neighbour, how far it is, and the lines that sum to that."""

    handle: str
    name: str
    place: int
    gap: Decimal
    lines: list[LineShown]


class Explanation(Told):
    """Why an account has its place; `text` says all of it for people."""

    run_id: str
    category: str
    handle: str
    name: str
    unit: str
    place: int | None
    of: int
    awarded_places: int
    gates: list[dict[str, str]]
    above: GapShown | None
    below: GapShown | None
    text: str


@noun.read("", Act.AWARD_READ)
def list_runs(asked: Asked) -> RunList:
    """评优列表 Runs of the house."""
    from analytics.awards.shelf import runs_on

    asked.house()
    return RunList(items=[RunShown.model_validate(one) for one in runs_on(shelf_of(asked))])


@noun.read("/{run}/ranking", Act.AWARD_READ)
def ranking(asked: Asked, run: RunName) -> Ranking:
    """榜单 Every place of a run."""
    from analytics.awards.shelf import read_run

    asked.house()
    found = read_run(shelf_of(asked), run)
    return Ranking(
        name=run,
        run_id=found.run_id,
        number=found.number,
        award=found.rule.id,
        start=found.rule.start,
        end=found.rule.end,
        categories=[
            CategoryShown(
                id=one.category.id,
                tracks=[
                    TrackShown(
                        id=track.track.id,
                        places=[PlaceShown.model_validate(placed) for placed in track.places],
                    )
                    for track in one.tracks
                ],
                ineligible=[str(account["handle"]) for account in one.ineligible],
            )
            for one in found.categories
        ],
    )


@noun.read("/{run}/accounts/{account}", Act.AWARD_READ)
def explain(
    asked: Asked,
    run: RunName,
    account: Name,
    category: Annotated[str, Query(pattern=r"^[A-Za-z0-9_-]{0,80}$")] = "",
) -> Explanation:
    """为什么是这个名次 Why an account has its place: gates, the gap to each neighbour, what is missing."""
    from analytics.awards.explanation import Gap
    from analytics.awards.explanation import explain as explain_account
    from analytics.awards.explanation_text import as_text
    from analytics.awards.shelf import find_run

    def shown(gap: Gap | None) -> GapShown | None:
        if gap is None:
            return None
        return GapShown(
            handle=gap.neighbour.handle,
            name=gap.neighbour.name,
            place=gap.neighbour.place,
            gap=gap.gap,
            lines=[LineShown.model_validate(line) for line in gap.lines],
        )

    asked.house()
    found = explain_account(find_run(shelf_of(asked), run), account, category=category)
    return Explanation(
        run_id=found.run_id,
        category=found.category.id,
        handle=found.handle,
        name=found.name,
        unit=found.unit,
        place=None if found.placed is None else found.placed.place,
        of=found.of,
        awarded_places=found.awarded_places,
        gates=[dict(gate) for gate in found.gates],
        above=shown(found.above),
        below=shown(found.below),
        text=as_text(found, asked.call.language),
    )


def shelf_of(asked: Asked) -> File:
    """The folder that holds the runs."""
    return asked.desk.settings.awards_root
