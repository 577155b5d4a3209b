"""The `meizhen` command in this process: its exit code and what it says, as a shell would see it."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from meizhen.cli import main


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
        return said

    return run
