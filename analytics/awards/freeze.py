"""Freezes a category's accounts as a canonical CSV file (`freezing` does its articles).

A figure of the account is the latest of the period. Where sources give a figure of the same day, the API goes
before an imported file and a file before a typed figure. Rows are sorted by code point, whatever the database
sorts by, and hold no number that the database gave out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ScalarSelect,
    Select,
    String,
    case,
    cast,
    collate,
    func,
    select,
    type_coerce,
)
from sqlmodel import Session, col

from analytics.archive import with_archive
from analytics.articles import AccountDayFigure, CollectionGap, FigureSource
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
SOURCES = {"a": "api", "i": "import", "t": "typed"}
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
        read_archived(session, rule, category)
        rows = session.connection().execute(_accounts(database, rule, category, metrics))
        return write_csv(path, (*ACCOUNT_COLUMNS, *metrics), _account_rows(rows))


def read_archived(session: Session, rule: Rule, category: Category, articles: Sequence[str] = ()) -> bool:
    """Has the session see archived figures of the rule's period (of `articles` these); are there any?"""
    of_articles, of_accounts = needed_metrics(category)
    needed = (tuple(articles) or of_articles, of_accounts)
    found = [
        with_archive(
            session, kind, platform=category.platform, since=rule.start, until=rule.end, metrics=metrics
        )
        for kind, metrics in zip(("articles", "account_days"), needed, strict=True)
    ]
    return any(found)


def by_code_point(database: Database, column: Any) -> ColumnElement[str]:
    """Sorts alike everywhere: PostgreSQL sorts by its locale unless told, SQLite by bytes."""
    return collate(column, "BINARY" if database.is_sqlite else "C")


def _preference() -> ColumnElement[str]:
    """Letters that sort as the sources go before each other: api, import, typed."""
    return case((col(FigureSource.kind) == "api", "a"), (col(FigureSource.kind) == "import", "i"), else_="t")


def figure(column: Any) -> ColumnElement[str]:
    """Canonical text of a stored figure, as `files.shown` writes it: no Decimal is made of it."""
    value = type_coerce(column, BigInteger())
    size = func.abs(value)
    whole = case((value < 0, "-"), else_="").concat(cast(size // _MICROS, String()))
    digits = func.rtrim(func.substr(cast(size % _MICROS + _MICROS, String()), 2), "0")
    return case(
        (value % _MICROS == 0, cast(value // _MICROS, String())), else_=whole.concat(".").concat(digits)
    )


def reading(column: Any) -> ColumnElement[str]:
    """The source's letter (SOURCES) and the figure."""
    return _preference().concat(figure(column))


def source_order(database: Database) -> tuple[ColumnElement[Any], ...]:
    """What goes before what, of figures of one day."""
    return (
        _preference(),
        # A corrected file goes before the one it corrects.
        case((col(FigureSource.kind) == "import", col(FigureSource.first_at))).desc(),
        by_code_point(database, FigureSource.name),
        by_code_point(database, FigureSource.digest),
    )


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
        .order_by(by_code_point(database, Account.handle))
    )


def _account_figure(database: Database, rule: Rule, metric: str) -> ScalarSelect[str]:
    """An account's own reading of one metric, on the latest day of the period that has it."""
    return (
        select(reading(AccountDayFigure.value))
        .select_from(AccountDayFigure)
        .join(FigureSource, col(FigureSource.id) == col(AccountDayFigure.source_id))
        .where(
            col(AccountDayFigure.account_id) == col(Account.id),
            col(AccountDayFigure.metric) == metric,
            col(AccountDayFigure.day).between(rule.start, rule.end),
        )
        .order_by(col(AccountDayFigure.day).desc(), *source_order(database))
        .limit(1)
        .correlate(Account)
        .scalar_subquery()
    )


def _account_rows(rows: Any) -> Iterator[Sequence[Cell]]:
    for handle, name, code, unit, track, filed, verified, gaps, *readings in rows:
        day = filed.isoformat() if filed else ""
        figures = (told[1:] if told else "" for told in readings)
        yield (handle, name, code, unit, track, day, _truth(verified), gaps or 0, *figures)


def _truth(value: bool | None) -> str:
    return "" if value is None else "true" if value else "false"
