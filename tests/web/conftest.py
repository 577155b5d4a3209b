"""Pages are tested on SQLite: their SQL is the domain's, which is tested on both databases."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk_house import DeskHouse, desk_house

from config import ManualClock
from config.database import connect
from config.secrets import KeyRing


@pytest.fixture
def house(_sqlite_template: Path, tmp_path: Path, keys: KeyRing, clock: ManualClock) -> Iterator[DeskHouse]:
    shutil.copy(_sqlite_template, tmp_path / "pages.sqlite")
    database = connect(f"sqlite:///{tmp_path / 'pages.sqlite'}")
    with desk_house(database, keys, clock, tmp_path) as made:
        yield made
    database.close()
