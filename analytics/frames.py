"""Figures as pandas DataFrames: one row a figure, columns and dtypes fixed, also where there are no rows."""

from datetime import date
from typing import TYPE_CHECKING, Any, cast

from analytics.selection import NAMES, FigureKind, selected_figures
from config.database import Database

if TYPE_CHECKING:
    import pandas as pd

_DAY = "datetime64[s]"
_MOMENT = "datetime64[us, Asia/Shanghai]"
_DTYPES = {
    "article_id": "int64",
    "remote_id": "str",
    "title": "str",
    "url": "str",
    "published_at": _MOMENT,
    "published_day": _DAY,
    "position": "Int64",
    "original": "boolean",
    "as_of": _DAY,
    "age": "int64",
    "day": _DAY,
    "value": "float64",
    "source_row": "Int64",
    "collected_at": _MOMENT,
}


def _columns(kind: FigureKind) -> dict[str, str]:
    names = list(NAMES[kind])
    if "as_of" in names:
        names.insert(names.index("as_of") + 1, "age")
    return {name: _DTYPES.get(name, "category") for name in names}


COLUMNS = {kind: _columns(kind) for kind in NAMES}
"""Column → dtype of each kind of frame, in order."""


def load(
    database: Database,
    *,
    kind: FigureKind = "articles",
    platform: str | None = None,
    unit: str | None = None,
    since: date | None = None,
    until: date | None = None,
    newest: bool = False,
) -> "pd.DataFrame":
    """The figures of articles published, or of account days, from `since` to `until` (both included).

    One row a figure: `account` (platform:handle), `metric` (the common name), `counts` (people, events,
    rate, seconds, fen: never add people and events), `kind` (cumulative: take the newest, never sum;
    per_day; snapshot), `value` (whole numbers exact, rates to the nearest float), `source_kind` (api, import,
    typed) and `source`: figures of several sources stand side by side, choose one before adding up. `age` is
    the days from publishing to `as_of`. Days are Beijing days. A figure that is not known has no row.

    `unit` is a unit's code and takes all units below it too (MeizhenError `org.unknown_unit`). `newest`
    gives only the newest figure of each article, name and source. Columns and dtypes: `COLUMNS`.

    Archived months (`analytics.archive`) are read as if they were in the database: the same rows, columns and
    dtypes as before. A figure in both is told once, the one seen later. Raises MeizhenError
    `archive.file_missing` or `archive.unreadable` where a file that is needed cannot be read.
    """
    with database.read() as session:
        query = selected_figures(
            session, kind, platform=platform, unit=unit, since=since, until=until, newest=newest
        )
        rows = [tuple(row) for row in session.execute(query)]
    return _frame(rows, COLUMNS[kind])


def _frame(rows: list[tuple[Any, ...]], columns: dict[str, str]) -> "pd.DataFrame":
    import pandas as pd

    stored = [name for name in columns if name != "age"]
    values = [list(cells) for cells in zip(*rows, strict=True)] if rows else [[] for _ in stored]
    series = {name: _series(cells, columns[name]) for name, cells in zip(stored, values, strict=True)}
    if "age" in columns:
        # Counted here: the two databases subtract days differently.
        series["age"] = (series["as_of"] - series["published_day"]).dt.days.astype("int64")
    return pd.DataFrame({name: series[name] for name in columns})


def _series(cells: list[Any], dtype: Any) -> "pd.Series[Any]":
    import pandas as pd

    if dtype == _MOMENT:
        return pd.Series(pd.to_datetime(pd.Series(cells, dtype="object"), utc=True)).astype(dtype)
    if dtype == _DAY:
        return pd.Series(pd.to_datetime(pd.Series(cells, dtype="object"))).astype(dtype)
    if dtype == "float64":
        millionths = pd.Series(cells, dtype="int64")
        # Apart, so that whole numbers stay exact up to 2**53.
        return millionths // 1_000_000 + millionths % 1_000_000 / 1_000_000
    return cast("pd.Series[Any]", pd.Series(cells, dtype=dtype))
