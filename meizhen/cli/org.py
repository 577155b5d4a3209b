"""`meizhen org`: the tree of units."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.errors import MeizhenError
from config.messages import text
from meizhen.cli._output import Cell, show_json, show_rows
from meizhen.house import House, open_house

if TYPE_CHECKING:
    from sqlmodel import Session

    from organisation import Unit

app = typer.Typer(help=text("cli.org"), no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help=text("org.help_json"))]
Under = Annotated[str | None, typer.Option("--unit", help=text("org.help_unit"))]
Code = Annotated[str, typer.Argument(help=text("org.help_code"), metavar="CODE")]
UnitsFile = Annotated[Path, typer.Argument(help=text("org.help_file"), metavar="FILE")]


@app.command("import", help=text("org.help_import"))
def import_file(file: UnitsFile, as_json: AsJson = False) -> None:
    from config.table_files import read_table
    from organisation import import_units

    table = read_table(file)
    with open_house() as house, house.database.write() as session:
        done = import_units(session, house.keys, table, at=house.clock.now(), actor=house.actor)
    if as_json:
        show_json(vars(done))
    else:
        typer.echo(text("org.imported", **vars(done)))


@app.command("list", help=text("org.help_list"))
def list_units(unit: Under = None, as_json: AsJson = False) -> None:
    rows = [_row(one, parent) for one, parent in _listed(unit)]
    columns = ("code", "parent", "kind", "name_zh", "name_en", "lateness_hours")
    titles = {name: text(f"org.{name}") for name in columns}
    show_rows(rows, titles, as_json=as_json)


@app.command(help=text("org.help_tree"))
def tree(unit: Under = None) -> None:
    units = [one for one, _ in _listed(unit)]
    top = min((one.depth for one in units), default=0)
    for one in units:
        typer.echo(f"{'  ' * (one.depth - top)}{one.name_zh}  {one.code}")


@app.command(help=text("org.help_show"))
def show(code: Code, as_json: AsJson = False) -> None:
    from organisation import accounts_of, ancestors, find_unit, holding_for, subtree_size

    with open_house() as house, house.database.read() as session:
        setting = house.settings.lateness_hours
        unit = find_unit(session, code)
        above = ancestors(session, unit)
        below = subtree_size(session, unit) - 1
        accounts = [account.stable_id for account in accounts_of(session, unit=unit)]
    review = _review([*above, unit])
    hours, said_by = holding_for([*above, unit], setting)
    facts = _row(unit, above[-1].code if above else None) | {
        "above": [one.code for one in above],
        "below": below,
        "accounts": accounts,
        "lateness": {"hours": hours, "unit": said_by},
        "review": review,
    }
    if as_json:
        show_json(facts)
        return
    shown: dict[str, Cell] = facts | {
        "above": " / ".join(one.name_zh for one in above),
        "accounts": ", ".join(accounts),
        "lateness": text("org.lateness_of", hours=f"{hours:g}", unit=said_by or text("org.setting")),
    }
    del shown["lateness_hours"]
    for name, value in shown.items():
        typer.echo(f"{text(f'org.{name}')}: {'–' if value in (None, '') else value}")


@app.command("set", help=text("org.help_set"))
def set_values(
    code: Code,
    lateness_hours: Annotated[
        str | None, typer.Option("--lateness-hours", metavar="HOURS|inherit", help=text("org.help_lateness"))
    ] = None,
    review: Annotated[
        str | None, typer.Option("--review", metavar="STAGES|none|inherit", help=text("org.help_review"))
    ] = None,
) -> None:
    if lateness_hours is None and review is None:
        raise MeizhenError("org.nothing_to_set")
    with open_house() as house, house.database.write() as session:
        if lateness_hours is not None:
            _set_lateness(house, session, code, lateness_hours)
        if review is not None:
            _set_review(house, session, code, review)


def _set_lateness(house: House, session: "Session", code: str, told: str) -> None:
    from organisation import ancestors, find_unit, holding_for, parse_lateness, set_lateness

    hours = parse_lateness(told)
    unit = find_unit(session, code)
    set_lateness(session, house.keys, unit, hours, at=house.clock.now(), actor=house.actor)
    line = [*ancestors(session, unit), unit]
    holds, said_by = holding_for(line, house.settings.lateness_hours)
    shown = {"code": code, "hours": f"{holds:g}", "unit": said_by or text("org.setting")}
    typer.echo(text("org.lateness_set", **shown))


def _set_review(house: House, session: "Session", code: str, told: str) -> None:
    from organisation import ancestors, find_unit
    from organisation.stages import parse_stages, set_stages

    stages = parse_stages(told)
    unit = find_unit(session, code)
    set_stages(session, house.keys, unit, stages, at=house.clock.now(), actor=house.actor)
    typer.echo(text("org.review_set", code=code, stages=_review([*ancestors(session, unit), unit])))


@app.command(help=text("org.help_word"))
def word(
    code: Code,
    words: Annotated[list[str] | None, typer.Argument(metavar="WORD", help=text("org.help_words"))] = None,
    forbid: Annotated[bool, typer.Option("--forbid", help=text("org.help_forbid"))] = False,
    remove: Annotated[bool, typer.Option("--remove", help=text("org.help_remove"))] = False,
    as_json: AsJson = False,
) -> None:
    from organisation import find_unit
    from organisation.words import set_word, words_of

    if forbid and remove:
        raise MeizhenError("org.forbid_or_remove")
    with open_house() as house, house.database.write() as session:
        unit = find_unit(session, code)
        for one in words or ():
            kind = None if remove else forbid
            set_word(session, house.keys, unit, one, kind, at=house.clock.now(), actor=house.actor)
        found = words_of(session, [unit])
    titles = {name: text(f"org.word_{name}") for name in ("word", "forbidden", "unit")}
    show_rows([asdict(one) for one in found], titles, as_json=as_json)


def _listed(code: str | None) -> list[tuple["Unit", str | None]]:
    from organisation import Act, find_unit, listed

    with open_house() as house, house.database.read() as session:
        unit = None if code is None else find_unit(session, code)
        return listed(session, unit, within=house.sight(Act.UNIT_READ))


def _row(unit: "Unit", parent: str | None) -> dict[str, Cell]:
    return {
        "code": unit.code,
        "parent": parent,
        "kind": unit.kind,
        "name_zh": unit.name_zh,
        "name_en": unit.name_en,
        "lateness_hours": unit.lateness_hours,
    }


def _review(line: Sequence["Unit"]) -> str:
    """The stages that hold for the last of `line` (the root first), with the unit that says so."""
    from organisation.stages import demanded_for

    stages, said_by = demanded_for(line)
    if said_by is None:
        return text("org.review_none")
    told = " → ".join(text(f"review.stage_{name}") for name in stages) or text("org.review_none")
    return text("org.review_of", stages=told, unit=said_by)
