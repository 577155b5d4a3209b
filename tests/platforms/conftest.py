"""Real servers: each is started once for its tests, and a report of them stands at the end of the run."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from kits import Kit, Missing
from real_house import RealHouse

from config.database import connect
from config.secrets import KeyRing

_Server = TypeVar("_Server")
_ready: dict[str, float] = {}
_missing: dict[str, str] = {}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.platforms)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Which servers ran, how long they took to install (where they were not there) and to start."""
    if not _ready and not _missing:
        return
    terminalreporter.section("real servers")
    for name, seconds in _ready.items():
        terminalreporter.write_line(f"{name}: seen, ready after {seconds:.1f} s")
    for kit, took in Kit.seconds.items():
        terminalreporter.write_line(f"installed in this run: {kit}, {took:.0f} s")
    for name, reason in _missing.items():
        terminalreporter.write_line(f"{name}: NOT seen: {reason}")


@pytest.fixture(scope="session")
def started() -> Callable[[str, AbstractContextManager[_Server]], AbstractContextManager[_Server]]:
    """Starts a server under its name, for the report; skips its tests where this machine cannot have it."""

    @contextmanager
    def start(name: str, server: AbstractContextManager[_Server]) -> Iterator[_Server]:
        began = time.monotonic()
        try:
            there = server.__enter__()
        except Missing as reason:
            _missing[name] = str(reason)
            pytest.skip(f"{name}: {reason}")
        _ready[name] = time.monotonic() - began
        try:
            yield there
        finally:
            server.__exit__(None, None, None)

    return start


@pytest.fixture
def house(tmp_path: Path, _sqlite_template: Path, keys: KeyRing) -> Iterator[RealHouse]:
    path = tmp_path / "meizhen.sqlite"
    shutil.copy(_sqlite_template, path)
    database = connect(f"sqlite:///{path}")
    yield RealHouse(database, keys, tmp_path)
    database.close()
