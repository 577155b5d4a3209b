"""Collecting: every account's articles and days from its platform into the database, holes left as holes.

Accounts are asked side by side, each in one worker thread; the calling thread writes, one transaction an
account. What one account's platform refuses never stops another.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from sqlalchemy import select
from sqlmodel import Session, col

from analytics.archive import with_archive
from analytics.articles import AccountDayFigure, FigureSource, Snapshot
from analytics.asking import Answer, Failure, Task, ask, is_live
from analytics.figures import (
    AccountFigure,
    ArticleFact,
    ArticleFigure,
    Meaning,
    adopt,
    batches,
    is_kept,
    know_metrics,
    six_places,
    source_id,
    store_account_days,
    store_articles,
    store_snapshots,
    thin,
)
from analytics.gaps import ACCOUNT_DAY, ARTICLES, DELAYED, Hole, close_gaps, open_gaps
from config.clock import SHANGHAI, Clock, shanghai_day
from config.database import Database
from connectors import Access, ArticleFigures, Connector, Figures, connector_for
from organisation.accounts import Account, AccountState, accounts_of

WINDOW_DAYS = 30
"""How far back a platform is asked: WeChat tells of an article for 30 days, and age 30 is kept."""

WORKERS = 16
_ACCOUNTS_A_PLAN = 500


@dataclass
class CollectionReport:
    """What a collection brought. `figures` counts values stored or found unchanged."""

    accounts: int = 0
    articles: int = 0
    figures: int = 0
    opened: int = 0
    closed: int = 0
    failures: list[Failure] = field(default_factory=list)


def collect_window(clock: Clock) -> tuple[date, date]:
    """The Beijing days a daily run asks for: yesterday and the 30 days before it.

    Yesterday's figures are there from 08:00 at WeChat; an article published on the first day has age 30.
    """
    yesterday = shanghai_day(clock.now()) - timedelta(days=1)
    return yesterday - timedelta(days=WINDOW_DAYS), yesterday


def collect(
    database: Database,
    clock: Clock,
    *,
    access_for: Callable[[Account], Access],
    accounts: Sequence[Account] | None = None,
    since: date | None = None,
    until: date | None = None,
    account_days: bool = True,
    progress: Callable[[int, int], None] | None = None,
    connector_of: Callable[[str], Connector] = connector_for,
    workers: int = WORKERS,
) -> CollectionReport:
    """Collects the figures of `accounts` (all active ones without) for `since` to `until` (`collect_window`).

    Asks each platform for its articles and for the account days that are not there yet; running it again
    changes nothing. `access_for` opens an account in a worker thread; `progress` is told how many accounts of
    how many are done; without `account_days` only the articles are asked for. Figures that the platform marks
    as delayed are left as holes. Never raises for what a platform does: that is in the report and the holes.
    """
    if accounts is None:
        with database.read() as session:
            accounts = accounts_of(session, state=AccountState.ACTIVE)
    askable = _askable(accounts, connector_of)
    known: set[str] = set()
    report = CollectionReport()
    tasks = _tasks(database, clock, askable, since, until, account_days=account_days)
    for answer in _answers(tasks, lambda task: ask(task, access_for), workers):
        platform = answer.task.account.platform
        with database.write() as session:
            if platform not in known:
                know_metrics(session, platform, _meanings(answer.task.connector))
            _store(session, answer, clock.now(), report)
        known.add(platform)
        report.accounts += 1
        if progress is not None:
            progress(report.accounts, len(askable))
    return report


def _askable(
    accounts: Iterable[Account], connector_of: Callable[[str], Connector]
) -> list[tuple[Account, Connector]]:
    """The accounts whose platform tells figures; one of a platform that is no longer there has none."""
    found: dict[str, Connector | None] = {}
    askable = []
    for account in accounts:
        if account.platform not in found:
            try:
                found[account.platform] = connector_of(account.platform)
            except KeyError:
                found[account.platform] = None
        connector = found[account.platform]
        if connector is not None and connector.capabilities & {"articles", "account_day"}:
            askable.append((account, connector))
    return askable


def _tasks(
    database: Database,
    clock: Clock,
    askable: Iterable[tuple[Account, Connector]],
    since: date | None,
    until: date | None,
    *,
    account_days: bool,
) -> Iterator[Task]:
    first, yesterday = collect_window(clock)
    for batch in batches(askable, _ACCOUNTS_A_PLAN):
        start = since or first
        present = _present_days(database, [account.known_id for account, _ in batch], start)
        for account, connector in batch:
            newest = yesterday + timedelta(days=1) if is_live(connector) else yesterday
            end = min(until or newest, newest)
            days: tuple[date, ...] = ()
            if account_days and "account_day" in connector.capabilities:
                oldest = newest if is_live(connector) else start
                wanted = (oldest + timedelta(days=n) for n in range((end - oldest).days + 1))
                days = tuple(day for day in wanted if day not in present.get(account.known_id, ()))
            yield Task(account, connector, start, end, newest, days)


def _present_days(database: Database, accounts: Sequence[int], since: date) -> dict[int, set[date]]:
    """The days from `since` for which a platform has told an account's own figures."""
    told = (
        select(col(AccountDayFigure.account_id), col(AccountDayFigure.day))
        .join(FigureSource, col(FigureSource.id) == col(AccountDayFigure.source_id))
        .where(
            col(AccountDayFigure.account_id).in_(accounts),
            col(AccountDayFigure.day) >= since,
            col(FigureSource.kind) == "api",
        )
        .distinct()
    )
    present: dict[int, set[date]] = {}
    with database.read() as session:
        with_archive(session, "account_days", since=since)
        for account_id, day in session.execute(told):
            present.setdefault(account_id, set()).add(day)
    return present


