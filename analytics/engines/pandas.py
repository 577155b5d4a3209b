"""pandas: for frames that fit into memory. Its files are read through DuckDB: no pyarrow is needed."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import narwhals as nw
import pandas as pd

from analytics.engines.duckdb import DuckDBEngine
from analytics.engines.expression import FIGURES, Frame, Row
from analytics.engines.question import Plan
from analytics.engines.registry import Means


class PandasEngine:
    """Everything asked for is in memory at once."""

    ranks = True

    def __init__(self, means: Means) -> None:
        self._reader = DuckDBEngine(means)

    def scan(self, files: Sequence[Path], plan: Plan) -> Frame:
        figures: pd.DataFrame = self._reader.read(files, plan).df().astype(FIGURES)
        return nw.from_native(figures).lazy()

    def take(self, batches: Iterable[Sequence[Row]]) -> Frame:
        return nw.from_native(frame_of(batches)).lazy()

    def rows(self, frame: Frame) -> list[Row]:
        return rows_of(frame.collect("pandas").to_native())

    def close(self) -> None:
        self._reader.close()


def frame_of(batches: Iterable[Sequence[Row]]) -> pd.DataFrame:
    """The rows of all batches as one frame."""
    rows = [row for batch in batches for row in batch]
    return pd.DataFrame(rows, columns=list(FIGURES)).astype(FIGURES)


def rows_of(frame: pd.DataFrame) -> list[Row]:
    """A frame's rows as plain text and whole numbers."""
    columns = [frame[name].tolist() for name in frame.columns]
    return list(zip(*columns, strict=True))
