"""What is archived: one file a kind of figure, month and platform, with its count and checksum.

    articles/month=2026-03/platform=wechat/part.parquet          by the day of publishing
    account_days/month=2026-03/platform=wechat/part.parquet      by the day

The tables here, not the folder, say which files count. Months and days are Beijing's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Index, select
from sqlmodel import Field, Session, SQLModel, col

from analytics.articles import AccountDayFigure, Snapshot

TABLES: Mapping[str, type[Snapshot] | type[AccountDayFigure]] = {
    "articles": Snapshot,
    "account_days": AccountDayFigure,
}
"""Kind of figures → the table that holds them until they are archived."""


class ArchivedMonth(SQLModel, table=True):
    """One file. `value_sum` (millionths) and `checksum` are whole numbers as text: they pass 64 bits."""

    __tablename__ = "archived_month"

    kind: str = Field(primary_key=True, max_length=12)
    month: str = Field(primary_key=True, max_length=7)
    platform: str = Field(primary_key=True, max_length=32)
    rows: int = Field(sa_column=Column(BigInteger, nullable=False))
    value_sum: str = Field(max_length=40)
    checksum: str = Field(max_length=40)
    file: str = Field(max_length=200)  # within the archive's folder
    archived_at: datetime


class ArchivedSource(SQLModel, table=True):
    """How many figures of a source a file holds; the key keeps a source that the archive still needs."""

    __tablename__ = "archived_source"
    __table_args__ = (
        ForeignKeyConstraint(
            ["kind", "month", "platform"],
            ["archived_month.kind", "archived_month.month", "archived_month.platform"],
        ),
        Index("ix_archived_source_source", "source_id"),
    )

    kind: str = Field(primary_key=True, max_length=12)
    month: str = Field(primary_key=True, max_length=7)
    platform: str = Field(primary_key=True, max_length=32)
    source_id: int = Field(primary_key=True, foreign_key="figure_source.id")
    rows: int = Field(sa_column=Column(BigInteger, nullable=False))


class ArchivedAccount(SQLModel, table=True):
    """An account that has told figures of its own which are archived: it was heard of, since `first_day`."""

    __tablename__ = "archived_account"

    account_id: int = Field(primary_key=True, foreign_key="account.id")
    first_day: date


@dataclass(frozen=True)
class Partition:
    """A kind of figures, a month (`2026-03`) and a platform."""

    kind: str
    month: str
    platform: str

    @property
    def first(self) -> date:
        return date.fromisoformat(f"{self.month}-01")

    @property
    def last(self) -> date:
        return last_day(self.first)

    @property
    def folder(self) -> str:
        """Within the archive's folder, as every engine finds hive partitions."""
        return f"{self.kind}/month={self.month}/platform={self.platform}"

    @property
    def file(self) -> str:
        return f"{self.folder}/part.parquet"

    def __str__(self) -> str:
        return f"{self.kind} {self.month} {self.platform}"


@dataclass(frozen=True)
class ArchivedFigures:
    """How many figures of one source a month's file holds."""

    kind: str
    month: str
    platform: str
    rows: int


def last_day(first: date) -> date:
    """The last day of the month that begins on `first`."""
    return (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def archived_figures(session: Session, source_id: int) -> list[ArchivedFigures]:
    """The months in whose archive figures of this source lie, oldest first; none where it is not archived.

    Whoever takes a source back (undoing an import) must ask this first: what is archived is no longer in the
    tables, and deleting rows there would leave it. The database refuses to delete such a source.
    """
    wanted = (
        select(
            col(ArchivedSource.kind),
            col(ArchivedSource.month),
            col(ArchivedSource.platform),
            col(ArchivedSource.rows),
        )
        .where(col(ArchivedSource.source_id) == source_id)
        .order_by(col(ArchivedSource.month), col(ArchivedSource.platform), col(ArchivedSource.kind).desc())
    )
    return [ArchivedFigures(*row) for row in session.execute(wanted)]


def is_archived(session: Session, kind: str, platform: str, day: date) -> bool:
    """Is the month of this day archived? An article of it must not be deleted: its figures point to it."""
    return session.get(ArchivedMonth, (kind, f"{day:%Y-%m}", platform)) is not None
