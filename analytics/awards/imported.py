"""The files whose figures a freeze could use: `CATEGORY/imports.csv`, by account, each with its hash.

Whoever holds a file can show by its hash that it is the one. What an interface answered is not kept by
anybody, so that a hash of it would prove nothing (decision 0026): the endpoint is the source told.
"""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import ColumnElement, exists, or_, select
from sqlmodel import col

from analytics.archive import with_archive
from analytics.articles import AccountDayFigure, Article, FigureSource
from analytics.awards.files import write_csv
from analytics.awards.freeze import needed_metrics
from analytics.awards.rule import Category, Rule
from analytics.imports.records import FigureImport, ImportAccount, ImportArticle, ImportState
from config.database import Database
from organisation.accounts import Account

FILE = "imports.csv"
COLUMNS = ("handle", "file", "sha256")


def freeze_imports(database: Database, rule: Rule, category: Category, path: Path) -> Path:
    """Writes the standing imports that tell of articles of the period, or of days where figures of days are
    needed, by account and file.
    """
    _, metrics = needed_metrics(category)
    wanted = (
        select(col(Account.handle), col(FigureSource.name), col(FigureSource.digest))
        .join(ImportAccount, col(ImportAccount.account_id) == col(Account.id))
        .join(FigureImport, col(FigureImport.id) == col(ImportAccount.import_id))
        .join(FigureSource, col(FigureSource.id) == col(FigureImport.source_id))
        .where(
            col(Account.platform) == category.platform,
            col(FigureImport.state) != ImportState.UNDONE,
            or_(_of_articles(rule), _of_days(rule, metrics)),
        )
    )
    with database.read() as session:
        if metrics:
            with_archive(
                session,
                "account_days",
                platform=category.platform,
                since=rule.start,
                until=rule.end,
                metrics=metrics,
            )
        found = [tuple(row) for row in session.execute(wanted)]
    return write_csv(path, COLUMNS, sorted(found))


def _of_articles(rule: Rule) -> ColumnElement[bool]:
    return exists().where(
        col(ImportArticle.import_id) == col(FigureImport.id),
        col(Article.id) == col(ImportArticle.article_id),
        col(Article.account_id) == col(Account.id),
        col(Article.published_day).between(rule.start, rule.end),
    )


def _of_days(rule: Rule, metrics: Sequence[str]) -> ColumnElement[bool]:
    return exists().where(
        col(AccountDayFigure.account_id) == col(Account.id),
        col(AccountDayFigure.source_id) == col(FigureImport.source_id),
        col(AccountDayFigure.metric).in_(metrics),
        col(AccountDayFigure.day).between(rule.start, rule.end),
    )
