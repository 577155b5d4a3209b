"""The database: durable SQLite, aware times only, no bound value in an error, migrations that wait."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Column, MetaData, Table, func, literal, select, text
from sqlalchemy.exc import SQLAlchemyError, StatementError

from config import Database, MeizhenError, migrate
from config.database import Millionths, clock_of, connect, open_database, require_newest
from config.settings import load_settings
from organisation import LedgerEntry, Unit

CANARY = "canary-d41c"


def test_sqlite_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    database = connect(f"sqlite:///{tmp_path / 'a.sqlite'}")
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 15_000}
    for scope in (database.read, database.write):
        with scope() as session:
            found = {name: session.execute(text(f"PRAGMA {name}")).scalar() for name in wanted}
        assert found == wanted
    database.close()


def test_foreign_keys_are_enforced(database: Database) -> None:
    with pytest.raises(SQLAlchemyError), database.write() as session:
        session.add(Unit(code="x", parent_id=999, kind="league", name_zh="x", path="1/"))


def test_a_naive_time_is_refused(database: Database) -> None:
    naive = datetime(2026, 3, 2, 9, 0)  # noqa: DTZ001 - it is the mistake under test
    with pytest.raises(StatementError), database.write() as session:
        session.add(entry(naive))
        session.flush()


def entry(at: datetime, seq: int = 1) -> LedgerEntry:
    return LedgerEntry(seq=seq, at=at, actor="a", act="b", subject="c", details={}, mac="")


def test_an_aware_time_comes_back_as_the_same_moment_in_utc(database: Database) -> None:
    beijing = timezone(timedelta(hours=8))
    given = [datetime(2026, 3, 2, 9, 0, 0, 123456, beijing), datetime(1991, 9, 15, 0, 30, tzinfo=UTC)]
    with database.write() as session:
        session.add_all([entry(at, seq) for seq, at in enumerate(given, start=1)])
    with database.read() as session:
        found = [session.get_one(LedgerEntry, seq).at for seq in (1, 2)]
    assert found == given
    assert [at.utcoffset() for at in found] == [timedelta(0)] * 2


def test_no_bound_value_stands_in_an_error(database: Database) -> None:
    with database.write() as session:
        session.add(Unit(code=CANARY, kind="league", name_zh="x", path="1/"))
    with pytest.raises(SQLAlchemyError) as caught, database.write() as session:
        session.execute(text("SELECT * FROM no_such_table WHERE a = :a"), {"a": CANARY})
    assert CANARY not in str(caught.value)
    assert "parameters hidden" in str(caught.value)


def test_an_exception_undoes_a_write_scope(database: Database) -> None:
    with pytest.raises(RuntimeError), database.write() as session:
        session.add(Unit(code="x", kind="league", name_zh="x", path="1/"))
        session.flush()
        raise RuntimeError
    with database.read() as session:
        assert session.execute(text("SELECT count(*) FROM unit")).scalar() == 0


def test_a_read_scope_never_commits(database: Database) -> None:
    with database.read() as session:
        session.add(Unit(code="x", kind="league", name_zh="x", path="1/"))
        session.flush()
    with database.read() as session:
        assert session.execute(text("SELECT count(*) FROM unit")).scalar() == 0


def test_readers_do_not_wait_for_a_writer_and_writers_do_not_fail(database: Database) -> None:
    with database.write() as session:
        session.execute(text("CREATE TABLE counter (n INTEGER)"))
        session.execute(text("INSERT INTO counter VALUES (0)"))

    # On SQLite the write scope itself is the lock.
    look = "SELECT n FROM counter" if database.is_sqlite else "SELECT n FROM counter FOR UPDATE"

    def add(_: int) -> None:
        with database.write() as session:
            seen = session.execute(text(look)).scalar_one()
            session.execute(text("UPDATE counter SET n = :n"), {"n": seen + 1})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(40)))
    with database.write() as writing:
        writing.execute(text("UPDATE counter SET n = 0"))
        with database.read() as reading:
            assert reading.execute(text("SELECT n FROM counter")).scalar_one() == 40


# -- exact decimals -------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["0", "1.234567", "-0.000001", "9000000000000.999999", "1E+3"])
def test_a_decimal_comes_back_exactly(database: Database, value: str) -> None:
    exact = Table("exact", MetaData(), Column("v", Millionths))
    with database.write() as session:
        exact.create(session.connection())
        session.execute(exact.insert().values(v=Decimal(value)))
        assert session.execute(select(exact.c.v)).scalar_one() == Decimal(value)
        assert session.execute(select(func.sum(exact.c.v))).scalar_one() == Decimal(value)


@pytest.mark.parametrize("value", ["0.0000001", "NaN", "Infinity"])
def test_a_decimal_that_does_not_fit_is_refused(database: Database, value: str) -> None:
    with database.read() as session, pytest.raises(StatementError, match="at most 6 decimals"):
        session.execute(select(literal(Decimal(value), Millionths())))


# -- migrations -----------------------------------------------------------------------------------------


def test_two_nodes_that_start_together_migrate_once(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'a.sqlite'}"
    nodes = [connect(address) for _ in range(2)]
    barrier = threading.Barrier(2)

    def start(node: Database) -> None:
        barrier.wait()
        migrate(node)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(start, nodes))
    for node in nodes:
        require_newest(node)
        node.close()


def test_a_new_file_that_another_node_has_in_hand_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.sqlite"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("CREATE TABLE made (here)")
    other.execute("BEGIN IMMEDIATE")  # what SQLite refuses at once, whatever the busy timeout is
    monkeypatch.setattr("config.database.time.sleep", lambda _seconds: other.execute("COMMIT"))
    node = connect(f"sqlite:///{path}")
    with node.read() as session:
        assert session.execute(text("PRAGMA journal_mode")).scalar() == "wal"
    assert not other.in_transaction
    other.close()
    node.close()


def test_tables_of_another_version_are_told(database: Database) -> None:
    require_newest(database)
    for version, code in (("0000", "database.old_tables"), ("9999", "database.new_tables")):
        with database.write() as session:
            session.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": version})
        with pytest.raises(MeizhenError) as caught:
            require_newest(database)
        assert caught.value.code == code


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "meizhen.sqlite").write_bytes(b"no database, but long enough to be looked at" * 100)
    database = open_database(load_settings({"MEIZHEN_HOME": str(tmp_path)}))
    with pytest.raises(MeizhenError, match="cannot be reached: file is not a database"):
        require_newest(database)
    database.close()


def test_the_database_is_one_file_that_sqlite_itself_opens(tmp_path: Path) -> None:
    database = open_database(load_settings({"MEIZHEN_HOME": str(tmp_path)}))
    migrate(database)
    database.close()
    connection = sqlite3.connect(tmp_path / "meizhen.sqlite")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_nodes_share_the_clock_of_a_database_server(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine whose own clock is an hour wrong agrees with the others, unless it is alone with a file."""
    import config.clock
    import config.database

    true = datetime.now(UTC)

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime.now(tz) + timedelta(hours=1)

    monkeypatch.setattr(config.clock, "datetime", Wrong)
    monkeypatch.setattr(config.database, "datetime", Wrong)
    wrong_by = clock_of(database).now() - true
    expected = timedelta(hours=1) if database.is_sqlite else timedelta(0)
    assert abs(wrong_by - expected) < timedelta(minutes=1)


def test_a_write_that_stands_still_does_not_keep_its_locks(database: Database) -> None:
    if database.is_sqlite:
        return  # one machine's file: the kernel drops a dead process's lock
    with database.write() as session:
        assert session.execute(text("SHOW idle_in_transaction_session_timeout")).scalar_one() == "30s"
        assert session.execute(text("SHOW lock_timeout")).scalar_one() == "15s"
    with database.read() as session:
        assert session.execute(text("SHOW idle_in_transaction_session_timeout")).scalar_one() == "0"
