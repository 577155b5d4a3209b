"""`meizhen serve`: the service."""

import typer

from config.messages import text
from meizhen.house import open_house

app = typer.Typer(help=text("cli.serve"), add_completion=False)


@app.command(help=text("queue.help_serve"))
def serve() -> None:
    from meizhen.service import run_service

    with open_house() as house:
        run_service(house, lambda node: typer.echo(text("queue.serving", node=node)))
