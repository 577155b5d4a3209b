"""`meizhen report`: the week as files and as pictures, and its way to people."""

from pathlib import Path
from typing import Annotated

import typer

from config.messages import text
from meizhen.cli import _report_deliveries, _report_robots
from meizhen.cli._output import show_json
from meizhen.house import House, open_house

app = typer.Typer(help=text("cli.report"), no_args_is_help=True)

app.add_typer(_report_deliveries.app)
app.add_typer(_report_robots.app, name="robot")

Out = Annotated[Path, typer.Option("--out", help=text("report.help_out"))]
WeekName = Annotated[str | None, typer.Option("--week", help=text("report.help_week"))]
UnitCode = Annotated[str | None, typer.Option("--unit", help=text("report.help_unit"))]
AsJson = Annotated[bool, typer.Option("--json", help=text("report.help_json"))]


@app.command(help=text("report.weekly"))
def weekly(
    out: Out,
    week: WeekName = None,
    unit: UnitCode = None,
    formats: Annotated[
        str | None,
        typer.Option("--format", help=text("report.help_format", formats="xlsx,csv,parquet,pdf")),
    ] = None,
    as_json: AsJson = False,
) -> None:
    from analytics.exports import FORMATS, export_week

    wanted = FORMATS if formats is None else [name.strip() for name in formats.split(",")]
    with open_house() as house:
        chosen = week or _last_week(house)
        paths = export_week(house.database, chosen, out, unit=unit, formats=wanted)
    if as_json:
        files = {name: str(path) for name, path in paths.items()}
        show_json({"week": chosen, "unit": unit, "files": files})
        return
    typer.echo(text("report.written", week=chosen))
    for path in paths.values():
        typer.echo(f"  {path}")


@app.command(help=text("report.pictures"))
def pictures(out: Out, week: WeekName = None, unit: UnitCode = None, as_json: AsJson = False) -> None:
    from analytics.exports import export_pictures

    with open_house() as house:
        chosen = week or _last_week(house)
        drawn = export_pictures(house.database, chosen, out, unit=unit)
    if as_json:
        files = {name: [str(path) for path in paths] for name, paths in drawn.items()}
        show_json({"week": chosen, "unit": unit, "files": files})
        return
    typer.echo(text("report.drawn", week=chosen))
    for png, svg in drawn.values():
        typer.echo(f"  {png}\n  {svg}")


def _last_week(house: House) -> str:
    from analytics.exports.week import Week
    from config.clock import shanghai_day

    return str(Week.of(shanghai_day(house.clock.now())).before)
