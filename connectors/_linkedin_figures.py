"""What comes back: the page's posts with impressions, clicks, likes, comments, shares; followers.

Organic only, over the life of a post. A count may be negative, when a sponsored like is taken back: unknown.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from connectors._contract import Access, ArticleFigures, Figures, Kind, Metric, Unit
from connectors._errors import Unreachable
from connectors._json import line
from connectors._linkedin_calls import encoded, organisation, read
from connectors._linkedin_posts import Post, headline, posts, public_url
from connectors._told import beijing_day, count, midnight

_STATISTICS = "/rest/organizationalEntityShareStatistics"
_SIZE = "/rest/networkSizes"
_EVENTS = {
    "impressions": "impressionCount",
    "clicks": "clickCount",
    "like": "likeCount",
    "comment": "commentCount",
    "share": "shareCount",
}
_FIELDS = {"impression_people": "uniqueImpressionsCount", **_EVENTS}
METRICS = (
    Metric("impression_people", Unit.PEOPLE, Kind.CUMULATIVE, fields=("uniqueImpressionsCount",)),
    *(Metric(name, Unit.EVENTS, Kind.CUMULATIVE, fields=(field,)) for name, field in _EVENTS.items()),
    Metric("followers_total", Unit.PEOPLE, Kind.SNAPSHOT, "account"),
)
_KINDS = {"share": "shares", "ugcPost": "ugcPosts"}
_BATCH = 20
_HEADLINE = 40


def articles_of(access: Access, since: date, until: date) -> Iterator[ArticleFigures]:
    """The page's posts of these days with their counts of now; one that is not told of has none."""
    begin, end = midnight(since), midnight(until + timedelta(days=1))
    today = beijing_day(access.now())
    found = list({post.urn: post for post in posts(access, begin) if post.at < end}.values())
    for start in range(0, len(found), _BATCH):
        batch = found[start : start + _BATCH]
        counts = _counted(access, batch)
        for post in batch:
            values = {name: count(counts.get(post.urn, {}).get(field)) for name, field in _FIELDS.items()}
            yield ArticleFigures(
                remote_id=post.urn,
                title=line(headline(post), _HEADLINE),
                published_at=post.at,
                figures=(Figures(today, values, _STATISTICS),),
                url=public_url(post.urn),
                original=True,
            )


def account_today(access: Access, day: date) -> Figures | None:
    """Followers as of now; None for any other day."""
    if day != beijing_day(access.now()):
        return None
    size = followers(access)
    return Figures(day, {"followers_total": size}, _SIZE)


def followers(access: Access) -> int | None:
    path = f"{_SIZE}/{encoded(organisation(access))}?edgeType=COMPANY_FOLLOWED_BY_MEMBER"
    return count(read(access, path).get("firstDegreeSize"))


def _counted(access: Access, batch: list[Post]) -> dict[str, dict[str, Any]]:
    """Post → its counts. The two kinds of names are asked for apart."""
    counts: dict[str, dict[str, Any]] = {}
    owner = encoded(organisation(access))
    for kind, plural in _KINDS.items():
        urns = [post.urn for post in batch if post.urn.split(":")[2] == kind]
        if not urns:
            continue
        names = ",".join(map(encoded, urns))
        query = f"q=organizationalEntity&organizationalEntity={owner}&{plural}=List({names})"
        elements = read(access, f"{_STATISTICS}?{query}").get("elements")
        if not isinstance(elements, list):
            raise Unreachable("expected statistics", platform_code="bad-answer")
        for item in elements:
            told = item if isinstance(item, dict) else {}
            total = told.get("totalShareStatistics")
            counts[str(told.get(kind))] = total if isinstance(total, dict) else {}
    return counts
