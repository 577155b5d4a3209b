"""Dask: the aggregation over one partition a file, on threads or on a cluster the process is connected to.

It cannot place rows, so those few that the aggregation leaves are placed in pandas.
"""

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

import dask.dataframe as dd
import narwhals as nw
import pandas as pd

from analytics.engines.duckdb import DuckDBEngine
from analytics.engines.expression import FIGURES, Frame, Row
from analytics.engines.pandas import frame_of, rows_of
from analytics.engines.question import Plan
from analytics.engines.registry import Means

_FEW = 100_000  # rows of the database a partition


class DaskEngine:
    """Reads where it works: every worker must see the archive's folder."""

    ranks = False

    def __init__(self, means: Means) -> None:
        self._means = means

    def scan(self, files: Sequence[Path], plan: Plan) -> Frame:
        empty = pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in FIGURES.items()})
        parts: dd.DataFrame = dd.from_map(  # type: ignore[no-untyped-call]
            _read, list(files), plan=plan, means=self._means, meta=empty
        )
        return _frame(parts)

    def take(self, batches: Iterable[Sequence[Row]]) -> Frame:
        parts: dd.DataFrame = dd.from_pandas(frame_of(batches), chunksize=_FEW)  # type: ignore[no-untyped-call]
        return _frame(parts)

    def rows(self, frame: Frame) -> list[Row]:
        return rows_of(frame.collect("pandas").to_native())

    def close(self) -> None:
        """Nothing is held."""


def _frame(parts: dd.DataFrame) -> Frame:
    with warnings.catch_warnings():
        # Dask leaves narwhals for a package that does not exist yet; our bound on narwhals keeps it here.
        warnings.filterwarnings("ignore", "Dask support is moving", FutureWarning)
        return nw.from_native(parts)


def _read(file: Path, *, plan: Plan, means: Means) -> pd.DataFrame:
    reader = DuckDBEngine(means)
    try:
        frame: pd.DataFrame = reader.read([file], plan).df().astype(FIGURES)
        return frame
    finally:
        reader.close()
