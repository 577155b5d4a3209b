"""Where the figures of an account's week come from: the interface, a file and its row, a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import select
from sqlmodel import Session, col

from analytics.archive import with_archive
from analytics.articles import AccountDayFigure, Article, FigureSource, Snapshot
from analytics.exports.columns import Rule, layout_for
from analytics.exports.week import Week, chosen_figures, preference
from analytics.imports.records import FigureImport
from organisation.accounts import Account

MOST_FIGURES = 2_000
"""Figures that one look tells of."""


@dataclass(frozen=True)
class Told:
    """One figure with its source.

    `title` is '' for a figure of the account itself. `kind` is api, import or typed, `source` the endpoint,
    file or person; a file's has its `row`, its import's number (`imported`) and who brought it
    (`actor`). `counts`: the weekly tables take this one; the others stand beside it.
    """

    title: str
    url: str
    day: date
    metric: str
    value: Decimal
    as_of: date
    kind: str
    source: str
    row: int | None
    imported: int | None
    actor: str
    counts: bool


def sources_of_week(session: Session, account: Account, week: Week) -> list[Told]:
    """What each source tells of the week: of articles published in it, then of the account's own days.

    Articles by day and title; of each source the figure that counts, else its newest. At most
    `MOST_FIGURES` of each kind are looked at.
    """
    columns = layout_for(account.platform).columns
    articles = [column.metric for column in columns if column.rule is Rule.ARTICLES]
    days = [column.metric for column in columns if column.rule in (Rule.LAST, Rule.DAYS)]
    for kind, names in (("articles", articles), ("account_days", days)):
        with_archive(session, kind, since=week.monday, until=week.sunday, metrics=names)
    return [*_of_articles(session, account, week, articles), *_of_days(session, account, week, days)]


def _of_articles(session: Session, account: Account, week: Week, metrics: Sequence[str]) -> list[Told]:
    chosen = chosen_figures(account.platform, [week], metrics)
    wanted = (
        select(
            col(Article.id),
            col(Article.title),
            col(Article.url),
            col(Article.published_day),
            col(Snapshot.metric),
            col(Snapshot.value),
            col(Snapshot.as_of),
            col(FigureSource.kind),
            col(FigureSource.name),
            col(Snapshot.source_row),
            col(FigureImport.id),
            col(FigureImport.actor),
            chosen.c.place,
        )
        .join(Snapshot, col(Snapshot.article_id) == col(Article.id))
        .join(FigureSource, col(FigureSource.id) == col(Snapshot.source_id))
        .outerjoin(FigureImport, col(FigureImport.source_id) == col(FigureSource.id))
        .outerjoin(
            chosen,
            (chosen.c.article_id == col(Article.id))
            & (chosen.c.metric == col(Snapshot.metric))
            & (chosen.c.as_of == col(Snapshot.as_of))
            & (chosen.c.source == col(FigureSource.name))
            & (chosen.c.kind == col(FigureSource.kind))
            & (chosen.c.place == 1),
        )
        .where(
            col(Article.account_id) == account.known_id,
            col(Article.published_day).between(week.monday, week.sunday),
            col(Snapshot.metric).in_(metrics),
        )
        .order_by(
            col(Article.published_day),
            col(Article.title),
            col(Article.id),
            col(Snapshot.metric),
            chosen.c.place.is_(None),
            col(Snapshot.as_of).desc(),
        )
        .limit(MOST_FIGURES)
    )
    found: dict[tuple[int, str, str, str], Told] = {}
    for (
        number,
        title,
        url,
        day,
        metric,
        value,
        as_of,
        kind,
        name,
        row,
        imported,
        actor,
        place,
    ) in session.execute(wanted):
        told = Told(title, url, day, metric, value, as_of, kind, name, row, imported, actor or "", place == 1)
        found.setdefault((number, metric, kind, name), told)
    return list(found.values())


def _of_days(session: Session, account: Account, week: Week, metrics: Sequence[str]) -> list[Told]:
    wanted = (
        select(
            col(AccountDayFigure.metric),
            col(AccountDayFigure.day),
            col(AccountDayFigure.value),
            col(FigureSource.kind),
            col(FigureSource.name),
            col(AccountDayFigure.source_row),
            col(FigureImport.id),
            col(FigureImport.actor),
        )
        .join(FigureSource, col(FigureSource.id) == col(AccountDayFigure.source_id))
        .outerjoin(FigureImport, col(FigureImport.source_id) == col(FigureSource.id))
        .where(
            col(AccountDayFigure.account_id) == account.known_id,
            col(AccountDayFigure.day).between(week.monday, week.sunday),
            col(AccountDayFigure.metric).in_(metrics),
        )
        .order_by(
            col(AccountDayFigure.metric),
            col(AccountDayFigure.day).desc(),
            preference(),
            col(AccountDayFigure.source_id).desc(),
        )
        .limit(MOST_FIGURES)
    )
    found: list[Told] = []
    seen: set[tuple[str, date]] = set()
    for metric, day, value, kind, name, row, imported, actor in session.execute(wanted):
        first = (metric, day) not in seen
        seen.add((metric, day))
        found.append(
            Told("", "", day, metric, value, day, kind, name, row, imported, actor or "", counts=first)
        )
    return found


def daily(
    session: Session, account: Account, metrics: Sequence[str], since: date, until: date
) -> Mapping[str, Mapping[date, Decimal]]:
    """The account's own figures by day, the preferred source's; a day that nobody told of is not there."""
    with_archive(session, "account_days", since=since, until=until, metrics=list(metrics))
    wanted = (
        select(col(AccountDayFigure.metric), col(AccountDayFigure.day), col(AccountDayFigure.value))
        .join(FigureSource, col(FigureSource.id) == col(AccountDayFigure.source_id))
        .where(
            col(AccountDayFigure.account_id) == account.known_id,
            col(AccountDayFigure.day).between(since, until),
            col(AccountDayFigure.metric).in_(metrics),
        )
        .order_by(col(AccountDayFigure.day), preference(), col(AccountDayFigure.source_id).desc())
    )
    found: dict[str, dict[date, Decimal]] = {}
    for metric, day, value in session.execute(wanted):
        found.setdefault(metric, {}).setdefault(day, value)
    return found
