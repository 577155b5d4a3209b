"""The week as one plain table, a row an account and figure: the CSV and Parquet files, the account sheet."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from analytics.exports.columns import VERSION, Column, Rule
from analytics.exports.content import PlatformWeek, WeekReport
from analytics.exports.week import AccountWeek, change, difference

COLUMNS: dict[str, str] = {
    "layout": "INTEGER",
    "week": "VARCHAR",
    "monday": "DATE",
    "platform": "VARCHAR",
    "unit": "VARCHAR",
    "unit_name": "VARCHAR",
    "account": "VARCHAR",
    "name": "VARCHAR",
    "track": "VARCHAR",
    "metric": "VARCHAR",
    "metric_zh": "VARCHAR",
    "metric_en": "VARCHAR",
    "counts": "VARCHAR",
    "kind": "VARCHAR",
    "rule": "VARCHAR",
    "source": "VARCHAR",
    "this_week": "DECIMAL(28,6)",
    "last_week": "DECIMAL(28,6)",
    "change": "DECIMAL(28,6)",
    "change_share": "DECIMAL(28,6)",
    "last_year": "DECIMAL(28,6)",
    "year_change": "DECIMAL(28,6)",
    "year_change_share": "DECIMAL(28,6)",
}
"""Column → its type in DuckDB's words. Shares are parts of one: 0.25 is 25 %. Unknown is null, never 0."""

SOURCES = ("api", "import", "typed")
_SIX_PLACES = Decimal("0.000001")


@dataclass(frozen=True)
class Compared:
    """A week's value beside last week's and that of the same week a year before; None is unknown."""

    this: Decimal | None
    last: Decimal | None
    year: Decimal | None

    @property
    def change(self) -> Decimal | None:
        return difference(self.this, self.last)

    @property
    def change_share(self) -> Decimal | None:
        return change(self.this, self.last)

    @property
    def year_change(self) -> Decimal | None:
        return difference(self.this, self.year)

    @property
    def year_change_share(self) -> Decimal | None:
        return change(self.this, self.year)

    @property
    def cells(self) -> tuple[Decimal | None, ...]:
        """This week, last week, change, its share, last year, change, its share."""
        return (
            *(self.this, self.last, self.change, self.change_share),
            *(self.year, self.year_change, self.year_change_share),
        )


def compared(row: AccountWeek, column: Column) -> Compared:
    return Compared(row.this.get(column), row.last.get(column), row.year.get(column))


def compared_total(platform: PlatformWeek, column: Column, report: WeekReport) -> Compared:
    week = report.week
    return Compared(*(platform.total(column, one) for one in (week, week.before, week.last_year)))


def kinds_of(row: AccountWeek, column: Column) -> str:
    """The kinds of sources of this week's value, as `api+import`; '' for posts, which are counted."""
    if column.rule is Rule.POSTS:
        return ""
    kinds = {source.kind for source in row.told_by.get(column, ())}
    return "+".join(kind for kind in SOURCES if kind in kinds)


def plain_rows(report: WeekReport) -> Iterator[tuple[int | str | Decimal | None, ...]]:
    """The rows of the plain table, in the order of platforms, accounts and columns; cells as `COLUMNS`."""
    week = report.week
    for platform in report.platforms:
        for row in platform.accounts:
            for column in platform.layout.columns:
                figures = (_exact(cell) for cell in compared(row, column).cells)
                yield (
                    *(VERSION, str(week), week.monday.isoformat(), platform.platform),
                    *(row.unit_code, row.unit, row.account.stable_id, row.account.name, row.account.track),
                    *(column.name, column.titled("zh"), column.titled("en")),
                    *(column.counts(platform.platform), column.kind(platform.platform), str(column.rule)),
                    kinds_of(row, column),
                    *figures,
                )


def _exact(value: Decimal | None) -> Decimal | None:
    return None if value is None else value.quantize(_SIX_PLACES)
