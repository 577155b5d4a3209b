"""A professional account's posts: a container a post, pictures from a public address, insights a post."""

from collections.abc import Iterator
from datetime import date

from connectors._contract import Access, ArticleFigures, Figures, Kind, Media, Metric, Outgoing, Receipt, Unit
from connectors._json import whole
from connectors._meta_calls import Graph
from connectors._meta_containers import Way, public_address
from connectors._meta_insights import article_of
from connectors._meta_posts import Listing
from connectors._told import beijing_day
from connectors._wording import caption

VERSION = "v26.0"
BASE = "https://graph.instagram.com"
METRICS = (
    Metric("read_events", Unit.EVENTS, Kind.CUMULATIVE, fields=("views",)),
    Metric("read_people", Unit.PEOPLE, Kind.CUMULATIVE, fields=("reach",)),
    Metric("like", Unit.EVENTS, Kind.CUMULATIVE, fields=("likes",)),
    Metric("comment", Unit.EVENTS, Kind.CUMULATIVE, fields=("comments",)),
    Metric("share", Unit.EVENTS, Kind.CUMULATIVE, fields=("shares",)),
    Metric("favourite", Unit.EVENTS, Kind.CUMULATIVE, fields=("saved",)),
    Metric("followers_total", Unit.PEOPLE, Kind.SNAPSHOT, "account"),
    Metric("posts_total", Unit.EVENTS, Kind.SNAPSHOT, "account"),
)
_INSIGHTS = {
    "read_events": "views",
    "read_people": "reach",
    "like": "likes",
    "comment": "comments",
    "share": "shares",
    "favourite": "saved",
}


def way_of(access: Access) -> Way:
    user = access.credentials["user_id"]
    listing = Listing(f"{user}/media", "caption", "timestamp", "permalink")
    graph = Graph(access, BASE, VERSION)
    return Way(graph, f"{user}/media", f"{user}/media_publish", "status_code", listing)


def send(access: Access, outgoing: Outgoing) -> Receipt:
    """One picture is one container; several are a carousel of containers."""
    words = caption(outgoing)
    pictures = tuple(_picture(access, media) for media in outgoing.media)
    if len(pictures) == 1:
        return way_of(access).send(outgoing, words, {**pictures[0], "caption": words}, ())
    return way_of(access).send(outgoing, words, {"media_type": "CAROUSEL", "caption": words}, pictures)


def articles_of(access: Access, since: date, until: date) -> Iterator[ArticleFigures]:
    """The account's posts of these days with the figures of now; one call more a post."""
    way = way_of(access)
    way.graph.spare()
    for post in way.listing.since(way.graph, since):
        if beijing_day(post.at) <= until:
            yield article_of(way.graph, post, _INSIGHTS)


def account_today(access: Access, day: date) -> Figures | None:
    """Followers and posts as of now; None for any other day."""
    if day != beijing_day(access.now()):
        return None
    graph = way_of(access).graph
    graph.spare()
    told = graph.get(access.credentials["user_id"], {"fields": "followers_count,media_count"})
    values = {
        "followers_total": whole(told.get("followers_count")),
        "posts_total": whole(told.get("media_count")),
    }
    return Figures(day, values, "/user")


def _picture(access: Access, media: Media) -> dict[str, str]:
    return {"image_url": public_address(access, media), **({"alt_text": media.alt} if media.alt else {})}
