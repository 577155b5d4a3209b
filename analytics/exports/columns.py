"""The columns of the weekly report, fixed per platform: leaders compare this Monday's with last Monday's.

Whoever changes them raises `VERSION`, which stands on every sheet.
"""

from dataclasses import dataclass
from enum import StrEnum

from config.messages import catalogue, told
from connectors import Connector, Kind, Unit, connector_for

VERSION = 1
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
    def title(self) -> str:
        """The Chinese heading; a name that no text is written for stands for itself."""
        entry = self.heading or (f"metric_{self.metric}" if self.metric else "posts")
        return told(f"report.{entry}", {}, language="zh") if entry in catalogue("report") else self.metric

    def counts(self, platform: str) -> str:
        """posts, people or events, as the platform's connector declares; unknown where it says nothing."""
        if self.rule is Rule.POSTS:
            return "posts"
        level = "article" if self.rule is Rule.ARTICLES else "account"
        connector = _connector(platform)
        units = [
            metric.unit.value
            for metric in (connector.metrics if connector else ())
            if (metric.level, metric.name) == (level, self.metric)
        ]
        return units[0] if units else "unknown"


@dataclass(frozen=True)
class Layout:
    """A platform's columns; `leading` is the one its accounts are sorted by and drawn with."""

    columns: tuple[Column, ...]
    leading: Column


def _laid(*columns: Column, leading: int) -> Layout:
    return Layout(columns, columns[leading])


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
    return Layout(columns, columns[1] if len(columns) > 1 else _POSTS)


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
