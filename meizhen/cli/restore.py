"""`meizhen restore`: a backup put back into an empty house; nothing goes out until a person says so."""

from pathlib import Path
from typing import Annotated

import typer

from config.messages import text
from meizhen.cli._output import beijing, show_json

app = typer.Typer(help=text("backup.help_restore"), add_completion=False)


@app.command(help=text("backup.help_restore"))
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=text("backup.help_file"))],
    as_json: Annotated[bool, typer.Option("--json", help=text("backup.help_json"))] = False,
) -> None:
    from meizhen.backup import restore as put_back
    from meizhen.cli._backup_progress import telling
    from meizhen.house import SETTINGS_FILE

    done = put_back(file, progress=telling())
    manifest = done.manifest
    if as_json:
        facts = {"home": str(done.home), "settings": done.settings_name, "now_revision": done.revision}
        show_json(facts | {"held": done.held, "backup": manifest.facts()})
        return
    typer.echo(text("backup.restored", home=done.home, taken=beijing(manifest.taken_at)))
    if manifest.revision != done.revision:
        typer.echo(text("backup.migrated", before=manifest.revision, now=done.revision))
    if not manifest.ledger.sound:
        typer.echo(text("backup.ledger_unsound"), err=True)
    if done.settings_name != SETTINGS_FILE:
        typer.echo(text("backup.settings_beside", file=done.settings_name))
    for name in ("uncertain", "paused", "with_person", "reports", "messages", "jobs"):
        if done.held.get(name):
            typer.echo(text(f"backup.held_{name}", count=done.held[name]))
    typer.echo(text("backup.what_now"))
