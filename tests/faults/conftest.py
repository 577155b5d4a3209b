"""Rounds and scenery of the fault tests: `--fault-runs 20` lets every fault happen in 20 different ways."""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from oracle import Trial
from scenery import WorldClock

from config import Database, ManualClock
from config.database import connect
from config.secrets import KeyRing

if TYPE_CHECKING:
    from conftest import RunningSandbox


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fault-runs", type=int, default=1, help="rounds of every fault test, each seeded anew")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    # Registered only where tests/faults is named on the command line; else there is one round.
    rounds = metafunc.config.getoption("fault_runs", 1)
    if rounds > 1:
        metafunc.parametrize("fault_round", range(1, rounds + 1), indirect=True, ids=lambda n: f"round{n}")


@pytest.fixture(autouse=True)
def fault_round(request: pytest.FixtureRequest) -> int:
    """The number of this round; 0 where there is only one."""
    number: int = getattr(request, "param", 0)
    return number


@pytest.fixture
def chance(fault_round: int) -> random.Random:
    """Decides what a fault leaves open: the same in the same round, another in the next."""
    return random.Random(fault_round)


@pytest.fixture
def deadline(fault_round: int) -> float:
    """Seconds a call may take: short, and once a night the product's own 30."""
    return 30.0 if fault_round == 1 else 0.3


@pytest.fixture
def sqlite(tmp_path: Path, _sqlite_template: Path) -> Iterator[Database]:
    """A fresh database for faults that do not depend on its kind."""
    path = tmp_path / "meizhen.sqlite"
    shutil.copy(_sqlite_template, path)
    database = connect(f"sqlite:///{path}")
    yield database
    database.close()


def _trial(
    database: Database, keys: KeyRing, clock: ManualClock, folder: Path, sandbox: "RunningSandbox", seed: int
) -> Trial:
    sandbox.world.reset(now=clock.now(), seed=seed)
    return Trial(database, keys, WorldClock(clock.now(), sandbox.world), folder, sandbox)


@pytest.fixture
def trial(
    sqlite: Database,
    keys: KeyRing,
    clock: ManualClock,
    tmp_path: Path,
    sandbox: "RunningSandbox",
    fault_round: int,
) -> Trial:
    """An organisation on SQLite: for faults of platforms and networks."""
    return _trial(sqlite, keys, clock, tmp_path, sandbox, 1 + fault_round)


@pytest.fixture
def trial_on_both(
    database: Database,
    keys: KeyRing,
    clock: ManualClock,
    tmp_path: Path,
    sandbox: "RunningSandbox",
    fault_round: int,
) -> Trial:
    """An organisation on SQLite and on PostgreSQL: for faults that the books must bear."""
    return _trial(database, keys, clock, tmp_path, sandbox, 1 + fault_round)
