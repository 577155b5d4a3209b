"""Who has not reported: active accounts without any figure of a week, collected or imported."""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, exists, or_, select
from sqlmodel import Session, col

from analytics.archive import with_archive
from analytics.articles import AccountDayFigure, Article, Snapshot
from analytics.exports.week import Week
from analytics.imports.records import FigureImport, ImportAccount, ImportState
from organisation.accounts import Account, AccountState
from organisation.units import Unit, in_subtree

_STILL_READ = timedelta(days=30)  # older articles are collected no more


@dataclass(frozen=True)
class MissingAccount:
    """An active account without figures of the week."""

    account: str
    name: str
    unit: str
    unit_name: str


@dataclass(frozen=True)
class MissingReport:
    """Of `expected` active accounts, those without figures, by unit; `units` have none of any account."""

    week: str
    expected: int
    accounts: tuple[MissingAccount, ...]
    units: tuple[str, ...]


def list_missing(
    session: Session, week: Week, *, unit: Unit | None = None, within: ColumnElement[bool] | None = None
) -> MissingReport:
    """The active accounts (of a unit and all below it) of which nothing is known for the week.

    Known is: a figure of one of the account's days of the week; any figure of an article published in it;
    a figure as of one of its days of an article of the thirty days before; an import as of one of its days.
    `within` is a condition on the accounts' units (`organisation.in_sight`).
    """
    wanted = (
        select(Account, col(Unit.code), col(Unit.name_zh), _has_figures(week))
        .join(Unit, col(Unit.id) == col(Account.unit_id))
        .where(col(Account.state) == AccountState.ACTIVE)
        .order_by(col(Unit.path), col(Account.platform), col(Account.handle))
    )
    if unit is not None:
        wanted = wanted.where(in_subtree(unit))
    if within is not None:
        wanted = wanted.where(within)
    for kind in ("articles", "account_days"):
        with_archive(session, kind, since=week.monday - _STILL_READ, until=week.sunday)
    missing = []
    expected, reported = Counter[str](), Counter[str]()
    for account, code, name, known in session.execute(wanted):
        expected[code] += 1
        reported[code] += bool(known)
        if not known:
            missing.append(MissingAccount(account.stable_id, account.name, code, name))
    silent = tuple(code for code in expected if not reported[code])
    return MissingReport(str(week), sum(expected.values()), tuple(missing), silent)


def _has_figures(week: Week) -> ColumnElement[bool]:
    monday, sunday = week.monday, week.sunday
    of_account = col(Article.account_id) == col(Account.id)
    figures = select(1).where(col(Snapshot.article_id) == col(Article.id)).correlate(Article)
    published = col(Article.published_day)
    own_days = exists().where(
        col(AccountDayFigure.account_id) == col(Account.id), col(AccountDayFigure.day).between(monday, sunday)
    )
    new_articles = exists().where(of_account, published.between(monday, sunday), figures.exists())
    read_articles = exists().where(
        of_account,
        published.between(monday - _STILL_READ, monday),
        figures.where(col(Snapshot.as_of).between(monday, sunday)).exists(),
    )
    imported = exists().where(
        col(ImportAccount.account_id) == col(Account.id),
        col(FigureImport.id) == col(ImportAccount.import_id),
        col(FigureImport.state) == ImportState.APPLIED,
        col(FigureImport.as_of).between(monday, sunday),
    )
    return or_(own_days, new_articles, imported, read_articles)
