"""What every room stands on: settings, database, clock, secrets, texts. Imports nothing of ours.

Names are imported when first asked for: `meizhen --help` must not wait for the database library.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config.clock import Clock, ManualClock, SystemClock
    from config.database import Database, migrate, open_database
    from config.errors import InputError, MeizhenError, Problem
    from config.settings import Settings, load_settings

_ROOMS = {
    "Clock": "clock",
    "Database": "database",
    "InputError": "errors",
    "ManualClock": "clock",
    "MeizhenError": "errors",
    "Problem": "errors",
    "Settings": "settings",
    "SystemClock": "clock",
    "load_settings": "settings",
    "migrate": "database",
    "open_database": "database",
}

__all__ = [
    "Clock",
    "Database",
    "InputError",
    "ManualClock",
    "MeizhenError",
    "Problem",
    "Settings",
    "SystemClock",
    "load_settings",
    "migrate",
    "open_database",
]


def __getattr__(name: str) -> object:
    if name not in _ROOMS:
        raise AttributeError(f"module 'config' has no attribute {name!r}")
    return getattr(import_module(f"config.{_ROOMS[name]}"), name)
