"""A house that the API answers for, on SQLite; what depends on the database takes `database` itself."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from api_house import ApiHouse
from api_scene import Scene

from config import ManualClock
from config.database import connect
from config.secrets import KeyRing, create_key_file, load_key_file


@pytest.fixture
def house(_sqlite_template: Path, tmp_path: Path, keys: KeyRing, clock: ManualClock) -> Iterator[ApiHouse]:
    shutil.copy(_sqlite_template, tmp_path / "meizhen.sqlite")
    database = connect(f"sqlite:///{tmp_path / 'meizhen.sqlite'}")
    yield ApiHouse(database, keys, clock, tmp_path)
    database.close()


@pytest.fixture
def _inline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Endpoints run where they are called: thousands of requests need no threads of their own."""

    async def run(work: Callable[..., Any], *given: Any, **named: Any) -> Any:
        return work(*given, **named)

    for place in ("fastapi.routing", "fastapi.telemetry._api", "web.api.call"):
        module = import_module(place)
        if hasattr(module, "run_in_threadpool"):
            monkeypatch.setattr(module, "run_in_threadpool", run)


@pytest.fixture(scope="session")
def scene(_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("matrix")
    shutil.copy(_sqlite_template, folder / "meizhen.sqlite")
    create_key_file(folder / "keys.json")
    database = connect(f"sqlite:///{folder / 'meizhen.sqlite'}")
    clock = ManualClock(datetime(2026, 3, 2, 1, 0, tzinfo=UTC))
    made = Scene(ApiHouse(database, load_key_file(folder / "keys.json"), clock, folder))
    yield made
    database.close()
