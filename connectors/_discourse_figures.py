"""What comes back of the account's own topics: views, likes, replies."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

from connectors._contract import Access, ArticleFigures, Figures, Kind, Metric, Unit
from connectors._discourse_calls import get
from connectors._errors import Unreachable
from connectors._json import line, remote_id
from connectors._told import beijing_day, count, moment

METRICS = (
    Metric("read_events", Unit.EVENTS, Kind.CUMULATIVE),
    Metric("like", Unit.EVENTS, Kind.CUMULATIVE),
    Metric("comment", Unit.EVENTS, Kind.CUMULATIVE),
)
_MOST_PAGES = 300


def articles_of(access: Access, since: date, until: date) -> Iterator[ArticleFigures]:
    """The account's topics of these days with the figures of now."""
    today = beijing_day(access.now())
    path = f"/topics/created-by/{quote(access.credentials['api_username'], safe='')}.json"
    for page in range(_MOST_PAGES):
        told = get(access, path, {"order": "created", "page": page}).get("topic_list")
        items = told.get("topics") if isinstance(told, dict) else None
        if not isinstance(told, dict) or not isinstance(items, list):
            raise Unreachable("expected a list of topics", platform_code="bad-answer")
        topics = [_topic(item) for item in items]
        for number, at, item in topics:
            if since <= beijing_day(at) <= until:
                yield _article(access, number, at, item, today)
        # Pinned topics stand first whatever their age: only a page of nothing but old ones is the end.
        if not told.get("more_topics_url") or all(beijing_day(at) < since for _, at, _ in topics):
            return
    raise Unreachable("the pages do not end", platform_code="bad-answer")


def _article(access: Access, number: str, at: datetime, item: dict[str, Any], today: date) -> ArticleFigures:
    posts = count(item.get("posts_count"))
    values = {
        "read_events": count(item.get("views")),
        "like": count(item.get("like_count")),
        "comment": posts - 1 if posts else None,  # the topic's own first post is none
    }
    return ArticleFigures(
        remote_id=number,
        title=line(item.get("title"), 500),
        published_at=at,
        figures=(Figures(today, values, "/topics/created-by"),),
        url=f"{access.api_base.rstrip('/')}/t/{number}",
    )


def _topic(item: object) -> tuple[str, datetime, dict[str, Any]]:
    told: dict[str, Any] = item if isinstance(item, dict) else {}
    number, at = remote_id(told.get("id")), moment(told.get("created_at"))
    if number is None or not number.isdigit() or at is None:
        raise Unreachable("a topic without id or time", platform_code="bad-answer")
    return number, at, told
