"""The tables' history: from nothing to exactly the tables that the code declares, on both databases."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from postgres import Postgres
from sqlalchemy import inspect, text
from sqlmodel import SQLModel

from config import Database, migrate
from config.database import connect, require_newest

ROOT = Path(__file__).parents[1]
VERSIONS = sorted((ROOT / "migrations" / "versions").glob("[0-9]*.py"))


@pytest.fixture(scope="session")
def declared() -> None:
    """Every table that stands beside the code that owns it."""
    for package in ("organisation", "scheduler", "analytics"):
        for module in iter_modules([str(ROOT / package)]):
            import_module(f"{package}.{module.name}")


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without any table."""
    if request.param == "sqlite":
        database = connect(f"sqlite:///{tmp_path / 'empty.sqlite'}")
        yield database
        database.close()
        return
    server: Postgres = request.getfixturevalue("_postgres")
    with server.database("template0") as address:
        database = connect(address)
        yield database
        database.close()


@pytest.mark.usefixtures("declared")
def test_the_migrated_tables_are_the_declared_ones(empty: Database) -> None:
    migrate(empty)
    with empty.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_migrating_again_does_nothing(empty: Database) -> None:
    migrate(empty)
    require_newest(empty)
    with empty.write() as session:
        session.execute(text("INSERT INTO ledger_head (id, count, mac, seal) VALUES (1, 0, '', '')"))
    migrate(empty)
    with empty.read() as session:
        assert session.execute(text("SELECT count(*) FROM ledger_head")).scalar_one() == 1


def test_a_migration_that_fails_leaves_the_tables_as_they_were(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alembic.operations import Operations

    create = Operations.create_table

    def fail_late(self, name, *columns, **options):  # type: ignore[no-untyped-def]
        if name == "delivery":
            raise RuntimeError("power cut")
        return create(self, name, *columns, **options)

    monkeypatch.setattr(Operations, "create_table", fail_late)
    with pytest.raises(RuntimeError, match="power cut"):
        migrate(empty)
    with empty.engine.connect() as connection:
        assert inspect(connection).get_table_names() == []
    monkeypatch.undo()
    migrate(empty)
    require_newest(empty)


def test_revisions_are_numbered_without_gaps_and_named_alike() -> None:
    numbers = [path.name[:4] for path in VERSIONS]
    assert numbers == [f"{number:04}" for number in range(1, len(VERSIONS) + 1)]
    for number, path in enumerate(VERSIONS, start=1):
        module = import_module(f"migrations.versions.{path.stem}")
        assert module.revision == f"{number:04}"
        assert module.down_revision == (f"{number - 1:04}" if number > 1 else None)
        assert not hasattr(module, "downgrade"), "history goes forward only"
