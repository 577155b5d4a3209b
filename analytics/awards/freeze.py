"""Freezes a category: accounts, holes and every article's figures at the same age, as canonical CSV files.

Each article is read at age N (`read_age_days`): per metric the latest figure as of a day up to its Beijing
day of publishing + N. Where sources give a figure of the same day, the API goes before an imported file and
a file before a typed figure. Rows are sorted by code point, whatever the database sorts by, and hold no
number that the database gave out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Integer,
    ScalarSelect,
    Select,
    String,
    and_,
    case,
    cast,
    collate,
    func,
    literal,
    select,
    type_coerce,
)
from sqlmodel import Session, col

from analytics.archive import with_archive
from analytics.articles import AccountDayFigure, Article, CollectionGap, FigureSource, Snapshot
from analytics.awards.files import Cell, write_csv
from analytics.awards.questions import ACCOUNT_FIGURES, DUPLICATE, QUESTION_FIGURES
from analytics.awards.rule import Category, Rule
from analytics.awards.sources import flat, watched
from analytics.awards.ties import SHARE
from config.database import Database
from organisation.accounts import Account
from organisation.units import Unit

ACCOUNT_COLUMNS = ("handle", "name", "unit_code", "unit", "track", "filed", "verified", "open_gaps")
ARTICLE_COLUMNS = (
    "handle",
    "remote_id",
    "published_day",
    "position",
    "kind",
    "original",
    "title",
    "url",
    "sources",
)
_SOURCES = {"a": "api", "i": "import", "t": "typed"}
_CHUNK = 5_000
_MICROS = 1_000_000


@dataclass(frozen=True)
class Frozen:
    """The frozen files of one category, and the figures that stand in them as columns."""

    accounts: Path
    articles: Path
    account_metrics: tuple[str, ...]
    article_metrics: tuple[str, ...]

    @classmethod
    def of(cls, category: Category, accounts: Path, articles: Path) -> "Frozen":
        """The frozen files of a category that stand at these places."""
        article_metrics, account_metrics = needed_metrics(category)
        return cls(accounts, articles, account_metrics, article_metrics)


def needed_metrics(category: Category) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The article figures and the account figures that a category needs, sorted: for its index and the other
    versions of it, its tie-breaks, and what is looked at for anomalies.
    """
    sources = list(flat(category.index.sources))
    for version in category.index.versions:
        sources += version.sources
    articles = {source.metric for source in sources if source.of == "article"}
    accounts = {source.metric for source in sources if source.of == "account"}
    articles.update(watched(category.platform))
    if category.index.terms:
        articles.add(DUPLICATE)
    for term in category.index.terms:
        articles.update(QUESTION_FIGURES.get(term.metric, ()))
        if term.metric in ACCOUNT_FIGURES:
            accounts.add(ACCOUNT_FIGURES[term.metric])
    if "shares_per_post" in category.tie_break:
        articles.add(SHARE)
    return tuple(sorted(articles)), tuple(sorted(accounts))


def freeze_accounts(database: Database, rule: Rule, category: Category, path: Path) -> Path:
    """Writes a category's accounts by handle."""
    _, metrics = needed_metrics(category)
    with database.read() as session:
        _read_archived(session, rule, category)
        rows = session.connection().execute(_accounts(database, rule, category, metrics))
        return write_csv(path, (*ACCOUNT_COLUMNS, *metrics), _account_rows(rows))


def freeze_articles(database: Database, rule: Rule, category: Category, path: Path) -> Path:
    """Writes a category's articles by handle, day and remote id; rows stream, none are kept."""
    metrics, _ = needed_metrics(category)
    with database.read() as session:
        _read_archived(session, rule, category)
        read = session.connection().execution_options(yield_per=_CHUNK)
        rows = read.execute(_articles(database, rule, category, metrics))
        return write_csv(path, (*ARTICLE_COLUMNS, *metrics), _article_rows(rows))


def _read_archived(session: Session, rule: Rule, category: Category) -> None:
    """Has the session see archived figures of the rule's period."""
    for kind, metrics in zip(("articles", "account_days"), needed_metrics(category), strict=True):
        with_archive(
            session, kind, platform=category.platform, since=rule.start, until=rule.end, metrics=metrics
        )


def _by_code_point(database: Database, column: Any) -> ColumnElement[str]:
    """Sorts alike everywhere: PostgreSQL sorts by its locale unless told, SQLite by bytes."""
    return collate(column, "BINARY" if database.is_sqlite else "C")


def _preference() -> ColumnElement[str]:
    """Letters that sort as the sources go before each other: api, import, typed."""
    return case((col(FigureSource.kind) == "api", "a"), (col(FigureSource.kind) == "import", "i"), else_="t")


def _last_day(database: Database, rule: Rule) -> ColumnElement[Any]:
    """The day of an article's age N."""
    if database.is_sqlite:
        return func.date(Article.published_day, f"+{rule.read_age_days} days")
    return col(Article.published_day).op("+", return_type=Date())(literal(rule.read_age_days, Integer()))


