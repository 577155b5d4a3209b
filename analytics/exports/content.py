"""All that a week's files and pictures tell, read once: accounts, top articles, hours, units, holes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal

from sqlalchemy import ColumnElement, select
from sqlmodel import Session, col

from analytics.articles import Article
from analytics.exports.columns import Column, Layout, layout_for, platform_label
from analytics.exports.week import AccountWeek, Week, chosen_figures, read_week, total
from analytics.gaps import OpenGap, list_gaps
from config.clock import SHANGHAI
from config.messages import told
from organisation.accounts import Account
from organisation.units import Unit, find_unit, in_subtree

TOP = 20
"""Articles a platform in the list of the most read."""

HOUR_WEEKS = 4
"""Weeks that the picture of publishing hours looks back, the reported one included."""

UNITS = 12
"""Units that stand side by side; the rest is left to the tables."""


@dataclass(frozen=True)
class TopArticle:
    """An article of the week by its platform's figure; equal values share a place."""

    place: int
    account: str
    name: str
    unit: str
    title: str
    url: str
    published_at: datetime
    value: Decimal
    as_of: date

    @property
    def published(self) -> str:
        """The Beijing time; the day alone where the platform tells no more."""
        at = self.published_at.astimezone(SHANGHAI)
        return f"{at:%Y-%m-%d}" if at.time() == time() else f"{at:%Y-%m-%d %H:%M}"


@dataclass(frozen=True)
class PlatformWeek:
    """A platform's accounts, the leading figure first, and the week's top articles."""

    platform: str
    accounts: Sequence[AccountWeek]
    top: Sequence[TopArticle]

    @property
    def label(self) -> str:
        return platform_label(self.platform)

    @property
    def layout(self) -> Layout:
        return layout_for(self.platform)

    def total(self, column: Column, week: Week) -> Decimal | None:
        """The known values of a week, summed; None where none is known."""
        return total(self.accounts, column, week)

    def known(self, column: Column, week: Week) -> int:
        """How many accounts have a known value."""
        return sum(1 for row in self.accounts if column in row.values.get(week, {}))


@dataclass(frozen=True)
class Hours:
    """How many posts went out in each hour of the week, Beijing time: (weekday from 0, hour) → posts."""

    posts: Mapping[tuple[int, int], int]
    without: int  # posts whose day alone is known


@dataclass(frozen=True)
class UnitAccounts:
    """A unit directly below the reported one, with all accounts of its subtree."""

    name: str
    accounts: Sequence[AccountWeek]


@dataclass(frozen=True)
class WeekReport:
    """A week of a unit and all below it; of the whole organisation where `unit` is None."""

    week: Week
    unit: Unit | None
    platforms: Sequence[PlatformWeek]
    gaps: Sequence[OpenGap]
    hours: Hours
    units: Sequence[UnitAccounts]

    @property
    def title(self) -> str:
        return self.titled(told("report.all_platforms", {}, language="zh"))

    def titled(self, platform: str) -> str:
        """The heading of a platform's week."""
        return self._headed("title", platform=platform)

    def about(self, subject: str) -> str:
        """The heading of a sheet or picture of this week about `subject`."""
        return self._headed("title_about", subject=subject)

    def _headed(self, entry: str, **names: str) -> str:
        week = {"week": self.week, "monday": self.week.monday, "sunday": self.week.sunday}
        heading = told(f"report.{entry}", names | week, language="zh")
        return heading if self.unit is None else f"{self.unit.name_zh} {heading}"

    def one_line(self) -> str:
        """The week in a sentence: posts of ours, not what people asked."""
        pairs = [
            (row.this.get(platform.layout.posts), row.last.get(platform.layout.posts))
            for platform in self.platforms
            if platform.layout.publishes
            for row in platform.accounts
        ]
        told_of = {
            "active": sum(1 for this, _ in pairs if this),
            "silent": sum(1 for this, _ in pairs if this == 0),
            "posts": sum(int(this or 0) for this, _ in pairs),
            "last": sum(int(last or 0) for _, last in pairs),
            "gaps": len(self.gaps),
        }
        return told("report.one_line", told_of, language="zh")


