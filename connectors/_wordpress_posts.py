"""Sending a post under a slug of its own, and finding it by that slug.

The site makes `…-2` of a slug that is taken and says nothing (seen): it is always asked before it is sent to.
"""

from datetime import timedelta
from typing import Any

from connectors._contract import Access, Outgoing, Receipt, ReceiptState
from connectors._errors import Label, Throttled
from connectors._http import Answer
from connectors._json import remote_id, web_address
from connectors._page import page_of, slug_of
from connectors._told import words
from connectors._wordpress_calls import code_of, failure, get, listed, post
from connectors._wordpress_media import categories, forget, tags, uploaded

_POSTS = "/wp/v2/posts"
_NO_COVER = "rest_invalid_featured_media"
_PAUSE = timedelta(seconds=5)
COMMENTS = {"open": "open", "off": "closed"}
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
    body = _body(access, outgoing)
    answer = post(access, _POSTS, body, writes=True)
    if answer.status == 400 and code_of(answer) == _NO_COVER and _once(access, outgoing):
        forget(access, outgoing)
        raise Throttled("the cover is gone", platform_code=_NO_COVER, until=access.now() + _PAUSE)
    if answer.status != 201:
        raise failure(access, answer)
    return _receipt(answer, answer.json_object(), str(body["slug"]))


def _once(access: Access, outgoing: Outgoing) -> bool:
    """True the first time: a site that loses every cover would have them uploaded without end."""
    name = f"cover-again-{outgoing.key}"
    first = access.memory.get(name) is None
    access.memory.put(name, "yes", until=access.now() + timedelta(days=1))
    return first


def find_post(access: Access, outgoing: Outgoing) -> Receipt | None:
    """The post of our slug in any state but the trash; None where there is none."""
    slug = slug_of(outgoing)
    # Pages are cached in front of many sites, by address: an absence of an hour ago would prove nothing.
    asked = access.now().isoformat()
    params = {"slug": slug, "status": "any", "_fields": "id,slug,status,link", "asked": asked}
    answer = get(access, _POSTS, params)
    found = [item for item in listed(answer) if item.get("slug") == slug]
    return _receipt(answer, found[0], slug) if found else None


def _body(access: Access, outgoing: Outgoing) -> dict[str, object]:
    options = outgoing.options
    pictures = uploaded(access, outgoing)
    body: dict[str, object] = {
        "title": outgoing.title,
        # The first picture is the cover: themes show it above the text.
        "content": page_of(outgoing.text, [address for _, address in pictures], behind=1),
        "slug": slug_of(outgoing),
        "status": "publish",
    }
    if pictures:
        body["featured_media"] = pictures[0][0]
    if options.get("excerpt"):
        body["excerpt"] = options["excerpt"]
    if options.get("comments"):
        body["comment_status"] = COMMENTS.get(options["comments"], "closed")
    if chosen := words(options.get("categories", "")):
        body["categories"] = categories(access, chosen)
    if chosen := words(options.get("tags", "")):
        body["tags"] = tags(access, chosen)
    return body


def _receipt(answer: Answer, told: dict[str, Any], slug: str) -> Receipt:
    number, status = remote_id(told.get("id")), told.get("status")
    if number is None or not isinstance(status, str):
        raise answer.bad("a post without id or status")
    note = _OTHER_SLUG if told.get("slug") != slug else None if status == "publish" else _WITHDRAWN
    return Receipt(ReceiptState.PUBLISHED, number, web_address(told.get("link")), note=note)