def _answers(tasks: Iterator[Task], work: Callable[[Task], Answer], workers: int) -> Iterator[Answer]:
    """The answers as they come; only a few tasks are ahead of the writer, whatever their number."""
    pool = ThreadPoolExecutor(workers, thread_name_prefix="collect")
    try:
        under_way: set[Future[Answer]] = set()
        for task in tasks:
            under_way.add(pool.submit(work, task))
            if len(under_way) >= 2 * workers:
                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        for future in as_completed(under_way):
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _meanings(connector: Connector) -> list[Meaning]:
    return [
        Meaning(metric.name, metric.unit.value, metric.kind.value, metric.level)
        for metric in connector.metrics
    ]


def _store(session: Session, answer: Answer, at: datetime, report: CollectionReport) -> None:
    """Writes one account's answer: what came, the holes it fills, the holes it leaves."""
    account_id = answer.task.account.known_id
    told, delayed = _store_articles(session, answer, at, report)
    _store_days(session, answer, at, report)
    filled = [figures.as_of for figures in answer.days]
    report.closed += close_gaps(session, account_id, ACCOUNT_DAY, filled, at)
    report.opened += open_gaps(session, account_id, ACCOUNT_DAY, answer.day_holes, at)
    holes = dict.fromkeys(delayed, Hole(DELAYED))
    if answer.article_hole is not None:
        holes[answer.task.newest] = answer.article_hole
    else:
        whole = _whole_days(answer.task, told) - delayed
        # Asked again on the same day, a platform that only knows its counts of now fills the day's hole.
        today = datetime.combine(shanghai_day(at), time(), SHANGHAI)
        report.closed += close_gaps(session, account_id, ARTICLES, whole, at, seen_since=today)
    report.opened += open_gaps(session, account_id, ARTICLES, holes, at)
    report.failures += answer.failures


def _whole_days(task: Task, told: set[date]) -> set[date]:
    """The days for which a complete answer tells all there is: between its oldest and newest figure.

    A platform that only knows its counts of now does not fill the hole of a day that is past.
    """
    first, last = (min(told), max(told)) if told else (task.since, task.newest)
    return {first + timedelta(days=n) for n in range((last - first).days + 1)}


