"""Archives for tests: figures written as Parquet in the archive's layout, and the same as the database's."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import duckdb
import pandas as pd

AT = datetime(2026, 1, 10, tzinfo=UTC)


@dataclass(frozen=True)
class Told:
    """A figure as the archive holds it. `age` is the days from the article's day to the figure's."""

    platform: str
    account: str  # the handle
    unit: str
    article: str  # '' for an account's day
    day: date
    metric: str
    counts: str
    kind: str
    age: int
    millionths: int
    source_kind: str = "api"

    @property
    def as_of(self) -> date:
        return self.day + timedelta(days=self.age)

    @property
    def partition(self) -> str:
        return f"month={self.day:%Y-%m}/platform={self.platform}"


def article_number(article: str) -> int:
    """An id for an article of this name; 0 for none."""
    return zlib.crc32(article.encode()) if article else 0


_ARTICLES = {
    "account": "VARCHAR",
    "unit": "VARCHAR",
    "article_id": "BIGINT",
    "remote_id": "VARCHAR",
    "title": "VARCHAR",
    "url": "VARCHAR",
    "published_at": "TIMESTAMP",
    "published_day": "DATE",
    "position": "INTEGER",
    "original": "BOOLEAN",
}
_DAYS = {"account": "VARCHAR", "unit": "VARCHAR", "day": "DATE"}
_FIGURE = {
    "metric": "VARCHAR",
    "counts": "VARCHAR",
    "kind": "VARCHAR",
    "as_of": "DATE",
    "value": "BIGINT",
    "source_kind": "VARCHAR",
    "source": "VARCHAR",
    "source_row": "INTEGER",
    "collected_at": "TIMESTAMP",
}


def write_archive(folder: Path, figures: Sequence[Told]) -> None:
    """Writes every partition that the figures need; whether articles or days is told by the article."""
    for level, wanted in (("articles", True), ("account_days", False)):
        partitions: dict[str, list[Told]] = {}
        for figure in figures:
            if bool(figure.article) is wanted:
                partitions.setdefault(figure.partition, []).append(figure)
        for name, rows in partitions.items():
            _write(folder / level / name / "part.parquet", rows)


def _write(file: Path, rows: Sequence[Told]) -> None:
    is_article = bool(rows[0].article)
    figure = {name: kind for name, kind in _FIGURE.items() if is_article or name != "as_of"}
    columns = (_ARTICLES if is_article else _DAYS) | figure
    file.parent.mkdir(parents=True, exist_ok=True)
    cells = {name: [_cells(row)[name] for row in rows] for name in columns}
    frame = pd.DataFrame({name: pd.Series(cells[name], dtype="object") for name in columns})
    kept = ", ".join(f"cast({name} as {kind}) as {name}" for name, kind in columns.items())
    order = f"account, metric, {'published_day' if is_article else 'day'}"
    with duckdb.connect() as connection:
        connection.from_df(frame).project(kept).order(order).write_parquet(str(file), compression="zstd")


def _cells(row: Told) -> dict[str, object]:
    return {
        "account": f"{row.platform}:{row.account}",
        "unit": row.unit,
        "article_id": article_number(row.article),
        "remote_id": row.article,
        "title": f"标题{row.article}",
        "url": "",
        "published_at": datetime.combine(row.day, time(4)),
        "published_day": row.day,
        "position": 1,
        "original": None,
        "metric": row.metric,
        "counts": row.counts,
        "kind": row.kind,
        "as_of": row.as_of,
        "day": row.day,
        "value": row.millionths,
        "source_kind": row.source_kind,
        "source": "test",
        "source_row": None,
        "collected_at": AT.replace(tzinfo=None),
    }
