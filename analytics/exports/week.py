"""A week in figures: what every account published and what came of it, beside other weeks.

An article counts in the week it was published (ISO week, Beijing days). Its figure is the newest one as of
the week's last day; where there is none, the first one of the seven days after. So every week is compared
with the others at the same age, and can be made again later with the same result. Figures a platform told
come before imported ones, those before typed ones; two sources are never added.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Select,
    Subquery,
    and_,
    case,
    distinct,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlmodel import Session, col

from analytics.archive import with_archive
from analytics.archive.partitions import ArchivedAccount
from analytics.articles import AccountDayFigure, Article, FigureSource, Snapshot
from analytics.exports.columns import Column, Rule, layout_for
from config.errors import MeizhenError
from organisation.accounts import Account, AccountState
from organisation.units import Unit, in_subtree

TREND = 13
"""Weeks of a trend, the reported one included: a quarter."""

_WEEK = re.compile(r"(\d{4})-W(\d{2})", re.ASCII)
_GRACE = timedelta(days=7)


@dataclass(frozen=True, order=True)
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
        return self.back(1)

    @property
    def last_year(self) -> "Week":
        """52 weeks before: the nearest week of last year with the same weekdays."""
        return self.back(52)

    def back(self, weeks: int) -> "Week":
        return Week(self.monday - timedelta(weeks=weeks))

    def trend(self) -> "list[Week]":
        """The `TREND` weeks up to this one, oldest first."""
        return [self.back(weeks) for weeks in reversed(range(TREND))]

    @property
    def short(self) -> str:
        """`W46`, for axes."""
        return str(self)[5:]

    def __str__(self) -> str:
        year, number, _ = self.monday.isocalendar()
        return f"{year}-W{number:02d}"


@dataclass(frozen=True, order=True)
class Source:
    """Where a value came from: api, import or typed; and its name (endpoint, file, person)."""

    kind: str
    name: str


@dataclass
class AccountWeek:
    """One account's week among other weeks. A value that is not known is not in the mapping.

    Last week and the same week a year before have every column; the older weeks of the trend only the posts
    and the platform's leading one.
    """

    account: Account
    unit: str
    unit_code: str
    unit_path: str
    week: Week
    values: dict[Week, dict[Column, Decimal]] = field(default_factory=dict)
    measured: int = 0  # of this week's articles, those with any figure
    told_by: dict[Column, set[Source]] = field(default_factory=dict)  # of this week's values

    @property
    def this(self) -> Mapping[Column, Decimal]:
        return self.values.get(self.week, {})

    @property
    def last(self) -> Mapping[Column, Decimal]:
        return self.values.get(self.week.before, {})

    @property
    def year(self) -> Mapping[Column, Decimal]:
        return self.values.get(self.week.last_year, {})

    @property
    def sources(self) -> frozenset[str]:
        """The kinds of sources that this week's values came from."""
        return frozenset(source.kind for told in self.told_by.values() for source in told)

    def change(self, column: Column) -> Decimal | None:
        """The week-on-week change as a share of last week; None where either is unknown or last week is 0."""
        return change(self.this.get(column), self.last.get(column))


def change(this: Decimal | None, last: Decimal | None) -> Decimal | None:
    """(this - last) ÷ last; None where it cannot be told."""
    return None if this is None or not last else (this - last) / last


def difference(this: Decimal | None, last: Decimal | None) -> Decimal | None:
    """this - last; None where either is unknown."""
    return None if this is None or last is None else this - last


def total(accounts: Sequence[AccountWeek], column: Column, week: Week) -> Decimal | None:
    """The known values of a week, summed over the accounts; None where none is known."""
    known = [row.values[week][column] for row in accounts if column in row.values.get(week, {})]
    return sum(known, Decimal(0)) if known else None


