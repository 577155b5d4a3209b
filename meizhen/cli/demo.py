"""`meizhen demo`: the whole loop, to see it work."""

import sys
import webbrowser
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.errors import MeizhenError
from config.messages import text
from meizhen.cli._output import Cell, show_json, show_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meizhen.demo.platforms import SharedClock
    from meizhen.demo.run import Summary, Tell
    from meizhen.house import House

app = typer.Typer(help=text("cli.demo"), add_completion=False)


@app.command(help=text("demo.help"))
def demo(
    folder: Annotated[Path, typer.Option("--dir", help=text("demo.help_dir"))] = Path("meizhen-demo"),
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help=text("demo.help_serve"))] = True,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help=text("demo.help_port"))] = 8765,
    as_json: Annotated[bool, typer.Option("--json", help=text("demo.help_json"))] = False,
) -> None:
    from meizhen.demo.run import demo as run_demo

    with _progress() as tell, run_demo(folder.resolve(), tell) as (summary, house, clock):
        if as_json:
            show_json(vars(summary))
        else:
            _tell(summary)
        if summary.shortfalls:
            raise MeizhenError("demo.fell_short", steps=", ".join(summary.shortfalls[:10]))
        if serve:
            typer.echo(text("demo.serving", home=house.settings.home), err=as_json)
            _serve(house, clock, port, quiet=as_json)


def _serve(house: "House", clock: "SharedClock", port: int, *, quiet: bool) -> None:
    """The console over what the demo made, with people to sign in as, until stopped."""
    from config.process import stopping_by_signal
    from meizhen.demo.newsroom import open_newsroom
    from meizhen.service import Place, run_worker

    newsroom = open_newsroom(house)
    for login, name in newsroom.people:
        typer.echo(f"  {login:10} {name}", err=quiet)
    typer.echo(text("demo.password", password=newsroom.password), err=quiet)

    def said(address: str) -> None:
        typer.echo(text("web.listening", address=address), err=quiet)
        if sys.stdout.isatty():
            webbrowser.open(address)

    with stopping_by_signal() as stop, clock.running():
        place = Place("127.0.0.1", port, said, demo=True)
        run_worker(house, stop, until_idle=False, patience=timedelta(0), place=place)


def _tell(summary: "Summary") -> None:
    columns = ("category", "track", "place", "account", "index", "score")
    rows: list[dict[str, Cell]] = [
        {column: str(winner[column]) for column in columns} for winner in summary.winners
    ]
    show_rows(rows, {column: text(f"demo.{column}") for column in columns}, as_json=False)
    states = "、".join(
        f"{text(f'delivery.state_{state}')} {count}" for state, count in sorted(summary.deliveries.items())
    )
    typer.echo(text("demo.published", queued=summary.queued, states=states, doubts=summary.doubts_settled))
    typer.echo(text("demo.collected", articles=summary.articles, figures=summary.figures))
    for name, path in summary.files.items():
        typer.echo(f"  {name:14} {path}")


@contextmanager
def _progress() -> "Iterator[Tell]":
    """A bar a step on standard error; nothing where that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(step: str, done: int, whole: int) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(text(f"demo.step_{step}"), total=whole)
            bars.update(tasks[step], completed=done, total=whole)

        yield tell
