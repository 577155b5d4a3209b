"""Sending a post, once, and finding it on the account's timeline."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors._contract import Access, Outgoing, Receipt, ReceiptState
from connectors._errors import Label, Uncertain, Unreachable
from connectors._json import remote_id
from connectors._told import moment
from connectors._twitter_calls import at, bearer, fine, get, me
from connectors._twitter_media import uploaded
from connectors._twitter_money import spend_reads
from connectors._twitter_text import plain, same_post

REPLIERS = ("following", "mentionedUsers", "subscribers", "verified")
_PAGE = 50
_MOST_PAGES = 100
_SKEW = timedelta(minutes=5)
_KEPT = timedelta(days=60)
_NOT_SEEN = Label(
    "账号的列表里没有找到：请到主页看是否已经发出，再决定是否重发。",
    "Not on the account's timeline: look at its page, then decide whether to send it again.",
)


@dataclass(frozen=True)
class Post:
    """An own post as X tells it."""

    id: str
    at: datetime
    text: str
    told: dict[str, Any]


def send(access: Access, outgoing: Outgoing) -> Receipt:
    """One post. Raises Uncertain where X says that this text is out already."""
    media_ids = uploaded(access, outgoing)
    options = outgoing.options
    body: dict[str, object] = {"text": outgoing.text}
    if media_ids:
        body["media"] = {"media_ids": media_ids}
    if options.get("reply_settings"):
        body["reply_settings"] = options["reply_settings"]
    if options.get("made_with_ai") == "yes":
        body["made_with_ai"] = True
    answer = access.http.call(
        "POST", at(access, "/2/tweets"), writes=True, json_body=body, headers=bearer(access)
    )
    data = fine(access, answer).get("data")
    number = remote_id(data.get("id")) if isinstance(data, dict) else None
    if number is None or not number.isalnum():
        raise answer.bad("no post")
    access.memory.put(_name(number), outgoing.key, until=access.now() + _KEPT)
    return Receipt(ReceiptState.PUBLISHED, number, public_url(number))


def find_post(access: Access, outgoing: Outgoing, since: datetime) -> Receipt:
    """Our post on the timeline. Raises Uncertain where it is not seen: the list proves no absence.

    Not held to the ceiling of paid reads: a doubt is settled whatever it costs.
    """
    for post in timeline(access, since - _SKEW):
        if same_post(outgoing.text, post.text) and access.memory.get(_name(post.id)) in (None, outgoing.key):
            access.memory.put(_name(post.id), outgoing.key, until=access.now() + _KEPT)
            return Receipt(ReceiptState.PUBLISHED, post.id, public_url(post.id))
    raise Uncertain("not on the timeline", platform_code="not-seen", remedy=_NOT_SEEN)


def timeline(
    access: Access, since: datetime, until: datetime | None = None, *, counted: bool = False
) -> Iterator[Post]:
    """The account's own posts between these moments, newest first; `counted` against the paid reads."""
    names = access.credentials.get("field_names") or "tweet"
    params: dict[str, str | int] = {
        "max_results": _PAGE,
        "start_time": _stamp(since),
        "exclude": "replies,retweets",
        f"{names}.fields": "created_at,public_metrics",
    }
    if until is not None and until < access.now():
        params["end_time"] = _stamp(until)
    path = f"/2/users/{_own_id(access)}/tweets"
    for _ in range(_MOST_PAGES):
        if counted:
            spend_reads(access, _PAGE)
        told = get(access, path, params)
        yield from _posts(told, since)
        meta = told.get("meta")
        following = meta.get("next_token") if isinstance(meta, dict) else None
        if not isinstance(following, str) or following in ("", params.get("pagination_token")):
            return
        params["pagination_token"] = following
    raise Unreachable("the pages do not end", platform_code="bad-answer")


def public_url(number: str) -> str:
    return f"https://x.com/i/web/status/{number}"


def _posts(told: dict[str, Any], since: datetime) -> list[Post]:
    """A page's posts. An account without any has no `data`, but a `meta` that counts 0."""
    data, meta = told.get("data"), told.get("meta")
    if data is None and isinstance(meta, dict) and meta.get("result_count") == 0:
        return []
    if not isinstance(data, list):
        raise Unreachable("expected a list of posts", platform_code="bad-answer")
    found = [_post(item) for item in data]
    return [post for post in found if post.at >= since]


def _post(item: object) -> Post:
    told: dict[str, Any] = item if isinstance(item, dict) else {}
    number, made = remote_id(told.get("id")), moment(told.get("created_at"))
    if number is None or not number.isalnum() or made is None or not isinstance(told.get("text"), str):
        raise Unreachable("a post without id, time or text", platform_code="bad-answer")
    return Post(number, made, plain(told["text"]), told)


def _own_id(access: Access) -> str:
    kept = access.memory.get("own-id")
    if kept is None:
        kept = remote_id(me(access).get("id"))
        if kept is None or not kept.isalnum():
            raise Unreachable("no account id", platform_code="bad-answer")
        access.memory.put("own-id", kept)
    return kept


def _stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _name(number: str) -> str:
    return f"sent-{number}"[:120]
