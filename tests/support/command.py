"""The `meizhen` command in this process: its exit code and what it says, as a shell would see it.

Whatever it says with `--json` keeps to the command's schema.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from json_schemas import require_schema
from typer.testing import CliRunner, Result

from meizhen.cli import app, main


@dataclass(frozen=True)
class Said:
    """One call: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Gives `run("org", "list", code=0)`, which asserts the exit code."""

    def run(*arguments: object, code: int = 0) -> Said:
        monkeypatch.setattr(sys, "argv", ["meizhen", *map(str, arguments)])
        capsys.readouterr()
        try:
            main()
            ended = 0
        except SystemExit as end:
            ended = int(end.code or 0)
        said = Said(ended, *capsys.readouterr())
        assert said.code == code, said
        require_schema([*map(str, arguments)], said.code, said.out)
        return said

    return run


def invoke(*arguments: object) -> Result:
    """The same by the runner that keeps what a command raised."""
    told = [*map(str, arguments)]
    result = CliRunner().invoke(app, told)
    require_schema(told, result.exit_code, result.stdout)
    return result
