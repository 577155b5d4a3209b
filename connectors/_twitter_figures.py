"""What comes back: impressions, likes, replies, reposts, quotes, bookmarks of own posts; followers.

Two sets of names are about (`retweet_count`, `repost_count`): both are read.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from connectors._contract import Access, ArticleFigures, Figures, Kind, Metric, Unit
from connectors._json import line
from connectors._told import beijing_day, count, midnight
from connectors._twitter_calls import me
from connectors._twitter_posts import public_url, timeline

_ARTICLE = {
    "impressions": ("impression_count",),
    "like": ("like_count",),
    "comment": ("reply_count",),
    "repost": ("retweet_count", "repost_count"),
    "quote": ("quote_count",),
    "favourite": ("bookmark_count",),
}
METRICS = (
    *(Metric(name, Unit.EVENTS, Kind.CUMULATIVE, fields=fields) for name, fields in _ARTICLE.items()),
    Metric("followers_total", Unit.PEOPLE, Kind.SNAPSHOT, "account"),
    Metric("posts_total", Unit.EVENTS, Kind.SNAPSHOT, "account"),
)
_HEADLINE = 40


def articles_of(access: Access, since: date, until: date) -> Iterator[ArticleFigures]:
    """Own posts of these days with their counts of now; every page is paid for."""
    today = beijing_day(access.now())
    end = midnight(until + timedelta(days=1))
    for post in timeline(access, midnight(since), end, counted=True):
        if post.at < end:
            counts = _object(post.told.get("public_metrics"))
            values = {name: _first(counts, fields) for name, fields in _ARTICLE.items()}
            yield ArticleFigures(
                remote_id=post.id,
                title=line(" ".join(post.text.split()), _HEADLINE),
                published_at=post.at,
                figures=(Figures(today, values, "/2/users/tweets"),),
                url=public_url(post.id),
                original=True,
            )


def account_today(access: Access, day: date) -> Figures | None:
    """Followers and posts as of now; None for any other day."""
    if day != beijing_day(access.now()):
        return None
    counts = _object(me(access).get("public_metrics"))
    values = {
        "followers_total": count(counts.get("followers_count")),
        "posts_total": _first(counts, ("tweet_count", "post_count")),
    }
    return Figures(day, values, "/2/users/me")


def _first(counts: dict[str, Any], names: tuple[str, ...]) -> int | None:
    return next((found for name in names if (found := count(counts.get(name))) is not None), None)


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
