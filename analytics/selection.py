"""Which stored figures are asked for: one statement for frames and files, whatever the number of accounts."""

from datetime import date
from typing import Any, Literal, TypeAlias

from sqlalchemy import BigInteger, ColumnElement, Select, SQLColumnExpression, and_, func, select, type_coerce
from sqlmodel import Session, col

from analytics.archive import with_archive
from analytics.articles import AccountDayFigure, Article, FigureSource, KnownMetric, Snapshot
from organisation.accounts import Account
from organisation.units import Unit, find_unit, in_subtree

FigureKind: TypeAlias = Literal["articles", "account_days"]

_ACCOUNT = ("account", "name", "platform", "unit", "track")
_FIGURE = ("metric", "counts", "kind", "value", "source_kind", "source", "source_row", "collected_at")
_ARTICLE = (
    *("article_id", "remote_id", "title", "url", "published_at", "published_day"),
    *("position", "article_kind", "original", "as_of"),
)
NAMES: dict[FigureKind, tuple[str, ...]] = {
    "articles": (*_ACCOUNT, *_ARTICLE, *_FIGURE),
    "account_days": (*_ACCOUNT, "day", *_FIGURE),
}
"""The columns of each kind, in order. `value` is in millionths: exact, and no Decimal a row is made."""


def selected_figures(
    session: Session,
    kind: FigureKind,
    *,
    platform: str | None = None,
    unit: str | None = None,
    since: date | None = None,
    until: date | None = None,
    newest: bool = False,
    archived: bool = True,
) -> Select[Any]:
    """The figures of articles published, or of account days, from `since` to `until`: columns `NAMES`.

    `unit` takes all units below it too (MeizhenError `org.unknown_unit`); `newest` only the newest figure of
    each article, name and source. Ordered by account and time: the same question gives the same rows.
    Archived figures are among them (`with_archive`); without `archived` only what the tables hold.
    """
    if archived:
        with_archive(session, kind, platform=platform, since=since, until=until)
    query = _articles(newest) if kind == "articles" else _account_days()
    day = col(Article.published_day) if kind == "articles" else col(AccountDayFigure.day)
    if platform is not None:
        query = query.where(col(Account.platform) == platform)
    if unit is not None:
        query = query.where(in_subtree(find_unit(session, unit)))
    if since is not None:
        query = query.where(day >= since)
    return query if until is None else query.where(day <= until)


def _account_columns() -> list[SQLColumnExpression[Any]]:
    handle = col(Account.platform) + ":" + col(Account.handle)
    return [handle, col(Account.name), col(Account.platform), col(Unit.code), col(Account.track)]


def _figure_columns(figure: type[Snapshot] | type[AccountDayFigure]) -> list[SQLColumnExpression[Any]]:
    return [
        col(figure.metric),
        col(KnownMetric.unit),
        col(KnownMetric.kind),
        type_coerce(col(figure.value), BigInteger),  # no Decimal is made only to become a float
        col(FigureSource.kind),
        col(FigureSource.name),
        col(figure.source_row),
        col(figure.collected_at),
    ]


def _known(figure: type[Snapshot] | type[AccountDayFigure], level: str) -> ColumnElement[bool]:
    return and_(
        col(KnownMetric.platform) == col(Account.platform),
        col(KnownMetric.level) == level,
        col(KnownMetric.name) == col(figure.metric),
    )


def _articles(newest: bool) -> Select[Any]:
    figure = Snapshot
    query = (
        select(
            *_account_columns(),
            col(Article.id),
            col(Article.remote_id),
            col(Article.title),
            col(Article.url),
            col(Article.published_at),
            col(Article.published_day),
            col(Article.position),
            col(Article.kind),
            col(Article.original),
            col(figure.as_of),
            *_figure_columns(figure),
        )
        .select_from(figure)
        .join(Article, col(Article.id) == col(figure.article_id))
        .join(Account, col(Account.id) == col(Article.account_id))
        .join(Unit, col(Unit.id) == col(Account.unit_id))
        .join(FigureSource, col(FigureSource.id) == col(figure.source_id))
        .join(KnownMetric, _known(figure, "article"))
        .order_by(
            col(Article.account_id),
            col(Article.published_at),
            col(Article.id),
            col(figure.metric),
            col(figure.as_of),
            col(figure.source_id),
        )
    )
    return query.where(_is_newest()) if newest else query


def _is_newest() -> ColumnElement[bool]:
    later = Snapshot.__table__.alias("later")  # type: ignore[attr-defined]
    newest = (
        select(func.max(later.c.as_of))
        .where(
            later.c.article_id == col(Snapshot.article_id),
            later.c.metric == col(Snapshot.metric),
            later.c.source_id == col(Snapshot.source_id),
        )
        .scalar_subquery()
    )
    return col(Snapshot.as_of) == newest


def _account_days() -> Select[Any]:
    figure = AccountDayFigure
    return (
        select(*_account_columns(), col(figure.day), *_figure_columns(figure))
        .select_from(figure)
        .join(Account, col(Account.id) == col(figure.account_id))
        .join(Unit, col(Unit.id) == col(Account.unit_id))
        .join(FigureSource, col(FigureSource.id) == col(figure.source_id))
        .join(KnownMetric, _known(figure, "account"))
        .order_by(col(figure.account_id), col(figure.metric), col(figure.day), col(figure.source_id))
    )
