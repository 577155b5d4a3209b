"""Sending a post under a slug of its own, and finding it by that slug.

The site makes `…-2` of a slug that is taken and says nothing (seen): it is always asked before it is sent to.
No newsletter is ever sent: a mail cannot be taken back.
"""

from datetime import timedelta
from typing import Any

from connectors._contract import Access, Media, Outgoing, Receipt, ReceiptState
from connectors._errors import Label
from connectors._ghost_calls import get, post, upload
from connectors._http import Answer
from connectors._json import remote_id, web_address
from connectors._page import page_of, slug_of
from connectors._pictures import remembered_as, upload_of
from connectors._told import words

PICTURES = 20
PICTURE_BYTES = 20 * 1024 * 1024
VISIBILITIES = ("public", "members")
_KEPT = timedelta(days=30)
_OTHER_SLUG = Label(
    "网站把这篇的地址改了名，可能已有一篇相同的，请到网站后台看一眼。",
    "The site renamed this post's address: there may be another of it. Look at the site's posts.",
)
_WITHDRAWN = Label(
    "这篇已在网站上，但被人改成了未公开。", "The post is at the site, but somebody made it not public."
)


def send(access: Access, outgoing: Outgoing) -> Receipt:
    """One post; where its slug is already there, that one."""
    there = find_post(access, outgoing)
    if there is not None:
        return there
    slug, options = slug_of(outgoing), outgoing.options
    addresses = [_picture(access, media) for media in outgoing.media]
    new: dict[str, object] = {
        "title": outgoing.title,
        # The first picture is the cover: themes show it above the text.
        "html": page_of(outgoing.text, addresses, behind=1),
        "slug": slug,
        "status": "published",
        "visibility": options.get("visibility") or "public",
    }
    if addresses:
        new["feature_image"] = addresses[0]
    if options.get("excerpt"):
        new["custom_excerpt"] = options["excerpt"]
    if tags := words(options.get("tags", "")):
        new["tags"] = tags
    answer = post(access, "/posts/?source=html", {"posts": [new]})
    found = posts_of(answer)
    if len(found) != 1:
        raise answer.bad("expected one post")
    return _receipt(answer, found[0], slug)


def find_post(access: Access, outgoing: Outgoing) -> Receipt | None:
    """The post of our slug in any state; None where there is none.

    Asked as a list: a 404 may be of a wrong address and would prove nothing.
    """
    slug = slug_of(outgoing)
    params = {
        "filter": f"slug:{slug}+status:[draft,published,scheduled,sent]",
        "fields": "id,slug,status,url",
    }
    answer = get(access, "/posts/", params)
    found = [item for item in posts_of(answer) if item.get("slug") == slug]
    return _receipt(answer, found[0], slug) if found else None


def posts_of(answer: Answer) -> list[dict[str, Any]]:
    """The posts of an answer. Raises what an unreadable answer means."""
    posts = answer.json_object().get("posts")
    if not isinstance(posts, list) or not all(isinstance(item, dict) for item in posts):
        raise answer.bad("expected a list of posts")
    return posts


def _picture(access: Access, media: Media) -> str:
    """The address of a picture. Each is uploaded once, however often this is asked."""
    kept = access.memory.get(remembered_as(media))
    if kept is not None:
        return kept
    answer = upload(access, upload_of(media))
    images = answer.json_object().get("images")
    first = images[0] if isinstance(images, list) and images and isinstance(images[0], dict) else {}
    address = web_address(first.get("url"))
    if not address:
        raise answer.bad("no address of the picture")
    access.memory.put(remembered_as(media), address, until=access.now() + _KEPT)
    return address


def _receipt(answer: Answer, told: dict[str, Any], slug: str) -> Receipt:
    number, status = remote_id(told.get("id")), told.get("status")
    if number is None or not isinstance(status, str):
        raise answer.bad("a post without id or status")
    note = _OTHER_SLUG if told.get("slug") != slug else None if status == "published" else _WITHDRAWN
    return Receipt(ReceiptState.PUBLISHED, number, web_address(told.get("url")), note=note)
