"""What comes back: views, likes, comments of each video; subscribers and videos of the channel.

Counts are texts, and missing where they are hidden. Days and shares come from another interface
(Analytics), which is not asked.
"""

from collections.abc import Iterator
from datetime import date, timedelta

from connectors._contract import Access, ArticleFigures, Figures, Kind, Metric, Unit
from connectors._json import line, whole
from connectors._told import beijing_day, midnight
from connectors._youtube_calls import items, own_channel, read, section
from connectors._youtube_videos import Video, public_url, uploads

_ARTICLE = {"play_events": "viewCount", "like": "likeCount", "comment": "commentCount"}
METRICS = (
    *(Metric(name, Unit.EVENTS, Kind.CUMULATIVE, fields=(field,)) for name, field in _ARTICLE.items()),
    Metric("followers_total", Unit.PEOPLE, Kind.SNAPSHOT, "account", ("subscriberCount",)),
    Metric("posts_total", Unit.EVENTS, Kind.SNAPSHOT, "account", ("videoCount",)),
)
_BATCH = 50
_HEADLINE = 100


def articles_of(access: Access, since: date, until: date) -> Iterator[ArticleFigures]:
    """Videos of these days with their counts of now; fifty in a call."""
    end, today = midnight(until + timedelta(days=1)), beijing_day(access.now())
    found = [video for video in uploads(access, midnight(since)) if video.at < end]
    for start in range(0, len(found), _BATCH):
        batch = found[start : start + _BATCH]
        counts = _counted(access, batch)
        for video in batch:
            values = {name: whole(counts.get(video.id, {}).get(field)) for name, field in _ARTICLE.items()}
            yield ArticleFigures(
                remote_id=video.id,
                title=line(video.title, _HEADLINE),
                published_at=video.at,
                figures=(Figures(today, values, "/youtube/v3/videos"),),
                url=public_url(video.id),
            )


def account_today(access: Access, day: date) -> Figures | None:
    """Subscribers and videos as of now; None for any other day. Hidden subscribers are unknown."""
    if day != beijing_day(access.now()):
        return None
    counts = section(own_channel(access, "statistics"), "statistics")
    hidden = counts.get("hiddenSubscriberCount") is True
    values = {
        "followers_total": None if hidden else whole(counts.get("subscriberCount")),
        "posts_total": whole(counts.get("videoCount")),
    }
    return Figures(day, values, "/youtube/v3/channels")


def _counted(access: Access, batch: list[Video]) -> dict[str, dict[str, object]]:
    params = {"part": "statistics", "id": ",".join(video.id for video in batch)}
    return {
        str(item.get("id")): section(item, "statistics") for item in items(read(access, "videos", params))
    }
