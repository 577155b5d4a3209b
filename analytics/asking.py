"""Asking one account's platform for its figures: which days, in which order, and what a failure means.

Runs in a worker thread: it calls the platform and touches no table of ours but the account's own memory.
Nothing it meets is raised.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial
from traceback import extract_tb
from typing import NamedTuple, TypeVar

import structlog

from analytics.figures import ArticleFact, exact_number, is_kept
from analytics.gaps import ACCOUNT_DAY, ARTICLES, DELAYED, Hole
from analytics.upserts import Number, Packed, pack
from config.batch import storable
from config.clock import shanghai_day
from config.errors import MeizhenError
from config.messages import told
from connectors import (
    Access,
    ArticleFigures,
    Asking,
    Connector,
    ConnectorError,
    Figures,
    Kind,
    Label,
    NeedsPerson,
    Refused,
    Throttled,
    Unauthorised,
)
from organisation.accounts import Account

_log = structlog.get_logger("analytics.asking")
_Told = TypeVar("_Told")

REMOTE_ID_LENGTH = 200
BUDGET = "budget"
"""The code of a hole that is left because the day's calls are used up."""


@dataclass(frozen=True)
class Allowance:
    """Calls of the day that are taken for one asking; more are taken one by one, up to `limit`."""

    granted: int
    limit: int
    until: datetime


@dataclass(frozen=True)
class Task:
    """What to ask for one account.

    `newest` is the newest day that the platform can have figures for: the figures of this day are missing
    when its articles cannot be asked. `days` are the account days without figures, oldest first. `rest` is
    why nothing may be asked now. `whole`: an asking without holes leaves nothing to ask until the next day.
    """

    account: Account
    connector: Connector
    since: date
    until: date
    newest: date
    days: tuple[date, ...]
    calls: int = 0
    whole: bool = True
    allowance: Allowance | None = None
    rest: Hole | None = None
    failures: int = 0
    next_at: datetime | None = None


@dataclass(frozen=True)
class Failure:
    """A call that did not end well, for people."""

    account: str
    subject: str
    code: str
    told: str
    remedy: Label | None = None


class Kept(NamedTuple):
    """Figures worth storing, and the interface that told them."""

    endpoint: str
    packed: Packed


class ToldArticle(NamedTuple):
    """An article with its figures that are worth storing (`kept_figures`), and the days not final yet."""

    fact: ArticleFact
    figures: tuple[Kept, ...]
    delayed: tuple[date, ...]


@dataclass
class Answer:
    """What the platform gave for a task; what it did not give is in `article_hole` and `day_holes`.

    It is held as it is stored, so that the one who writes keeps nobody waiting; `told` are all the days with
    final figures of articles.
    `made` counts the calls where there is an allowance; `gate` is what the account shares its limits with.
    """

    task: Task
    articles: list[ToldArticle] = field(default_factory=list)
    days: list[Kept] = field(default_factory=list)
    told: set[date] = field(default_factory=set)
    article_hole: Hole | None = None
    day_holes: dict[date, Hole] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    made: int = 0
    gate: str = ""

    @property
    def has_delayed(self) -> bool:
        """Did the platform mark any article's figures as not final?"""
        return any(article.delayed for article in self.articles)

    def failed(self, subject: str, error: Exception) -> Hole:
        """Notes a failure and gives the hole it leaves."""
        hole, remedy = _hole_of(error)
        self.errors.append(error)
        self.failures.append(Failure(self.task.account.stable_id, subject, hole.code, hole.told, remedy))
        return hole

    def count_call(self, access: Access, allowance: Allowance) -> None:
        """Before each call. Raises Throttled where the day's calls are used up."""
        if self.made >= allowance.granted and not access.memory.spend(
            Asking.counted_under, 1, allowance.limit, allowance.until
        ):
            remedy = Label(*(told("figures.budget_used", {}, language=language) for language in ("zh", "en")))
            raise Throttled(
                f"the {allowance.limit} calls of the day are used up",
                until=allowance.until,
                platform_code=BUDGET,
                remedy=remedy,
            )
        self.made += 1


