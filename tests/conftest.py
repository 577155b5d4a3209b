"""Fixtures of the whole house: both databases, injected time, the sandbox over real HTTP."""

import os
import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ground import write_in_memory
from hashing import hash_cheaply
from hypothesis import settings as hypothesis_settings
from installed import Installation
from mocked import let_responses_answer
from postgres import Postgres, running_postgres

from benchmarks._nodes import Nursery
from benchmarks._nodes import nursery as warm_parent
from config import Database, ManualClock, migrate
from config.database import connect
from config.secrets import KeyRing, create_key_file, load_key_file
from sandbox.world import World

hypothesis_settings.register_profile("house", deadline=None, print_blob=True)
hypothesis_settings.load_profile("house")

write_in_memory()
hash_cheaply()
let_responses_answer()


@pytest.fixture(scope="session")
def _postgres() -> Iterator[Postgres]:
    """A real PostgreSQL of this worker's own, with a migrated template database."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite"
    database = connect(f"sqlite:///{path}")
    migrate(database)
    database.close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database_address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a fresh, migrated database; every test that uses it runs on both kinds."""
    if request.param == "sqlite":
        path = tmp_path / "meizhen.sqlite"
        shutil.copy(request.getfixturevalue("_sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server: Postgres = request.getfixturevalue("_postgres")
    with server.database() as address:
        yield address


@pytest.fixture
def database(database_address: str) -> Iterator[Database]:
    database = connect(database_address)
    yield database
    database.close()


@pytest.fixture
def clock() -> ManualClock:
    """Stands at Monday 2 March 2026, 09:00 in Beijing."""
    return ManualClock(datetime(2026, 3, 2, 1, 0, tzinfo=UTC))


@pytest.fixture
def keys(tmp_path: Path) -> KeyRing:
    path = tmp_path / "keys.json"
    create_key_file(path)
    return load_key_file(path)


class RunningSandbox:
    """The sandbox over HTTP in a thread of this process; `world` can be arranged directly."""

    def __init__(self) -> None:
        import uvicorn

        from sandbox.app import create_app

        self.world = World(seed=1)
        config = uvicorn.Config(
            create_app(self.world), host="127.0.0.1", port=0, log_level="error", lifespan="off", ws="none"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        ready = threading.Event()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("the sandbox did not start")
            ready.wait(0.01)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)


@pytest.fixture(scope="session")
def _running_sandbox() -> Iterator[RunningSandbox]:
    running = RunningSandbox()
    yield running
    running.stop()


@pytest.fixture
def sandbox(_running_sandbox: RunningSandbox, clock: ManualClock) -> RunningSandbox:
    """An empty world at the test's time; seed 1."""
    _running_sandbox.world.reset(now=clock.now(), seed=1)
    return _running_sandbox


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """Starts publishing nodes as real processes, without the seconds that their imports take."""
    with warm_parent(tmp_path_factory.mktemp("nodes")) as running:
        yield running


@pytest.fixture
def installation(
    nursery: Nursery,
    tmp_path: Path,
    database_address: str,
    database: Database,
    keys: KeyRing,
    sandbox: RunningSandbox,
) -> Iterator[Installation]:
    """A home folder whose accounts are at the sandbox, in real time; its nodes are processes."""
    made = Installation(nursery, tmp_path, database_address, database, keys, sandbox)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in list(os.environ):
        if variable.startswith("MEIZHEN_"):
            monkeypatch.delenv(variable)
    monkeypatch.setenv("MEIZHEN_LANGUAGE", "en")
    monkeypatch.setenv("MEIZHEN_PRIVATE_NETWORKS", "127.0.0.0/8")  # where the sandbox is
