"""单位 The tree of units."""

from http import HTTPStatus
from typing import Annotated, Literal

from pydantic import Field, StringConstraints
from sqlmodel import select

from config.errors import MeizhenError
from config.table_files import read_table
from organisation import (
    Act,
    Unit,
    ancestors,
    find_unit,
    holding_for,
    import_units,
    in_subtree,
    page_of_units,
    set_lateness,
    unit_codes,
)
from organisation.lateness import parse_lateness
from organisation.permissions import HOUSE
from organisation.stages import NONE, demanded_for, parse_stages, set_stages
from organisation.unit_import import write_unit
from organisation.words import set_word, words_of
from web.api.call import Answer, Asked, etag_of
from web.api.cursors import Page, Pages
from web.api.files import UploadedTable
from web.api.noun import Noun
from web.api.texts import Aside, Body, Code, Filter, Line, Name, Told

noun = Noun("units")


class UnitRow(Told):
    """A unit in a list."""

    code: str
    parent: str | None
    kind: str
    name_zh: str
    name_en: str


class UnitShown(UnitRow):
    """A unit with what holds for it: the hours of lateness and the stages of review, and who says so."""

    above: list[str]
    lateness_hours: float
    lateness_from: str | None
    review: list[str]
    review_from: str | None


Kind = Annotated[str, StringConstraints(min_length=1, max_length=16)]


class UnitChange(Body):
    """What is set for a unit and all below it: null takes over what the unit above says.

    `parent` moves it with all below it; null makes it a root.
    """

    parent: Code | None = None
    kind: Kind = ""
    name_zh: Line = ""
    name_en: Aside = ""
    lateness_hours: float | None = None
    review: list[Line] | None = None


class NewUnit(Body):
    """A unit below another; without a parent a root of the house."""

    code: Code
    parent: Code | None = None
    kind: Kind
    name_zh: Line
    name_en: Aside = ""


class UnitsTaken(Told):
    """How many units of a file are new, carry other values, and stand under another parent than before."""

    added: int
    changed: int
    moved: int


class WordShown(Told):
    """A word of the list, and the unit that says so; one that is not `forbidden` is only shown."""

    word: str
    forbidden: bool
    unit: str


class WordList(Told):
    """All words that hold for the unit: its own and those above."""

    items: list[WordShown]


class WordsSet(Body):
    """Words for the unit's own list, or off it."""

    words: Annotated[list[Line], Field(min_length=1, max_length=200)]
    become: Literal["forbidden", "shown", "removed"] = "shown"


@noun.read("", Act.UNIT_READ)
def list_units(asked: Asked, paging: Pages, under: Filter = None) -> Page[UnitRow]:
    """单位列表 Units, each before those below it."""
    sight = asked.sight()
    if under is not None:
        sight = sight & in_subtree(_seen(asked, under))
    rows, following = asked.page(
        paging,
        {"under": under},
        (str,),
        lambda after, limit: page_of_units(asked.session, sight, after, limit),
        lambda unit: (unit.path,),
    )
    codes = unit_codes(asked.session, {unit.parent_id for unit in rows if unit.parent_id is not None})
    items = [_row(unit, codes.get(unit.parent_id or 0)) for unit in rows]
    return Page[UnitRow](items=items, next=following)


@noun.read("/{code}", Act.UNIT_READ, etag=True)
def show(asked: Asked, code: Name) -> Answer[UnitShown]:
    """一个单位 One unit."""
    unit = _seen(asked, code)
    return _shown(asked, unit)


@noun.write("PATCH", "/{code}", Act.UNIT_WRITE, edit=True)
def change(asked: Asked, code: Name, body: UnitChange) -> Answer[UnitShown]:
    """改单位 Names, kind, place in the tree, lateness, stages of review; what is not named stays."""
    unit = _seen(asked, code)
    asked.match(_shown(asked, unit).etag)
    if body.model_fields_set & {"parent", "kind", "name_zh", "name_en"}:
        _rewrite(asked, unit, body)
        unit = find_unit(asked.session, code)
    if "lateness_hours" in body.model_fields_set:
        hours = None if body.lateness_hours is None else parse_lateness(str(body.lateness_hours))
        set_lateness(asked.session, asked.keys, unit, hours, at=asked.now, actor=asked.actor)
    if "review" in body.model_fields_set:
        stages = None if body.review is None else parse_stages(",".join(body.review) or NONE)
        set_stages(asked.session, asked.keys, unit, stages, at=asked.now, actor=asked.actor)
    asked.session.flush()
    return _shown(asked, unit)