class Gates:
    """What is shut for all accounts that share a platform's limits, as this run knows it. From any thread."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._shut: dict[str, tuple[datetime, str]] = {}

    def learn(self, shut: Mapping[str, datetime]) -> None:
        for key, until in shut.items():
            self.shut(key, until, "throttled")

    def shut(self, key: str, until: datetime, code: str) -> None:
        known = self._shut.get(key)
        if known is None or known[0] < until:
            self._shut[key] = until, code

    def closed(self, key: str) -> Throttled | None:
        """What an account behind this gate is told instead of being asked."""
        until, code = self._shut.get(key, (None, ""))
        if until is None or until <= self._now():
            return None
        return Throttled(
            "shut for all accounts that share it", until=until, platform_code=code, app_wide=True
        )


def is_live(connector: Connector) -> bool:
    """Does the platform tell its counts as of now only? A day that was not asked then is lost for good."""
    kinds = {metric.kind for metric in connector.metrics if metric.level == "account"}
    return kinds == {Kind.SNAPSHOT}


def ask(task: Task, access_for: Callable[[Account], Access], gates: Gates) -> Answer:
    """Asks the platform for everything of the task, as far as it answers."""
    answer = Answer(task)
    if task.rest is not None:
        _give_up(answer, task.rest)
        return answer
    try:
        access = access_for(task.account)
        answer.gate = task.connector.gate(access)
        closed = gates.closed(answer.gate)
        if closed is not None:
            raise closed
    except Exception as error:
        _give_up(answer, answer.failed(ARTICLES, error))
        return answer
    if task.allowance is not None:
        count = partial(answer.count_call, access, task.allowance)
        access = replace(access, http=access.http.counted(count))
    if _ask_articles(answer, access):
        _ask_days(answer, access)
    for met in answer.errors:
        if isinstance(met, Throttled) and met.app_wide:
            gates.shut(answer.gate, met.until, met.platform_code)
    return answer


def _give_up(answer: Answer, hole: Hole) -> None:
    """Nothing more can be had for this account now."""
    if "articles" in answer.task.connector.capabilities:
        answer.article_hole = hole
    answer.day_holes = dict.fromkeys(answer.task.days, hole)


def _ask_articles(answer: Answer, access: Access) -> bool:
    """Asks for the articles; gives whether to go on with the account."""
    task = answer.task
    if "articles" not in task.connector.capabilities:
        return True

    names = {metric.name for metric in task.connector.metrics if metric.level == "article"}

    def read() -> None:
        answer.articles.clear()
        answer.told.clear()
        for article in task.connector.articles(access, task.since, task.until):
            _take(answer, article, names)

    try:
        _renewing(task.connector, access, read)
    except Exception as error:
        answer.article_hole = answer.failed(ARTICLES, error)
        if _ends_the_account(task.connector, error):
            _give_up(answer, answer.article_hole)
            return False
    return True


def _take(answer: Answer, article: ArticleFigures, names: set[str]) -> None:
    if 0 < len(article.remote_id) <= REMOTE_ID_LENGTH:
        answer.told.update(figures.as_of for figures in article.figures if not figures.delayed)
        answer.articles.append(_told_article(article, names))
    else:
        answer.article_hole = answer.failed(
            ARTICLES, Refused("unusable article id", platform_code="bad-answer")
        )


def _told_article(article: ArticleFigures, names: set[str]) -> ToldArticle:
    fact = ArticleFact(
        remote_id=article.remote_id,
        title=storable(article.title.replace("\x00", ""), 500),
        url=storable(article.url.replace("\x00", ""), 1000) if len(article.url) <= 1000 else "",
        published_at=article.published_at,
        published_day=shanghai_day(article.published_at),
        position=article.position,
        kind=article.kind[:16],
        original=article.original,
    )
    delayed = tuple(figures.as_of for figures in article.figures if figures.delayed)
    return ToldArticle(fact, tuple(kept_figures(article, fact.published_day, names)), delayed)


def kept_figures(article: ArticleFigures, published: date, names: set[str]) -> Iterator[Kept]:
    """The final figures worth storing: known ones at the ages that are kept, and each name's newest.

    From the newest day back: of most days nothing is looked at, and a platform tells thirty.
    """
    unseen = set(names)
    for figures in sorted(article.figures, key=lambda one: one.as_of, reverse=True):
        if figures.delayed:
            continue
        wanted = names if is_kept(published, figures.as_of) else unseen
        values = _exact(figures, wanted) if wanted else {}
        if values:
            unseen = unseen.difference(values)
            yield _kept(figures, values)


def _kept(figures: Figures, values: Mapping[str, Number]) -> Kept:
    return Kept(figures.endpoint, pack(figures.as_of, values))


def _exact(figures: Figures, names: Iterable[str]) -> dict[str, Number]:
    """The values of these names that are known and are numbers, as they are stored."""
    exact = {}
    for name in names:
        value = figures.values.get(name)
        number = None if value is None else exact_number(value)
        if number is not None:
            exact[name] = number
    return exact


def _ask_days(answer: Answer, access: Access) -> None:
    """Oldest first: the newest day is the one that may not be ready yet, and ends the asking last."""
    task = answer.task
    names = {metric.name for metric in task.connector.metrics if metric.level == "account"}
    for place, day in enumerate(task.days):
        try:
            figures = _renewing(task.connector, access, partial(task.connector.account_day, access, day))
        except Refused as error:
            answer.day_holes[day] = answer.failed(ACCOUNT_DAY, error)
        except Exception as error:
            hole = answer.failed(ACCOUNT_DAY, error)
            answer.day_holes.update(dict.fromkeys(task.days[place:], hole))
            return
        else:
            if figures is not None and figures.delayed:
                answer.day_holes[day] = Hole(DELAYED)
            elif figures is not None:
                answer.days.append(_kept(figures, _exact(figures, names)))


def _renewing(connector: Connector, access: Access, call: Callable[[], _Told]) -> _Told:
    """The call; a dead token is renewed once and the call repeated once."""
    try:
        return call()
    except Unauthorised:
        connector.refresh(access)
        return call()


def _ends_the_account(connector: Connector, error: Exception) -> bool:
    """Is it useless to ask this account's platform for anything else now?

    A quota of one interface leaves the others open; one that all share does not.
    """
    if isinstance(error, NeedsPerson):
        return error.account_wide
    if isinstance(error, Throttled):
        return error.app_wide or connector.asking.one_quota
    return not isinstance(error, Refused)


def _hole_of(error: Exception) -> tuple[Hole, Label | None]:
    """A bug in one connector must not cost the other accounts their figures: it is a hole as well."""
    if isinstance(error, ConnectorError):
        return Hole(error.platform_code or type(error).__name__.lower(), error.platform_text), error.remedy
    if isinstance(error, MeizhenError):
        return Hole(error.code, error.told()), Label(error.remedy("zh"), error.remedy("en"))
    # No traceback in the log: its frames hold credentials.
    frames = extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    _log.error("collection.unexpected", error=type(error).__name__, place=place)
    return Hole("unexpected", type(error).__name__), None
