"""DuckDB: the default. It reads the archive's files itself and holds no more memory than it is given."""

import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

import duckdb
import narwhals as nw

from analytics.engines.expression import FIGURES, Frame, Row
from analytics.engines.question import COUNTS, Plan
from analytics.engines.registry import Means

_EPOCH = "date '1970-01-01'"
_TYPES = ", ".join(f"{name} {'varchar' if kind == 'str' else 'bigint'}" for name, kind in FIGURES.items())


def columns_of_files(plan: Plan) -> str:
    """The projection from a file's columns to those of `FIGURES`."""
    is_day = plan.question.level == "account_days"
    day, as_of = ("day", "day") if is_day else ("published_day", "as_of")
    counts = ", ".join(f"'{unit}'" for unit in COUNTS)
    whole = "value // 1000000"
    told = {
        "article": "cast(0 as bigint)" if is_day else "cast(article_id as bigint)",
        "month": "left(cast(month as varchar), 7)",
        "day": f"cast(cast({day} as date) - {_EPOCH} as bigint)",
        "as_of": f"cast(cast({as_of} as date) - {_EPOCH} as bigint)",
        "value": whole if plan.is_whole else f"case when counts in ({counts}) then {whole} else value end",
        "live": "cast(0 as bigint)",
    }
    return ", ".join(f"{told[name]} as {name}" if name in told else name for name in FIGURES)


class DuckDBEngine:
    """A connection in memory; what does not fit spills into a temporary folder."""

    ranks = True

    def __init__(self, means: Means) -> None:
        self._left = ExitStack()
        if means.spill is not None:
            means.spill.mkdir(parents=True, exist_ok=True)
        spill = self._left.enter_context(
            tempfile.TemporaryDirectory(prefix="reading-", dir=means.spill, ignore_cleanup_errors=True)
        )
        self.connection = duckdb.connect(
            config={
                "memory_limit": means.memory,
                "threads": means.threads,
                "temp_directory": spill,
                "preserve_insertion_order": False,
                # Nothing is fetched from DuckDB's own host.
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
        )
        # It would stand in standard output, among the answers.
        self.connection.execute("set enable_progress_bar = false")

    def read(self, files: Sequence[Path], plan: Plan) -> duckdb.DuckDBPyRelation:
        """The figures of the plan's names and days in the files."""
        question = plan.question
        day = duckdb.ColumnExpression("day" if question.level == "account_days" else "published_day")
        inside = day.between(
            duckdb.ConstantExpression(question.since), duckdb.ConstantExpression(question.until)
        )
        wanted = duckdb.ColumnExpression("metric").isin(*map(duckdb.ConstantExpression, plan.metrics))
        stored = self.connection.read_parquet([str(file) for file in files], hive_partitioning=True)
        return stored.filter(wanted & inside).project(columns_of_files(plan))

    def scan(self, files: Sequence[Path], plan: Plan) -> Frame:
        return nw.from_native(self.read(files, plan))

    def take(self, batches: Iterable[Sequence[Row]]) -> Frame:
        self.connection.execute(f"create temp table live ({_TYPES})")
        # By whole columns: row by row it takes minutes, and importing pandas takes longer than the answer.
        insert = f"insert into live select {', '.join('unnest(?)' for _ in FIGURES)}"
        for batch in batches:
            self.connection.execute(insert, [list(column) for column in zip(*batch, strict=True)])
        return nw.from_native(self.connection.table("live"))

    def rows(self, frame: Frame) -> list[Row]:
        relation: duckdb.DuckDBPyRelation = frame.to_native()
        return relation.fetchall()

    def close(self) -> None:
        self.connection.close()
        self._left.close()
