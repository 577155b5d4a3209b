"""The connector of the tutorial where an installer would put it: `from example_connector import ...`."""

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import invalidate_caches
from pathlib import Path
from shutil import copy

import pytest

import connectors._registry as registry

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "tutorials" / "connector"


@contextmanager
def installed_connector(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """It is installed in this process and in those that it starts."""
    _install(folder)
    patch.syspath_prepend(str(folder))
    # The sandbox is a process of its own and has to see it too.
    patch.setenv("PYTHONPATH", f"{folder}:{ROOT}")
    _forget()
    yield
    patch.undo()
    _forget()


def _install(folder: Path) -> None:
    """Puts the example where an installer puts it: its modules, and beside them the distribution's facts."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text("utf-8"))
    facts = project["project"]
    info = folder / f"{facts['name'].replace('-', '_')}-{facts['version']}.dist-info"
    info.mkdir(parents=True)
    for module in project["tool"]["hatch"]["build"]["targets"]["wheel"]["include"]:
        copy(EXAMPLE / module, folder)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {facts['name']}\nVersion: {facts['version']}\n", "utf-8"
    )
    lines = []
    for group, entries in facts["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {place}" for name, place in entries.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n", "utf-8")


def _forget() -> None:
    """What is installed is asked again."""
    invalidate_caches()
    registry.platforms.cache_clear()
    registry.connector_for.cache_clear()
