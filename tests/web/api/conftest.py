"""A house that the API answers for, on SQLite; what depends on the database takes `database` itself."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from api_house import ApiHouse

from config import ManualClock
from config.database import connect
from config.secrets import KeyRing


@pytest.fixture
def house(_sqlite_template: Path, tmp_path: Path, keys: KeyRing, clock: ManualClock) -> Iterator[ApiHouse]:
    shutil.copy(_sqlite_template, tmp_path / "meizhen.sqlite")
    database = connect(f"sqlite:///{tmp_path / 'meizhen.sqlite'}")
    yield ApiHouse(database, keys, clock, tmp_path)
    database.close()