def read_week(
    session: Session, week: Week, *, unit: Unit | None = None, within: ColumnElement[bool] | None = None
) -> dict[str, list[AccountWeek]]:
    """Every platform's accounts with their weeks, the leading figure first; in the order of platforms.

    `within` is a condition on their units (`organisation.in_sight`).

    Accounts that are retired stand there only with articles in this week or the one before.
    """
    rows = _accounts(session, week, unit, within)
    by_platform: dict[str, list[AccountWeek]] = {}
    for row in rows:
        by_platform.setdefault(row.account.platform, []).append(row)
    metrics = sorted({column.metric for platform in by_platform for column in layout_for(platform).columns})
    for kind in ("articles", "account_days"):
        with_archive(
            session,
            kind,
            since=week.trend()[0].monday,
            until=week.sunday,
            more=[(week.last_year.monday, week.last_year.sunday)],
            metrics=metrics,
        )
    for platform, accounts in by_platform.items():
        layout = layout_for(platform)
        by_id = {row.account.known_id: row for row in accounts}
        beside = (week, week.before, week.last_year)
        _Reading(session, platform, by_id, beside, layout.columns, counts_from=week.before).fill()
        older = tuple(one for one in week.trend() if one not in beside)
        trend = tuple(dict.fromkeys((layout.columns[0], layout.leading)))
        _Reading(session, platform, by_id, older, trend, counts_from=week.before).fill()
        accounts.sort(key=lambda row: (-row.this.get(layout.leading, Decimal(-1)), row.account.handle))
    return by_platform


def _accounts(
    session: Session, week: Week, unit: Unit | None, within: ColumnElement[bool] | None
) -> list[AccountWeek]:
    published = (
        select(col(Article.account_id))
        .where(col(Article.published_day).between(week.before.monday, week.sunday))
        .scalar_subquery()
    )
    wanted: Select[Account, Unit] = (
        select(Account, Unit)
        .join(Unit, col(Unit.id) == col(Account.unit_id))
        .where(or_(col(Account.state) != AccountState.RETIRED, col(Account.id).in_(published)))
        .order_by(col(Account.platform), col(Account.handle))
    )
    if unit is not None:
        wanted = wanted.where(in_subtree(unit))
    if within is not None:
        wanted = wanted.where(within)
    return [
        AccountWeek(account, of.name_zh, of.code, of.path, week) for account, of in session.execute(wanted)
    ]


def preference() -> ColumnElement[int]:
    """A platform's own word first, then files, then what people typed."""
    return case({"api": 0, "import": 1}, value=col(FigureSource.kind), else_=2)


def _within(day: Any, weeks: Sequence[Week]) -> ColumnElement[bool]:
    """The day is in one of the weeks; weeks that follow each other are one range of an index."""
    ranges: list[tuple[Week, Week]] = []
    for week in sorted(weeks):
        if ranges and ranges[-1][1] == week.before:
            ranges[-1] = (ranges[-1][0], week)
        else:
            ranges.append((week, week))
    return or_(*(day.between(first.monday, last.sunday) for first, last in ranges))


def chosen_figures(platform: str, weeks: Sequence[Week], metrics: Sequence[str]) -> Subquery:
    """The figures of a platform's articles of these weeks by preference: `place` 1 is the one that counts.

    Columns: account_id, article_id, number (of the week in `weeks`), metric, value, as_of, kind and source
    (of the figure's source), place.
    """
    published, as_of = col(Article.published_day), col(Snapshot.as_of)
    in_week = [(published.between(week.monday, week.sunday), week) for week in weeks]
    number = case(*((inside, place) for place, (inside, _) in enumerate(in_week)), else_=-1)
    end = case(*((inside, literal(week.sunday, Date)) for inside, week in in_week))
    latest = case(*((inside, literal(week.sunday + _GRACE, Date)) for inside, week in in_week))
    order = (
        preference(),
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
            number.label("number"),
            col(Snapshot.metric).label("metric"),
            col(Snapshot.value).label("value"),
            as_of.label("as_of"),
            col(FigureSource.kind).label("kind"),
            col(FigureSource.name).label("source"),
            place.label("place"),
        )
        .join(Account, col(Account.id) == col(Article.account_id))
        .join(Snapshot, col(Snapshot.article_id) == col(Article.id))
        .join(FigureSource, col(FigureSource.id) == col(Snapshot.source_id))
        .where(
            col(Account.platform) == platform,
            _within(published, weeks),
            col(Snapshot.metric).in_(metrics),
            as_of <= latest,
        )
        .subquery()
    )


