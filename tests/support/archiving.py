"""A house with an archive: months of figures, and what is asked about them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pandas as pd
from pandas.testing import assert_frame_equal
from sqlalchemy import func, select

from analytics import load
from analytics.articles import AccountDayFigure, Snapshot
from analytics.figures import (
    AccountFigure,
    ArticleFact,
    ArticleFigure,
    Meaning,
    know_metrics,
    source_id,
    store_account_days,
    store_articles,
    store_snapshots,
)
from config import Database
from organisation.accounts import Account

AT = datetime(2026, 3, 9, 0, 5, 0, 123456, tzinfo=UTC)
CLOSED = datetime(2026, 7, 9, 1, tzinfo=UTC)  # March, April and May are closed
KINDS = ("articles", "account_days")


def store(
    database: Database,
    account: Account,
    day: date,
    figures: dict[tuple[str, int], int | Decimal],
    *,
    days: dict[date, int] | None = None,
    kind: str = "api",
    at: datetime = AT,
    remote_id: str = "",
    row: int | None = None,
    title: str = "=标题,'引号\n第二行",
) -> None:
    """An article of a day with figures by (metric, age), and figures of the account itself."""
    fact = ArticleFact(remote_id or f"{day}_1", title, "", at, day, 1, "pushed", True)
    with database.write() as session:
        metrics = [Meaning(metric, "people", "cumulative") for metric in ("like", "share")]
        know_metrics(session, account.platform, metrics)
        of_account = [Meaning("followers_total", "people", "snapshot", "account")]
        know_metrics(session, account.platform, of_account)
        post = store_articles(session, account.known_id, [fact])[fact.remote_id]
        source = source_id(session, kind, f"{account.platform} {kind}", at)
        told = [
            ArticleFigure(post, metric, day + timedelta(days=age), value, row)
            for (metric, age), value in figures.items()
        ]
        store_snapshots(session, source, at, told)
        store_account_days(
            session,
            source,
            at,
            [
                AccountFigure(account.known_id, "followers_total", on, value)
                for on, value in (days or {}).items()
            ],
        )


def three_months(database: Database, account: Account) -> None:
    for month in (3, 4, 5):
        for day in (1, 14, 28):
            on = date(2026, month, day)
            store(
                database,
                account,
                on,
                {("like", 1): day, ("like", 7): day * 9, ("share", 7): 2},
                days={on: day},
            )
        edge = date(2026, month, 30)
        store(database, account, edge, {("like", 7): Decimal("0.581603")}, kind="import", row=month)


def stored(database: Database) -> tuple[int, int]:
    with database.read() as session:
        counts = [
            session.execute(select(func.count()).select_from(t)).scalar_one()
            for t in (Snapshot, AccountDayFigure)
        ]
    return counts[0], counts[1]


def assert_same(before: dict[str, "pd.DataFrame"], after: dict[str, "pd.DataFrame"]) -> None:
    for kind in KINDS:
        assert_frame_equal(before[kind], after[kind])


def everything(database: Database, **options: object) -> dict[str, "pd.DataFrame"]:
    return {kind: load(database, kind=kind, **options) for kind in KINDS}  # type: ignore[arg-type]
