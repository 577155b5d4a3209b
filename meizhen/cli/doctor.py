"""`meizhen doctor`: names each thing that is missing and its cure."""

import typer

from config.messages import text
from meizhen.cli._wording import AsJson

app = typer.Typer(help=text("cli.doctor"), add_completion=False)
_MARKS = {"fine": "✓", "warn": "!", "bad": "✗"}


@app.command(help=text("cli.doctor"))
def doctor(as_json: AsJson = False) -> None:
    """Exit code 1 where something keeps the house from working."""
    from meizhen.cli._output import show_json
    from meizhen.doctor import Grade, examine

    found = list(examine())
    if as_json:
        show_json([{"name": s.name, "grade": s.grade, "told": s.told, "remedy": s.remedy} for s in found])
    else:
        for one in found:
            typer.echo(f"{_MARKS[one.grade]} {text(f'doctor.name_{one.name}')}: {one.told}")
            if one.remedy:
                typer.echo(f"  → {one.remedy}")
    if any(one.grade is Grade.BAD for one in found):
        raise typer.Exit(1)
