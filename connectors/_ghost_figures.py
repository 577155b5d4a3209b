"""What comes back: thumbs up from members, and how many members there are.

The Admin API tells no page views to an integration (seen): the name is missing, never 0.
"""

from collections.abc import Iterator
from datetime import date, timedelta

from connectors._contract import Access, ArticleFigures, Figures, Kind, Metric, Unit
from connectors._errors import Unreachable
from connectors._ghost_calls import get
from connectors._ghost_posts import posts_of
from connectors._json import line, remote_id, web_address
from connectors._told import beijing_day, count, midnight, moment

METRICS = (
    Metric("like", Unit.EVENTS, Kind.CUMULATIVE),
    Metric("followers_total", Unit.PEOPLE, Kind.SNAPSHOT, "account"),
)
_PAGE = 100
_MOST_PAGES = 500


def articles_of(access: Access, since: date, until: date) -> Iterator[ArticleFigures]:
    """Every published post of these days with the figures of now."""
    today = beijing_day(access.now())
    first, end = _midnight(since), _midnight(until + timedelta(days=1))
    params: dict[str, str | int] = {
        "filter": f"status:published+published_at:>='{first}'+published_at:<'{end}'",
        "include": "count.positive_feedback",
        "order": "published_at asc",
        "limit": _PAGE,
    }
    for page in range(1, _MOST_PAGES + 1):
        answer = get(access, "/posts/", {**params, "page": page})
        items = posts_of(answer)
        for item in items:
            number, at = remote_id(item.get("id")), moment(item.get("published_at"))
            if number is None or at is None:
                raise answer.bad("a post without id or time")
            counts = item.get("count")
            likes = counts.get("positive_feedback") if isinstance(counts, dict) else None
            yield ArticleFigures(
                remote_id=number,
                title=line(item.get("title"), 500),
                published_at=at,
                figures=(Figures(today, {"like": count(likes)}, "/admin/posts"),),
                url=web_address(item.get("url")),
            )
        if len(items) < _PAGE:
            return
    raise Unreachable("the pages do not end", platform_code="bad-answer")


def account_today(access: Access, day: date) -> Figures | None:
    """Members as of now, counted and never listed; None for any other day."""
    if day != beijing_day(access.now()):
        return None
    answer = get(access, "/members/", {"limit": 1, "fields": "id"})
    meta = answer.json_object().get("meta")
    pages = meta.get("pagination") if isinstance(meta, dict) else None
    total = pages.get("total") if isinstance(pages, dict) else None
    return Figures(day, {"followers_total": count(total)}, "/admin/members")


def _midnight(day: date) -> str:
    """The beginning of a Beijing day as the site's filters write times: in UTC, without a zone."""
    return midnight(day).strftime("%Y-%m-%d %H:%M:%S")
