"""`meizhen award jury`: score sheets out, back in sealed, opened together."""

import hashlib
from pathlib import Path
from typing import Annotated

import typer

from config.messages import text
from meizhen.cli._output import show_json

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=text("award.help_jury_noun"))

_Folder = Annotated[Path, typer.Argument(help=text("award.help_folder"))]


@app.command("sheets", help=text("award.help_sheets"))
def sheets_(
    folder: _Folder,
    judges: Annotated[Path, typer.Option("--judges", help=text("award.help_judges"))],
    out: Annotated[Path, typer.Option("--out", help=text("award.help_sheets_out"))],
) -> None:
    from analytics.awards.folder import RunFolder
    from analytics.awards.sheets import write_sheets

    for path in write_sheets(RunFolder(folder), judges, out):
        typer.echo(str(path))


@app.command("file", help=text("award.help_sheet_file"))
def file_(
    folder: _Folder, sheet: Annotated[list[Path], typer.Argument(help=text("award.help_sheet"))]
) -> None:
    from analytics.awards.folder import RunFolder
    from analytics.awards.run import rule_of
    from analytics.awards.sheets import file_sheet, sheets
    from meizhen.house import open_house
    from organisation import record

    run = RunFolder(folder)
    rule = rule_of(run)
    with open_house() as house:
        for path in sheet:
            judge, name = file_sheet(run, house.keys, path)
            digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
            with house.database.write() as session:
                record(
                    session,
                    house.keys,
                    at=house.clock.now(),
                    actor=house.actor,
                    act="award.sheet",
                    subject=f"award:{rule.id}",
                    details={"judge": judge, "sealed": digest},
                )
            typer.echo(text("award.sheet_sealed", judge=judge))
    missing = sheets(run).missing
    typer.echo(
        text("award.sheets_wait", judges=", ".join(missing)) if missing else text("award.sheets_all_in")
    )


@app.command("status", help=text("award.help_sheets_status"))
def status(
    folder: _Folder, as_json: Annotated[bool, typer.Option("--json", help=text("award.help_json"))] = False
) -> None:
    from analytics.awards.folder import RunFolder
    from analytics.awards.sheets import sheets

    found = sheets(RunFolder(folder))
    if as_json:
        show_json({"filed": list(found.filed), "missing": list(found.missing)})
        return
    typer.echo(text("award.sheets_in", judges=", ".join(found.filed) or "–"))
    if found.missing:
        typer.echo(text("award.sheets_wait", judges=", ".join(found.missing)))


@app.command("open", help=text("award.help_sheets_open"))
def open_(folder: _Folder) -> None:
    from analytics.awards.folder import RunFolder
    from analytics.awards.run import rule_of
    from analytics.awards.sheets import open_sheets
    from meizhen.house import open_house
    from organisation import record

    run = RunFolder(folder)
    rule = rule_of(run)
    with open_house() as house:
        path = open_sheets(run, house.keys)
        with house.database.write() as session:
            record(
                session,
                house.keys,
                at=house.clock.now(),
                actor=house.actor,
                act="award.open",
                subject=f"award:{rule.id}",
                details={"scores": hashlib.sha256(path.read_bytes()).hexdigest()},
            )
    typer.echo(text("award.sheets_opened", path=path, folder=folder))
