"""Fixtures of the analytics' tests."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from award_world import World

from config.database import Database, connect


@pytest.fixture
def store(tmp_path: Path, _sqlite_template: Path) -> Iterator[Callable[[World, int], Database]]:
    """Stores a world in a fresh SQLite database."""
    opened: list[Database] = []

    def stored(world: World, seed: int = 1) -> Database:
        path = tmp_path / f"world{len(opened)}.sqlite"
        shutil.copy(_sqlite_template, path)
        opened.append(connect(f"sqlite:///{path}"))
        world.store(opened[-1], seed)
        return opened[-1]

    yield stored
    for database in opened:
        database.close()
