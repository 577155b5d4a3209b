"""`meizhen report robot`: group robots, whose keys no command ever shows or takes as an argument."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from config.errors import InputError, Problem
from config.messages import text
from meizhen.cli._output import Cell, show_json, show_rows
from meizhen.house import open_house

app = typer.Typer(help=text("reports.help_robot"), no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help=text("reports.help_json"))]
Name = Annotated[str, typer.Argument(help=text("reports.help_robot_name"), metavar="NAME")]


@app.command(help=text("reports.help_robot_add"))
def add(
    name: Name,
    kind: Annotated[str, typer.Option("--kind", help=text("reports.help_kind"))],
    file: Annotated[Path | None, typer.Option("--file", help=text("reports.help_key_file"))] = None,
) -> None:
    from analytics.reports.robots import Kind, add_robot, parse_key

    if kind not in set(Kind):
        params = {"received": kind, "expected": ", ".join(Kind)}
        raise InputError("report robot", [Problem("input.not_one_of", column="--kind", params=params)])
    robot = parse_key(Kind(kind), _pasted(file))
    with open_house() as house, house.database.write() as session:
        add_robot(session, house.keys, name, robot, now=house.clock.now(), actor=house.actor)
    typer.echo(text("reports.robot_added", name=name))


@app.command("list", help=text("reports.help_robot_list"))
def list_robots(as_json: AsJson = False) -> None:
    from analytics.reports.robots import listed_robots

    with open_house() as house, house.database.read() as session:
        found = listed_robots(session)
    rows: list[dict[str, Cell]] = [
        {
            "name": robot.name,
            "kind": robot.kind if as_json else text(f"reports.kind_{robot.kind}"),
            "created_at": robot.created_at,
            "created_by": robot.created_by,
        }
        for robot in found
    ]
    if not rows and not as_json:
        typer.echo(text("reports.nothing"))
        return
    titles = {key: text(f"reports.{key}") for key in ("name", "kind", "created_at", "created_by")}
    show_rows(rows, titles, as_json=as_json)


@app.command(help=text("reports.help_robot_remove"))
def remove(name: Name) -> None:
    from analytics.reports.schedules import remove_robot

    with open_house() as house, house.database.write() as session:
        remove_robot(session, house.keys, name, now=house.clock.now(), actor=house.actor)
    typer.echo(text("reports.robot_removed", name=name))


@app.command(help=text("reports.help_robot_test"))
def test(name: Name, as_json: AsJson = False) -> None:
    from analytics.reports.deliveries import State
    from analytics.reports.robots import find_robot, open_robot
    from analytics.reports.trial import require_sent, send_trial
    from meizhen.reporting import robot_http

    with open_house() as house:
        with house.database.read() as session:
            robot = open_robot(house.keys, find_robot(session, name))
        http, now = robot_http(house)(robot.kind), house.clock.now()
        outcome = send_trial(http, robot, now, server=house.settings.matrix_server)
    if as_json:
        show_json({"state": outcome.state, "code": outcome.code, "told": outcome.told})
    elif outcome.state is State.SENT:
        typer.echo(text("reports.robot_tested"))
    require_sent(outcome)


def _pasted(file: Path | None) -> str:
    """The robot's address, and its secret in a second line: from a file, a prompt, or standard input."""
    if file is not None:
        try:
            return file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise InputError(str(file), [Problem("input.not_readable", params={"reason": reason})]) from None
    if sys.stdin.isatty():
        address = typer.prompt(text("reports.ask_address"), hide_input=True)
        secret = typer.prompt(text("reports.ask_secret"), hide_input=True, default="", show_default=False)
        return f"{address}\n{secret}"
    return sys.stdin.read(4096)
