"""One side of `benchmarks.aggregation` in a process of its own: `ours`, `sql` or `pandas`.

All three answer the same: of every account, the newest figure of each article of the year by one name, added
up and placed; the first twenty. The answer goes into a file, so that the three can be compared.
"""

import json
import sys
import threading
from collections.abc import Callable
from datetime import date
from pathlib import Path

from benchmarks._archive import YEAR
from benchmarks._process import run

SINCE, UNTIL = date(YEAR, 1, 1), date(YEAR, 12, 31)
LIMIT = 20
MEMORY_MB, THREADS = 192, 2

# As one would write it by hand: one pass, the newest of an article by arg_max.
_SQL = """
with chosen as (
  select account, arg_max(value, (case source_kind when 'api' then 2 when 'import' then 1 else 0 end) * 100000
      + (as_of - date '1970-01-01')) as value
  from read_parquet('{files}', hive_partitioning = true)
  where metric = 'read_people' and platform = 'wechat' and published_day between '{since}' and '{until}'
  group by account, article_id
), summed as (
  select account, cast(sum(value) // 1000000 as bigint) as value, count(*) as figures
  from chosen group by account
)
select * from (select account, value, figures, rank() over (order by value desc) as place from summed)
where place <= {limit}
"""

Rows = list[tuple[str, int, int, int]]


def ours(folder: Path) -> Callable[[], Rows]:
    import duckdb  # noqa: F401  what a side needs is imported before it is let go
    import narwhals  # noqa: F401

    import analytics.engines.duckdb  # noqa: F401
    from analytics.engines.question import Meaning, Question, plan
    from analytics.engines.registry import Means
    from analytics.engines.top import answer_plan

    asked = plan(
        Question("read_people", {"wechat": Meaning("people", "cumulative")}, SINCE, UNTIL, limit=LIMIT)
    )
    means = Means(memory=f"{MEMORY_MB}MB", threads=THREADS)

    def work() -> Rows:
        found = answer_plan(None, asked, engine="duckdb", archive=folder, means=means)
        return [(row.name, int(row.value), row.figures, row.place) for row in found.rows]

    return work


def sql(folder: Path) -> Callable[[], Rows]:
    import tempfile

    import duckdb

    query = _SQL.format(
        files=folder / "articles/month=*/platform=*/*.parquet", since=SINCE, until=UNTIL, limit=LIMIT
    )

    def work() -> Rows:
        with tempfile.TemporaryDirectory() as spill:
            options = {
                "memory_limit": f"{MEMORY_MB}MB",
                "threads": THREADS,
                "temp_directory": spill,
                "preserve_insertion_order": False,
            }
            with duckdb.connect(config=options) as connection:
                connection.execute("set enable_progress_bar = false")
                return connection.execute(query).fetchall()

    return work


def pandas(folder: Path) -> Callable[[], Rows]:
    import pandas as pd
    import pyarrow.dataset  # noqa: F401

    columns = ["account", "article_id", "as_of", "value", "source_kind"]
    chosen = [
        ("metric", "==", "read_people"),
        ("platform", "==", "wechat"),
        ("published_day", ">=", SINCE),
        ("published_day", "<=", UNTIL),
    ]

    def work() -> Rows:
        frame = pd.read_parquet(folder / "articles", columns=columns, filters=chosen)
        frame["source"] = frame["source_kind"].map({"api": 2, "import": 1}).fillna(0)
        newest = frame.sort_values(["source", "as_of"]).drop_duplicates("article_id", keep="last")
        summed = newest.groupby("account")["value"].agg(["sum", "count"]).reset_index()
        summed["value"] = summed["sum"] // 1_000_000
        summed["place"] = summed["value"].rank(method="min", ascending=False).astype("int64")
        first = summed[summed["place"] <= LIMIT]
        cells = [first[name].tolist() for name in ("account", "value", "count", "place")]
        return list(zip(*cells, strict=True))

    return work


def main() -> None:
    side, folder, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    work = {"ours": ours, "sql": sql, "pandas": pandas}[side](folder)

    def once(_: threading.Event) -> None:
        out.write_text(json.dumps(sorted(work(), key=lambda row: (row[3], row[0]))), "utf-8")

    run(once)


if __name__ == "__main__":
    main()
