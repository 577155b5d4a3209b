"""A week in figures: what every account published and what came of it, beside the week before.

An article counts in the week it was published (ISO week, Beijing days). Its figure is the newest one as of
the week's last day; where there is none, the first one of the seven days after. So a week is compared with
the week before at the same age, and can be made again later with the same result. Figures a platform told
come before imported ones, those before typed ones; two sources are never added.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Date, Subquery, and_, case, distinct, exists, func, literal, or_, select
from sqlmodel import Session, col

from analytics.archive import with_archive
from analytics.archive.partitions import ArchivedAccount
from analytics.articles import AccountDayFigure, Article, FigureSource, Snapshot
from analytics.exports.columns import Column, Rule, layout_for
from config.errors import MeizhenError
from organisation.accounts import Account, AccountState
from organisation.units import Unit, in_subtree

_WEEK = re.compile(r"(\d{4})-W(\d{2})", re.ASCII)
_GRACE = timedelta(days=7)


@dataclass(frozen=True)
class Week:
    """An ISO week of Beijing days, from Monday to Sunday."""

    monday: date

    @classmethod
    def parse(cls, told: str) -> "Week":
        """The week of `2026-W46`. Raises MeizhenError `report.not_a_week`."""
        found = _WEEK.fullmatch(told.strip().upper())
        try:
            if found is not None:
                return cls(date.fromisocalendar(int(found[1]), int(found[2]), 1))
        except ValueError:
            pass
        raise MeizhenError("report.not_a_week", received=told)

    @classmethod
    def of(cls, day: date) -> "Week":
        """The week this day is in."""
        return cls(day - timedelta(days=day.weekday()))

    @property
    def sunday(self) -> date:
        return self.monday + timedelta(days=6)

    @property
    def before(self) -> "Week":
        return Week(self.monday - timedelta(days=7))

    def __str__(self) -> str:
        year, number, _ = self.monday.isocalendar()
        return f"{year}-W{number:02d}"


@dataclass
class AccountWeek:
    """One account's week and the week before. A value that is not known is not in the mapping."""

    account: Account
    unit: str
    this: dict[Column, Decimal] = field(default_factory=dict)
    last: dict[Column, Decimal] = field(default_factory=dict)
    measured: int = 0  # of this week's articles, those with any figure
    sources: frozenset[str] = frozenset()

    def change(self, column: Column) -> Decimal | None:
        """The week-on-week change as a share of last week; None where either is unknown or last week is 0."""
        return change(self.this.get(column), self.last.get(column))


def change(this: Decimal | None, last: Decimal | None) -> Decimal | None:
    """(this - last) ÷ last; None where it cannot be told."""
    return None if this is None or not last else (this - last) / last


def read_week(session: Session, week: Week, *, unit: Unit | None = None) -> dict[str, list[AccountWeek]]:
    """Every platform's accounts with their weeks, the leading figure first; in the order of platforms.

    Accounts that are retired stand there only with articles in one of the two weeks.
    """
    rows = _accounts(session, week, unit)
    by_platform: dict[str, list[AccountWeek]] = {}
    for row in rows:
        by_platform.setdefault(row.account.platform, []).append(row)
    metrics = sorted({column.metric for platform in by_platform for column in layout_for(platform).columns})
    for kind in ("articles", "account_days"):
        with_archive(session, kind, since=week.before.monday, until=week.sunday, metrics=metrics)
    for platform, accounts in by_platform.items():
        _Reading(session, week, platform, {row.account.known_id: row for row in accounts}).fill()
        leading = layout_for(platform).leading
        accounts.sort(key=lambda row: (-row.this.get(leading, Decimal(-1)), row.account.handle))
    return by_platform


def _accounts(session: Session, week: Week, unit: Unit | None) -> list[AccountWeek]:
    published = (
        select(col(Article.account_id))
        .where(col(Article.published_day).between(week.before.monday, week.sunday))
        .scalar_subquery()
    )
    wanted = (
        select(Account, col(Unit.name_zh))
        .join(Unit, col(Unit.id) == col(Account.unit_id))
        .where(or_(col(Account.state) != AccountState.RETIRED, col(Account.id).in_(published)))
        .order_by(col(Account.platform), col(Account.handle))
    )
    if unit is not None:
        wanted = wanted.where(in_subtree(unit))
    return [AccountWeek(account, name) for account, name in session.execute(wanted)]


def _preference() -> ColumnElement[int]:
    """A platform's own word first, then files, then what people typed."""
    return case({"api": 0, "import": 1}, value=col(FigureSource.kind), else_=2)


