"""`meizhen backup`: the whole house in one file, and whether such a file is whole."""

from pathlib import Path
from typing import Annotated

import typer

from config.errors import MeizhenError
from config.messages import text
from meizhen.cli._output import beijing, show_json

app = typer.Typer(help=text("backup.help"), add_completion=False)

AsJson = Annotated[bool, typer.Option("--json", help=text("backup.help_json"))]


@app.callback(invoke_without_command=True, help=text("backup.help"))
def take(
    ctx: typer.Context,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE|DIR", help=text("backup.help_out"))
    ] = None,
    keep: Annotated[int, typer.Option("--keep", min=0, max=1000, help=text("backup.help_keep"))] = 0,
    as_json: AsJson = False,
) -> None:
    if ctx.invoked_subcommand is not None:
        return
    if out is None:
        raise MeizhenError("backup.out_needed")
    from meizhen.backup import take_backup
    from meizhen.cli._backup_progress import telling
    from meizhen.house import open_house

    with open_house() as house:
        taken = take_backup(house, out, keep=keep, progress=telling())
    if as_json:
        facts = {"file": str(taken.file), "file_size": taken.size, "removed": taken.removed}
        show_json(facts | taken.manifest.facts())
        return
    manifest = taken.manifest
    typer.echo(
        text(
            "backup.taken",
            file=taken.file,
            megabytes=f"{taken.size / 1e6:.1f}",
            media=manifest.folders["media"].files,
            entries=manifest.ledger.entries,
        )
    )
    left_out = sum(folder.left_out for folder in manifest.folders.values())
    if left_out:
        typer.echo(text("backup.left_out", count=left_out), err=True)
    if not manifest.ledger.sound:
        typer.echo(text("backup.ledger_unsound"), err=True)
    for name in taken.removed:
        typer.echo(text("backup.removed", file=name))


@app.command(help=text("backup.help_verify"))
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=text("backup.help_file"))],
    as_json: AsJson = False,
) -> None:
    from config.secrets import load_key_file
    from config.settings import home_folder
    from meizhen.backup import check_backup
    from meizhen.cli._backup_progress import telling
    from meizhen.house import KEY_FILE

    key_file = home_folder() / KEY_FILE
    keys = load_key_file(key_file) if key_file.exists() else None
    manifest = check_backup(file, keys, telling())
    if as_json:
        show_json(manifest.facts() | {"seal_checked": keys is not None})
        return
    typer.echo(text("backup.whole", taken=beijing(manifest.taken_at), version=manifest.version))
    typer.echo(text("backup.sealed" if keys else "backup.no_key_to_check"))
