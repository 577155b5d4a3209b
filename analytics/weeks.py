"""`weekly`: one figure of every account by weeks, the week before and the same week a year ago beside."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING

from sqlmodel import Session, col, select

from analytics.selection import FigureKind
from config.database import Database
from organisation.accounts import Account
from organisation.units import Unit

if TYPE_CHECKING:
    import pandas as pd

    from analytics.engines.top import Placed

COLUMNS = {
    "week": "str",
    "monday": "datetime64[s]",
    "account": "str",
    "account_name": "str",
    "platform": "str",
    "unit": "str",
    "counts": "str",
    "figures": "int64",
    "value": "float64",
    "last_week": "float64",
    "last_year": "float64",
}
"""Column → dtype of what `weekly` gives; a value that is not known is NaN."""

_WHOLE_WEEK = 7


def weekly(
    database: Database,
    *,
    metric: str,
    since: date,
    until: date,
    platform: str | None = None,
    unit: str | None = None,
    engine: str = "duckdb",
    archive: Path | None = None,
    level: FigureKind | None = None,
) -> "pd.DataFrame":
    """One row per account and ISO week (Monday to Sunday, Beijing days) that has figures of this name.

    `value` is the week's: of articles published in it, each at the week's Sunday or else within the seven
    days after, added up; of account days by their kind (per-day events need all seven days, people are
    averaged, totals are the last of the week). `last_week` and `last_year` (the same week number a year
    before; week 53 has mostly none) are the same account's. `figures` is how many articles or days the value
    is made of. Weeks that `since` or `until` lie in are taken whole. Sorted by account and week. Columns and
    dtypes: `COLUMNS`.

    Raises like `analytics.engines.top.answer`.
    """
    from analytics.engines.top import answer

    first = since - timedelta(days=since.weekday())
    last = until + timedelta(days=6 - until.weekday())
    found = answer(
        database,
        metric=metric,
        since=first - timedelta(weeks=53),
        until=last,
        platform=platform,
        unit=unit,
        by="week",
        limit=None,
        engine=engine,
        archive=archive,
        level=level,
    )
    whole = _WHOLE_WEEK if found.plan.adds_days else 1
    values = {(row.name, _monday(row)): float(row.value) for row in found.rows if row.figures >= whole}
    shown = sorted(
        (row for row in found.rows if _monday(row) >= first), key=lambda row: (row.name, _monday(row))
    )
    with database.read() as session:
        return _frame(shown, values, _accounts(session))


def _accounts(session: Session) -> dict[str, tuple[str, str]]:
    """platform:handle → the account's name and its unit's code today."""
    wanted = select(Account, col(Unit.code)).join(Unit, col(Unit.id) == col(Account.unit_id))
    return {
        f"{account.platform}:{account.handle}": (account.name, code) for account, code in session.exec(wanted)
    }


def _frame(
    rows: "Sequence[Placed]",
    values: Mapping[tuple[str, date], float],
    accounts: Mapping[str, tuple[str, str]],
) -> "pd.DataFrame":
    import pandas as pd

    mondays = [_monday(row) for row in rows]
    names = [row.name for row in rows]
    cells: dict[str, Sequence[object]] = {
        "week": [_week(monday) for monday in mondays],
        "monday": mondays,
        "account": names,
        "account_name": [accounts.get(name, (name, ""))[0] for name in names],
        "platform": [row.platform for row in rows],
        "unit": [accounts.get(name, ("", ""))[1] for name in names],
        "counts": [row.counts for row in rows],
        "figures": [row.figures for row in rows],
        "value": _beside(names, mondays, values),
        "last_week": _beside(names, [monday - timedelta(weeks=1) for monday in mondays], values),
        "last_year": _beside(names, [_a_year_before(monday) for monday in mondays], values),
    }
    series = {name: pd.Series(list(cells[name]), dtype="object") for name in COLUMNS}
    return pd.DataFrame(series).astype(COLUMNS)


def _beside(
    names: Sequence[str], mondays: Sequence[date | None], values: Mapping[tuple[str, date], float]
) -> list[float]:
    keys = zip(names, mondays, strict=True)
    return [values.get((name, monday), nan) if monday else nan for name, monday in keys]


def _monday(row: "Placed") -> date:
    return date(1970, 1, 1) + timedelta(days=row.week or 0)


def _week(monday: date) -> str:
    year, number, _ = monday.isocalendar()
    return f"{year}-W{number:02d}"


def _a_year_before(monday: date) -> date | None:
    year, number, _ = monday.isocalendar()
    try:
        return date.fromisocalendar(year - 1, number, 1)
    except ValueError:  # that year had no week 53
        return None
