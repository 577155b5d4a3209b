"""Engines by name. One that is not installed says what to install."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from config.errors import InputError, MeizhenError, Problem

if TYPE_CHECKING:
    from analytics.engines.expression import Frame, Row
    from analytics.engines.question import Plan

DEFAULT = "duckdb"


@dataclass(frozen=True)
class Means:
    """What an engine may use. `memory` and `threads` bound DuckDB; Spark has its own settings.

    What does not fit into the memory lies in a folder of its own within `spill`, or the system's without it.
    """

    memory: str = "192MB"
    threads: int = 2
    spill: Path | None = None
    spark_master: str = "local[*]"


class Engine(Protocol):
    """How an engine reads figures and gives rows; the work itself is `analytics.engines.expression`."""

    ranks: bool
    """Whether it can place rows; where not, the aggregated rows are placed in pandas."""

    def scan(self, files: Sequence[Path], plan: "Plan") -> "Frame":
        """The figures of the plan's names and days in files of the archive, as the columns of `FIGURES`."""
        ...

    def take(self, batches: "Iterable[Sequence[Row]]") -> "Frame":
        """The same from rows, batch by batch."""
        ...

    def rows(self, frame: "Frame") -> "list[Row]":
        """Runs what was asked; the order of rows is the engine's."""
        ...

    def close(self) -> None:
        """Gives everything back."""
        ...


@dataclass(frozen=True)
class _Entry:
    module: str
    factory: str
    needs: tuple[str, ...]
    install: str


_ENTRIES = {
    "duckdb": _Entry("analytics.engines.duckdb", "DuckDBEngine", ("duckdb",), "."),
    "pandas": _Entry("analytics.engines.pandas", "PandasEngine", ("pandas", "duckdb"), "."),
    "dask": _Entry("analytics.engines.dask", "DaskEngine", ("dask", "pyarrow"), ".[dask]"),
    "spark": _Entry("analytics.engines.spark", "SparkEngine", ("pyspark",), ".[spark]"),
}
ENGINES = tuple(_ENTRIES)
"""The names that may be asked for."""


def is_installed(name: str) -> bool:
    """Whether the engine's libraries are there (Spark needs Java besides)."""
    return all(find_spec(module) is not None for module in _ENTRIES[name].needs)


@contextmanager
def open_engine(name: str, means: Means | None = None) -> "Iterator[Engine]":
    """The engine of that name, closed at the end.

    Raises InputError for a name that is not known, MeizhenError `engine.missing` with what to install.
    """
    entry = _ENTRIES.get(name)
    if entry is None:
        known = ", ".join(ENGINES)
        raise InputError("engine", [Problem("engine.unknown", params={"received": name, "known": known})])
    missing = [module for module in entry.needs if find_spec(module) is None]
    if missing:
        raise MeizhenError("engine.missing", engine=name, missing=", ".join(missing), install=entry.install)
    engine: Engine = getattr(import_module(entry.module), entry.factory)(means or Means())
    try:
        yield engine
    finally:
        engine.close()
