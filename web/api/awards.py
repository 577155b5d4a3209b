"""评优 Award runs: lists, places, and why a place is what it is."""

from datetime import date
from http import HTTPStatus
from pathlib import Path as File
from typing import Annotated

from fastapi import Path, Query
from pydantic import Field

from organisation import Act, record
from web.api.asking import JobShown, accepted
from web.api.call import Answer, Asked
from web.api.noun import Noun
from web.api.texts import Body, Figure, Name, Told, Words

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
    score: Figure
    index: Figure | None
    data: Figure | None
    jury: Figure | None
    public: Figure | None
    low: int
    high: int
    inside: Figure
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
    value: Figure


class GapShown(Told):
    """The neighbour, how far it is, and the lines that sum to that."""

    handle: str
    name: str
    place: int
    gap: Figure
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


class RuleGiven(Body):
    """A rule file's text (TOML)."""

    rule: Words


class RunAsked(Body):
    """The rule, or null for the one that is there. `sign` and `reason` sign for days without figures."""

    rule: Words | None = None
    sign: Annotated[Words, Field(max_length=200)] = ""
    reason: Annotated[Words, Field(max_length=1000)] = ""


class FileList(Told):
    """Names, as they are fetched by."""

    items: list[str]


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


@noun.write("POST", "/checks", Act.AWARD_READ, status=HTTPStatus.ACCEPTED)
def check(asked: Asked, body: RuleGiven) -> Answer[JobShown]:
    """检查规则 Look at a rule in the background: who could take part, what is missing (`check.json`)."""
    from analytics.jobs.awards import RULE_FILE, order_check
    from organisation.job_runner import give

    asked.house()
    order, folder = order_check(None), asked.desk.settings.jobs_folder
    return accepted(asked, order, lambda: give(folder, order, RULE_FILE, body.rule.encode()))


@noun.write("POST", "/{run}/run", Act.AWARD_RUN, status=HTTPStatus.ACCEPTED)
def start(asked: Asked, run: RunName, body: RunAsked) -> Answer[JobShown]:
    """评出名次 Run an award in the background, or carry it on; stages that are done are not done again."""
    from analytics.awards.keeping import Awards
    from analytics.jobs.awards import order_run, order_run_of, subject_of

    asked.house()
    shelf, signed = Awards(shelf_of(asked)), {"sign": body.sign, "reason": body.reason}
    if body.rule is None:
        return accepted(asked, order_run(shelf.find(run), **signed))

    def put() -> None:
        award = shelf.put(run, body.rule or "")
        record(
            asked.session, asked.keys, at=asked.now, actor=asked.actor, act="award.rule",
            subject=subject_of(award),
        )  # fmt: skip

    return accepted(asked, order_run_of(run, **signed), put)


@noun.read("/{run}/files", Act.AWARD_READ)
def list_files(asked: Asked, run: RunName) -> FileList:
    """文件列表 What a run made for people: lists, pictures, papers."""
    from analytics.awards.keeping import Awards

    asked.house()
    return FileList(items=Awards(shelf_of(asked)).find(run).downloads())


@noun.stored("/{run}/files/{file:path}", Act.AWARD_READ)
def one_file(asked: Asked, run: RunName, file: Name) -> File:
    """下载文件 One of them."""
    from analytics.awards.keeping import Awards

    asked.house()
    return Awards(shelf_of(asked)).find(run).download(file)


def shelf_of(asked: Asked) -> File:
    """The folder that holds the runs."""
    return asked.desk.settings.awards_root
