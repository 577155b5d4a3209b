"""What comes back: approved comments, and page views where a plugin keeps them in a post's meta.

Core counts no views: without the name of a meta key they are missing, never 0. Of comments only their post's
number is asked for, never who wrote them.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from html import unescape
from typing import Any

from connectors._contract import Access, ArticleFigures, Figures, Kind, Metric, Unit
from connectors._errors import Unreachable
from connectors._http import Answer
from connectors._json import line, remote_id, web_address
from connectors._told import beijing_day, count
from connectors._wordpress_calls import get, listed, total

METRICS = (
    Metric("read_events", Unit.EVENTS, Kind.CUMULATIVE),
    Metric("comment", Unit.EVENTS, Kind.CUMULATIVE),
    Metric("posts_total", Unit.EVENTS, Kind.SNAPSHOT, "account"),
)
_PAGE = 100
_MOST_PAGES = 500


def articles_of(access: Access, since: date, until: date) -> Iterator[ArticleFigures]:
    """Every public post of these days with the figures of now."""
    today = beijing_day(access.now())
    # The site compares by its own time zone: a day more on either side, then the true time decides.
    params: dict[str, str | int] = {
        "status": "publish",
        "after": f"{since - timedelta(days=2)}T00:00:00",
        "before": f"{until + timedelta(days=2)}T00:00:00",
        "orderby": "date",
        "order": "asc",
        "_fields": "id,date_gmt,link,title,meta",
    }
    for answer, items in _pages(access, "/wp/v2/posts", params):
        posts = [
            (number, at, item)
            for number, at, item in _posts(answer, items)
            if since <= beijing_day(at) <= until
        ]
        comments = _comments(access, [number for number, _, _ in posts])
        for number, at, item in posts:
            values = {"comment": comments[number], "read_events": _views(access, item)}
            yield ArticleFigures(
                remote_id=number,
                title=_title(item),
                published_at=at,
                figures=(Figures(today, values, "/wp/v2/posts"),),
                url=web_address(item.get("link")),
            )


def account_today(access: Access, day: date) -> Figures | None:
    """How many public posts there are as of now; None for any other day."""
    if day != beijing_day(access.now()):
        return None
    answer = get(access, "/wp/v2/posts", {"status": "publish", "per_page": 1, "_fields": "id"})
    listed(answer)
    return Figures(day, {"posts_total": total(answer)}, "/wp/v2/posts")


def _comments(access: Access, numbers: list[str]) -> Counter[str]:
    """How many approved comments each post has."""
    counted: Counter[str] = Counter()
    if numbers:
        params: dict[str, str | int] = {"post": ",".join(numbers), "_fields": "id,post"}
        for _, items in _pages(access, "/wp/v2/comments", params):
            counted.update(str(item.get("post")) for item in items)
    return counted


def _pages(
    access: Access, path: str, params: dict[str, str | int]
) -> Iterator[tuple[Answer, list[dict[str, Any]]]]:
    for page in range(1, _MOST_PAGES + 1):
        answer = get(access, path, {**params, "per_page": _PAGE, "page": page})
        yield answer, listed(answer)
        # A page beyond the end is an error: the headers say how many there are.
        if page >= (total(answer, "x-wp-totalpages") or 0):
            return
    raise Unreachable("the pages do not end", platform_code="bad-answer")


def _posts(answer: Answer, items: list[dict[str, Any]]) -> Iterator[tuple[str, datetime, dict[str, Any]]]:
    for item in items:
        number, said = remote_id(item.get("id")), item.get("date_gmt")
        try:
            at = datetime.fromisoformat(said).replace(tzinfo=UTC) if isinstance(said, str) else None
        except ValueError:
            at = None
        if number is None or at is None:
            raise answer.bad("a post without id or time")
        yield number, at, item


def _views(access: Access, item: dict[str, Any]) -> int | None:
    meta, key = item.get("meta"), access.credentials.get("views_key", "")
    value = meta.get(key) if key and isinstance(meta, dict) else None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        return int(value)  # plugins keep numbers as texts
    return count(value)


def _title(item: dict[str, Any]) -> str:
    title = item.get("title")
    return line(unescape(str(title.get("rendered") or "")) if isinstance(title, dict) else "", 500)
