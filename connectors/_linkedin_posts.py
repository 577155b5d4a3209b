"""Sending a post, reading it back, and finding it: by the name LinkedIn gave, else among the newest."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from connectors._contract import Access, Outgoing, Receipt, ReceiptState
from connectors._days import moment
from connectors._errors import ConnectorError, Label, Uncertain, Unreachable
from connectors._http import Answer
from connectors._linkedin_calls import (
    TWICE,
    at,
    body_of,
    encoded,
    failure,
    get,
    headers_of,
    organisation,
    read,
)
from connectors._linkedin_media import content_of
from connectors._linkedin_text import came_whole, escaped, plain, same_post
from connectors._wording import told_without_secrets

_POSTS = "/rest/posts"
_PAGE = 50
_MOST_PAGES = 100
_SKEW = timedelta(minutes=5)
_KEPT = timedelta(days=60)
_URN = re.compile(r"urn:li:(?:share|ugcPost):[0-9]{1,30}")
_NOT_SEEN = Label(
    "主页的列表里没有找到：请看主页是否已经发出，再决定是否重发。",
    "Not among the page's posts: look whether it is out, then decide whether to send it again.",
)
_CUT = Label(
    "平台显示的文字和发出的不一样（可能被截断）：请打开看一下。",
    "The text on the platform differs from what was sent (it may be cut): have a look.",
)
_READ_BACK = Label("已发出，稍后读回来核对文字。", "It went out; its text is read back shortly.")


@dataclass(frozen=True)
class Post:
    """A post of the page as LinkedIn tells it."""

    urn: str
    at: datetime
    commentary: str


def send(access: Access, outgoing: Outgoing) -> Receipt:
    """One post, read back. Raises Uncertain where it was made and not read, or said to be there already."""
    body: dict[str, object] = {
        "author": organisation(access),
        "commentary": escaped(outgoing.text),
        "visibility": "PUBLIC",
        "distribution": {
            "feedDistribution": "MAIN_FEED",
            "targetEntities": [],
            "thirdPartyDistributionChannels": [],
        },
        "lifecycleState": "PUBLISHED",
        "isReshareDisabledByAuthor": False,
    }
    content = content_of(access, outgoing)
    if content:
        body["content"] = content
    answer = access.http.call(
        "POST", at(access, _POSTS), writes=True, json_body=body, headers=headers_of(access)
    )
    if answer.status != 201:
        raise _duplicate(access, outgoing, answer) or failure(access, answer)
    urn = answer.headers.get("x-restli-id", "")
    if not _URN.fullmatch(urn):
        raise answer.bad("no x-restli-id")
    _remember(access, outgoing, urn)
    try:
        return _receipt(outgoing, _read(access, urn))
    except ConnectorError as error:
        told = f"{urn} was made and not read back"
        raise Uncertain(told, platform_code="read-back", remedy=_READ_BACK) from error


def find_post(access: Access, outgoing: Outgoing, since: datetime) -> Receipt:
    """Our post. Raises Uncertain where it is not seen: the list proves no absence."""
    kept = access.memory.get(_made(outgoing))
    if kept is not None:
        return _receipt(outgoing, _read(access, kept))
    named = access.memory.get(_named(outgoing))
    first = _named_post(access, named) if named else None
    for post in chain([first] if first else [], posts(access, since - _SKEW)):
        ours = post.at >= since - _SKEW and same_post(outgoing.text, post.commentary)
        if ours and access.memory.get(_sent(post.urn)) in (None, outgoing.key):
            _remember(access, outgoing, post.urn)
            return _receipt(outgoing, post)
    raise Uncertain("not among the page's posts", platform_code="not-seen", remedy=_NOT_SEEN)


def posts(access: Access, since: datetime) -> Iterator[Post]:
    """The page's posts of after this moment; newest changes first, so old ones may come early."""
    author = encoded(organisation(access))
    for page in range(_MOST_PAGES):
        query = f"author={author}&q=author&count={_PAGE}&start={page * _PAGE}&sortBy=LAST_MODIFIED"
        elements = read(access, f"{_POSTS}?{query}").get("elements")
        if not isinstance(elements, list):
            raise Unreachable("expected a list of posts", platform_code="bad-answer")
        found = [_post(item) for item in elements]
        yield from (post for post, _ in found if post.at >= since)
        if len(found) < _PAGE or found[-1][1] < since:
            return
    raise Unreachable("the pages do not end", platform_code="bad-answer")


def public_url(urn: str) -> str:
    return f"https://www.linkedin.com/feed/update/{urn}/"


def _read(access: Access, urn: str) -> Post:
    return _post(read(access, f"{_POSTS}/{encoded(urn)}"))[0]


def _named_post(access: Access, urn: str) -> Post | None:
    """The post that a refusal names; None where it is a deleted one."""
    answer = get(access, f"{_POSTS}/{encoded(urn)}")
    if answer.status == 404:
        return None
    if answer.status != 200:
        raise failure(access, answer)
    return _post(answer.json_object())[0]


def _post(item: object) -> tuple[Post, datetime]:
    """A post and when it was changed last."""
    told: dict[str, Any] = item if isinstance(item, dict) else {}
    urn, made = str(told.get("id")), moment(told.get("publishedAt")) or moment(told.get("createdAt"))
    commentary = told.get("commentary", "")
    if not _URN.fullmatch(urn) or made is None or not isinstance(commentary, str):
        raise Unreachable("a post without id, time or text", platform_code="bad-answer")
    return Post(urn, made, commentary), moment(told.get("lastModifiedAt")) or made


def _receipt(outgoing: Outgoing, post: Post) -> Receipt:
    note = None if came_whole(outgoing.text, post.commentary) else _CUT
    return Receipt(ReceiptState.PUBLISHED, post.urn, public_url(post.urn), note=note)


def _duplicate(access: Access, outgoing: Outgoing, answer: Answer) -> Uncertain | None:
    """The doubt of a refusal that says the content is there; the post it names is kept for `find_post`."""
    told = body_of(answer)
    details = told.get("errorDetails")
    inputs = details.get("inputErrors") if isinstance(details, dict) else None
    codes = (
        [item.get("code") for item in inputs if isinstance(item, dict)] if isinstance(inputs, list) else []
    )
    if answer.status != 422 or "DUPLICATE_POST" not in codes:
        return None
    text = told_without_secrets(access, told.get("message"))
    named = _URN.search(text)
    if named:
        access.memory.put(_named(outgoing), named[0], until=access.now() + _KEPT)
    return Uncertain(text, platform_code="DUPLICATE_POST", remedy=TWICE)


def _remember(access: Access, outgoing: Outgoing, urn: str) -> None:
    until = access.now() + _KEPT
    access.memory.put(_made(outgoing), urn, until=until)
    access.memory.put(_sent(urn), outgoing.key, until=until)


def _made(outgoing: Outgoing) -> str:
    return f"made-{outgoing.key}"


def _named(outgoing: Outgoing) -> str:
    return f"named-{outgoing.key}"


def _sent(urn: str) -> str:
    return f"sent-{urn}"


def headline(post: Post) -> str:
    return " ".join(plain(post.commentary).split())