@dataclass
class _Reading:
    """Fills a platform's rows for some weeks and columns: a statement a rule, whatever the accounts' number.

    Weeks are numbered by their place in `weeks`; number 0 of the first reading is the reported week.
    """

    session: Session
    platform: str
    rows: Mapping[int, AccountWeek]
    weeks: Sequence[Week]
    columns: Sequence[Column]
    counts_from: Week  # before it, an account's silence counts as 0 posts only since it was first heard of

    def fill(self) -> None:
        if not self.weeks:
            return
        self._posts()
        if articles := self._named(Rule.ARTICLES):
            self._articles(articles)
        if days := self._named(Rule.DAYS):
            self._days(days)
        if last := self._named(Rule.LAST):
            self._last(last)

    def _named(self, rule: Rule) -> dict[str, Column]:
        return {column.metric: column for column in self.columns if column.rule is rule}

    def _put(self, account: int, number: int, column: Column, value: Decimal) -> None:
        """Adds a value; sums of several sources are of different articles."""
        if account in self.rows:
            values = self.rows[account].values.setdefault(self.weeks[number], {})
            values[column] = values.get(column, Decimal(0)) + value

    def _number(self, day: Any) -> ColumnElement[int]:
        return case(
            *((day.between(week.monday, week.sunday), number) for number, week in enumerate(self.weeks)),
            else_=-1,
        )

    def _asked(self, day: Any) -> ColumnElement[bool]:
        return and_(col(Account.platform) == self.platform, _within(day, self.weeks))

    def _posts(self) -> None:
        """No article is 0 posts only where the account has ever told anything; else it is unknown."""
        column = self._named(Rule.POSTS)[""]
        for account, first in self._heard_of():
            for number, week in enumerate(self.weeks):
                if week >= self.counts_from or week.sunday >= first:
                    self._put(account, number, column, Decimal(0))
        numbered = self._number(col(Article.published_day)).label("number")
        counted = (
            select(col(Article.account_id), numbered, func.count())
            .join(Account, col(Account.id) == col(Article.account_id))
            .where(self._asked(col(Article.published_day)))
            .group_by(col(Article.account_id), "number")
        )
        for account, place, count in self.session.execute(counted):
            self._put(account, place, column, Decimal(count))

    def _heard_of(self) -> list[tuple[int, date]]:
        """The accounts that have ever told anything, each with the first day they told of."""
        firsts = (
            select(func.min(col(Article.published_day)))
            .where(col(Article.account_id) == col(Account.id))
            .scalar_subquery(),
            select(col(ArchivedAccount.first_day))
            .where(col(ArchivedAccount.account_id) == col(Account.id))
            .scalar_subquery(),
            select(func.min(col(AccountDayFigure.day)))
            .where(col(AccountDayFigure.account_id) == col(Account.id))
            .scalar_subquery(),
        )
        told = or_(
            exists().where(col(Article.account_id) == col(Account.id)),
            exists().where(col(AccountDayFigure.account_id) == col(Account.id)),
            exists().where(col(ArchivedAccount.account_id) == col(Account.id)),
        )
        heard = select(col(Account.id), *firsts).where(col(Account.platform) == self.platform, told)
        return [
            (account, min(day for day in days if day is not None))
            for account, *days in self.session.execute(heard)
            if account is not None
        ]

    def _articles(self, columns: Mapping[str, Column]) -> None:
        chosen = chosen_figures(self.platform, self.weeks, list(columns))
        groups = (chosen.c.account_id, chosen.c.number, chosen.c.metric, chosen.c.kind, chosen.c.source)
        summed = select(*groups, func.sum(chosen.c.value)).where(chosen.c.place == 1).group_by(*groups)
        for account, number, metric, kind, source, value in self.session.execute(summed):
            self._put(account, number, columns[metric], value)
            if number == self._reported:
                self._heard(account, columns[metric], Source(kind, source))
        if self._reported >= 0:
            self._measured(list(columns))

    def _measured(self, metrics: Sequence[str]) -> None:
        """How many of the reported week's articles have any figure."""
        chosen = chosen_figures(self.platform, [self.weeks[self._reported]], metrics)
        counted = (
            select(chosen.c.account_id, func.count(distinct(chosen.c.article_id)))
            .where(chosen.c.place == 1)
            .group_by(chosen.c.account_id)
        )
        for account, count in self.session.execute(counted):
            if account in self.rows:
                self.rows[account].measured = count

    def _heard(self, account: int, column: Column, source: Source) -> None:
        """Notes where a value of the reported week came from."""
        if account in self.rows and column in self.rows[account].this:
            self.rows[account].told_by.setdefault(column, set()).add(source)

    @property
    def _reported(self) -> int:
        """The number of the reported week; -1, which no row has, where this reading is of other weeks."""
        reported = next(iter(self.rows.values())).week
        return self.weeks.index(reported) if reported in self.weeks else -1

    def _sources(self, chosen: Subquery, columns: Mapping[str, Column]) -> None:
        """Notes where this week's values came from."""
        if self._reported < 0:
            return
        told = (
            select(chosen.c.account_id, chosen.c.metric, chosen.c.kind, chosen.c.source)
            .where(chosen.c.place == 1, chosen.c.number == self._reported)
            .distinct()
        )
        for account, metric, kind, name in self.session.execute(told):
            self._heard(account, columns[metric], Source(kind, name))

    def _days(self, columns: Mapping[str, Column]) -> None:
        """A week with a missing day has no sum: a hole is not a quiet day."""
        day = col(AccountDayFigure.day)
        chosen = self._chosen_days(
            list(columns), (day,), (preference(), col(AccountDayFigure.source_id).desc())
        )
        groups = (chosen.c.account_id, chosen.c.number, chosen.c.metric)
        summed = (
            select(*groups, func.sum(chosen.c.value))
            .where(chosen.c.place == 1)
            .group_by(*groups)
            .having(func.count() == 7)
        )
        for account, number, metric, value in self.session.execute(summed):
            self._put(account, number, columns[metric], value)
        self._sources(chosen, columns)

    def _last(self, columns: Mapping[str, Column]) -> None:
        newest = (col(AccountDayFigure.day).desc(), preference(), col(AccountDayFigure.source_id).desc())
        chosen = self._chosen_days(list(columns), (self._number(col(AccountDayFigure.day)),), newest)
        last = select(chosen.c.account_id, chosen.c.number, chosen.c.metric, chosen.c.value)
        for account, number, metric, value in self.session.execute(last.where(chosen.c.place == 1)):
            self._put(account, number, columns[metric], value)
        self._sources(chosen, columns)

    def _chosen_days(self, metrics: Sequence[str], within: Sequence[Any], order: Sequence[Any]) -> Subquery:
        """The accounts' own figures of the weeks: `place` 1 counts `within` what is given."""
        figure = AccountDayFigure
        group = (col(figure.account_id), col(figure.metric), *within)
        return (
            select(
                col(figure.account_id).label("account_id"),
                self._number(col(figure.day)).label("number"),
                col(figure.metric).label("metric"),
                col(figure.value).label("value"),
                col(FigureSource.kind).label("kind"),
                col(FigureSource.name).label("source"),
                func.row_number().over(partition_by=group, order_by=order).label("place"),
            )
            .join(Account, col(Account.id) == col(figure.account_id))
            .join(FigureSource, col(FigureSource.id) == col(figure.source_id))
            .where(self._asked(col(figure.day)), col(figure.metric).in_(metrics))
            .subquery()
        )