@dataclass
class _Reading:
    """Fills a platform's rows for both weeks: one statement a rule, whatever the number of accounts."""

    session: Session
    week: Week
    platform: str
    rows: Mapping[int, AccountWeek]

    def fill(self) -> None:
        self._posts()
        self._articles()
        self._days()
        self._last()

    def _columns(self, rule: Rule) -> dict[str, Column]:
        return {column.metric: column for column in layout_for(self.platform).columns if column.rule is rule}

    def _put(self, account: int, is_this: int, column: Column, value: Decimal) -> None:
        """Adds a value; sums of several sources are of different articles."""
        if account in self.rows:
            values = self.rows[account].this if is_this else self.rows[account].last
            values[column] = values.get(column, Decimal(0)) + value

    def _is_this(self, day: Any) -> ColumnElement[int]:
        return case((day >= self.week.monday, 1), else_=0)

    def _in_both(self, day: Any) -> ColumnElement[bool]:
        return and_(
            col(Account.platform) == self.platform, day.between(self.week.before.monday, self.week.sunday)
        )

    def _posts(self) -> None:
        """No article is 0 posts only where the account has ever told anything; else it is unknown."""
        column = self._columns(Rule.POSTS)[""]
        for account in self._heard_of():
            self._put(account, 1, column, Decimal(0))
            self._put(account, 0, column, Decimal(0))
        is_this = self._is_this(col(Article.published_day)).label("is_this")
        counted = (
            select(col(Article.account_id), is_this, func.count())
            .join(Account, col(Account.id) == col(Article.account_id))
            .where(self._in_both(col(Article.published_day)))
            .group_by(col(Article.account_id), "is_this")
        )
        for account, this, count in self.session.execute(counted):
            self._put(account, this, column, Decimal(count))

    def _heard_of(self) -> Sequence[int]:
        told = or_(
            exists().where(col(Article.account_id) == col(Account.id)),
            exists().where(col(AccountDayFigure.account_id) == col(Account.id)),
            exists().where(col(ArchivedAccount.account_id) == col(Account.id)),
        )
        heard = select(col(Account.id)).where(col(Account.platform) == self.platform, told)
        return [account for (account,) in self.session.execute(heard) if account is not None]

    def _articles(self) -> None:
        columns = self._columns(Rule.ARTICLES)
        chosen = self._chosen_figures(list(columns))
        groups = (chosen.c.account_id, chosen.c.is_this, chosen.c.metric, chosen.c.source)
        summed = select(*groups, func.sum(chosen.c.value)).where(chosen.c.place == 1).group_by(*groups)
        for account, this, metric, source, value in self.session.execute(summed):
            self._put(account, this, columns[metric], value)
            if account in self.rows and this:
                self.rows[account].sources |= {source}
        measured = (
            select(chosen.c.account_id, func.count(distinct(chosen.c.article_id)))
            .where(chosen.c.place == 1, chosen.c.is_this == 1)
            .group_by(chosen.c.account_id)
        )
        for account, count in self.session.execute(measured):
            if account in self.rows:
                self.rows[account].measured = count

    def _chosen_figures(self, metrics: Sequence[str]) -> Subquery:
        """Each article's figures by preference: `place` 1 is the one that counts."""
        published, as_of = col(Article.published_day), col(Snapshot.as_of)
        week = self.week
        this = published >= week.monday
        end = case((this, literal(week.sunday, Date)), else_=literal(week.before.sunday, Date))
        latest = case(
            (this, literal(week.sunday + _GRACE, Date)), else_=literal(week.before.sunday + _GRACE, Date)
        )
        order = (
            _preference(),
            case((as_of <= end, 0), else_=1),
            case((as_of <= end, as_of)).desc(),
            as_of,
            col(Snapshot.source_id).desc(),
        )
        place = func.row_number().over(partition_by=(col(Article.id), col(Snapshot.metric)), order_by=order)
        return (
            select(
                col(Article.account_id).label("account_id"),
                col(Article.id).label("article_id"),
                self._is_this(published).label("is_this"),
                col(Snapshot.metric).label("metric"),
                col(Snapshot.value).label("value"),
                col(FigureSource.kind).label("source"),
                place.label("place"),
            )
            .join(Account, col(Account.id) == col(Article.account_id))
            .join(Snapshot, col(Snapshot.article_id) == col(Article.id))
            .join(FigureSource, col(FigureSource.id) == col(Snapshot.source_id))
            .where(self._in_both(published), col(Snapshot.metric).in_(metrics), as_of <= latest)
            .subquery()
        )

    def _days(self) -> None:
        """A week with a missing day has no sum: a hole is not a quiet day."""
        columns = self._columns(Rule.DAYS)
        day = col(AccountDayFigure.day)
        chosen = self._chosen_days(
            list(columns), (day,), (_preference(), col(AccountDayFigure.source_id).desc())
        )
        groups = (chosen.c.account_id, chosen.c.is_this, chosen.c.metric)
        summed = (
            select(*groups, func.sum(chosen.c.value))
            .where(chosen.c.place == 1)
            .group_by(*groups)
            .having(func.count() == 7)
        )
        for account, this, metric, value in self.session.execute(summed):
            self._put(account, this, columns[metric], value)

    def _last(self) -> None:
        columns = self._columns(Rule.LAST)
        newest = (col(AccountDayFigure.day).desc(), _preference(), col(AccountDayFigure.source_id).desc())
        chosen = self._chosen_days(list(columns), (self._is_this(col(AccountDayFigure.day)),), newest)
        last = select(chosen.c.account_id, chosen.c.is_this, chosen.c.metric, chosen.c.value)
        for account, this, metric, value in self.session.execute(last.where(chosen.c.place == 1)):
            self._put(account, this, columns[metric], value)

    def _chosen_days(self, metrics: Sequence[str], within: Sequence[Any], order: Sequence[Any]) -> Subquery:
        """The accounts' own figures of both weeks: `place` 1 counts `within` what is given."""
        figure = AccountDayFigure
        group = (col(figure.account_id), col(figure.metric), *within)
        return (
            select(
                col(figure.account_id).label("account_id"),
                self._is_this(col(figure.day)).label("is_this"),
                col(figure.metric).label("metric"),
                col(figure.value).label("value"),
                func.row_number().over(partition_by=group, order_by=order).label("place"),
            )
            .join(Account, col(Account.id) == col(figure.account_id))
            .join(FigureSource, col(FigureSource.id) == col(figure.source_id))
            .where(self._in_both(col(figure.day)), col(figure.metric).in_(metrics))
            .subquery()
        )
