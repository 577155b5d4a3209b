"""The doubles: public modules of `sandbox/platforms/`, and what others offer in the group `meizhen.sandbox`.

A double is a module with `router(world) -> APIRouter` and `example(world, handle) -> SandboxAccount`.
"""

import pkgutil
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

GROUP = "meizhen.sandbox"


def doubles() -> dict[str, Any]:
    """Every double by its platform; what others offer comes first, as with connectors."""
    found: dict[str, Any] = {}
    for module in pkgutil.iter_modules([str(Path(__file__).with_name("platforms"))]):
        if not module.name.startswith("_"):
            found[module.name] = import_module(f"sandbox.platforms.{module.name}")
    return found | {entry.name: entry.load() for entry in entry_points(group=GROUP)}
