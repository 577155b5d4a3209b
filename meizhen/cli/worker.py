"""`meizhen worker`: one publishing node."""

from datetime import timedelta
from typing import Annotated

import typer

from config.messages import text
from meizhen.house import await_house

app = typer.Typer(help=text("cli.worker"), add_completion=False)

Host = Annotated[str | None, typer.Option("--host", help=text("web.help_host"))]
Port = Annotated[int | None, typer.Option("--port", min=0, max=65535, help=text("web.help_port"))]


@app.command(help=text("queue.help_worker"))
def worker(
    until_idle: bool = typer.Option(False, "--until-idle", help=text("queue.help_until_idle")),
    patience: float = typer.Option(120.0, "--patience", min=0, help=text("queue.help_patience")),
    host: Host = None,
    port: Port = None,
) -> None:
    from config.database import reaching
    from config.process import stopping_by_signal
    from meizhen.service import Place, run_worker
    from scheduler.status import queue_status

    with stopping_by_signal() as stop, await_house(stop) as house:
        if house is None:
            return
        place = None if port is None else Place(host or house.settings.host, port, _say)
        run_worker(house, stop, until_idle=until_idle, patience=timedelta(seconds=patience), place=place)
        with reaching(), house.database.read() as session:
            standing = queue_status(session, house.clock.now())
    counts = ", ".join(
        f"{text(f'delivery.state_{state}')} {count}" for state, count in standing.states.items() if count
    )
    typer.echo(text("queue.done", counts=counts or "0"))


def _say(address: str) -> None:
    typer.echo(text("web.listening", address=address))
