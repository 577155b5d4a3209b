"""Articles by pages, and the figures of one article or one account, for programs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select
from sqlalchemy import select as columns
from sqlmodel import Session, col

from analytics.articles import AccountDayFigure, Article
from analytics.selection import NAMES, FigureKind, selected_figures
from config.errors import MeizhenError
from config.keyset import keyset
from organisation.accounts import Account
from organisation.units import Unit


@dataclass(frozen=True)
class ToldFigure:
    """A figure and where it comes from; `day` is its account's day, or as of which an article had it."""

    metric: str
    counts: str
    kind: str
    day: date
    value: Decimal
    source_kind: str
    source: str
    collected_at: datetime


def page_of_articles(
    session: Session,
    within: ColumnElement[bool],
    after: Sequence[object] | None,
    limit: int,
    *,
    account_id: int | None = None,
    since: date | None = None,
    until: date | None = None,
) -> list[tuple[Article, str]]:
    """Articles, newest first as they became known, each with its account; beyond the id `after`."""
    wanted = (
        columns(Article, col(Account.platform), col(Account.handle))
        .join(Account, col(Account.id) == col(Article.account_id))
        .join(Unit, col(Unit.id) == col(Account.unit_id))
        .where(within)
    )
    if account_id is not None:
        wanted = wanted.where(col(Article.account_id) == account_id)
    if since is not None:
        wanted = wanted.where(col(Article.published_day) >= since)
    if until is not None:
        wanted = wanted.where(col(Article.published_day) <= until)
    rows = session.execute(keyset(wanted, [col(Article.id)], after, limit, newest_first=True))
    return [(article, f"{platform}:{handle}") for article, platform, handle in rows]


def find_article(session: Session, article_id: int) -> tuple[Article, Account, Unit]:
    """The article with its account and unit. Raises MeizhenError `figures.unknown_article`."""
    found = session.execute(
        columns(Article, Account, Unit)
        .join(Account, col(Account.id) == col(Article.account_id))
        .join(Unit, col(Unit.id) == col(Account.unit_id))
        .where(col(Article.id) == article_id)
    ).one_or_none()
    if found is None:
        raise MeizhenError("figures.unknown_article", number=article_id)
    article, account, unit = found
    return article, account, unit


def figures_of_article(session: Session, article: Article, account: Account) -> list[ToldFigure]:
    """The newest figure of each name and source, archived ones included."""
    day = article.published_day
    query = selected_figures(
        session, "articles", platform=account.platform, since=day, until=day, newest=True
    ).where(col(Article.id) == article.id)
    return _told(session, "articles", query)


def figures_of_account(session: Session, account: Account, since: date, until: date) -> list[ToldFigure]:
    """The account's own figures of these days, both included, archived ones too."""
    query = selected_figures(
        session, "account_days", platform=account.platform, since=since, until=until
    ).where(col(AccountDayFigure.account_id) == account.id)
    return _told(session, "account_days", query)


def _told(session: Session, kind: FigureKind, query: Select[Any]) -> list[ToldFigure]:
    day = "day" if kind == "account_days" else "as_of"
    told = []
    for row in session.execute(query):
        facts = dict(zip(NAMES[kind], row, strict=True))
        told.append(
            ToldFigure(
                facts["metric"],
                facts["counts"],
                facts["kind"],
                facts[day],
                Decimal(facts["value"]).scaleb(-6),
                facts["source_kind"],
                facts["source"],
                facts["collected_at"],
            )
        )
    return told
