"""Finds the platforms: public modules of this folder, and the entry-point group `meizhen.connectors`."""

import pkgutil
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

from connectors._contract import Connector

GROUP = "meizhen.connectors"


@cache
def platforms() -> tuple[str, ...]:
    """The names of all platforms, sorted; none of them is imported for it."""
    here = [module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)])]
    ours = {name for name in here if not name.startswith("_")}
    return tuple(sorted(ours | {entry.name for entry in entry_points(group=GROUP)}))


@cache
def connector_for(platform: str) -> Connector:
    """The connector of a platform. Raises KeyError for a name that `platforms()` does not give."""
    if platform not in platforms():
        raise KeyError(platform)
    for entry in entry_points(group=GROUP):
        if entry.name == platform:
            return _checked(platform, entry.load())
    return _checked(platform, import_module(f"connectors.{platform}").connector)


def _checked(platform: str, connector: object) -> Connector:
    if not isinstance(connector, Connector) or connector.platform != platform:
        raise TypeError(f"expected {platform!r} to export a Connector of that name as `connector`")
    return connector