@noun.write("POST", "", Act.UNIT_WRITE, status=HTTPStatus.CREATED)
def add(asked: Asked, body: NewUnit) -> Answer[UnitShown]:
    """加单位 A new unit below another; a root needs the whole house."""
    asked.at(HOUSE.path if body.parent is None else find_unit(asked.session, body.parent).path)
    if asked.session.exec(select(Unit.id).where(Unit.code == body.code)).first() is not None:
        raise MeizhenError("org.unit_exists", code=body.code)
    values = body.model_dump() | {"parent": body.parent or ""}
    write_unit(asked.session, asked.keys, values, at=asked.now, actor=asked.actor)
    made = _shown(asked, find_unit(asked.session, body.code))
    return Answer(made.body, etag=made.etag, location=f"/api/v1/units/{body.code}")


@noun.write("POST", "/import", Act.UNIT_WRITE)
def import_file(asked: Asked, file: UploadedTable) -> UnitsTaken:
    """从文件导入 Units from a table: added, renamed, moved, all of it or nothing; for the whole house."""
    asked.house()
    with file.on_disk() as paths:
        table = read_table(paths["file"])
    done = import_units(asked.session, asked.keys, table, at=asked.now, actor=asked.actor)
    return UnitsTaken.model_validate(done)


@noun.read("/{code}/words", Act.UNIT_READ)
def list_words(asked: Asked, code: Name) -> WordList:
    """用词表 Words that the unit does not want, or wants to be looked at."""
    return _words(asked, _seen(asked, code))


@noun.write("POST", "/{code}/words", Act.UNIT_WRITE)
def set_words(asked: Asked, code: Name, body: WordsSet) -> WordList:
    """改用词表 Put words on the unit's own list, or take them off."""
    unit, kind = _seen(asked, code), _KINDS[body.become]
    for word in body.words:
        set_word(asked.session, asked.keys, unit, word, kind, at=asked.now, actor=asked.actor)
    return _words(asked, unit)


_KINDS: dict[str, bool | None] = {"forbidden": True, "shown": False, "removed": None}


def _words(asked: Asked, unit: Unit) -> WordList:
    return WordList(items=[WordShown.model_validate(one) for one in words_of(asked.session, [unit])])


def _rewrite(asked: Asked, unit: Unit, told: UnitChange) -> None:
    """Names, kind and place. Whoever moves a unit must be in charge where it was and where it comes to be."""
    above = ancestors(asked.session, unit)
    parent = above[-1].code if above else None
    values = {"code": unit.code, "parent": parent or ""}
    values |= {"kind": unit.kind, "name_zh": unit.name_zh, "name_en": unit.name_en}
    given = told.model_dump(include={"kind", "name_zh", "name_en"}, exclude_unset=True)
    if "parent" in told.model_fields_set and told.parent != parent:
        there = HOUSE.path if told.parent is None else find_unit(asked.session, told.parent).path
        asked.at(above[-1].path if above else HOUSE.path, there)
        given["parent"] = told.parent or ""
    write_unit(asked.session, asked.keys, values | given, at=asked.now, actor=asked.actor)


def _seen(asked: Asked, code: str) -> Unit:
    unit = find_unit(asked.session, code)
    asked.at(unit.path)
    return unit


def _row(unit: Unit, parent: str | None) -> UnitRow:
    return UnitRow(code=unit.code, parent=parent, kind=unit.kind, name_zh=unit.name_zh, name_en=unit.name_en)


def _shown(asked: Asked, unit: Unit) -> Answer[UnitShown]:
    above = ancestors(asked.session, unit)
    hours, hours_from = holding_for([*above, unit], asked.desk.settings.lateness_hours)
    stages, stages_from = demanded_for([*above, unit])
    shown = UnitShown(
        **_row(unit, above[-1].code if above else None).model_dump(),
        above=[one.code for one in above],
        lateness_hours=hours,
        lateness_from=hours_from,
        review=list(stages),
        review_from=stages_from,
    )
    return Answer(shown, etag=etag_of(shown))
