"""Spark: where an organisation outgrows a machine. Only its own operations run: executors need no Python."""

import json
import os
import shutil
from collections.abc import Iterable, Sequence
from functools import reduce
from pathlib import Path

import narwhals as nw
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from analytics.engines.expression import FIGURES, Frame, Row
from analytics.engines.question import COUNTS, Plan
from analytics.engines.registry import Means
from config.errors import MeizhenError

_TYPES = ", ".join(f"{name}: {'string' if kind == 'str' else 'bigint'}" for name, kind in FIGURES.items())
_FROM_JSON = f"select inline(from_json(:rows, 'array<struct<{_TYPES}>>'))"
_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    # The folder month=2025-03 must not become a day.
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
    "spark.sql.ansi.enabled": "true",  # a sum that overflows is an error
}
_LOCAL = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": "8",
}


class SparkEngine:
    """A session on the master of the settings; what `spark-defaults.conf` says beside it holds too.

    Raises MeizhenError `engine.no_java`, or `engine.spark_failed` where no session comes up.
    """

    ranks = True

    def __init__(self, means: Means) -> None:
        if not os.environ.get("JAVA_HOME") and shutil.which("java") is None:
            raise MeizhenError("engine.no_java")
        builder = SparkSession.builder.master(means.spark_master).appName("meizhen")
        local = means.spark_master.startswith("local")
        for name, value in (_SETTINGS | (_LOCAL if local else {})).items():
            builder = builder.config(name, value)
        self._is_ours = SparkSession.getActiveSession() is None
        try:
            self._session = builder.getOrCreate()
        except Exception as error:  # what the JVM's bridge raises differs by version
            reason = str(error).strip().splitlines()[0]
            raise MeizhenError("engine.spark_failed", master=means.spark_master, reason=reason) from error

    def scan(self, files: Sequence[Path], plan: Plan) -> Frame:
        is_day = plan.question.level == "account_days"
        day, as_of = ("day", "day") if is_day else ("published_day", "as_of")
        told = {
            "article": (F.lit(0) if is_day else F.col("article_id")).cast("long"),
            "day": F.unix_date(F.col(day).cast("date")).cast("long"),
            "as_of": F.unix_date(F.col(as_of).cast("date")).cast("long"),
            "value": F.when(F.col("counts").isin(*COUNTS), F.expr("value div 1000000")).otherwise(
                F.col("value")
            ),
            "live": F.lit(0).cast("long"),
        }
        folder = str(files[0].parents[2])
        stored = self._session.read.option("basePath", folder).parquet(*map(str, files))
        inside = F.col(day).cast("date").between(plan.question.since, plan.question.until)
        wanted = stored.where(F.col("metric").isin(*plan.metrics) & inside)
        figures: Frame = nw.from_native(
            wanted.select(*(told.get(name, F.col(name)).alias(name) for name in FIGURES))
        )
        return figures

    def take(self, batches: Iterable[Sequence[Row]]) -> Frame:
        # As JSON: rows handed over as Python objects would need Python on every executor.
        parts = [self._session.sql(_FROM_JSON, args={"rows": _json(batch)}) for batch in batches]
        frame: Frame = nw.from_native(reduce(DataFrame.unionAll, parts))
        return frame

    def rows(self, frame: Frame) -> list[Row]:
        return [tuple(row) for row in frame.to_native().collect()]

    def close(self) -> None:
        if self._is_ours:  # a notebook's own session stays
            self._session.stop()


def _json(batch: Sequence[Row]) -> str:
    return json.dumps([dict(zip(FIGURES, row, strict=True)) for row in batch], ensure_ascii=False)
