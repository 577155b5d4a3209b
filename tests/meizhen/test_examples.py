"""Every command's help shows an example, and no example asks for what there is not."""

import re
import shlex
from typing import Any

import pytest
import typer

from meizhen.cli import app
from meizhen.examples import EXAMPLES
from meizhen.rules import RULES

COMMANDS = [" ".join(path) for path in RULES]


def _command(path: str) -> Any:
    command: Any = typer.main.get_command(app)
    for name in path.split():
        command = command.get_command(typer.Context(command), name)
    return command


@pytest.mark.parametrize("path", COMMANDS)
def test_every_help_shows_an_example(path: str) -> None:
    told = _command(path).help or ""
    assert re.search(rf"meizhen (--as \w+ )?{path}\b", told)


def test_an_example_stands_for_a_command_that_is_there() -> None:
    assert set(EXAMPLES) <= set(COMMANDS)


@pytest.mark.parametrize("path", sorted(EXAMPLES))
def test_an_example_can_be_read_and_has_all_that_is_needed(path: str) -> None:
    command = _command(path)
    context = typer.Context(command)
    told, left, _ = command.make_parser(context).parse_args(shlex.split(EXAMPLES[path]))
    assert left == []
    missing = [one.name for one in command.params if one.required and told.get(one.name) in (None, ())]
    assert missing == []
