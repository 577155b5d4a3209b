"""What came of posts: reads, likes, shares and comments of their articles, each with its source.

A platform's own word comes before a file's, a file's before what a person typed; two sources are never added,
nor people and events. What is not known is None, never 0.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from operator import itemgetter
from typing import Protocol

from sqlalchemy import select
from sqlmodel import Session, col

from analytics.articles import Article, Snapshot
from analytics.exports.columns import Column, Rule, layout_for, platform_label
from analytics.figures import batches
from analytics.identity import Told, ToldArticles
from analytics.selection import NAMES, selected_figures
from connectors import connector_for, platforms

_IDS_AT_ONCE = 5_000
_DAY = timedelta(days=1)
_SOURCES = ("api", "import", "typed")


class Published(Protocol):
    """A post that is out on one account."""

    @property
    def account_id(self) -> int | None: ...
    @property
    def platform(self) -> str: ...
    @property
    def remote_id(self) -> str: ...
    @property
    def link(self) -> str: ...
    @property
    def headline(self) -> str: ...
    @property
    def day(self) -> date: ...


class Effect(StrEnum):
    """What is asked of every post."""

    READ = "read"
    LIKE = "like"
    SHARE = "share"
    COMMENT = "comment"


_METRICS: Mapping[Effect, tuple[str, ...]] = {
    Effect.READ: ("read_people", "read_events", "play_events"),
    Effect.LIKE: ("like",),
    Effect.SHARE: ("share", "repost"),
    Effect.COMMENT: ("comment",),
}


@dataclass(frozen=True)
class Known:
    """One figure of one post. `counts`: people or events; `kind` of its source: api, import or typed."""

    metric: str
    counts: str
    value: Decimal
    as_of: date
    kind: str
    source: str


@dataclass(frozen=True)
class Total:
    """A platform's known figures added up: of `known` posts. `value` None: nothing is known.

    `metric` '' where the platform tells nothing of the kind.
    """

    metric: str
    counts: str
    value: Decimal | None
    known: int
    sources: tuple[str, ...]


@dataclass(frozen=True)
class PlatformReach:
    """What a platform's posts came to."""

    platform: str
    posts: int
    totals: Mapping[Effect, Total]

    @property
    def label(self) -> str:
        return platform_label(self.platform)


@dataclass(frozen=True)
class CampaignReach:
    """What all posts came to: by platform, and of each post in the order in which they were given."""

    platforms: tuple[PlatformReach, ...] = ()
    posts: tuple[Mapping[Effect, Known], ...] = field(default_factory=tuple)

    @property
    def as_of(self) -> date | None:
        """The newest day that any of it is of."""
        return max((one.as_of for told in self.posts for one in told.values()), default=None)


def reach_of(session: Session, posts: Sequence[Published]) -> CampaignReach:
    """What came of these posts, archived figures included; in a session of `Database.read()`."""
    articles = _articles(session, posts)
    days = [post.day + apart for post in posts for apart in (-_DAY, _DAY)]
    told = _figures(session, {one for one in articles if one is not None}, days)
    by_platform: dict[str, list[int]] = defaultdict(list)
    for place, post in enumerate(posts):
        by_platform[post.platform].append(place)
    found: list[dict[Effect, Known]] = [{} for _ in posts]
    reached = []
    for platform, places in sorted(by_platform.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        # One name for all posts of a platform: readers and reads do not stand in one sum.
        here = {place: told.get(articles[place] or 0, {}) for place in places}
        totals = {}
        for effect in Effect:
            metric = _metric(effect, platform, here.values())
            for place, figures in here.items():
                if metric in figures:
                    found[place][effect] = figures[metric]
            totals[effect] = _total(
                metric, [found[place][effect] for place in places if effect in found[place]]
            )
        reached.append(PlatformReach(platform, len(places), totals))
    return CampaignReach(tuple(reached), tuple(found))


def metric_title(platform: str, metric: str, language: str) -> str:
    """What a figure is called on its platform."""
    columns = (one for one in layout_for(platform).columns if one.metric == metric)
    return next(columns, Column(Rule.ARTICLES, metric)).titled(language)


def _metric(effect: Effect, platform: str, told: Iterable[Mapping[str, Known]]) -> str:
    """The name that a platform's posts are told by: the first that is known of any, else that it declares."""
    known = {name for figures in told for name in figures}
    declared = set()
    if platform in platforms():
        declared = {one.name for one in connector_for(platform).metrics if one.level == "article"}
    wanted = _METRICS[effect]
    return next((one for names in (known, declared) for one in wanted if one in names), "")


def _total(metric: str, known: Sequence[Known]) -> Total:
    kinds = {one.kind for one in known}
    return Total(
        metric,
        known[0].counts if known else "",
        sum((one.value for one in known), Decimal(0)) if known else None,
        len(known),
        tuple(kind for kind in _SOURCES if kind in kinds),
    )


def _articles(session: Session, posts: Sequence[Published]) -> list[int | None]:
    """Each post's article: by the platform's id, else by address, else by its title on its day."""
    accounts = {post.account_id for post in posts if post.account_id is not None}
    days = [post.day for post in posts]
    if not accounts:
        return [None] * len(posts)
    rows = session.execute(
        select(
            col(Article.account_id),
            col(Article.remote_id),
            col(Article.id),
            col(Article.url),
            col(Article.title),
            col(Article.published_day),
        )
        .where(
            col(Article.account_id).in_(accounts),
            col(Article.published_day).between(min(days) - _DAY, max(days) + _DAY),
        )
        .order_by(col(Article.id))
    ).all()
    by_id = {(account, remote): number for account, remote, number, *_ in rows if number is not None}
    grouped: dict[int, list[Told]] = defaultdict(list)
    for account, _, number, *facts in rows:
        grouped[account].append(Told(number, *facts))
    told = {account: ToldArticles(some) for account, some in grouped.items()}
    return [_article(post, by_id, told) for post in posts]


def _article(
    post: Published, by_id: Mapping[tuple[int, str], int], told: Mapping[int, ToldArticles]
) -> int | None:
    account = post.account_id
    if account is None or account not in told:
        return None
    return by_id.get((account, post.remote_id)) or told[account].match(post.link, post.headline, post.day)


def _figures(session: Session, ids: Iterable[int], days: Sequence[date]) -> dict[int, dict[str, Known]]:
    """By article and name, the figure that counts; `days` are those on which they were published."""
    names = [name for names in _METRICS.values() for name in names]
    found: dict[int, dict[str, Known]] = defaultdict(dict)
    for some in batches(sorted(ids), _IDS_AT_ONCE):
        query = selected_figures(session, "articles", since=min(days), until=max(days), newest=True)
        query = query.where(col(Article.id).in_(some), col(Snapshot.metric).in_(names))
        for article, metric, counts, value, *told in map(_PICKED, session.execute(query.order_by(None))):
            known = Known(metric, counts, Decimal(value).scaleb(-6), *told)
            present = found[article].get(metric)
            if present is None or _order(known) < _order(present):
                found[article][metric] = known
    return found


_PICKED = itemgetter(
    *map(
        NAMES["articles"].index, ("article_id", "metric", "counts", "value", "as_of", "source_kind", "source")
    )
)


def _order(known: Known) -> tuple[int, int, str]:
    """The platform's word first, then files, then people; of a kind the newest."""
    kind = _SOURCES.index(known.kind) if known.kind in _SOURCES else len(_SOURCES)
    return (kind, -known.as_of.toordinal(), known.source)
