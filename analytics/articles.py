"""What comes back: articles of our accounts, their figures by day, the accounts' own days, and the sources.

A figure is account, article (or none), common name, as-of day, value, source. Unit and kind belong to the
common name on that platform (`KnownMetric`). Unknown is no row, never 0.
"""

from collections.abc import Collection
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Column, ForeignKey, Index, Integer, UniqueConstraint, bindparam, select, text
from sqlmodel import Field, Session, SQLModel, col

from config.database import Millionths, rows_of
from organisation.accounts import Account


class KnownMetric(SQLModel, table=True):
    """What a common name counts on one platform: set by its first figure, and no later figure may differ.

    `unit`: people, events, rate, seconds, fen. `kind`: cumulative, per_day, snapshot. People and events of
    one name could be added by mistake if the two ever stood in one column.
    """

    __tablename__ = "metric"

    platform: str = Field(primary_key=True, max_length=32)
    level: str = Field(primary_key=True, max_length=8)  # article | account
    name: str = Field(primary_key=True, max_length=40)
    unit: str = Field(max_length=8)
    kind: str = Field(max_length=12)


class FigureSource(SQLModel, table=True):
    """Where figures came from: an API endpoint, an imported file, a person."""

    __tablename__ = "figure_source"
    __table_args__ = (UniqueConstraint("kind", "name", "digest"),)

    id: int | None = Field(default=None, primary_key=True)
    kind: str = Field(max_length=8)  # api | import | typed
    name: str = Field(max_length=200)  # platform and endpoint, file name, person
    digest: str = Field(default="", max_length=64)  # sha256 of an imported file
    first_at: datetime


class Article(SQLModel, table=True):
    """One article of one account, published by us or not.

    `remote_id` is the platform's key; one that only a file has told of yet has `import:…` until the platform
    names it (`figures.adopt`).
    """

    __tablename__ = "article"
    __table_args__ = (
        UniqueConstraint("account_id", "remote_id"),
        Index("ix_article_published", "account_id", "published_day"),
    )

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id")
    remote_id: str = Field(max_length=200)
    title: str = Field(max_length=500)
    url: str = Field(default="", max_length=1000)
    published_at: datetime
    published_day: date  # Beijing
    position: int | None = None
    kind: str = Field(default="post", max_length=16)
    original: bool | None = None


class Snapshot(SQLModel, table=True):
    """One figure of one article as of the end of a Beijing day. Sources stand side by side."""

    __tablename__ = "snapshot"
    __table_args__ = ({"sqlite_with_rowid": False},)

    article_id: int = Field(primary_key=True, foreign_key="article.id")
    metric: str = Field(primary_key=True, max_length=40)
    as_of: date = Field(primary_key=True)
    source_id: int = Field(primary_key=True, foreign_key="figure_source.id")
    value: Decimal = Field(sa_column=Column(Millionths, nullable=False))
    source_row: int | None = Field(default=None, sa_column=Column(Integer, nullable=True))
    collected_at: datetime


class AccountDayFigure(SQLModel, table=True):
    """One figure of one account on one Beijing day."""

    __tablename__ = "account_day_figure"
    __table_args__ = ({"sqlite_with_rowid": False},)

    account_id: int = Field(primary_key=True, foreign_key="account.id")
    metric: str = Field(primary_key=True, max_length=40)
    day: date = Field(primary_key=True)
    source_id: int = Field(
        sa_column=Column(Integer, ForeignKey("figure_source.id"), primary_key=True, nullable=False)
    )
    value: Decimal = Field(sa_column=Column(Millionths, nullable=False))
    source_row: int | None = Field(default=None, sa_column=Column(Integer, nullable=True))
    collected_at: datetime


class CollectionGap(SQLModel, table=True):
    """A hole: figures that should be there and are not, with the platform's reason. Closed when filled."""

    __tablename__ = "collection_gap"
    __table_args__ = (
        UniqueConstraint("account_id", "subject", "day"),
        Index(
            "ix_collection_gap_open",
            "day",
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id")
    subject: str = Field(max_length=16)  # articles | account_day
    day: date
    code: str = Field(max_length=80)
    told: str = Field(default="", max_length=1000)
    seen_at: datetime
    closed_at: datetime | None = None


def last_articles(session: Session, account_ids: Collection[int]) -> dict[int, datetime]:
    """When each account last published anything that was collected, by us or not; others are not named."""
    rows = rows_of(session, _LAST, {"accounts": list(account_ids)})
    return {account_id: at for account_id, at in rows if account_id is not None and at is not None}


_LAST = select(
    col(Account.id),
    select(col(Article.published_at))
    .where(col(Article.account_id) == col(Account.id))
    .order_by(col(Article.published_day).desc())
    .limit(1)
    .scalar_subquery(),
).where(col(Account.id).in_(bindparam("accounts", expanding=True)))
