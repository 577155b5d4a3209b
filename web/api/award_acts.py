"""评优的公示、异议、评分表 Notice, objections and score sheets of a run; where two runs differ."""

import hashlib
from collections.abc import Mapping
from datetime import date
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from config.clock import shanghai_day
from organisation import Act
from web.api.awards import RunName, shelf_of
from web.api.call import Asked
from web.api.files import UploadedTable
from web.api.noun import Noun
from web.api.texts import Aside, Body, Day, Figure, Line, Number, Told, Words

if TYPE_CHECKING:
    from analytics.awards.folder import RunFolder
    from analytics.awards.objections import Objection

noun = Noun("awards")

LongText = Annotated[Words, Field(min_length=1, max_length=5_000)]


class MoveShown(Told):
    """An account whose place or score differs, in the first run and the second; null where it has none."""

    category: str
    track: str
    handle: str
    name: str
    places: tuple[int | None, int | None]
    scores: tuple[Figure | None, Figure | None]
    reasons: list[dict[str, str]]


class Differences(Told):
    """The ids of both runs, the inputs that differ, and who moved."""

    run_ids: tuple[str, str]
    same: bool
    inputs: list[str]
    moves: list[MoveShown]


class NoticeUp(Body):
    """The Beijing day on which the list was put up; null is today."""

    on: Day | None = None


class NoticeShown(Told):
    """From when until when anybody may object."""

    put_up: date
    until: date


class AnswerShown(Told):
    """What was answered; `upheld`: the objection is right, and this list cannot become final."""

    day: date
    by: str
    text: str
    upheld: bool


class ObjectionShown(Told):
    """An objection; `account` '' is the whole list, `due` the day to answer by."""

    number: int
    day: date
    by: str
    account: str
    text: str
    due: date
    answer: AnswerShown | None


class ObjectionList(Told):
    """All objections in the order they came."""

    items: list[ObjectionShown]


class NewObjection(Body):
    """Somebody's objection, as it was told."""

    text: LongText
    by: Aside = ""
    account: Aside = ""


class NewAnswer(Body):
    """The answer to an objection, and whether it is right."""

    text: LongText
    by: Line
    upheld: bool = False


class SheetsShown(Told):
    """Whose score sheets are in, sealed, and whose are not."""

    filed: list[str]
    missing: list[str]


@noun.read("/{run}/differences/{other}", Act.AWARD_READ)
def differences(asked: Asked, run: RunName, other: RunName) -> Differences:
    """比较两次 Where two runs differ, and why."""
    from analytics.awards.comparison import compare

    found = compare(_run(asked, run).path, _run(asked, other).path)
    return Differences(
        run_ids=found.run_ids,
        same=found.same,
        inputs=list(found.inputs),
        moves=[MoveShown.model_validate(move) for move in found.moves],
    )


@noun.write("POST", "/{run}/notice", Act.AWARD_RUN)
def put_up(asked: Asked, run: RunName, body: NoticeUp) -> NoticeShown:
    """公示 Note that the list was put up for everybody to look at."""
    from analytics.awards.notice import put_up as note_day
    from analytics.awards.run import rule_of

    folder = _run(asked, run)
    days = note_day(folder, rule_of(folder), body.on or shanghai_day(asked.now))
    _note(asked, folder, "award.notice", {"put_up": days.put_up, "until": days.until})
    return NoticeShown(put_up=days.put_up, until=days.until)


@noun.read("/{run}/objections", Act.AWARD_READ)
def list_objections(asked: Asked, run: RunName) -> ObjectionList:
    """异议列表 What was objected, and what was answered."""
    from analytics.awards.objections import objections

    return ObjectionList(items=[_told(one) for one in objections(_run(asked, run))])


@noun.write("POST", "/{run}/objections", Act.AWARD_RUN, status=HTTPStatus.CREATED)
def file_objection(asked: Asked, run: RunName, body: NewObjection) -> ObjectionShown:
    """登记异议 File an objection while the notice is up."""
    from analytics.awards.objections import file_objection as file
    from analytics.awards.run import rule_of

    folder, today = _run(asked, run), shanghai_day(asked.now)
    filed = file(folder, rule_of(folder), by=body.by, account=body.account, text=body.text, today=today)
    _note(asked, folder, "award.objection", {"number": filed.number, **body.model_dump()})
    return _told(filed)


@noun.write("POST", "/{run}/objections/{number}/answer", Act.AWARD_RUN)
def answer(asked: Asked, run: RunName, number: Number, body: NewAnswer) -> ObjectionShown:
    """答复异议 Answer it, once."""
    from analytics.awards.objections import answer_objection

    folder, today = _run(asked, run), shanghai_day(asked.now)
    answered = answer_objection(folder, number, by=body.by, text=body.text, upheld=body.upheld, today=today)
    _note(asked, folder, "award.answer", {"number": number, **body.model_dump()})
    return _told(answered)


@noun.read("/{run}/sheets", Act.AWARD_READ)
def show_sheets(asked: Asked, run: RunName) -> SheetsShown:
    """评分表 Whose score sheets are in."""
    return _sheets(_run(asked, run))


@noun.write("POST", "/{run}/sheets", Act.AWARD_JUDGE)
def file_sheet(asked: Asked, run: RunName, file: UploadedTable) -> SheetsShown:
    """交评分表 A judge's filled-in sheet: sealed until all are in."""
    from analytics.awards.sheets import file_sheet as file_one

    folder = _run(asked, run)
    with file.on_disk() as paths:
        judge, name = file_one(folder, asked.keys, paths["file"])
    sealed = hashlib.sha256((folder.path / name).read_bytes()).hexdigest()
    _note(asked, folder, "award.sheet", {"judge": judge, "sealed": sealed})
    return _sheets(folder)


@noun.write("POST", "/{run}/sheets/open", Act.AWARD_RUN)
def open_sheets(asked: Asked, run: RunName) -> SheetsShown:
    """启封评分表 Open all sheets together: the next run takes them."""
    from analytics.awards.sheets import open_sheets as open_all

    folder = _run(asked, run)
    scores = hashlib.sha256(open_all(folder, asked.keys).read_bytes()).hexdigest()
    _note(asked, folder, "award.open", {"scores": scores})
    return _sheets(folder)


def _run(asked: Asked, name: str) -> "RunFolder":
    from analytics.awards.folder import RunFolder
    from analytics.awards.shelf import find_run

    asked.house()
    return RunFolder(find_run(shelf_of(asked), name))


def _sheets(folder: "RunFolder") -> SheetsShown:
    from analytics.awards.sheets import sheets

    return SheetsShown.model_validate(sheets(folder))


def _told(one: "Objection") -> ObjectionShown:
    return ObjectionShown.model_validate(one)


def _note(asked: Asked, folder: "RunFolder", act: str, details: Mapping[str, object]) -> None:
    from analytics.awards.acts import note_act
    from analytics.awards.run import rule_of

    note_act(asked.session, asked.keys, rule_of(folder), act, details, at=asked.now, actor=asked.actor)
