"""`meizhen org`: the tree of units."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.messages import text
from meizhen.cli._output import Cell, show_json, show_rows
from meizhen.house import open_house

if TYPE_CHECKING:
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
    from organisation import accounts_of, ancestors, find_unit, subtree_size

    with open_house() as house, house.database.read() as session:
        setting = house.settings.lateness_hours
        unit = find_unit(session, code)
        above = ancestors(session, unit)
        below = subtree_size(session, unit) - 1
        accounts = [account.stable_id for account in accounts_of(session, unit=unit)]
    hours, said_by = _lateness([*above, unit], setting)
    facts = _row(unit, above[-1].code if above else None) | {
        "above": [one.code for one in above],
        "below": below,
        "accounts": accounts,
        "lateness": {"hours": hours, "unit": said_by},
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
        str, typer.Option("--lateness-hours", metavar="HOURS|inherit", help=text("org.help_lateness"))
    ],
) -> None:
    from organisation import ancestors, find_unit, parse_lateness, set_lateness

    hours = parse_lateness(lateness_hours)
    with open_house() as house, house.database.write() as session:
        unit = find_unit(session, code)
        set_lateness(session, house.keys, unit, hours, at=house.clock.now(), actor=house.actor)
        line = [*ancestors(session, unit), unit]
        holds, said_by = _lateness(line, house.settings.lateness_hours)
    shown = {"code": code, "hours": f"{holds:g}", "unit": said_by or text("org.setting")}
    typer.echo(text("org.lateness_set", **shown))


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


def _lateness(line: Sequence["Unit"], setting: float) -> tuple[float, str | None]:
    """The hours that hold for the last of `line` (the root first), and the unit that says so."""
    for unit in reversed(line):
        if unit.lateness_hours is not None:
            return unit.lateness_hours, unit.code
    return setting, None
