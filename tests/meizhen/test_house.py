"""A node waits for its database; what will not mend by itself is refused at once, and so are commands."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from scenery import make_account
from sqlalchemy import text

from config import Database, MeizhenError
from config.database import connect
from config.secrets import KeyRing, create_key_file
from meizhen.house import await_house, open_house

Away = Callable[[], Callable[[], None]]


@pytest.fixture
def home(database_address: str, keys: KeyRing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose keys and tables are there; SQLite's file has a folder of its own."""
    address = database_address
    if address.startswith("sqlite"):
        (tmp_path / "disk").mkdir()
        (tmp_path / "meizhen.sqlite").rename(tmp_path / "disk" / "meizhen.sqlite")
        address = f"sqlite:///{tmp_path}/disk/meizhen.sqlite"
    monkeypatch.setenv("MEIZHEN_HOME", str(tmp_path))
    monkeypatch.setenv("MEIZHEN_DATABASE_URL", address)
    return tmp_path


@pytest.fixture
def away(home: Path) -> Away:
    """Takes the database away; what it gives brings it back."""
    address = os.environ["MEIZHEN_DATABASE_URL"]

    def take() -> Callable[[], None]:
        if address.startswith("sqlite"):
            (home / "disk").rename(home / "unmounted")

            def mount() -> None:
                (home / "unmounted").rename(home / "disk")

            return mount
        plain, _, query = address.replace("postgresql+psycopg://", "postgresql://", 1).partition("?")
        server, name = plain.rsplit("/", 1)

        def allow(answer: str) -> None:
            with psycopg.connect(f"{server}/postgres?{query}", autocommit=True) as connection:
                connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {answer}")  # type: ignore[arg-type]

        allow("false")
        return lambda: allow("true")

    return take


class Node:
    """A process that wants its house, in a thread."""

    def __init__(self) -> None:
        self.stop, self.ended, self.opened = threading.Event(), threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        with await_house(self.stop) as house:
            if house is not None:
                with house.database.read() as session:
                    session.execute(text("SELECT 1"))
                self.opened.set()
                self.stop.wait(20)
        self.ended.set()


@contextmanager
def started() -> Iterator[Node]:
    node = Node()
    node.thread.start()
    try:
        yield node
    finally:
        node.stop.set()
        node.thread.join(20)


def test_a_node_waits_until_its_database_is_there(away: Away, capfd: pytest.CaptureFixture[str]) -> None:
    bring_back = away()
    with started() as node:
        assert not node.opened.wait(2)
        bring_back()
        assert node.opened.wait(20)
    assert '"event": "database_unreachable"' in capfd.readouterr().err


def test_a_node_that_waits_can_be_told_to_stop(away: Away) -> None:
    bring_back = away()
    with started() as node:
        assert not node.ended.wait(1)
        node.stop.set()
        assert node.ended.wait(20) and not node.opened.is_set()
    bring_back()


def test_a_command_fails_at_once(away: Away) -> None:
    bring_back = away()
    with pytest.raises(MeizhenError) as error, open_house():
        raise AssertionError("it was opened")
    assert error.value.code == "database.unreachable"
    bring_back()


def refused() -> str:
    with pytest.raises(MeizhenError) as error, await_house(threading.Event()):
        raise AssertionError("it was opened")
    return error.value.code


def test_old_tables_are_refused_at_once(home: Path) -> None:
    database: Database = connect(os.environ["MEIZHEN_DATABASE_URL"])
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    database.close()
    assert refused() == "database.old_tables"


def test_keys_that_are_not_this_databases_are_refused_at_once(home: Path) -> None:
    with open_house() as house:
        make_account(house.database, house.keys, "webhook", "a", credentials={"token": "x"})
    (home / "keys.json").unlink()
    create_key_file(home / "keys.json")
    assert refused().startswith("secrets.")


def test_a_file_that_is_no_database_is_refused_at_once(
    keys: KeyRing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "photo.sqlite").write_bytes(b"not a database, whatever its name says" * 100)
    monkeypatch.setenv("MEIZHEN_HOME", str(tmp_path))
    monkeypatch.setenv("MEIZHEN_DATABASE_URL", f"sqlite:///{tmp_path}/photo.sqlite")
    assert refused() == "database.unreachable"
