"""What comes back: reposts, comments and likes of known posts, followers of the account (sheet section 3).

There are no reads: the open API has none, so the name is missing, never 0.
"""

from collections.abc import Iterator, Sequence
from datetime import date

from connectors._contract import Access, ArticleFigures, Figures, Kind, Metric, Unit
from connectors._errors import Unreachable
from connectors._weibo_budget import Purpose, beijing_day
from connectors._weibo_calls import Calls
from connectors._weibo_known import KnownPost, KnownPosts
from connectors._weibo_status import identifier, public_url, whole
from connectors._weibo_text import headline

METRICS = (
    Metric("repost", Unit.EVENTS, Kind.CUMULATIVE),
    Metric("comment", Unit.EVENTS, Kind.CUMULATIVE),
    Metric("like", Unit.EVENTS, Kind.CUMULATIVE),
    Metric("followers_total", Unit.PEOPLE, Kind.SNAPSHOT, "account"),
    Metric("posts_total", Unit.EVENTS, Kind.SNAPSHOT, "account"),
)
BATCH = 100
_COUNTS = "/2/statuses/count.json"
_USER_COUNTS = "/2/users/counts.json"
_POST_FIELDS = {"repost": "reposts", "comment": "comments", "like": "attitudes"}
_USER_FIELDS = {"followers_total": "followers_count", "posts_total": "statuses_count"}


def articles_of(access: Access, since: date, until: date) -> Iterator[ArticleFigures]:
    """The known posts of these days with today's counts; a deleted post comes without figures."""
    calls = Calls(access, Purpose.COLLECTING)
    known = KnownPosts(access.memory)
    known.keep(_adopted(calls))
    wanted = [post for post in known.all() if since <= beijing_day(post.at) <= until]
    for start in range(0, len(wanted), BATCH):
        yield from _counted(calls, wanted[start : start + BATCH])


def _adopted(calls: Calls) -> list[KnownPost]:
    """The newest posts, whoever made them."""
    return [
        KnownPost(status.id, status.at, headline(status.text), status.original)
        for status in calls.timeline()
        if status.at is not None
    ]


def _counted(calls: Calls, posts: Sequence[KnownPost]) -> Iterator[ArticleFigures]:
    access = calls.access
    rows = calls.read(_COUNTS, {"ids": ",".join(post.id for post in posts)})
    counts = _by_id(rows, _POST_FIELDS)
    today = beijing_day(access.now())
    for post in posts:
        values = counts.get(post.id)
        yield ArticleFigures(
            remote_id=post.id,
            title=post.title,
            published_at=post.at,
            figures=() if values is None else (Figures(today, values, _COUNTS),),
            url=public_url(access.credentials["uid"], post.id),
            original=post.original,
        )


def account_today(access: Access, day: date) -> Figures | None:
    """Followers and posts as of now; None for any other day, and where Weibo does not name the account."""
    if day != beijing_day(access.now()):
        return None
    uid = access.credentials["uid"]
    rows = Calls(access, Purpose.COLLECTING).read(_USER_COUNTS, {"uids": uid})
    values = _by_id(rows, _USER_FIELDS).get(uid)
    return None if values is None else Figures(day, values, _USER_COUNTS)


def _by_id(rows: object, fields: dict[str, str]) -> dict[str, dict[str, int | None]]:
    """The counts of each id under common names. Raises Unreachable for anything but a list."""
    if not isinstance(rows, list):
        raise Unreachable("expected a list of counts", platform_code="bad-answer")
    return {
        identifier(row.get("id")): {name: whole(row.get(field)) for name, field in fields.items()}
        for row in rows
        if isinstance(row, dict)
    }
