"""A made-up year of figures in the archive's layout, written by DuckDB itself, month by month.

Every account publishes so many articles a month; each has five figures at five ages, its counts growing with
age. The same numbers every time: they come from hashes.
"""

from datetime import date
from pathlib import Path

YEAR = 2025
METRICS = ("read_people", "share", "recommend_heart", "like", "finish_rate")
AGES = (1, 2, 3, 7, 30)
PER_ARTICLE = len(METRICS) * len(AGES)

_FIGURES = """
with article as (
  select a as number, n as place,
    'wechat:gh_' || lpad(cast(a as varchar), 6, '0') as account,
    'NM-' || lpad(cast(a % 103 as varchar), 3, '0') as unit,
    make_date({year}, {month}, cast(1 + hash(a, n, {month}) % {days} as integer)) as published_day
  from range({accounts}) t(a), range({articles}) s(n)
), figure as (
  select *, unnest(['read_people', 'share', 'recommend_heart', 'like', 'finish_rate']) as metric,
    unnest([1, 30, 90, 60, 0]) as share_of_reads
  from article
), told as (
  select *, unnest([1, 2, 3, 7, 30]) as age, unnest([60, 75, 82, 93, 100]) as grown from figure
)
select account, unit, number * 2000 + {month} * 100 + place as article_id,
  '26' || lpad(cast(number * 2000 + {month} * 100 + place as varchar), 10, '0') || '_1' as remote_id,
  '青年大学习 ' || cast(place as varchar) as title,
  'https://site.invalid/s/' || cast(number * 2000 + {month} * 100 + place as varchar) as url,
  cast(published_day as timestamp) + interval 4 hour as published_at,
  published_day, 1 as position, true as original, metric,
  if(metric = 'finish_rate', 'rate', 'people') as counts, 'cumulative' as kind,
  published_day + age as as_of,
  cast(if(metric = 'finish_rate', 300000 + hash(number, place, {month}) % 400000,
    (1 + (hash(number, place, {month}) % 30000) * (1 + number % 7) * grown // 100
      // greatest(share_of_reads, 1)) * 1000000) as bigint) as value,
  'api' as source_kind, 'wechat getarticletotaldetail' as source, cast(null as integer) as source_row,
  cast(published_day + age + 1 as timestamp) as collected_at
from told order by account, metric, published_day
"""


def write_year(folder: Path, accounts: int, rows: int, *, memory_mb: int = 2000, threads: int = 2) -> int:
    """Writes the archive and gives how many figures it has: at least `rows`. One that is there is kept."""
    import duckdb

    a_month = -(-rows // (accounts * PER_ARTICLE * 12))
    done = folder / f"of-{accounts}-{a_month}"
    if not done.exists():
        options = {
            "memory_limit": f"{memory_mb}MB",
            "threads": threads,
            "temp_directory": str(folder / "spill"),
        }
        with duckdb.connect(config=options) as connection:
            for month in range(1, 13):
                _write_month(connection, folder, month, accounts, a_month)
        done.touch()
    return accounts * a_month * 12 * PER_ARTICLE


def _write_month(connection: object, folder: Path, month: int, accounts: int, articles: int) -> None:
    import duckdb

    assert isinstance(connection, duckdb.DuckDBPyConnection)
    days = (date(YEAR + month // 12, month % 12 + 1, 1) - date(YEAR, month, 1)).days
    query = _FIGURES.format(year=YEAR, month=month, days=days, accounts=accounts, articles=articles)
    file = folder / "articles" / f"month={YEAR}-{month:02d}" / "platform=wechat" / "part.parquet"
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    written = file.with_suffix(".part")
    connection.execute(f"copy ({query}) to '{written}' (format parquet, compression zstd)")
    written.rename(file)
