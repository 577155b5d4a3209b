"""The database: one engine, read and write scopes, migrations. SQLite by default, PostgreSQL by address.

Datetimes are `datetime` columns of SQLModel, which stores UTC, gives aware values back and refuses naive
ones on both databases; migrations name the same type (`UTCDateTime`).
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVarTuple

from sqlalchemy import (
    BigInteger,
    Connection,
    CursorResult,
    Dialect,
    Engine,
    Select,
    TypeDecorator,
    create_engine,
    event,
    inspect,
    text,
)
from sqlalchemy.exc import ArgumentError, DatabaseError, InterfaceError, InternalError, OperationalError
from sqlmodel import Session

from config.clock import SystemClock
from config.errors import MeizhenError
from config.settings import Settings
from config.versions import Version, VersionTeller
from config.writers import WriterTurns

if TYPE_CHECKING:
    import sqlite3

_Columns = TypeVarTuple("_Columns")
# Statements kept, of each kind that depends on where somebody may look: made once a reach, not once a page.
REACHES = 256
# What a database that is away, locked or full raises: nothing was decided, and it may come back.
LOST = (OperationalError, InterfaceError, InternalError)
_BUSY_MILLISECONDS = 15_000
_POSTGRESQL_LIMITS = "SET LOCAL idle_in_transaction_session_timeout = '30s'; SET LOCAL lock_timeout = '15s'"
# A queue changes faster than what the server knows of it: left alone it reads whole tables for forty rows.
_POSTGRESQL_BY_KEY = "; ".join(
    f"SET LOCAL {name} = off" for name in ("enable_seqscan", "enable_hashjoin", "enable_mergejoin", "jit")
)
_OVERFLOW = 20  # connections beyond the pool's size while many senders write their short scopes


class Millionths(TypeDecorator[Decimal]):
    """An exact decimal with six places, stored as a whole number of millionths on every database.

    SQLite has no decimals; sums and maxima of this column stay exact there too. Raises ValueError for more
    than six places, and for what is not finite.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | int | None, dialect: Dialect) -> int | None:
        if value is None:
            return None
        scaled = Decimal(value).scaleb(6)
        if not scaled.is_finite() or scaled != scaled.to_integral_value():
            raise ValueError(f"expected a finite number with at most 6 decimals, got {value}")
        return int(scaled)

    def process_result_value(self, value: int | Decimal | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value).scaleb(-6)


@dataclass(frozen=True)
class ArchivePlace:
    """Where the archived months of a database lie, and what DuckDB may take to read and write them.

    `memory` is DuckDB's word for it (`192MB`); `temporary` is a folder for what does not fit.
    """

    folder: Path
    temporary: Path
    memory: str = "192MB"
    threads: int = 2


class Database:
    """One engine with two scopes. `read()` never commits; `write()` commits at its end or not at all."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._reading = engine.execution_options(meizhen_reads=True)
        self._by_key = engine.execution_options(meizhen_by_key=True)
        self._turns = WriterTurns()
        self._versions = VersionTeller(engine)

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @property
    def archive(self) -> ArchivePlace | None:
        """Where its archived months lie; None where it was opened without settings."""
        return archive_place(self.engine)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for questions: on SQLite it takes no write lock."""
        with Session(self._reading, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """As `read`, for a statement or two: a session takes longer to make than a row to be read."""
        with self._reading.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """As `write`, for a statement or two: on SQLite they go before longer work that waits as well."""
        with self._turn(short=True), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self, *, by_key: bool = False) -> Iterator[Session]:
        """A session in one transaction: committed at the end, rolled back on any exception.

        On SQLite it begins IMMEDIATE: two writers wait for each other here and not in the middle; the threads
        of one process take turns.
        `by_key` is for few rows out of many: PostgreSQL then looks every row up, whatever it believes of the
        tables' sizes.
        """
        engine = self._by_key if by_key else self.engine
        with self._turn(short=False), Session(engine, expire_on_commit=False) as session, session.begin():
            yield session

    def _turn(self, *, short: bool) -> AbstractContextManager[None]:
        if not self.is_sqlite:
            return nullcontext()
        return self._turns.turn(short=short, seconds=_BUSY_MILLISECONDS / 1000)

    def version(self) -> Version | None:
        """Which state it is in: the same again only while nobody commits. None where it does not answer."""
        return self._versions.version()

    def close(self) -> None:
        self._versions.close()
        self.engine.dispose()


def rows_of(
    session: Session, asked: Select[*_Columns], told: Mapping[str, object] | None = None
) -> CursorResult[*_Columns]:
    """Rows of columns, for what is asked at every page: the ORM's way round takes longer than the answer."""
    session.flush()
    return session.connection().execute(asked, told)


def open_database(settings: Settings) -> Database:
    """Opens the database of these settings; it does not migrate (`migrate`).

    Raises MeizhenError `database.bad_address`; whether it can be reached shows at the first question.
    """
    try:
        place = ArchivePlace(
            settings.archive_folder,
            settings.temporary_folder,
            settings.duckdb_memory,
            settings.duckdb_threads,
        )
        return connect(settings.database_address, archive=place)
    except (ArgumentError, ValueError):
        raise MeizhenError("database.bad_address") from None


