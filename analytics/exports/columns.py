"""The columns of the weekly report, fixed per platform: leaders compare this Monday's with last Monday's.

Whoever changes them raises `VERSION`, which stands on every sheet.
"""

from dataclasses import dataclass
from enum import StrEnum

from config.messages import catalogue, told
from connectors import Connector, Kind, Metric, Unit, connector_for

VERSION = 2
_MOST_DERIVED = 6


class Rule(StrEnum):
    """How a week's value comes about."""

    POSTS = "posts"  # articles published in the week
    ARTICLES = "articles"  # sum over the week's articles of their cumulative figure
    LAST = "last"  # the account's last known figure of the week
    DAYS = "days"  # sum of the account's seven days; unknown where one is missing


@dataclass(frozen=True)
class Column:
    """One value a week. `metric` is the common name; '' for posts."""

    rule: Rule
    metric: str = ""
    heading: str = ""  # an entry of the catalogue `report`, where the common one would mislead

    @property
    def name(self) -> str:
        """The name that programs know the column by."""
        return self.metric or self.heading or "posts"

    @property
    def title(self) -> str:
        """The Chinese heading; a name that no text is written for stands for itself."""
        return self.titled("zh")

    def titled(self, language: str) -> str:
        """The heading in zh or en."""
        entry = self.heading or (f"metric_{self.metric}" if self.metric else "posts")
        return told(f"report.{entry}", {}, language=language) if entry in catalogue("report") else self.metric

    def counts(self, platform: str) -> str:
        """posts, people or events, as the platform's connector declares; unknown where it says nothing."""
        if self.rule is Rule.POSTS:
            return "posts"
        metric = self._declared(platform)
        return metric.unit.value if metric else "unknown"

    def kind(self, platform: str) -> str:
        """cumulative, per_day or snapshot, as the connector declares; counted for posts; else unknown."""
        if self.rule is Rule.POSTS:
            return "counted"
        metric = self._declared(platform)
        return metric.kind.value if metric else "unknown"

    def _declared(self, platform: str) -> Metric | None:
        level = "article" if self.rule is Rule.ARTICLES else "account"
        connector = _connector(platform)
        declared = connector.metrics if connector else ()
        return next(
            (metric for metric in declared if (metric.level, metric.name) == (level, self.metric)), None
        )


@dataclass(frozen=True)
class Layout:
    """A platform's columns; `leading` is the one its accounts are sorted by and drawn with.

    `top` ranks its articles: a figure of one article; None where no article has any.
    """

    columns: tuple[Column, ...]
    leading: Column
    top: Column | None = None

    @property
    def posts(self) -> Column:
        return self.columns[0]

    @property
    def publishes(self) -> bool:
        """Whether its articles are posts of ours: what people ask on a site is not."""
        return not self.posts.heading

    @property
    def followers(self) -> Column | None:
        return next((column for column in self.columns if column.metric == _FOLLOWERS.metric), None)


def _laid(*columns: Column, leading: int, top: Column | None = None) -> Layout:
    chosen = columns[leading]
    return Layout(columns, chosen, top or (chosen if chosen.rule is Rule.ARTICLES else None))


_POSTS = Column(Rule.POSTS)
_FOLLOWERS = Column(Rule.LAST, "followers_total")
_LAYOUTS = {
    "wechat": _laid(
        _POSTS,
        Column(Rule.ARTICLES, "read_people"),
        Column(Rule.ARTICLES, "like", "wechat_like"),
        Column(Rule.ARTICLES, "recommend_heart"),
        Column(Rule.ARTICLES, "share", "wechat_share"),
        Column(Rule.ARTICLES, "comment"),
        _FOLLOWERS,
        leading=1,
    ),
    "weibo": _laid(
        _POSTS,
        Column(Rule.ARTICLES, "repost"),
        Column(Rule.ARTICLES, "comment"),
        Column(Rule.ARTICLES, "like"),
        _FOLLOWERS,
        leading=1,
    ),
    "youth_voice": _laid(
        Column(Rule.POSTS, heading="questions"),
        Column(Rule.DAYS, "answers"),
        Column(Rule.DAYS, "read_events"),
        Column(Rule.DAYS, "like"),
        leading=1,
        top=Column(Rule.ARTICLES, "read_events"),
    ),
}


def layout_for(platform: str) -> Layout:
    """The fixed columns of a platform, or those its connector declares, in its order."""
    if platform in _LAYOUTS:
        return _LAYOUTS[platform]
    connector = _connector(platform)
    return _derived(connector) if connector else Layout((_POSTS,), _POSTS)


def _derived(connector: Connector) -> Layout:
    """Only what may be added up: cumulative counts of articles; then the followers."""
    summed = [
        Column(Rule.ARTICLES, metric.name)
        for metric in connector.metrics
        if metric.level == "article"
        and metric.kind is Kind.CUMULATIVE
        and metric.unit in (Unit.PEOPLE, Unit.EVENTS)
    ][:_MOST_DERIVED]
    names = {metric.name for metric in connector.metrics if metric.level == "account"}
    columns = (_POSTS, *summed, *([_FOLLOWERS] if _FOLLOWERS.metric in names else []))
    leading = columns[1] if len(columns) > 1 else _POSTS
    return Layout(columns, leading, leading if leading.rule is Rule.ARTICLES else None)


def platform_label(platform: str) -> str:
    """The platform's Chinese name."""
    connector = _connector(platform)
    return connector.label.zh if connector else platform


def _connector(platform: str) -> Connector | None:
    """None for a platform whose connector is no longer installed: its history is still reported."""
    try:
        return connector_for(platform)
    except KeyError:
        return None