def read_report(
    session: Session, week: Week, unit: str | None, *, within: ColumnElement[bool] | None = None
) -> WeekReport:
    """Reads a week. `unit` is a unit's code, `within` a condition on units (`organisation.in_sight`).

    Raises MeizhenError `org.unknown_unit`.
    """
    subtree = find_unit(session, unit) if unit is not None else None
    accounts = read_week(session, week, unit=subtree, within=within)
    platforms = [
        PlatformWeek(platform, rows, _top_articles(session, week, platform, rows))
        for platform, rows in accounts.items()
    ]
    return WeekReport(
        week,
        subtree,
        platforms,
        list_gaps(session, since=week.before.monday, until=week.sunday, unit=subtree, within=within),
        _hours(session, week, subtree, within, [one.platform for one in platforms if one.layout.publishes]),
        _units(session, subtree, [row for one in platforms for row in one.accounts]),
    )


def _top_articles(
    session: Session, week: Week, platform: str, accounts: Sequence[AccountWeek]
) -> list[TopArticle]:
    column = layout_for(platform).top
    if column is None:
        return []
    by_id = {row.account.known_id: row for row in accounts}
    chosen = chosen_figures(platform, [week], [column.metric])
    best = (
        select(Article, chosen.c.value, chosen.c.as_of)
        .join(chosen, chosen.c.article_id == col(Article.id))
        .where(chosen.c.place == 1, col(Article.account_id).in_(by_id))
        .order_by(
            chosen.c.value.desc(), col(Article.published_at), col(Article.account_id), col(Article.remote_id)
        )
        .limit(TOP)
    )
    found: list[TopArticle] = []
    for number, (article, value, as_of) in enumerate(session.execute(best), 1):
        row = by_id[article.account_id]
        place = found[-1].place if found and found[-1].value == value else number
        found.append(
            TopArticle(
                place,
                row.account.stable_id,
                row.account.name,
                row.unit,
                article.title,
                article.url,
                article.published_at,
                value,
                as_of,
            )
        )
    return found


def _hours(
    session: Session,
    week: Week,
    unit: Unit | None,
    within: ColumnElement[bool] | None,
    platforms: Sequence[str],
) -> Hours:
    first = week.back(HOUR_WEEKS - 1).monday
    published = (
        select(col(Article.published_at))
        .join(Account, col(Account.id) == col(Article.account_id))
        .join(Unit, col(Unit.id) == col(Account.unit_id))
        .where(col(Account.platform).in_(platforms), col(Article.published_day).between(first, week.sunday))
    )
    if unit is not None:
        published = published.where(in_subtree(unit))
    if within is not None:
        published = published.where(within)
    moments = [at.astimezone(SHANGHAI) for (at,) in session.execute(published)]
    # A platform that tells the day alone is stored at Beijing midnight: that is no hour of publishing.
    timed = [at for at in moments if at.time() != time()]
    return Hours(Counter((at.weekday(), at.hour) for at in timed), len(moments) - len(timed))


def _units(session: Session, unit: Unit | None, rows: Sequence[AccountWeek]) -> list[UnitAccounts]:
    """The units directly below the reported one that have accounts, in the tree's order.

    Of the whole organisation these are the units below its root, or the roots where there are several. The
    reported unit's own accounts stand under its own name.
    """
    above = unit or _only_root(session)
    depth = 0 if above is None else above.depth + 1
    groups: dict[int, list[AccountWeek]] = {}
    for row in rows:
        ids = [int(part) for part in row.unit_path.split("/")[:-1]]
        groups.setdefault(ids[min(depth, len(ids) - 1)], []).append(row)
    named = select(col(Unit.id), col(Unit.name_zh)).where(col(Unit.id).in_(groups))
    names = {unit_id: name for unit_id, name in session.execute(named) if unit_id is not None}
    return [UnitAccounts(names.get(unit_id, ""), accounts) for unit_id, accounts in sorted(groups.items())]


def _only_root(session: Session) -> Unit | None:
    roots = session.execute(select(Unit).where(col(Unit.parent_id).is_(None)).limit(2)).scalars().all()
    return roots[0] if len(roots) == 1 else None
