"""`meizhen report`: the weekly workbook, and its way to people."""

from pathlib import Path
from typing import Annotated

import typer

from config.messages import text
from meizhen.cli import _report_deliveries, _report_robots
from meizhen.cli._output import show_json
from meizhen.house import open_house

app = typer.Typer(help=text("cli.report"), no_args_is_help=True)


app.add_typer(_report_deliveries.app)
app.add_typer(_report_robots.app, name="robot")


@app.command(help=text("report.weekly"))
def weekly(
    out: Annotated[Path, typer.Option("--out", help=text("report.help_out"))],
    week: Annotated[str | None, typer.Option("--week", help=text("report.help_week"))] = None,
    unit: Annotated[str | None, typer.Option("--unit", help=text("report.help_unit"))] = None,
    as_json: Annotated[bool, typer.Option("--json", help=text("report.help_json"))] = False,
) -> None:
    from analytics.exports import export_week
    from analytics.exports.week import Week
    from config.clock import shanghai_day

    with open_house() as house:
        chosen = week or str(Week.of(shanghai_day(house.clock.now())).before)
        path = export_week(house.database, chosen, out, unit=unit)
    if as_json:
        show_json({"week": chosen, "path": str(path), "unit": unit})
    else:
        typer.echo(text("report.written", week=chosen, path=path))
