"""Writing what platforms told: many accounts' answers in one transaction, in statements over all of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from sqlalchemy import select
from sqlmodel import Session, col

from analytics.articles import Article, Snapshot
from analytics.asking import Answer, Failure, Task
from analytics.figures import (
    FROM_FILE,
    ArticleFact,
    Meaning,
    adopt,
    batches,
    know_metrics,
    source_id,
    store_many_articles,
    store_told_days,
    store_told_snapshots,
    thin,
)
from analytics.gaps import (
    ACCOUNT_DAY,
    ARTICLES,
    DELAYED,
    Hole,
    KnownHole,
    Subject,
    close_gaps,
    open_gaps,
    open_holes,
)
from analytics.upserts import Group
from config.clock import SHANGHAI, shanghai_day
from connectors import Connector


@dataclass
class CollectionReport:
    """What a collection brought. `figures` counts values stored or found unchanged.

    `accounts` were asked; `resting` were not: their platform said not before, a person must act, or another
    run is asking them. Accounts that are not due are in neither.
    """

    accounts: int = 0
    articles: int = 0
    figures: int = 0
    opened: int = 0
    closed: int = 0
    resting: int = 0
    failures: list[Failure] = field(default_factory=list)


def store_answers(
    session: Session, answers: Sequence[Answer], at: datetime, report: CollectionReport, known: set[str]
) -> None:
    """Writes what came, the holes it fills and those it leaves; `known` are platforms whose names stand."""
    for answer in answers:
        platform = answer.task.account.platform
        if platform not in known:
            know_metrics(session, platform, _meanings(answer.task.connector))
            known.add(platform)
    told, delayed = _store_articles(session, answers, at, report)
    _store_days(session, answers, at, report)
    holes = _Holes(session, [answer.task.account.known_id for answer in answers], at)
    for answer in answers:
        account_id = answer.task.account.known_id
        holes.settle(answer, told.get(account_id, set()), delayed.get(account_id, set()))
        if answer.task.rest is None:
            report.accounts += 1
        else:
            report.resting += 1
        report.articles += len(answer.articles)
        report.failures += answer.failures
    report.closed += close_gaps(session, holes.filled, at)
    report.opened += open_gaps(session, holes.left, at)


def _meanings(connector: Connector) -> list[Meaning]:
    return [
        Meaning(metric.name, metric.unit.value, metric.kind.value, metric.level)
        for metric in connector.metrics
    ]


class _Holes:
    """Which open holes the answers fill, and which they leave."""

    def __init__(self, session: Session, account_ids: Sequence[int], at: datetime) -> None:
        self._known = open_holes(session, account_ids)
        # Asked again on the same day, a platform that only knows its counts of now fills the day's hole.
        self._today = datetime.combine(shanghai_day(at), time(), SHANGHAI)
        self.filled: list[int] = []
        self.left: list[tuple[Subject, date, Hole]] = []

    def settle(self, answer: Answer, told: set[date], delayed: set[date]) -> None:
        account_id = answer.task.account.known_id
        days, articles = (account_id, ACCOUNT_DAY), (account_id, ARTICLES)
        told_days = {kept.packed.day for kept in answer.days}
        self.filled += [hole.id for day, hole in self._open(days).items() if day in told_days]
        self._leave(days, answer.day_holes, answer.task)
        holes = dict.fromkeys(delayed, Hole(DELAYED))
        if answer.article_hole is not None:
            holes[answer.task.newest] = answer.article_hole
        else:
            whole = _whole_days(answer.task, told) - delayed
            self.filled += [
                hole.id
                for day, hole in self._open(articles).items()
                if day in whole or (day not in delayed and hole.seen_at >= self._today)
            ]
        self._leave(articles, holes, answer.task)

    def _open(self, subject: Subject) -> Mapping[date, KnownHole]:
        return self._known.get(subject, {})

    def _leave(self, subject: Subject, holes: Mapping[date, Hole], task: Task) -> None:
        """A resting account was not asked: what is known of its holes stays as it is."""
        known = self._open(subject) if task.rest is not None else {}
        self.left += [(subject, day, hole) for day, hole in holes.items() if day not in known]


def _whole_days(task: Task, told: set[date]) -> set[date]:
    """The days for which a complete answer tells all there is: between its oldest and newest figure.

    A platform that only knows its counts of now does not fill the hole of a day that is past.
    """
    first, last = (min(told), max(told)) if told else (task.since, task.newest)
    return {first + timedelta(days=n) for n in range((last - first).days + 1)}


Days = dict[int, set[date]]


def _store_articles(
    session: Session, answers: Sequence[Answer], at: datetime, report: CollectionReport
) -> tuple[Days, Days]:
    """Stores articles and their figures; gives by account the days told, and the days that are delayed."""
    facts = [
        (answer.task.account.known_id, article.fact) for answer in answers for article in answer.articles
    ]
    _adopt(session, facts)
    ids = store_many_articles(session, facts)
    told = {answer.task.account.known_id: answer.told for answer in answers}
    waiting: dict[tuple[int, date], int] = {}
    by_source: dict[str, list[Group]] = {}
    for answer in answers:
        account_id = answer.task.account.known_id
        for article in answer.articles:
            article_id = ids[account_id, article.fact.remote_id]
            waiting.update(((article_id, day), account_id) for day in article.delayed)
            for endpoint, packed in article.figures:
                name = f"{answer.task.account.platform} {endpoint}"
                by_source.setdefault(name, []).append(Group(article_id, packed))
    for name, groups in by_source.items():
        source = source_id(session, "api", name, at)
        report.figures += store_told_snapshots(session, source, at, groups)
        thin(session, source, sorted({group.subject for group in groups}))
    delayed: Days = {}
    for article_id, day in waiting.keys() - _stored_days(session, waiting):
        delayed.setdefault(waiting[article_id, day], set()).add(day)
    return told, delayed


def _adopt(session: Session, facts: Iterable[tuple[int, ArticleFact]]) -> None:
    """Only accounts of which a file has told first have anything to adopt."""
    by_account: dict[int, list[ArticleFact]] = {}
    for account_id, fact in facts:
        by_account.setdefault(account_id, []).append(fact)
    told_by_files = (
        select(col(Article.account_id))
        .where(col(Article.account_id).in_(sorted(by_account)), col(Article.remote_id).startswith(FROM_FILE))
        .distinct()
    )
    for account_id in session.execute(told_by_files).scalars().all() if by_account else ():
        adopt(session, account_id, by_account[account_id])


def _stored_days(session: Session, waiting: Iterable[tuple[int, date]]) -> set[tuple[int, date]]:
    """Of these articles' days, those with figures: what was final once is no hole when it is asked again."""
    stored: set[tuple[int, date]] = set()
    for batch in batches(sorted({article_id for article_id, _ in waiting}), 500):
        days = select(col(Snapshot.article_id), col(Snapshot.as_of)).where(
            col(Snapshot.article_id).in_(batch)
        )
        stored.update((article_id, as_of) for article_id, as_of in session.execute(days.distinct()))
    return stored


def _store_days(session: Session, answers: Sequence[Answer], at: datetime, report: CollectionReport) -> None:
    by_source: dict[str, list[Group]] = {}
    for answer in answers:
        account = answer.task.account
        for endpoint, packed in answer.days:
            group = Group(account.known_id, packed)
            by_source.setdefault(f"{account.platform} {endpoint}", []).append(group)
    for name, groups in by_source.items():
        report.figures += store_told_days(session, source_id(session, "api", name, at), at, groups)
