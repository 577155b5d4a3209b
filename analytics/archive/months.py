"""Which months can be archived: those whose figures can no longer change by themselves.

A month is closed when its last article has passed the last kept age (30 days) and a margin for figures that
platforms deliver late, and no hole is open that could still be filled.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Select, String, and_, cast, func, select
from sqlmodel import Session, col

from analytics.archive.partitions import ArchivedMonth, Partition
from analytics.articles import AccountDayFigure, Article, CollectionGap, Snapshot
from analytics.figures import KEPT_AGES
from analytics.gaps import ACCOUNT_DAY, ARTICLES
from organisation.accounts import Account

MARGIN_DAYS = 7
"""Days that are left to figures which a platform delivers late."""

READY, LATE, OPEN, HOLES = "ready", "late", "open", "holes"


@dataclass(frozen=True)
class Candidate:
    """Figures in the database that belong into one file of the archive.

    `state`: ready; late (the month is archived already: these came after); open (until `closes_on`); holes
    (`holes` of them are open). `rows` counts the figures in the database.
    """

    partition: Partition
    rows: int
    state: str
    closes_on: date
    holes: int = 0


def closes_on(partition: Partition) -> date:
    """The first day on which the month is closed."""
    return partition.last + timedelta(days=max(KEPT_AGES) + MARGIN_DAYS + 1)


def plan_archive(session: Session, today: date, *, month: str | None = None) -> list[Candidate]:
    """All figures in the database by file of the archive, oldest month first; or those of one month."""
    archived = {
        Partition(*row)
        for row in session.execute(
            select(col(ArchivedMonth.kind), col(ArchivedMonth.month), col(ArchivedMonth.platform))
        )
    }
    found = [
        _candidate(session, partition, rows, today, archived=partition in archived)
        for partition, rows in stored_months(session).items()
        if month in (None, partition.month)
    ]
    return sorted(found, key=lambda one: (one.partition.month, one.partition.platform, one.partition.kind))


def _candidate(
    session: Session, partition: Partition, rows: int, today: date, *, archived: bool
) -> Candidate:
    closing = closes_on(partition)
    if archived:
        return Candidate(partition, rows, LATE, closing)
    if today < closing:
        return Candidate(partition, rows, OPEN, closing)
    holes = _open_holes(session, partition)
    return Candidate(partition, rows, HOLES if holes else READY, closing, holes)


def stored_months(session: Session) -> Mapping[Partition, int]:
    """How many figures of each file's are in the database."""
    counts: dict[Partition, int] = {}
    sqlite = session.get_bind().dialect.name == "sqlite"
    for kind, day, query in (
        ("articles", col(Article.published_day), _articles()),
        ("account_days", col(AccountDayFigure.day), _account_days()),
    ):
        # SQLite keeps days as text; what PostgreSQL casts to depends on its settings.
        month = func.substr(cast(day, String), 1, 7) if sqlite else func.to_char(day, "YYYY-MM")
        platform = col(Account.platform)
        grouped = query.add_columns(month, platform, func.count()).group_by(month, platform)
        for told, name, count in session.execute(grouped):
            counts[Partition(kind, told, name)] = count
    return counts


def _articles() -> Select[*tuple[()]]:
    return (
        select()
        .select_from(Snapshot)
        .join(Article, col(Article.id) == col(Snapshot.article_id))
        .join(Account, col(Account.id) == col(Article.account_id))
    )


def _account_days() -> Select[*tuple[()]]:
    return (
        select()
        .select_from(AccountDayFigure)
        .join(Account, col(Account.id) == col(AccountDayFigure.account_id))
    )


def _open_holes(session: Session, partition: Partition) -> int:
    """Holes that, once filled, would bring figures of this month: an article's can be 30 days younger."""
    day = col(CollectionGap.day)
    if partition.kind == "articles":
        until = partition.last + timedelta(days=max(KEPT_AGES))
        concerned = and_(col(CollectionGap.subject) == ARTICLES, day.between(partition.first, until))
    else:
        of_days = col(CollectionGap.subject) == ACCOUNT_DAY
        concerned = and_(of_days, day.between(partition.first, partition.last))
    counted = (
        select(func.count())
        .select_from(CollectionGap)
        .join(Account, col(Account.id) == col(CollectionGap.account_id))
        .where(col(Account.platform) == partition.platform, col(CollectionGap.closed_at).is_(None), concerned)
    )
    holes: int = session.execute(counted).scalar_one()
    return holes
