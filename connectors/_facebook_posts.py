"""A page's posts: written to its feed, found there again, with what comes back of them."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from connectors._contract import (
    Access,
    ArticleFigures,
    Figures,
    Kind,
    Media,
    Metric,
    Outgoing,
    Receipt,
    ReceiptState,
    Unit,
)
from connectors._errors import ConnectorError, Label, Uncertain
from connectors._json import web_address, whole
from connectors._meta_calls import Graph
from connectors._meta_insights import article_of
from connectors._meta_posts import Listing, remember
from connectors._pictures import upload_of
from connectors._told import beijing_day
from connectors._wording import caption

VERSION = "v26.0"
BASE = "https://graph.facebook.com"
VIEW_METRIC = "post_media_view"
METRICS = (
    Metric("like", Unit.EVENTS, Kind.CUMULATIVE, fields=("reactions",)),
    Metric("comment", Unit.EVENTS, Kind.CUMULATIVE, fields=("comments",)),
    Metric("share", Unit.EVENTS, Kind.CUMULATIVE, fields=("shares",)),
    Metric("read_events", Unit.EVENTS, Kind.CUMULATIVE, fields=(VIEW_METRIC,)),
    Metric("followers_total", Unit.PEOPLE, Kind.SNAPSHOT, "account"),
)
_COUNTS = "reactions.limit(0).summary(total_count),comments.limit(0).summary(total_count)"
_UPLOAD_LIFE = timedelta(hours=20)  # what no post names is dropped after a day
_NOT_SEEN = Label(
    "主页的动态里没有找到：请到主页看是否已发出，再决定是否重发。",
    "Not in the page's feed: look at the page whether it is out, then decide whether to send it again.",
)


def graph_of(access: Access) -> Graph:
    return Graph(access, BASE, VERSION)


def send(access: Access, outgoing: Outgoing) -> Receipt:
    """One post; its pictures are uploaded unpublished before it, each once."""
    graph = graph_of(access)
    fields = {"message": caption(outgoing)}
    if outgoing.options.get("link"):
        fields["link"] = outgoing.options["link"]
    for number, media in enumerate(outgoing.media):
        fields[f"attached_media[{number}]"] = f'{{"media_fbid":"{_uploaded(graph, outgoing, media)}"}}'
    post_id = graph.publish(f"{_page(access)}/feed", fields)
    remember(access, outgoing, post_id)
    return Receipt(ReceiptState.PUBLISHED, post_id, _address(graph, post_id))


def find_post(access: Access, outgoing: Outgoing, since: datetime) -> Receipt:
    """Ours by words and time. Raises Uncertain where it is not seen: the feed proves no absence."""
    post = _listing(access).ours(graph_of(access), outgoing, caption(outgoing), since)
    if post is None:
        raise Uncertain("not in the feed", platform_code="not-seen", remedy=_NOT_SEEN)
    remember(access, outgoing, post.id)
    return Receipt(ReceiptState.PUBLISHED, post.id, post.url)


def articles_of(access: Access, since: date, until: date) -> Iterator[ArticleFigures]:
    """The page's own posts of these days with the figures of now; one call more a post, for its views."""
    graph = graph_of(access)
    graph.spare()
    for post in _listing(access).since(graph, since):
        if beijing_day(post.at) <= until:
            told = {
                "like": _total(post.told.get("reactions")),
                "comment": _total(post.told.get("comments")),
                "share": _shares(post.told.get("shares")),
            }
            yield article_of(graph, post, {"read_events": _view_metric(access)}, told)


def account_today(access: Access, day: date) -> Figures | None:
    """Followers as of now; None for any other day: Meta's own days end at midnight in California."""
    if day != beijing_day(access.now()):
        return None
    graph = graph_of(access)
    graph.spare()
    told = graph.get(_page(access), {"fields": "followers_count"})
    return Figures(day, {"followers_total": whole(told.get("followers_count"))}, "/page")


def _uploaded(graph: Graph, outgoing: Outgoing, media: Media) -> str:
    name = f"photo-{outgoing.key}-{media.sha256[:16]}"
    photo = graph.access.memory.get(name)
    if photo is None:
        fields = {"published": "false", **({"alt_text_custom": media.alt} if media.alt else {})}
        photo = graph.prepare(f"{_page(graph.access)}/photos", fields, upload_of(media))
        graph.access.memory.put(name, photo, until=graph.access.now() + _UPLOAD_LIFE)
    return photo


def _address(graph: Graph, post_id: str) -> str:
    """Where readers find it; '' where that cannot be told now: it is out all the same."""
    try:
        return web_address(graph.get(post_id, {"fields": "permalink_url"}).get("permalink_url"))
    except ConnectorError:
        return ""


def _listing(access: Access) -> Listing:
    page = _page(access)
    more = f"from,shares,{_COUNTS}"
    return Listing(f"{page}/feed", "message", "created_time", "permalink_url", more, owner=page)


def _page(access: Access) -> str:
    return access.credentials["page_id"]


def _view_metric(access: Access) -> str:
    return access.credentials.get("view_metric") or VIEW_METRIC


def _total(told: object) -> int | None:
    summary = told.get("summary") if isinstance(told, dict) else None
    return whole(summary.get("total_count")) if isinstance(summary, dict) else None


def _shares(told: object) -> int | None:
    return whole(told.get("count")) if isinstance(told, dict) else None