def connect(address: str, *, pool_size: int = 5, archive: ArchivePlace | None = None) -> Database:
    """Opens the database at a SQLAlchemy address; parameters never appear in errors or logs.

    Without an `archive` it knows of no archived months, and questions about such are refused.
    """
    if address.startswith("sqlite"):
        engine = create_engine(
            address,
            hide_parameters=True,
            pool_size=pool_size,
            max_overflow=_OVERFLOW,
            connect_args={"timeout": _BUSY_MILLISECONDS / 1000},
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        engine = create_engine(
            address,
            hide_parameters=True,
            pool_pre_ping=True,
            pool_size=pool_size,
            max_overflow=_OVERFLOW,
            # A server that is gone without a word is noticed, not waited for.
            connect_args={"connect_timeout": 10, "keepalives_idle": 10, "tcp_user_timeout": 20_000},
        )
        event.listen(engine, "begin", _begin_postgresql)
    # With the engine, so that whoever reads in a session of it knows where the rest lies.
    engine.update_execution_options(meizhen_archive=archive)
    return Database(engine)


def archive_place(bound: Engine | Connection) -> ArchivePlace | None:
    """Where the archived months of this engine's or connection's database lie; None where nobody said."""
    place: ArchivePlace | None = bound.get_execution_options().get("meizhen_archive")
    return place


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # SQLAlchemy's own BEGIN, see _begin_sqlite
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_MILLISECONDS}")
    _keep_a_log(cursor)
    # FULL: an acknowledged post survives a power cut (WAL alone with NORMAL may lose the last commits).
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _keep_a_log(cursor: "sqlite3.Cursor") -> None:
    """Turns a new file to a write-ahead log. SQLite refuses while another does it (sqlite.org/wal.html).

    Its busy timeout does not hold against one who writes, so nodes that make the same file take turns here.
    """
    import sqlite3  # a node on PostgreSQL does without

    until = time.monotonic() + _BUSY_MILLISECONDS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as refused:
            if refused.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        time.sleep(0.01)


def _begin_sqlite(connection: Connection) -> None:
    reads = connection.get_execution_options().get("meizhen_reads")
    # Straight to the driver: SQLAlchemy's way round takes longer than a small transaction.
    driver: Any = connection.connection.driver_connection
    driver.execute("BEGIN" if reads else "BEGIN IMMEDIATE")


def _begin_postgresql(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("meizhen_reads"):
        return
    # A process that is stopped in mid-transaction does not keep its row locks for ever.
    asked = (
        f"{_POSTGRESQL_LIMITS}; {_POSTGRESQL_BY_KEY}" if options.get("meizhen_by_key") else _POSTGRESQL_LIMITS
    )
    connection.exec_driver_sql(asked)


def clock_of(database: Database) -> SystemClock:
    """The clock that all nodes of a database share: its server's, else this machine's.

    Due times and leases are compared by it, so that two machines whose clocks differ agree (decision 0005).
    Raises MeizhenError `database.unreachable`.
    """
    if database.is_sqlite:
        return SystemClock()
    ahead: list[tuple[timedelta, timedelta]] = []
    with reaching(), database.read() as session:
        for _ in range(3):  # the quickest answer tells best
            asked = datetime.now(UTC)
            told: datetime = session.execute(text("SELECT clock_timestamp()")).scalar_one()
            took = datetime.now(UTC) - asked
            ahead.append((abs(took), told - asked - took / 2))
    return SystemClock(ahead=min(ahead)[1])


def migrate(database: Database) -> None:
    """Brings the tables to the newest revision, forward only; does nothing where they are there."""
    with database.engine.begin() as connection:
        migrate_within(connection)


def migrate_within(connection: Connection) -> None:
    """The same within a transaction of the caller's, with which it stands or falls."""
    from alembic import command
    from alembic.config import Config

    configuration = Config()
    configuration.set_main_option("script_location", str(_migrations()))
    configuration.set_main_option("path_separator", "os")
    if connection.dialect.name == "postgresql":
        # Two nodes that start together: one migrates, the other waits and finds it done.
        connection.execute(text("SELECT pg_advisory_xact_lock(7236401)"))
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, "head")


def require_newest(database: Database) -> None:
    """Raises MeizhenError where the tables are older or newer than this program, or cannot be reached."""
    newest = newest_revision()
    with reaching(), database.read() as session:
        made = inspect(session.connection()).has_table("alembic_version")
        found = session.execute(text("SELECT version_num FROM alembic_version")).scalar() if made else None
    if found is None or found < newest:
        raise MeizhenError("database.old_tables", found=found or "–", newest=newest)
    if found > newest:
        raise MeizhenError("database.new_tables", found=found, newest=newest)


def newest_revision() -> str:
    """The revision of the tables that this program works with."""
    return max(file.name.partition("_")[0] for file in (_migrations() / "versions").glob("[0-9]*.py"))


@contextmanager
def reaching() -> Iterator[None]:
    """Within this, a database that is not there raises MeizhenError `database.unreachable`."""
    try:
        yield
    except DatabaseError as error:
        if type(error) not in (OperationalError, DatabaseError):
            raise  # a mistake of ours, not of the place
        # Drivers name host, port and user here, never the password; one line of it is enough.
        reason = next(iter(str(error.orig).splitlines()), type(error).__name__)
        raise MeizhenError("database.unreachable", reason=reason) from None


def _migrations() -> Path:
    spec = find_spec("migrations")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("expected the package `migrations` beside the others: install Meizhen again")
    return Path(next(iter(spec.submodule_search_locations)))
