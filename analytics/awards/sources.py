"""Where an index's variables come from: platform field names, common names, and how they are summed.

A rule writes `R = "read_user"`: a figure of articles by its platform's name or the common name
(`shared/platforms/metrics-map.md`). Written out, a source is

    read_people             sum over the articles of the period
    read_people:max         the best article
    read_people:headline    sum over articles at position 1
    repost:original         sum over original articles
    read_people:over_1500   number of articles with more than 1500
    posts, posts:original, posts:headline       numbers of articles
    days                    days of the period
    account:followers_total the account's own figure, the latest in the period
    index:wci_v13           a shipped index of the same articles, from its usual sources

From `R` follow `Rmax` (`:max`) and `Rt` (`:headline`); `n`, `nt` and `d` are posts, headline posts and days.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from analytics.indices import load_definition, shipped
from connectors import Metric, Unit, connector_for, platforms

# Field names of the first platforms' interfaces by common name; later ones declare them with their metrics.
# The common name itself is always accepted.
_FIELDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "wechat": {
        "read_people": ("read_user", "int_page_read_user"),
        "recommend_heart": ("zaikan_user",),
        "like": ("like_user",),
        "share": ("share_user",),
        "comment": ("comment_count",),
        "favourite": ("collection_user", "add_to_fav_user"),
        "follow_from_post": ("read_subscribe_user",),
    },
    "weibo": {
        "repost": ("reposts_count", "reposts"),
        "comment": ("comments_count", "comments"),
        "like": ("attitudes_count", "attitudes"),
    },
    "youth_voice": {"answers": (), "first_answer_hours": (), "answered_within_72h": (), "satisfied": ()},
}
_ACCOUNT_FIELDS: Mapping[str, tuple[str, ...]] = {
    "wechat": ("followers_total", "followers_new"),
    "weibo": ("followers_total", "followers_new", "posts_published"),
    "youth_voice": ("askers_ytd", "experts_ytd"),
}
# What the variables of the shipped indices mean, where a rule does not say it.
_USUAL: Mapping[str, Mapping[str, str]] = {
    "wci": {"R": "read_people", "Z": "recommend_heart", "L": "like", "RE": "share"},
    "bci": {
        "X1": "posts",
        "X2": "posts:original",
        "X3": "repost",
        "X4": "comment",
        "X5": "repost:original",
        "X6": "comment:original",
        "X7": "like",
        "posts": "posts",
        "reposts": "repost",
        "comments": "comment",
        "likes": "like",
    },
}
# What bought reads show in: reads against the likes of those who read. Visits of a question site never count.
READS = ("read_people", "play_events")
LIKES = "like"
COUNTS = ("posts", "days")
SELECTIONS = ("original", "headline", "max")
OVER = "over_"
_OVER = re.compile(r"over_[0-9]{1,12}")


@dataclass(frozen=True)
class Source:
    """One variable of an index.

    `of`: posts, days, article, account or index; `select`: '', original, headline, max, over_N. `metric` is a
    figure's common name, or the shipped index whose own variables are `inner`.
    """

    variable: str
    of: str
    metric: str = ""
    select: str = ""
    inner: tuple["Source", ...] = ()

    @property
    def over(self) -> Decimal | None:
        """What a figure must pass to be counted; None where figures are summed."""
        return Decimal(self.select.removeprefix(OVER)) if self.select.startswith(OVER) else None


@dataclass(frozen=True)
class UnknownSource:
    """A source that cannot be had: the word that is not known, and the words that are."""

    variable: str
    received: str
    known: tuple[str, ...]


def known_platforms() -> tuple[str, ...]:
    """Platforms whose figures can be ranked: those of the metrics map and every connector."""
    return tuple(sorted({*_FIELDS, *platforms()}))


def article_metrics(platform: str) -> dict[str, str]:
    """Every accepted name of an article's figure on a platform → its common name."""
    names: dict[str, str] = {}
    for metric in _declared(platform, "article"):
        names |= {metric.name: metric.name} | dict.fromkeys(metric.fields, metric.name)
    for common, fields in _FIELDS.get(platform, {}).items():
        names |= {common: common} | dict.fromkeys(fields, common)
    return names


