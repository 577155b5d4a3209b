"""`meizhen demo`: the whole loop, to see it work."""

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.errors import MeizhenError
from config.messages import text
from meizhen.cli._output import Cell, show_json, show_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meizhen.demo.run import Summary, Tell

app = typer.Typer(help=text("cli.demo"), add_completion=False)


@app.command(help=text("demo.help"))
def demo(
    folder: Annotated[Path, typer.Option("--dir", help=text("demo.help_dir"))] = Path("meizhen-demo"),
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help=text("demo.help_serve"))] = True,
    as_json: Annotated[bool, typer.Option("--json", help=text("demo.help_json"))] = False,
) -> None:
    from meizhen.demo.run import demo as run_demo
    from meizhen.service import dispatcher_of, stopping_by_signal

    with _progress() as tell, run_demo(folder.resolve(), tell) as (summary, house):
        if as_json:
            show_json(vars(summary))
        else:
            _tell(summary)
        if summary.shortfalls:
            raise MeizhenError("demo.fell_short", steps=", ".join(summary.shortfalls[:10]))
        if serve:
            typer.echo(text("demo.serving", home=house.settings.home), err=as_json)
            with stopping_by_signal() as stop:
                node = dispatcher_of(house)
                node.run(stop)


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
