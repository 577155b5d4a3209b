"""`meizhen serve`: the service."""

import typer

from config.messages import text
from meizhen.cli.worker import Host, Port
from meizhen.house import House, await_house

app = typer.Typer(help=text("cli.serve"), add_completion=False)


@app.command(help=text("queue.help_serve"))
def serve(host: Host = None, port: Port = None) -> None:
    from config.process import stopping_by_signal
    from meizhen.service import Place, run_service

    with stopping_by_signal() as stop, await_house(stop) as house:
        if house is None:
            return
        place = Place(
            host or house.settings.host,
            house.settings.port if port is None else port,
            lambda address: typer.echo(text("web.listening", address=address)),
        )
        run_service(house, stop, place, lambda node: _say(house, node))


def _say(house: House, node: str) -> None:
    from meizhen.cli._output import beijing
    from meizhen.upkeep import first_way_in

    typer.echo(text("queue.serving", node=node))
    way_in = first_way_in(house)
    if way_in is not None:
        code, until = way_in
        typer.echo(text("person.set_up_code", code=code, until=beijing(until)))
