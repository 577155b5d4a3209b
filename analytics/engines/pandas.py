"""pandas: for frames that fit into memory. Its files are read through DuckDB: no pyarrow is needed."""

from collections.abc import Sequence
from pathlib import Path

import narwhals as nw
import pandas as pd

from analytics.engines.duckdb import DuckDBEngine
from analytics.engines.expression import FIGURES, Frame
from analytics.engines.registry import Means


class PandasEngine:
    """Everything asked for is in memory at once."""

    ranks = True

    def __init__(self, means: Means) -> None:
        self._reader = DuckDBEngine(means)

    def scan(self, files: Sequence[Path], metrics: Sequence[str]) -> Frame:
        return self.take(self._reader.read(files, metrics).df())

    def take(self, figures: pd.DataFrame) -> Frame:
        return nw.from_native(figures.astype(FIGURES)).lazy()

    def rows(self, frame: Frame) -> list[tuple[str | int, ...]]:
        return rows_of(frame.collect("pandas").to_native())

    def close(self) -> None:
        self._reader.close()


def rows_of(frame: pd.DataFrame) -> list[tuple[str | int, ...]]:
    """A frame's rows as plain text and whole numbers."""
    columns = [frame[name].tolist() for name in frame.columns]
    return list(zip(*columns, strict=True))
