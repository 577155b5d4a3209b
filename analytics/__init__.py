"""What comes back: articles and their figures, collected, imported, exported, ranked.

Names are imported when first asked for: a command that ranks nothing must not wait for pandas.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analytics.awards.ranking import rank
    from analytics.awards.run import run_award
    from analytics.collection import collect
    from analytics.engines.top import top
    from analytics.exports import export_week
    from analytics.frames import load
    from analytics.imports import import_figures
    from analytics.weeks import weekly

_ROOMS = {
    "collect": "collection",
    "export_week": "exports",
    "import_figures": "imports",
    "load": "frames",
    "rank": "awards.ranking",
    "run_award": "awards.run",
    "top": "engines.top",
    "weekly": "weeks",
}

__all__ = ["collect", "export_week", "import_figures", "load", "rank", "run_award", "top", "weekly"]


def __getattr__(name: str) -> object:
    if name not in _ROOMS:
        raise AttributeError(f"module 'analytics' has no attribute {name!r}")
    return getattr(import_module(f"analytics.{_ROOMS[name]}"), name)