def _reading(column: Any) -> ColumnElement[str]:
    """The stored whole number of millionths and the source's letter: a Decimal each would cost more."""
    return cast(type_coerce(column, BigInteger()), String()).concat(_preference())


def _in_period(rule: Rule, category: Category) -> ColumnElement[bool]:
    return and_(
        col(Account.platform) == category.platform,
        col(Article.published_day).between(rule.start, rule.end),
    )


def _figure(database: Database, rule: Rule, metric: str) -> ScalarSelect[str]:
    """An article's reading of one metric at age N: one look into the primary key of the snapshots."""
    return (
        select(_reading(Snapshot.value))
        .join(FigureSource, col(FigureSource.id) == col(Snapshot.source_id))
        .where(
            col(Snapshot.article_id) == col(Article.id),
            col(Snapshot.metric) == metric,
            col(Snapshot.as_of) <= _last_day(database, rule),
        )
        .order_by(col(Snapshot.as_of).desc(), *_source_order(database))
        .limit(1)
        .correlate(Article)
        .scalar_subquery()
    )


def _source_order(database: Database) -> tuple[ColumnElement[Any], ...]:
    return (
        _preference(),
        # A corrected file goes before the one it corrects.
        case((col(FigureSource.kind) == "import", col(FigureSource.first_at))).desc(),
        _by_code_point(database, FigureSource.name),
        _by_code_point(database, FigureSource.digest),
    )


def _articles(
    database: Database, rule: Rule, category: Category, metrics: Sequence[str]
) -> Select[*tuple[Any, ...]]:
    plain = (
        Account.handle,
        Article.remote_id,
        Article.published_day,
        Article.position,
        Article.kind,
        Article.original,
        Article.title,
        Article.url,
    )
    return (
        select(
            *(col(column) for column in plain),
            *(_figure(database, rule, metric) for metric in metrics),
        )
        .join(Account, col(Account.id) == col(Article.account_id))
        .where(_in_period(rule, category))
        .order_by(
            _by_code_point(database, Account.handle),
            col(Article.published_day),
            _by_code_point(database, Article.remote_id),
        )
    )


def _article_rows(rows: Any) -> Iterator[Sequence[Cell]]:
    for handle, remote_id, day, position, kind, original, title, url, *readings in rows:
        letters = {reading[-1] for reading in readings if reading}
        sources = "+".join(name for letter, name in _SOURCES.items() if letter in letters)
        figures = map(_decimal, readings)
        told = (handle, remote_id, day.isoformat(), position, kind, _truth(original), title, url, sources)
        yield (*told, *figures)


def _accounts(
    database: Database, rule: Rule, category: Category, metrics: Sequence[str]
) -> Select[*tuple[Any, ...]]:
    gaps = (
        select(
            col(CollectionGap.account_id).label("account_id"),
            func.count(func.distinct(CollectionGap.day)).label("days"),
        )
        .where(
            col(CollectionGap.closed_at).is_(None),
            col(CollectionGap.subject) == "articles",
            col(CollectionGap.day).between(rule.start, rule.end),
        )
        .group_by(col(CollectionGap.account_id))
        .subquery("gaps")
    )
    plain = (
        col(Account.handle),
        col(Account.name),
        col(Unit.code),
        col(Unit.name_zh),
        col(Account.track),
        col(Account.filed),
        col(Account.verified),
    )
    return (
        select(*plain, gaps.c.days, *(_account_figure(database, rule, metric) for metric in metrics))
        .join(Unit, col(Unit.id) == col(Account.unit_id))
        .outerjoin(gaps, gaps.c.account_id == col(Account.id))
        .where(col(Account.platform) == category.platform)
        .order_by(_by_code_point(database, Account.handle))
    )


def _account_figure(database: Database, rule: Rule, metric: str) -> ScalarSelect[str]:
    """An account's own reading of one metric, on the latest day of the period that has it."""
    return (
        select(_reading(AccountDayFigure.value))
        .join(FigureSource, col(FigureSource.id) == col(AccountDayFigure.source_id))
        .where(
            col(AccountDayFigure.account_id) == col(Account.id),
            col(AccountDayFigure.metric) == metric,
            col(AccountDayFigure.day).between(rule.start, rule.end),
        )
        .order_by(col(AccountDayFigure.day).desc(), *_source_order(database))
        .limit(1)
        .correlate(Account)
        .scalar_subquery()
    )


def _account_rows(rows: Any) -> Iterator[Sequence[Cell]]:
    for handle, name, code, unit, track, filed, verified, gaps, *readings in rows:
        day = filed.isoformat() if filed else ""
        yield (handle, name, code, unit, track, day, _truth(verified), gaps or 0, *map(_decimal, readings))


def _truth(value: bool | None) -> str:
    return "" if value is None else "true" if value else "false"


def _decimal(reading: str | None) -> str:
    """Canonical text of a reading's figure: no exponent, no zeros that say nothing; '' for unknown."""
    if reading is None:
        return ""
    millionths = int(reading[:-1])
    whole, rest = divmod(abs(millionths), _MICROS)
    sign = "-" if millionths < 0 else ""
    return f"{sign}{whole}" if not rest else f"{sign}{whole}.{rest:06d}".rstrip("0")
