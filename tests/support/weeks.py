"""Figures of a week for the tests of what is made of it, and what stands in the workbook."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path

from python_calamine import CalamineWorkbook

from analytics.exports import export_week
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

AT = datetime(2026, 11, 16, 0, 5, tzinfo=UTC)
MONDAY = date(2026, 11, 9)  # of 2026-W46
SUNDAY = date(2026, 11, 15)
WEEK = "2026-W46"


def know_wechat(database: Database) -> None:
    """What the two names count there that these tests store."""
    with database.write() as session:
        know_metrics(
            session,
            "wechat",
            [
                Meaning("read_people", "people", "cumulative"),
                Meaning("followers_total", "people", "snapshot", "account"),
            ],
        )


def publish(
    database: Database,
    account: Account,
    day: date,
    reads: Iterable[tuple[date, int]] = (),
    *,
    kind: str = "api",
    name: str = "wechat articles",
    remote_id: str = "",
    title: str = "",
    at: datetime | None = None,
    metric: str = "read_people",
) -> None:
    """An article of the day with its figures: as-of day and value."""
    moment = at or datetime(day.year, day.month, day.day, 2, tzinfo=UTC)
    fact = ArticleFact(remote_id or f"{day}", title or f"{day} 的文章", "", moment, day)
    with database.write() as session:
        post = store_articles(session, account.known_id, [fact])[fact.remote_id]
        source = source_id(session, kind, name, AT)
        figures = [ArticleFigure(post, metric, as_of, value) for as_of, value in reads]
        store_snapshots(session, source, AT, figures)


def account_days(database: Database, account: Account, metric: str, days: dict[date, int]) -> None:
    """The account's own figures by day."""
    with database.write() as session:
        source = source_id(session, "api", f"{account.platform} days", AT)
        figures = [AccountFigure(account.known_id, metric, day, value) for day, value in days.items()]
        store_account_days(session, source, AT, figures)


def workbook(database: Database, out: Path, *, week: str = WEEK, unit: str | None = None) -> Path:
    """The week's workbook alone."""
    return export_week(database, week, out, unit=unit, formats=["xlsx"])["xlsx"]


def sheet(path: Path, name: str) -> list[list[object]]:
    return CalamineWorkbook.from_path(path).get_sheet_by_name(name).to_python(skip_empty_area=False)


def platform_row(path: Path, name: str = "微信公众号", account: str = "账号qnzs") -> dict[str, list[object]]:
    """An account's row: heading → this week, last, change, last year, change; single columns → one cell."""
    rows = sheet(path, name)
    headings, row = rows[2], next(row for row in rows if row[1] == account)
    found: dict[str, list[object]] = {}
    last = ""
    for heading, cell in zip(headings, row, strict=True):
        last = str(heading) or last
        found.setdefault(last, []).append(cell)
    return found
