"""The database's way into a backup and out of it: one moment of it, counted, and by its own maker's tools.

SQLite: `VACUUM INTO`, which reads in one transaction and lets everybody write on (a copied file loses what
stands in the log: design/security-reliability.md). PostgreSQL: `pg_dump` of an exported snapshot, in which
rows are counted and summed too; the table with the revision is left empty in it, so that no program takes the
restored tables for a house until `restore` has held back what must not go out.
"""

import hashlib
import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import (
    Connection,
    Select,
    String,
    TableClause,
    column,
    create_engine,
    func,
    inspect,
    select,
    table,
    text,
)
from sqlmodel import Session

from config.database import Database, reaching
from config.errors import MeizhenError
from config.secrets import KeyRing
from meizhen.backup.manifest import Ledger, Table
from organisation import verify

REVISIONS = "alembic_version"
_PROGRAM_FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")
_PAGE_BYTES = 4096  # of a file that SQLite makes; every table has a page of its own after the first
_SAME_EVERYWHERE = (
    "SET LOCAL datestyle = 'ISO'",
    "SET LOCAL timezone = 'UTC'",
    "SET LOCAL extra_float_digits = 1",
    "SET LOCAL bytea_output = 'hex'",
)


@dataclass(frozen=True)
class Moment:
    """One moment of a database: its file in the backup, and what is in it."""

    file: Path
    revision: str
    ledger: Ledger
    tables: Mapping[str, Table]


def take_moment(database: Database, keys: KeyRing, folder: Path) -> Moment:
    """Puts the database as it is now into a file of `folder`. Raises MeizhenError `backup.…`."""
    with reaching():
        if database.is_sqlite:
            return _sqlite_moment(database, keys, folder / "database.sqlite")
        return _postgresql_moment(database, keys, folder / "database.dump")


# --- SQLite -----------------------------------------------------------------------------------------------


def _sqlite_moment(database: Database, keys: KeyRing, file: Path) -> Moment:
    with closing(sqlite3.connect(database.engine.url.database or "", timeout=60.0)) as connection:
        try:
            connection.execute("VACUUM INTO ?", [str(file)])
        except sqlite3.Error as error:
            raise MeizhenError("backup.not_written", file=file.name, reason=str(error)) from None
    # Read only: opened as ours it would become a file with a log.
    engine = create_engine("sqlite://", creator=lambda: _reading(file), hide_parameters=True)
    try:
        with Session(engine) as session:
            reading = session.connection()
            tables = {name: Table(rows=rows, sha256="") for name, rows in count_rows(reading).items()}
            return Moment(file, _revision(reading), _ledger(session, keys), tables)
    finally:
        engine.dispose()


def require_sound_file(file: Path) -> None:
    """Raises MeizhenError `backup.database_differs` where SQLite finds the file damaged."""
    with closing(_reading(file)) as connection:
        try:
            told = str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])
            orphan = connection.execute("PRAGMA foreign_key_check").fetchone()
        except sqlite3.DatabaseError as error:
            told, orphan = str(error), None
    if told != "ok" or orphan is not None:
        raise MeizhenError("backup.database_differs", table=told if orphan is None else orphan[0])


def holds_tables(file: Path) -> bool:
    """Is there a database with anything in it? Whoever only looks at a new house leaves one empty page."""
    log = file.with_name(f"{file.name}-wal")
    logged = log.exists() and log.stat().st_size > 0
    return logged or (file.exists() and file.stat().st_size > _PAGE_BYTES)


def _reading(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True)


def end_log(file: Path) -> None:
    """Writes SQLite's log into the file, which then is all there is of the database."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")


# --- PostgreSQL -------------------------------------------------------------------------------------------


def _postgresql_moment(database: Database, keys: KeyRing, file: Path) -> Moment:
    with database.engine.connect() as opened:
        connection = opened.execution_options(isolation_level="REPEATABLE READ", meizhen_reads=True)
        with connection.begin():
            connection.execute(text("SET TRANSACTION READ ONLY"))
            exported = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
            asked = ("--format=custom", "--compress=1", f"--exclude-table-data={REVISIONS}")
            _run(database, "pg_dump", *asked, f"--snapshot={exported}", f"--file={file}")
            with Session(connection) as session:
                return Moment(file, _revision(connection), _ledger(session, keys), summed(connection))


def put_back_dump(database: Database, file: Path, *, again: bool) -> None:
    """Makes the tables and their rows, all or nothing; `again`: what an earlier try left goes first."""
    first = ("--clean", "--if-exists") if again else ()
    _run(database, "pg_restore", "--exit-on-error", "--single-transaction", *first, str(file))


def summed(connection: Connection) -> dict[str, Table]:
    """Rows of every table, and a sum over them in the order of their keys, whatever the server's language."""
    for setting in _SAME_EVERYWHERE:
        connection.execute(text(setting))
    return {name: _summed(connection, name) for name in _names(connection) if name != REVISIONS}


