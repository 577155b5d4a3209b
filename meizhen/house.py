"""The opened house: what a command or the service works with. Wiring only."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from config.clock import Clock, SystemClock
from config.database import Database, open_database
from config.errors import MeizhenError
from config.secrets import KeyRing, load_key_file
from config.settings import Settings, load_settings

KEY_FILE = "keys.json"
MEDIA_FOLDER = "media"


@dataclass(frozen=True)
class House:
    """Settings, database, keys and time of one installation; `actor` is who acts, for the ledger."""

    settings: Settings
    database: Database
    keys: KeyRing
    clock: Clock
    actor: str

    @property
    def media_folder(self) -> Path:
        return self.settings.home / MEDIA_FOLDER


@contextmanager
def open_house(settings: Settings | None = None, clock: Clock | None = None) -> Iterator[House]:
    """Opens the home folder's house. Raises MeizhenError `house.not_made` before `meizhen init`."""
    settings = settings or load_settings()
    if not (settings.home / KEY_FILE).exists():
        raise MeizhenError("house.not_made", home=settings.home)
    keys = load_key_file(settings.home / KEY_FILE)
    database = open_database(settings)
    try:
        yield House(settings, database, keys, clock or SystemClock(), settings.actor or _user())
    finally:
        database.close()


def _user() -> str:
    try:
        return f"cli:{getpass.getuser()}"
    except (OSError, KeyError):
        return "cli"