def watched(platform: str) -> tuple[str, ...]:
    """The article figures that are looked at for anomalies, reads first; () for a platform without reads."""
    known = article_metrics(platform).values()
    reads = next((name for name in READS if name in known), None)
    if reads is None:
        return ()
    return (reads, LIKES) if LIKES in known else (reads,)


def account_metrics(platform: str) -> tuple[str, ...]:
    """The account figures that the platform delivers."""
    declared = [metric.name for metric in _declared(platform, "account")]
    return tuple(dict.fromkeys((*_ACCOUNT_FIELDS.get(platform, ()), *declared)))


def _declared(platform: str, level: str) -> list[Metric]:
    if platform not in platforms():
        return []
    # A rate and an average are never summed over articles: they would need weights.
    return [
        metric
        for metric in connector_for(platform).metrics
        if metric.level == level
        and (level == "account" or metric.unit not in (Unit.RATE, Unit.SECONDS, Unit.HOURS))
    ]


def sources_for(
    needed: Iterable[str], index_id: str, platform: str, written: Mapping[str, str]
) -> tuple[list[Source], list[UnknownSource]]:
    """The source of every needed variable, by the rule's words, else the usual ones of the index."""
    words = {**_USUAL.get(index_id, {}), **written}
    found: list[Source] = []
    unknown: list[UnknownSource] = []
    for variable in needed:
        word = _word(variable, words)
        source = _parsed(variable, word, platform) if word else UnknownSource(variable, "", tuple(words))
        if isinstance(source, Source):
            found.append(source)
        else:
            unknown.append(source)
    return found, unknown


def _word(variable: str, words: Mapping[str, str]) -> str:
    """The source of a variable: its own word, or the one that follows from `R`, n, nt, d."""
    if variable in words:
        return words[variable]
    for ending, select in (("max", "max"), ("t", "headline")):
        base = words.get(variable.removesuffix(ending)) if variable.endswith(ending) else None
        if base and ":" not in base and base not in COUNTS:
            return f"{base}:{select}"
    return {"n": "posts", "nt": "posts:headline", "d": "days"}.get(variable, "")


def _parsed(variable: str, word: str, platform: str) -> Source | UnknownSource:
    head, _, select = word.partition(":")
    if head == "account":
        known = account_metrics(platform)
        return (
            Source(variable, "account", select) if select in known else UnknownSource(variable, select, known)
        )
    if head == "index":
        return _nested(variable, select, platform)
    counted = head not in COUNTS and bool(_OVER.fullmatch(select))
    if (
        (select not in ("", *SELECTIONS) and not counted)
        or (head == "posts" and select == "max")
        or (head == "days" and select)
    ):
        return UnknownSource(variable, word, tuple(f"{head}:{name}" for name in SELECTIONS))
    if head in COUNTS:
        return Source(variable, head, "", select)
    metrics = article_metrics(platform)
    if head not in metrics:
        return UnknownSource(variable, head, (*metrics, *COUNTS))
    return Source(variable, "article", metrics[head], select)


def _nested(variable: str, name: str, platform: str) -> Source | UnknownSource:
    """A shipped index as a variable of another one."""
    if name not in shipped():
        return UnknownSource(variable, name, shipped())
    definition = load_definition(name)
    inner, unknown = sources_for(definition.variables, definition.id, platform, {})
    if unknown or any(source.of == "index" for source in inner):
        return UnknownSource(variable, name, tuple(one for one in shipped() if one != name))
    return Source(variable, "index", name, inner=tuple(inner))


def flat(sources: Iterable[Source]) -> Iterator[Source]:
    """The sources with those that indices among them are made of."""
    for source in sources:
        yield source
        yield from source.inner