def _store_articles(
    session: Session, answer: Answer, at: datetime, report: CollectionReport
) -> tuple[set[date], set[date]]:
    """Stores articles and their figures; gives the days told, and the days that are delayed."""
    account = answer.task.account
    facts = [_fact(article) for article in answer.articles]
    adopt(session, account.known_id, facts)
    ids = store_articles(session, account.known_id, facts)
    by_endpoint: dict[str, list[ArticleFigure]] = {}
    told: set[date] = set()
    waiting: set[tuple[int, date]] = set()
    names = {metric.name for metric in answer.task.connector.metrics if metric.level == "article"}
    for article, fact in zip(answer.articles, facts, strict=True):
        article_id = ids[article.remote_id]
        final = [figures for figures in article.figures if not figures.delayed]
        told.update(figures.as_of for figures in final)
        waiting.update((article_id, figures.as_of) for figures in article.figures if figures.delayed)
        for endpoint, figure in _kept_figures(article_id, fact.published_day, final, names):
            by_endpoint.setdefault(endpoint, []).append(figure)
    report.articles += len(facts)
    for endpoint, figures in by_endpoint.items():
        source = source_id(session, "api", f"{account.platform} {endpoint}", at)
        report.figures += store_snapshots(session, source, at, figures)
        thin(session, source, sorted({figure.article_id for figure in figures}))
    return told, {day for _, day in waiting - _stored_days(session, waiting)}


def _kept_figures(
    article_id: int, published: date, final: Sequence[Figures], names: set[str]
) -> Iterator[tuple[str, ArticleFigure]]:
    """The figures worth storing, by endpoint: at the ages that are kept, and each name's newest."""
    known = [
        (figures, name, exact)
        for figures in final
        for name, value in figures.values.items()
        if name in names and value is not None and (exact := six_places(value)) is not None
    ]
    newest: dict[str, date] = {}
    for figures, name, _ in known:
        newest[name] = max(newest.get(name, figures.as_of), figures.as_of)
    for figures, name, exact in known:
        if figures.as_of == newest[name] or is_kept(published, figures.as_of):
            yield figures.endpoint, ArticleFigure(article_id, name, figures.as_of, exact)


def _stored_days(session: Session, waiting: set[tuple[int, date]]) -> set[tuple[int, date]]:
    """Of these articles' days, those with figures: what was final once is no hole when it is asked again."""
    stored: set[tuple[int, date]] = set()
    for batch in batches(sorted({article_id for article_id, _ in waiting}), 500):
        days = select(col(Snapshot.article_id), col(Snapshot.as_of)).where(
            col(Snapshot.article_id).in_(batch)
        )
        stored.update((article_id, as_of) for article_id, as_of in session.execute(days.distinct()))
    return stored


def _store_days(session: Session, answer: Answer, at: datetime, report: CollectionReport) -> None:
    account = answer.task.account
    names = {metric.name for metric in answer.task.connector.metrics if metric.level == "account"}
    for figures in answer.days:
        source = source_id(session, "api", f"{account.platform} {figures.endpoint}", at)
        known = [
            AccountFigure(account.known_id, name, figures.as_of, six_places(value))
            for name, value in figures.values.items()
            if name in names and value is not None
        ]
        report.figures += store_account_days(session, source, at, known)


def _fact(article: ArticleFigures) -> ArticleFact:
    return ArticleFact(
        remote_id=article.remote_id,
        title=_storable(article.title, 500),
        url=_storable(article.url, 1000) if len(article.url) <= 1000 else "",
        published_at=article.published_at,
        published_day=shanghai_day(article.published_at),
        position=article.position,
        kind=article.kind[:16],
        original=article.original,
    )


def _storable(told: str, limit: int) -> str:
    """A platform's text as the columns can hold it: no NUL, no broken characters, not too long."""
    return told.replace("\x00", "").encode("utf-8", "replace").decode()[:limit]
