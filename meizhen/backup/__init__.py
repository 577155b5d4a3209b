"""The backup of a house: taken into one file, checked, and put back into an empty house.

`bundle` is the file's form, `manifest` what it says of itself, `tables` the way of the database, `taking`,
`checking` and `restoring` the three acts, `holding` what a person decides after a restore.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meizhen.backup.checking import check_backup
    from meizhen.backup.manifest import Manifest
    from meizhen.backup.restoring import restore
    from meizhen.backup.taking import take_backup

_ROOMS = {
    "Manifest": "manifest",
    "check_backup": "checking",
    "restore": "restoring",
    "take_backup": "taking",
}

__all__ = ["Manifest", "check_backup", "restore", "take_backup"]


def __getattr__(name: str) -> object:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
