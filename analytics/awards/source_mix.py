"""Where reads come from: which figures tell it, and the file in which a freeze keeps them.

`CATEGORY/source_mix.csv` has the columns of `articles.csv` with the figures below, for the articles of which
a source is known. It is written where the platform tells sources and figures of them were ever stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import col, select

from analytics.articles import KnownMetric
from analytics.awards.freezing import freeze_articles
from analytics.awards.rule import Category, Rule
from config.database import Database

FILE = "source_mix.csv"


@dataclass(frozen=True)
class Mix:
    """Reads and their named sources, all of one unit. What the sources leave of `whole` is the rest.

    `explained`: every known source has a name here, so that the rest is unexplained.
    """

    whole: str
    sources: tuple[str, ...]
    rest: str
    explained: bool


# The first that an account has figures of is looked at. The second is what WeChat's back office exports.
_MIXES: Mapping[str, tuple[Mix, ...]] = {
    "wechat": (
        Mix(
            "read_people",
            (
                "read_from_message",
                "read_from_chat",
                "read_from_moments",
                "read_from_profile",
                "read_from_feed",
                "read_from_search",
            ),
            "read_from_other",
            explained=True,
        ),
        Mix(
            "read_events", ("message_read_events", "share_read_events"), "other_read_events", explained=False
        ),
    ),
}


def mixes_of(category: Category) -> tuple[Mix, ...]:
    """What tells the sources of reads on the category's platform; () where nothing does."""
    return _MIXES.get(category.platform, ())


def mix_metrics(category: Category) -> tuple[str, ...]:
    """The figures that a freeze keeps for it, sorted."""
    return tuple(sorted({name for mix in mixes_of(category) for name in (mix.whole, *mix.sources)}))


def freeze_mix(
    database: Database, rule: Rule, category: Category, path: Path, works: Mapping[int, str] | None = None
) -> Path:
    """Writes the articles whose reads are told by source; see `freeze_articles`."""
    metrics, telling = mix_metrics(category), _sources(category)
    return freeze_articles(database, rule, category, path, works, metrics=metrics, telling=telling)


def is_told(database: Database, category: Category) -> bool:
    """Were figures by source ever stored on the category's platform?"""
    names = _sources(category)
    wanted = select(col(KnownMetric.name)).where(
        col(KnownMetric.platform) == category.platform,
        col(KnownMetric.level) == "article",
        col(KnownMetric.name).in_(sorted(names)),
    )
    with database.read() as session:
        return bool(names) and session.exec(wanted).first() is not None


def _sources(category: Category) -> set[str]:
    return {source for mix in mixes_of(category) for source in mix.sources}