def _summed(connection: Connection, name: str) -> Table:
    from psycopg import sql  # a house on SQLite does without

    looking = inspect(connection)
    types = {str(one["name"]): one["type"] for one in looking.get_columns(name)}
    keys = looking.get_pk_constraint(name)["constrained_columns"] or list(types)
    by_code_point = sql.SQL('{} COLLATE "C"').format
    order = [
        by_code_point(sql.Identifier(key)) if isinstance(types[key], String) else sql.Identifier(key)
        for key in keys
    ]
    asked = sql.SQL("COPY (SELECT {} FROM {} ORDER BY {}) TO STDOUT").format(
        sql.SQL(", ").join(map(sql.Identifier, sorted(types))),
        sql.Identifier(name),
        sql.SQL(", ").join(order),
    )
    digest, rows = hashlib.sha256(), 0
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(asked) as copy:
        for piece in copy:
            digest.update(piece)
            rows += bytes(piece).count(b"\n")
    return Table(rows=rows, sha256=digest.hexdigest())


def _run(database: Database, program: str, *options: str) -> None:
    """Runs a program of the server; the password goes by its environment. Raises MeizhenError `backup.…`."""
    with database.engine.connect() as connection:
        major = int((connection.dialect.server_version_info or (0,))[0])
    environment = {**os.environ, "PGPASSWORD": database.engine.url.password or "", "LC_ALL": "C"}
    address = f"--dbname={_plain_address(database)}"
    command = [str(find_program(program, major)), "--no-owner", "--no-privileges", address, *options]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)  # noqa: S603
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or [str(done.returncode)]
        raise MeizhenError("backup.program_failed", program=program, reason=lines[0][:300])


def _plain_address(database: Database) -> str:
    url = database.engine.url.set(drivername="postgresql", password=None)
    return url.render_as_string(hide_password=False)


def find_program(name: str, major: int) -> Path:
    """The oldest program of that name that serves such a server: in PATH, or where packages put it.

    Raises MeizhenError `backup.no_program`.
    """
    folders = [Path(one) for one in os.environ.get("PATH", "").split(os.pathsep) if one]
    for pattern in _PROGRAM_FOLDERS:
        folders += sorted(Path("/").glob(pattern.lstrip("/")))
    found = [
        (version, Path(path))
        for folder in folders
        if (path := shutil.which(name, path=str(folder))) and (version := _version_of(path)) >= major
    ]
    if not found:
        raise MeizhenError("backup.no_program", program=name, major=major)
    return min(found, key=lambda one: one[0])[1]


def _version_of(path: str) -> int:
    told = subprocess.run([path, "--version"], capture_output=True, check=False)  # noqa: S603
    number = re.search(rb"\(PostgreSQL\) (\d+)", told.stdout)
    return int(number[1]) if number else 0


# --- both -------------------------------------------------------------------------------------------------


def count_in(name: str) -> Select[int]:
    """The question for the rows of a table."""
    return select(func.count()).select_from(table(name))


def count_rows(connection: Connection) -> dict[str, int]:
    """Rows of every table."""
    return {name: connection.execute(count_in(name)).scalar_one() for name in _names(connection)}


def revisions() -> TableClause:
    """Alembic's table, in which the revision stands."""
    return table(REVISIONS, column("version_num", String))


def has_tables(connection: Connection) -> bool:
    return bool(_names(connection))


def _names(connection: Connection) -> list[str]:
    return sorted(inspect(connection).get_table_names())


def _revision(connection: Connection) -> str:
    revision: str = connection.execute(select(revisions().c.version_num)).scalar_one()
    return revision


def _ledger(session: Session, keys: KeyRing) -> Ledger:
    report = verify(session, keys)
    return Ledger(entries=report.entries, mac=report.head, sound=report.sound)
