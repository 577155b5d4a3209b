"""The command line: one file a noun, imported only when its noun is called.

`meizhen --help` lists the nouns from the table below and imports none of them.
"""

import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from config.messages import text
from meizhen.acting import act_as
from meizhen.cli._guard import guard
from meizhen.examples import give_examples

# Noun → its module in this folder; a noun whose module exports a plain command is one itself.
NOUNS = (
    "init",
    "demo",
    "serve",
    "worker",
    "org",
    "person",
    "key",
    "account",
    "connector",
    "post",
    "media",
    "review",
    "task",
    "campaign",
    "queue",
    "figures",
    "report",
    "webhook",
    "index",
    "award",
    "job",
    "ledger",
    "doctor",
    "backup",
    "restore",
)


class _LazyGroup(TyperGroup):
    """A group that knows its nouns by name and imports one when it is called."""

    _listing = False

    def list_commands(self, ctx: Any) -> list[str]:
        return list(NOUNS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in NOUNS:
            return None
        if self._listing:
            return TyperCommand(cmd_name, help=text(f"cli.{cmd_name}"))
        app: typer.Typer = import_module(f"meizhen.cli.{cmd_name}").app
        command = typer.main.get_command(app)
        command.name = cmd_name
        guard(command, (cmd_name,))
        give_examples(command, (cmd_name,))
        return command

    def format_help(self, ctx: Any, formatter: Any) -> None:
        self._listing = True
        super().format_help(ctx, formatter)


app = typer.Typer(
    cls=_LazyGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help=text("cli.meizhen"),
)


def _version(wanted: bool) -> None:
    if wanted:
        from meizhen import __version__

        typer.echo(f"meizhen {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help=text("cli.version")
    ),
    login: str | None = typer.Option(None, "--as", metavar="LOGIN", help=text("cli.acting")),
) -> None:
    act_as(login)


def main() -> None:
    """The `meizhen` command. An error of ours is told in one paragraph; exit code 2 for bad input, 1 else."""
    from config.errors import InputError, MeizhenError

    try:
        app()
    except MeizhenError as error:
        typer.echo(str(error), err=True)
        sys.exit(2 if isinstance(error, InputError) else 1)
    finally:
        act_as(None)  # who was named acts in this one command
