"""The schemas of what commands print with `--json` (docs/reference/json), and what differs from them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import typer
from jiter import from_json

from meizhen.cli import NOUNS, app
from meizhen.cli._guard import commands_of

FOLDER = Path(__file__).parents[2] / "docs" / "reference" / "json"
DEFINITIONS = "definitions"  # what several schemas say: no command's own
BASE = "meizhen:///json/"  # the files have no address of their own: they refer to each other by name
_SHOWN = 10

Node = dict[str, Any]
Words = tuple[str, ...]


@cache
def read_schema(name: str) -> Node:
    """The schema of this name, as its file has it."""
    schema: Node = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return schema


def nodes(name: str) -> Iterator[tuple[str, Node]]:
    """Everything of a schema that says something of a value, with its place."""
    yield from _below(name, read_schema(name))


def _below(place: str, node: Node) -> Iterator[tuple[str, Node]]:
    yield place, node
    for keyword in ("properties", "$defs"):
        for name, one in node.get(keyword, {}).items():
            yield from _below(f"{place}/{name}", one)
    for keyword in ("items", "additionalProperties"):
        if isinstance(node.get(keyword), dict):
            yield from _below(place, node[keyword])
    for keyword in ("anyOf", "oneOf", "allOf"):
        for one in node.get(keyword, []):
            yield from _below(place, one)


@cache
def validator_of(name: str) -> jsonschema_rs.Draft202012Validator:
    """Made once a process: a suite asks hundreds of times."""
    registry = jsonschema_rs.Registry([(f"{BASE}{DEFINITIONS}.json", read_schema(DEFINITIONS))])
    return jsonschema_rs.Draft202012Validator(
        read_schema(name),
        registry=registry,
        base_uri=f"{BASE}{name}.json",
        validate_formats=True,
        ignore_unknown_formats=False,
        offline=True,
    )


def schema_of(words: Words) -> str:
    """The name of a command's schema."""
    return "-".join(words)


@cache
def commands_with_json() -> Mapping[Words, str]:
    """The commands that have `--json`, by their words, each with the name of its schema."""
    return {
        words: schema_of(words)
        for noun in NOUNS
        for words, command in commands_of(_noun(noun), (noun,))
        if _json_option(command) is not None
    }


def require_schema(arguments: Sequence[str], code: int, out: str) -> None:
    """Whoever asked for JSON got one document that keeps to the command's schema.

    A command that was refused may print none; what it prints keeps to the schema too.
    """
    if code and not out:
        return
    name = _schema_asked(arguments)
    if name is not None:
        differing = differences(name, out)
        assert not differing, f"meizhen {' '.join(arguments)}: not as {name}.json has it:\n" + differing


def differences(name: str, out: str) -> str:
    """What in an output is not as the schema has it, a line each; '' where all of it is."""
    try:
        told = from_json(out.encode(), allow_inf_nan=False, catch_duplicate_keys=True)
    except ValueError as error:
        return f"no JSON document: {error}: {out[:200]!r}"
    found = [line for one in validator_of(name).iter_errors(told) for line in _told(one)]
    return "\n".join(found[:_SHOWN])


def _told(error: jsonschema_rs.ValidationError) -> Iterator[str]:
    """Of several shapes that it could have had, what differs from the one that it comes nearest to."""
    shapes = getattr(error.kind, "context", None)
    if shapes:
        nearest = max(shapes, key=lambda shape: max((len(one.instance_path) for one in shape), default=0))
        yield from (line for one in nearest for line in _told(one))
    else:
        yield f"  {'/'.join(map(str, error.instance_path)) or '.'}: {error.message[:300]}"


def _schema_asked(arguments: Sequence[str]) -> str | None:
    """The schema of the command that these arguments of `meizhen` run, where they ask for JSON."""
    command: Any = typer.main.get_command(app)
    words: Words = ()
    while True:
        options, arguments = _parsed(command, arguments)
        if not arguments or not hasattr(command, "commands"):
            break
        command = command.commands[arguments[0]] if words else _noun(arguments[0])
        words, arguments = (*words, arguments[0]), arguments[1:]
    return schema_of(words) if _json_option(command) in options else None


def _parsed(command: Any, arguments: Sequence[str]) -> tuple[Mapping[str, object], Sequence[str]]:
    """A command's own options as they were told, and what is left: its arguments, or the word below it."""
    options, rest, _ = command.make_parser(typer.Context(command)).parse_args(list(arguments))
    return options, rest


@cache
def _noun(name: str) -> Any:
    group: Any = typer.main.get_command(app)
    return group.get_command(typer.Context(group), name)


def _json_option(command: Any) -> str | None:
    return next((one.name for one in command.params if "--json" in one.opts), None)
