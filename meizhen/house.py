"""The house: made once by `meizhen init`, opened by every command and by the service. Wiring only."""

import getpass
import json
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import ColumnElement
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from config.clock import Clock
from config.database import Database, clock_of, migrate, open_database, reaching, require_newest
from config.errors import MeizhenError
from config.logging import configure_logging, hide
from config.secrets import KeyRing, create_key_file, load_key_file
from config.settings import Settings, load_settings
from meizhen.acting import acting

if TYPE_CHECKING:
    from organisation import Act, Standing

KEY_FILE = "keys.json"
MEDIA_FOLDER = "media"
SETTINGS_FILE = "settings.toml"
RESTORING_FILE = "restoring.json"  # while it is there, a backup is being put back (`meizhen.backup.places`)
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 10.0  # seconds between two tries to reach the database
_log = structlog.get_logger("meizhen.house")


@dataclass(frozen=True)
class House:
    """Settings, database, keys and time of one installation; `actor` is who acts, for the ledger.

    `person` is who acts where somebody is named (`meizhen.acting`), with their roles as they were when the
    house was opened; None is the operator.
    """

    settings: Settings
    database: Database
    keys: KeyRing
    clock: Clock
    actor: str
    person: "Standing | None" = None

    @property
    def media_folder(self) -> Path:
        return self.settings.home / MEDIA_FOLDER

    @property
    def key_file(self) -> Path:
        return self.settings.home / KEY_FILE

    def sight(self, act: "Act") -> ColumnElement[bool] | None:
        """The condition on units that lists of a person keep to; None for the operator, who sees all."""
        from organisation import in_sight

        return None if self.person is None else in_sight(self.person, act)

    def answers_for(self, session: Session, kind: str, ids: Sequence[int]) -> None:
        """The person who acts answers for what they made; the operator for nothing."""
        from organisation import Person, put_in_charge

        person = None if self.person is None else session.get(Person, self.person.person_id)
        if person is not None:
            put_in_charge(session, person, kind, ids, at=self.clock.now())


@contextmanager
def open_house(settings: Settings | None = None, clock: Clock | None = None) -> Iterator[House]:
    """Opens the home folder's house.

    Raises MeizhenError: not made yet, tables of another version, database not there, keys that are not those
    of this database.
    """
    from organisation import check_keys

    settings = settings or load_settings()
    configure_logging(settings.log_level)
    require_restored(settings.home)
    if not (settings.home / KEY_FILE).exists():
        raise MeizhenError("house.not_made", home=settings.home)
    keys = load_key_file(settings.home / KEY_FILE)
    database = open_database(settings)
    hide(database.engine.url.password or "")
    try:
        require_newest(database)
        with reaching(), database.read() as session:
            check_keys(session, keys)
        yield _house(settings, database, keys, clock or clock_of(database))
    finally:
        database.close()


def _house(settings: Settings, database: Database, keys: KeyRing, clock: Clock) -> House:
    from organisation import PersonState, find_person, standing_of

    actor, login = operator_of(settings), acting()
    if login is None:
        return House(settings, database, keys, clock, actor)
    with reaching(), database.read() as session:
        found = find_person(session, login)
        if found.state != PersonState.ACTIVE:
            raise MeizhenError("person.not_active", login=found.login)
        person = standing_of(session, found)
    # Whoever has the shell may name anybody: the ledger tells both.
    return House(settings, database, keys, clock, f"{person.subject} ({actor})"[:120], person)


@contextmanager
def await_house(stop: threading.Event) -> Iterator[House | None]:
    """The same for a node, which waits while the database is away; None when `stop` came first.

    Everything else is refused at once, as by `open_house`.
    """
    with ExitStack() as opened:
        yield _awaited(opened, stop)


def _awaited(opened: ExitStack, stop: threading.Event) -> House | None:
    wait = _FIRST_WAIT
    while not stop.is_set():
        try:
            return opened.enter_context(open_house())
        except MeizhenError as error:
            if error.code != "database.unreachable" or not isinstance(error.__context__, OperationalError):
                raise  # a file that is no database stays none
            _log.warning("database_unreachable", reason=str(error.params["reason"]), next_try_seconds=wait)
        stop.wait(wait)
        wait = min(2 * wait, _LONGEST_WAIT)
    return None


def make_house(settings: Settings, clock: Clock | None = None) -> bool:
    """Makes what the home folder lacks: settings, keys, media, tables; True where it was not made before.

    Nothing that is there is touched, but older tables are brought up to date. Raises MeizhenError where the
    folder cannot be written, or where the keys of a database in use are missing: new ones would not fit.
    """
    require_restored(settings.home)
    database = open_database(settings)
    try:
        _make_folders(settings.home)
        with reaching():
            migrate(database)
        keys = _keys(settings.home / KEY_FILE, database)
        return _open_ledger(database, keys, clock or clock_of(database), operator_of(settings))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise MeizhenError("house.not_writable", home=settings.home, reason=reason) from None
    finally:
        database.close()


def require_restored(home: Path) -> None:
    """Raises MeizhenError `house.restoring` where a backup was not put back to the end."""
    try:
        file = json.loads((home / RESTORING_FILE).read_text("utf-8"))["file"]
    except (FileNotFoundError, NotADirectoryError):
        return
    except (ValueError, KeyError):
        file = "FILE"
    raise MeizhenError("house.restoring", home=home, file=file)


def _make_folders(home: Path) -> None:
    from config.reference import settings_file

    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    (home / MEDIA_FOLDER).mkdir(exist_ok=True, mode=0o700)
    try:
        # It may come to hold the database's password.
        descriptor = os.open(home / SETTINGS_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(settings_file())


def _keys(path: Path, database: Database) -> KeyRing:
    from organisation import has_entries

    if not path.exists():
        with database.read() as session:
            if has_entries(session):
                raise MeizhenError("secrets.no_key_file", path=path)
        with suppress(FileExistsError):  # made by another init just now
            create_key_file(path)
    return load_key_file(path)


def _open_ledger(database: Database, keys: KeyRing, clock: Clock, actor: str) -> bool:
    """Writes the first entry: a ledger without any counts as emptied."""
    from organisation import has_entries, record

    with database.write() as session:
        if has_entries(session):
            return False
        record(session, keys, at=clock.now(), actor=actor, act="house.init", subject="house")
    return True


def operator_of(settings: Settings) -> str:
    """Who acts where nobody is named."""
    return settings.actor or _user()


def _user() -> str:
    try:
        return f"cli:{getpass.getuser()}"[:80]
    except (OSError, KeyError):
        return "cli"
