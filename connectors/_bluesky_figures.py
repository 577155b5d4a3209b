"""What comes back: likes, reposts, replies, quotes and bookmarks of own posts; followers of the account.

There are no views: the platform counts none, so the name is missing, never 0.
"""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from connectors._bluesky_calls import Session
from connectors._bluesky_posts import COLLECTION, moment, public_url
from connectors._contract import Access, ArticleFigures, Figures, Kind, Metric, Unit
from connectors._errors import Unreachable
from connectors._json import line

METRICS = (
    Metric("like", Unit.EVENTS, Kind.CUMULATIVE),
    Metric("repost", Unit.EVENTS, Kind.CUMULATIVE),
    Metric("comment", Unit.EVENTS, Kind.CUMULATIVE),
    Metric("quote", Unit.EVENTS, Kind.CUMULATIVE),
    Metric("favourite", Unit.EVENTS, Kind.CUMULATIVE),
    Metric("followers_total", Unit.PEOPLE, Kind.SNAPSHOT, "account"),
    Metric("posts_total", Unit.EVENTS, Kind.SNAPSHOT, "account"),
)
_FIELDS = {
    "like": "likeCount",
    "repost": "repostCount",
    "comment": "replyCount",
    "quote": "quoteCount",
    "favourite": "bookmarkCount",
}
_FEED, _PROFILE = "app.bsky.feed.getAuthorFeed", "app.bsky.actor.getProfile"
_PAGE = 100
_MOST_PAGES = 300
_BEIJING = ZoneInfo("Asia/Shanghai")
_HEADLINE = 40


def articles_of(access: Access, since: date, until: date) -> Iterator[ArticleFigures]:
    """Own posts of these days, newest first, with the counts of now; no replies, no reposts of others."""
    session, seen = Session(access), set[str]()
    for post in _feed(session):
        record = post.get("record")
        at = _published(post, record)
        if at is None or _day(at) > until:
            continue
        if _day(at) < since:
            return
        uri = post.get("uri")
        if _is_own(post, session.did) and isinstance(record, dict) and uri not in seen:
            seen.add(str(uri))
            values = {name: _count(post.get(field)) for name, field in _FIELDS.items()}
            yield ArticleFigures(
                remote_id=str(uri),
                title=line(" ".join(str(record.get("text") or "").split()), _HEADLINE),
                published_at=at,
                figures=(Figures(_day(access.now()), values, _FEED),),
                url=public_url(session.handle, str(uri)),
                original=True,
            )


def account_today(access: Access, day: date) -> Figures | None:
    """Followers and posts as of now; None for any other day."""
    if day != _day(access.now()):
        return None
    session = Session(access)
    told = session.ask(_PROFILE, {"actor": session.did})
    values = {
        "followers_total": _count(told.get("followersCount")),
        "posts_total": _count(told.get("postsCount")),
    }
    return Figures(day, values, _PROFILE)


def _feed(session: Session) -> Iterator[dict[str, Any]]:
    """Every post of the author's feed that nobody else's act brought there, newest first."""
    params: dict[str, str | int] = {"actor": session.did, "limit": _PAGE, "filter": "posts_no_replies"}
    for _ in range(_MOST_PAGES):
        told = session.ask(_FEED, params)
        items, cursor = told.get("feed"), told.get("cursor")
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise Unreachable("expected a list of posts", platform_code="bad-answer")
        for item in items:
            post = item.get("post")
            if not isinstance(post, dict):
                raise Unreachable("an item without its post", platform_code="bad-answer")
            if not item.get("reason"):
                yield post
        if cursor is None:
            return
        if not isinstance(cursor, str) or cursor == params.get("cursor"):
            break
        params["cursor"] = cursor
    raise Unreachable("the pages do not end", platform_code="bad-answer")


def _is_own(post: dict[str, Any], did: str) -> bool:
    uri = post.get("uri")
    return isinstance(uri, str) and uri.startswith(f"at://{did}/{COLLECTION}/") and len(uri) <= 200


def _published(post: dict[str, Any], record: object) -> datetime | None:
    """The earlier of what the author says and when it was seen: nobody posts in the future."""
    said = moment(record.get("createdAt")) if isinstance(record, dict) else None
    seen = moment(post.get("indexedAt"))
    return min((at for at in (said, seen) if at is not None), default=None)


def _day(at: datetime) -> date:
    return at.astimezone(_BEIJING).date()


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
