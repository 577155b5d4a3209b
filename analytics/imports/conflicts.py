"""Where a file and a platform tell different figures of the same thing and day: side by side, both kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, literal, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from analytics.archive import with_archive
from analytics.articles import AccountDayFigure, Article, FigureSource, Snapshot
from analytics.imports.records import FigureImport, ImportAccount, ImportArticle
from analytics.imports.staging import Staged
from config.batch import BatchQuery
from organisation.accounts import Account
from organisation.units import Unit

_SIX = -6
_STILL_READ = timedelta(days=366)  # a file may tell of articles a year after publishing
_TOLD_OF_ARTICLES = BatchQuery(
    "SELECT asked.line AS line, snapshot.metric AS metric, snapshot.value AS value "
    "FROM {rows} AS asked CROSS JOIN snapshot CROSS JOIN figure_source "
    "WHERE snapshot.article_id = asked.subject AND snapshot.as_of = asked.day "
    "AND figure_source.id = snapshot.source_id AND figure_source.kind = 'api'",
    {"line": "integer", "subject": "integer", "day": "date"},
    {"line": "integer", "metric": "text", "value": "integer"},
)
_TOLD_OF_ACCOUNTS = BatchQuery(
    "SELECT asked.line AS line, figure.metric AS metric, figure.value AS value "
    "FROM {rows} AS asked CROSS JOIN account_day_figure AS figure CROSS JOIN figure_source "
    "WHERE figure.account_id = asked.subject AND figure.day = asked.day "
    "AND figure_source.id = figure.source_id AND figure_source.kind = 'api'",
    {"line": "integer", "subject": "integer", "day": "date"},
    {"line": "integer", "metric": "text", "value": "integer"},
)


@dataclass(frozen=True)
class Conflict:
    """Two figures of one article (`title`; '' for the account itself), name and day that differ."""

    account: str
    title: str
    metric: str
    day: date
    imported: Decimal
    told: Decimal
    file: str
    row: int | None
    source: str


@dataclass(frozen=True)
class StagedConflict:
    """The same before anything is written: a row of the file, and what the platform told."""

    row: int
    metric: str
    day: date
    imported: Decimal
    told: Decimal


def staged_conflicts(session: Session, lines: Sequence[Staged]) -> list[StagedConflict]:
    """Where rows that are about to be written differ from what platforms told."""
    by_row = {line.row: (line, dict(line.figures)) for line in lines}
    articles = [[line.row, line.article, line.as_of] for line in lines if line.title and line.article]
    days = [[line.row, line.account, line.as_of] for line in lines if not line.title]
    connection = session.connection()
    told = _TOLD_OF_ARTICLES.ask(connection, articles) if articles else []
    told += _TOLD_OF_ACCOUNTS.ask(connection, days) if days else []
    found = []
    for row, metric, value in told:
        line, figures = by_row[row]
        ours = figures.get(metric)
        if ours is not None and ours != value:
            day = date.fromisoformat(line.as_of)
            found.append(
                StagedConflict(row, metric, day, Decimal(ours).scaleb(_SIX), Decimal(value).scaleb(_SIX))
            )
    return sorted(found, key=lambda conflict: (conflict.row, conflict.metric))


def list_conflicts(
    session: Session,
    *,
    since: date | None = None,
    until: date | None = None,
    limit: int | None = None,
    within: ColumnElement[bool] | None = None,
) -> list[Conflict]:
    """Every imported figure from `since` to `until` beside the API's differing one, newest day first.

    The day is the one that the figures are as of; at most `limit` of articles and as many of accounts.
    `within` is a condition on the accounts' units (`organisation.in_sight`).
    """
    for kind in ("articles", "account_days"):
        with_archive(session, kind, since=None if since is None else since - _STILL_READ, until=until)
    found = []
    for statement, day in (_of_articles(), _of_accounts()):
        asked = statement.order_by(day.desc())
        if since is not None:
            asked = asked.where(day >= since)
        if until is not None:
            asked = asked.where(day <= until)
        if within is not None:
            asked = asked.join(Unit, col(Unit.id) == col(Account.unit_id)).where(within)
        for platform, handle, *told in session.execute(asked.limit(limit)):
            found.append(Conflict(f"{platform}:{handle}", *told))
    return sorted(found, key=lambda one: (-one.day.toordinal(), one.account, one.title, one.metric, one.file))


def _of_articles() -> tuple[Select[Any], Any]:
    """From the imports on, by keys: however many figures there are, only what files told is looked at."""
    ours, theirs, file, api = _pair(Snapshot)
    day = col(ours.as_of)
    statement = (
        _differing(ours, theirs, file, api, col(Article.title), day)
        .join(ImportArticle, col(ImportArticle.import_id) == col(FigureImport.id))
        .join(Article, col(Article.id) == col(ImportArticle.article_id))
        .join(Account, col(Account.id) == col(Article.account_id))
        .join(ours, and_(col(ours.article_id) == col(Article.id), col(ours.source_id) == col(file.id)))
        .join(
            theirs,
            and_(
                col(theirs.article_id) == col(ours.article_id),
                col(theirs.metric) == col(ours.metric),
                col(theirs.as_of) == col(ours.as_of),
                col(theirs.value) != col(ours.value),
            ),
        )
        .join(api, and_(col(api.id) == col(theirs.source_id), col(api.kind) == "api"))
    )
    return statement, day


def _of_accounts() -> tuple[Select[Any], Any]:
    ours, theirs, file, api = _pair(AccountDayFigure)
    day = col(ours.day)
    statement = (
        _differing(ours, theirs, file, api, literal(""), day)
        .join(ImportAccount, col(ImportAccount.import_id) == col(FigureImport.id))
        .join(Account, col(Account.id) == col(ImportAccount.account_id))
        .join(ours, and_(col(ours.account_id) == col(Account.id), col(ours.source_id) == col(file.id)))
        .join(
            theirs,
            and_(
                col(theirs.account_id) == col(ours.account_id),
                col(theirs.metric) == col(ours.metric),
                col(theirs.day) == col(ours.day),
                col(theirs.value) != col(ours.value),
            ),
        )
        .join(api, and_(col(api.id) == col(theirs.source_id), col(api.kind) == "api"))
    )
    return statement, day


def _pair(table: Any) -> tuple[Any, Any, Any, Any]:
    return aliased(table), aliased(table), aliased(FigureSource), aliased(FigureSource)


def _differing(ours: Any, theirs: Any, file: Any, api: Any, title: Any, day: Any) -> Select[Any]:
    """The columns of a `Conflict`, account first; from the imports on."""
    return (
        select(
            col(Account.platform),
            col(Account.handle),
            title,
            ours.metric,
            day,
            ours.value,
            theirs.value,
            file.name,
            ours.source_row,
            api.name,
        )
        .select_from(FigureImport)
        .join(file, file.id == col(FigureImport.source_id))
    )
