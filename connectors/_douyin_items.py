"""An item as Douyin tells it, the account's list of them, and ours among them (sheet section 5)."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from connectors._byte_calls import objects
from connectors._contract import Access, Outgoing
from connectors._days import day_of, moment
from connectors._douyin_calls import calls_of
from connectors._errors import Unreachable
from connectors._json import remote_id, web_address, whole
from connectors._wording import caption, same_words

_LIST = "/api/douyin/v1/video/video_list/"
_DATA = "/api/douyin/v1/video/video_data/"
_PAGE = 10
_MOST_PAGES = 4  # more are never given (sheet section 5)
_CLOCKS_APART = timedelta(minutes=2)
_KEPT = timedelta(days=60)


@dataclass(frozen=True)
class Item:
    """A video or picture post of the account. `status` is Douyin's number; None where it is not told."""

    id: str
    title: str
    at: datetime
    url: str
    status: int | None
    statistics: dict[str, Any]


def items(access: Access, since: date) -> Iterator[Item]:
    """The account's items from this Beijing day on, newest first, forty at most."""
    cursor = 0
    for _ in range(_MOST_PAGES):
        data = calls_of(access).get(_LIST, {"cursor": cursor, "count": _PAGE})
        if not isinstance(data.get("list"), list):
            raise Unreachable("expected a list of items", platform_code="bad-answer")
        for item in map(_item, objects(data["list"])):
            if day_of(item.at) >= since:
                yield item
        further = whole(data.get("cursor"))
        if data.get("has_more") not in (True, 1, "1", "true") or further in (None, cursor):
            return
        cursor = further or 0


def item_of(access: Access, item_id: str) -> Item | None:
    """How one item stands now; None where Douyin does not know it (any more)."""
    data = calls_of(access).post(_DATA, {"item_ids": [item_id]})
    if not isinstance(data.get("list"), list):
        raise Unreachable("expected a list of items", platform_code="bad-answer")
    return next((item for item in map(_item, objects(data["list"])) if item.id == item_id), None)


def ours(access: Access, outgoing: Outgoing, since: datetime) -> Item | None:
    """The newest item with our words since then that no other delivery of ours has made."""
    since = since - _CLOCKS_APART
    for item in items(access, day_of(since)):
        same = item.at >= since and same_words(caption(outgoing), item.title)
        if same and access.memory.get(_name(item.id)) in (None, outgoing.key):
            return item
    return None


def remember(access: Access, outgoing: Outgoing, item_id: str) -> None:
    """This item is this delivery's: another of the same words is not taken for it."""
    access.memory.put(_name(item_id), outgoing.key, until=access.now() + _KEPT)


def _name(item_id: str) -> str:
    return f"sent-{hashlib.sha256(item_id.encode()).hexdigest()[:24]}"


def _item(told: dict[str, Any]) -> Item:
    found, at = remote_id(told.get("item_id")), moment(told.get("create_time"))
    title, statistics = told.get("title"), told.get("statistics")
    if found is None or at is None:
        raise Unreachable("an item without id or time", platform_code="bad-answer")
    return Item(
        found,
        title if isinstance(title, str) else "",
        at,
        web_address(told.get("share_url")),
        whole(told.get("video_status")),
        statistics if isinstance(statistics, dict) else {},
    )


def video_url(video_id: object) -> str:
    """Where readers find a video; '' for what is no readable number."""
    number = whole(video_id)
    return f"https://www.douyin.com/video/{number}" if number else ""
