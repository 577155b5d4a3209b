"""单位 The tree of units."""

from organisation import (
    Act,
    Unit,
    ancestors,
    find_unit,
    holding_for,
    in_subtree,
    page_of_units,
    set_lateness,
    unit_codes,
)
from organisation.lateness import parse_lateness
from organisation.stages import NONE, demanded_for, parse_stages, set_stages
from web.api.call import Answer, Asked, etag_of
from web.api.cursors import Page, Pages
from web.api.noun import Noun
from web.api.texts import Body, Filter, Line, Name, Told

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


class UnitChange(Body):
    """What is set for a unit and all below it; null takes over what the unit above says."""

    lateness_hours: float | None = None
    review: list[Line] | None = None


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
    """改时限和审次 Set how late posts may be and the stages of review; what is not named stays."""
    unit = _seen(asked, code)
    asked.match(_shown(asked, unit).etag)
    if "lateness_hours" in body.model_fields_set:
        hours = None if body.lateness_hours is None else parse_lateness(str(body.lateness_hours))
        set_lateness(asked.session, asked.keys, unit, hours, at=asked.now, actor=asked.actor)
    if "review" in body.model_fields_set:
        stages = None if body.review is None else parse_stages(",".join(body.review) or NONE)
        set_stages(asked.session, asked.keys, unit, stages, at=asked.now, actor=asked.actor)
    asked.session.flush()
    return _shown(asked, unit)


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
