"""Stands before every command: nobody runs one that their rule does not allow, and what is to be noted is."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from meizhen.acting import acting

Path = tuple[str, ...]


def guard(command: Any, path: Path) -> None:
    """Puts the rule of every command under `path` before it (`meizhen.rules`)."""
    for place, one in commands_of(command, path):
        one.callback = _guarded(one.callback, place)


def commands_of(command: Any, path: Path) -> list[tuple[Path, Any]]:
    """The commands below a group, each with its words; a plain command is its own only one.

    A group that does something without a word after it is a command as well.
    """
    below: dict[str, Any] | None = getattr(command, "commands", None)
    if below is None:
        return [(path, command)]
    own = [(path, command)] if command.invoke_without_command else []
    return own + [found for name, one in below.items() for found in commands_of(one, (*path, name))]


def _guarded(run: Callable[..., object], path: Path) -> Callable[..., object]:
    @wraps(run)
    def guarded(**values: object) -> object:
        # Imported only where a command runs: `--help` needs none of it.
        from meizhen.rules import RULES, allow, note

        rule = RULES.get(path)
        if acting() is not None:
            allow(rule, path, values)
        done = run(**values)
        if rule is not None and rule.noted:
            note(rule, path, values)
        return done

    return guarded
