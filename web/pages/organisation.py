"""组织: the tree, one level at a time, and a unit's page with its rules, words, accounts and people."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from sqlmodel import Session
from starlette.datastructures import FormData

from config.errors import MeizhenError
from config.table_files import Row, Table, read_table
from organisation import (
    Act,
    Unit,
    ancestors,
    find_unit,
    holding_for,
    in_subtree,
    list_people,
    parse_lateness,
    require,
    set_lateness,
    subtree_size,
)
from organisation.account_lists import accounts_with_units
from organisation.lateness import INHERIT
from organisation.permissions import HOUSE
from organisation.stages import demanded_for, parse_stages, set_stages
from organisation.tree import children_of, roles_at, top_units
from organisation.unit_import import COLUMNS, import_units
from organisation.words import set_word, words_of
from web.access import ruled
from web.account_cards import cards_of
from web.bodies import MOST_WITH_FILES
from web.desk import Desk
from web.rendering import go, page
from web.uploads import form_of, uploaded
from web.viewer import Viewer, Viewing

_LEVEL = 200
_MOST_PEOPLE = 100
_MOST_ACCOUNTS = 50
_Short = Annotated[str, Form(max_length=80)]


def organisation_router(desk: Desk) -> APIRouter:
    """`/organisation` and below."""
    router = APIRouter()

    @router.get("/organisation")
    @ruled(Act.UNIT_READ)
    def tree(request: Request, viewer: Viewing) -> Response:
        with desk.database.read() as session:
            tops = [viewer.unit] if viewer.unit else top_units(session, viewer.standing)
            below = children_of(session, tops)
        facts = {
            "tops": tops,
            "below": below,
            "adds": viewer.may_somewhere(Act.PERSON_WRITE),
            "writes": viewer.may(Act.UNIT_WRITE),
            "columns": ", ".join(COLUMNS),
        }
        return page(request, viewer, "organisation.html", facts)

    @router.post("/organisation")
    @ruled(Act.UNIT_WRITE)
    def add_unit(
        request: Request, viewer: Viewing, code: _Short, kind: _Short, name_zh: _Short, parent: _Short = ""
    ) -> Response:
        cells = {"code": code, "parent": parent, "kind": kind, "name_zh": name_zh}
        return take_in(request, viewer, Table("form", tuple(cells), (Row(1, cells),)))

    @router.post("/organisation/import", max_body_size=MOST_WITH_FILES)
    @ruled(Act.UNIT_WRITE)
    def import_file(
        request: Request, viewer: Viewing, form: Annotated[FormData, Depends(form_of)]
    ) -> Response:
        require(viewer.standing, Act.UNIT_WRITE, HOUSE)
        with TemporaryDirectory(prefix="meizhen-units-") as folder:
            table = read_table(uploaded(form.get("file"), Path(folder)))
        return take_in(request, viewer, table)

    def take_in(request: Request, viewer: Viewer, table: Table) -> Response:
        require(viewer.standing, Act.UNIT_WRITE, HOUSE)
        with desk.database.write() as session:
            done = import_units(session, desk.keys, table, at=desk.clock.now(), actor=viewer.actor)
        return go(request, "/organisation", "unit.imported", **vars(done))

    @router.get("/organisation/{code}/below")
    @ruled(Act.UNIT_READ)
    def level(
        request: Request, viewer: Viewing, code: str, first: Annotated[int, Query(ge=0, le=1_000_000)] = 0
    ) -> Response:
        with desk.database.read() as session:
            unit = found(session, viewer, code, Act.UNIT_READ)
            below = children_of(session, [unit], first=first, limit=_LEVEL + 1).get(unit.id or 0, [])
        facts = {
            "units": below[:_LEVEL],
            "code": code,
            "after": first + _LEVEL if len(below) > _LEVEL else None,
        }
        return page(request, viewer, "parts/_units_below.html", facts)

    @router.get("/organisation/{code}")
    @ruled(Act.UNIT_READ)
    def unit(request: Request, viewer: Viewing, code: str) -> Response:
        with desk.database.read() as session:
            one = found(session, viewer, code, Act.UNIT_READ)
            reads_people = viewer.may(Act.PERSON_READ, one.path)
            above = ancestors(session, one)
            line = [*above, one]
            accounts = accounts_with_units(session, in_subtree(one), limit=_MOST_ACCOUNTS)
            facts = {
                "unit": one,
                "above": [(each, viewer.may(Act.UNIT_READ, each.path)) for each in above],
                "below": subtree_size(session, one) - 1,
                "children": children_of(session, [one], limit=_LEVEL).get(one.id or 0, []),
                "lateness": holding_for(line, desk.settings.lateness_hours),
                "stages": demanded_for(line),
                "words": words_of(session, [one]),
                "cards": cards_of(session, accounts, viewer.now),
                "people": list_people(session, unit=one)[:_MOST_PEOPLE] if reads_people else [],
                "roles": roles_at(session, one) if reads_people else [],
                "reads_people": reads_people,
                "writes": viewer.may(Act.UNIT_WRITE, one.path),
                "adds": viewer.may(Act.PERSON_WRITE, one.path),
            }
        return page(request, viewer, "unit.html", facts)

    @router.post("/organisation/{code}/rules")
    @ruled(Act.UNIT_WRITE)
    def rules(
        request: Request, viewer: Viewing, code: str, review: _Short, lateness: _Short = ""
    ) -> Response:
        # An empty field follows the unit above, as an empty cell of a file does.
        stages, hours = parse_stages(review), parse_lateness(lateness.strip() or INHERIT)
        now = desk.clock.now()
        with desk.database.write() as session:
            one = found(session, viewer, code, Act.UNIT_WRITE)
            set_stages(session, desk.keys, one, stages, at=now, actor=viewer.actor)
            set_lateness(session, desk.keys, one, hours, at=now, actor=viewer.actor)
        return go(request, f"/organisation/{code}", "unit.rules_set", name=one.name_zh)

    @router.post("/organisation/{code}/words")
    @ruled(Act.UNIT_WRITE)
    def words(
        request: Request, viewer: Viewing, code: str, word: _Short, kind: Annotated[str, Form(max_length=10)]
    ) -> Response:
        if kind not in _KINDS:
            raise MeizhenError("web.misread")
        with desk.database.write() as session:
            one = found(session, viewer, code, Act.UNIT_WRITE)
            set_word(session, desk.keys, one, word, _KINDS[kind], at=desk.clock.now(), actor=viewer.actor)
        return go(request, f"/organisation/{code}#words", "unit.words_set", word=word.strip())

    return router


_KINDS: dict[str, bool | None] = {"forbid": True, "warn": False, "remove": None}


def found(session: Session, viewer: Viewer, code: str, act: Act) -> Unit:
    """The unit of an address. Raises as `organisation.require`; one that is not there is out of sight."""
    try:
        unit = find_unit(session, code)
    except MeizhenError:
        raise MeizhenError("organisation.out_of_sight") from None
    require(viewer.standing, act, unit)
    return unit
