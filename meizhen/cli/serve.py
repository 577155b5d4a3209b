"""`meizhen serve`: the service."""

import typer

from config.messages import text
from meizhen.house import await_house

app = typer.Typer(help=text("cli.serve"), add_completion=False)


@app.command(help=text("queue.help_serve"))
def serve() -> None:
    from meizhen.service import run_service, stopping_by_signal

    with stopping_by_signal() as stop, await_house(stop) as house:
        if house is not None:
            run_service(house, stop, lambda node: typer.echo(text("queue.serving", node=node)))
