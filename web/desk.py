"""What every part of the web works with: handed to each router, made once by `create_app`."""

from collections.abc import Callable
from dataclasses import dataclass

from config.clock import Clock
from config.database import Database
from config.secrets import KeyRing
from config.settings import Settings


@dataclass(frozen=True)
class Desk:
    """Settings, database, keys and time of the node; `wake` has its dispatcher look at the database now.

    `demo`: nothing of this house is published anywhere but to the sandbox, and every page says so.
    """

    settings: Settings
    database: Database
    keys: KeyRing
    clock: Clock
    wake: Callable[[], None]
    demo: bool = False
