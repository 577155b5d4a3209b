"""A profile's posts: a container a post, pictures from a public address, insights a post."""

from collections.abc import Iterator
from datetime import date

from connectors._contract import Access, ArticleFigures, Figures, Kind, Media, Metric, Outgoing, Receipt, Unit
from connectors._meta_calls import Graph
from connectors._meta_containers import Way, public_address
from connectors._meta_insights import article_of, insights
from connectors._meta_posts import Listing
from connectors._told import beijing_day
from connectors._wording import caption

VERSION = "v1.0"
BASE = "https://graph.threads.net"
METRICS = (
    Metric("read_events", Unit.EVENTS, Kind.CUMULATIVE, fields=("views",)),
    Metric("like", Unit.EVENTS, Kind.CUMULATIVE, fields=("likes",)),
    Metric("comment", Unit.EVENTS, Kind.CUMULATIVE, fields=("replies",)),
    Metric("repost", Unit.EVENTS, Kind.CUMULATIVE, fields=("reposts",)),
    Metric("quote", Unit.EVENTS, Kind.CUMULATIVE, fields=("quotes",)),
    Metric("share", Unit.EVENTS, Kind.CUMULATIVE, fields=("shares",)),
    Metric("followers_total", Unit.PEOPLE, Kind.SNAPSHOT, "account"),
)
_INSIGHTS = {
    "read_events": "views",
    "like": "likes",
    "comment": "replies",
    "repost": "reposts",
    "quote": "quotes",
    "share": "shares",
}


def way_of(access: Access) -> Way:
    user = access.credentials["user_id"]
    listing = Listing(f"{user}/threads", "text", "timestamp", "permalink")
    graph = Graph(access, BASE, VERSION)
    return Way(graph, f"{user}/threads", f"{user}/threads_publish", "status,error_message", listing)


def send(access: Access, outgoing: Outgoing) -> Receipt:
    """A text, a picture with its text, or a carousel of pictures."""
    words = caption(outgoing)
    text = {"text": words} if words else {}
    if outgoing.options.get("reply_control"):
        text["reply_control"] = outgoing.options["reply_control"]
    pictures = tuple(_picture(access, media) for media in outgoing.media)
    way = way_of(access)
    if not pictures:
        return way.send(outgoing, words, {"media_type": "TEXT", **text}, ())
    if len(pictures) == 1:
        return way.send(outgoing, words, {**pictures[0], **text}, ())
    return way.send(outgoing, words, {"media_type": "CAROUSEL", **text}, pictures)


def articles_of(access: Access, since: date, until: date) -> Iterator[ArticleFigures]:
    """The profile's posts of these days with the figures of now; one call more a post."""
    way = way_of(access)
    way.graph.spare()
    for post in way.listing.since(way.graph, since):
        if beijing_day(post.at) <= until:
            yield article_of(way.graph, post, _INSIGHTS)


def account_today(access: Access, day: date) -> Figures | None:
    """Followers as of now; None for any other day."""
    if day != beijing_day(access.now()):
        return None
    path = f"{access.credentials['user_id']}/threads_insights"
    values = insights(way_of(access).graph, path, {"followers_total": "followers_count"})
    return Figures(day, values, "/threads_insights")


def _picture(access: Access, media: Media) -> dict[str, str]:
    alt = {"alt_text": media.alt} if media.alt else {}
    return {"media_type": "IMAGE", "image_url": public_address(access, media), **alt}
