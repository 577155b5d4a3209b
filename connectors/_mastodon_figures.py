"""What comes back: favourites, reblogs, replies and quotes as far as they reached the home server; followers.

There are no views: the name is missing, never 0.
"""

from collections.abc import Iterator
from datetime import date

from connectors._contract import Access, ArticleFigures, Figures, Kind, Metric, Unit
from connectors._json import line
from connectors._mastodon_calls import me
from connectors._mastodon_posts import day_of, statuses
from connectors._mastodon_text import plain

METRICS = (
    Metric("like", Unit.EVENTS, Kind.CUMULATIVE),
    Metric("repost", Unit.EVENTS, Kind.CUMULATIVE),
    Metric("comment", Unit.EVENTS, Kind.CUMULATIVE),
    Metric("quote", Unit.EVENTS, Kind.CUMULATIVE),
    Metric("followers_total", Unit.PEOPLE, Kind.SNAPSHOT, "account"),
    Metric("posts_total", Unit.EVENTS, Kind.SNAPSHOT, "account"),
)
_FIELDS = {
    "like": "favourites_count",
    "repost": "reblogs_count",
    "comment": "replies_count",
    "quote": "quotes_count",
}
_HEADLINE = 40


def articles_of(access: Access, since: date, until: date) -> Iterator[ArticleFigures]:
    """Own statuses of these days with the counts of now; quotes are unknown before 4.5."""
    today = day_of(access.now())
    for status in statuses(access, since):
        if day_of(status.at) <= until:
            values = {name: _count(status.told.get(field)) for name, field in _FIELDS.items()}
            yield ArticleFigures(
                remote_id=status.id,
                title=line(" ".join(plain(status.content).split()), _HEADLINE),
                published_at=status.at,
                figures=(Figures(today, values, "/api/v1/accounts/statuses"),),
                url=status.url,
                original=True,
            )


def account_today(access: Access, day: date) -> Figures | None:
    """Followers and statuses as of now; None for any other day."""
    if day != day_of(access.now()):
        return None
    told = me(access)
    values = {
        "followers_total": _count(told.get("followers_count")),
        "posts_total": _count(told.get("statuses_count")),
    }
    return Figures(day, values, "/api/v1/accounts/verify_credentials")


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
