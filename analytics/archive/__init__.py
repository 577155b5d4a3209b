"""The archive: figures of closed months as Parquet files, out of the database, read as if they were in it.

Names are imported when first asked for, except the tables, which the database must know.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from analytics.archive.partitions import archived_figures, is_archived

if TYPE_CHECKING:
    from analytics.archive.months import plan_archive
    from analytics.archive.reading import with_archive
    from analytics.archive.verifying import verify_archive
    from analytics.archive.writing import archive_months

_ROOMS = {
    "archive_months": "writing",
    "plan_archive": "months",
    "verify_archive": "verifying",
    "with_archive": "reading",
}

__all__ = [
    "archive_months",
    "archived_figures",
    "is_archived",
    "plan_archive",
    "verify_archive",
    "with_archive",
]


def __getattr__(name: str) -> object:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
