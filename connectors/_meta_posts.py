"""A post as Meta's lists tell it, and which of them is a delivery's."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from connectors._contract import Access, Outgoing
from connectors._errors import Unreachable
from connectors._json import remote_id, web_address
from connectors._meta_calls import Graph
from connectors._told import beijing_day, midnight
from connectors._wording import same_words

_CLOCKS_APART = timedelta(minutes=2)
_KEPT = timedelta(days=60)
_PAGE = 50


@dataclass(frozen=True)
class Post:
    id: str
    text: str
    at: datetime
    url: str
    told: dict[str, Any]


@dataclass(frozen=True)
class Listing:
    """Where an account's own posts are listed, newest first, and what their members are called."""

    path: str
    text: str
    at: str
    url: str
    more: str = ""  # further fields, for figures
    owner: str = ""  # where others write on it as well: whose posts are meant

    def since(self, graph: Graph, day: date) -> Iterator[Post]:
        """The account's posts from this Beijing day on."""
        fields = f"id,{self.text},{self.at},{self.url}"
        params: dict[str, str | int] = {
            "fields": f"{fields},{self.more}" if self.more else fields,
            "since": int(midnight(day).timestamp()),
            "limit": _PAGE,
        }
        for row in graph.pages(self.path, params):
            post = self.post(row)
            if beijing_day(post.at) < day:
                return  # a list that minds no `since` goes back to the first post
            if self._is_own(row):
                yield post

    def ours(self, graph: Graph, outgoing: Outgoing, words: str, since: datetime) -> Post | None:
        """The newest post with our words since then that no other delivery of ours has made."""
        since = since - _CLOCKS_APART
        for post in self.since(graph, beijing_day(since)):
            known = graph.access.memory.get(_name(post.id))
            same = known == outgoing.key or (known is None and same_words(words, post.text))
            if post.at >= since and same:
                return post
        return None

    def _is_own(self, row: dict[str, Any]) -> bool:
        writer = row.get("from")
        return not (self.owner and isinstance(writer, dict)) or remote_id(writer.get("id")) == self.owner

    def post(self, row: dict[str, Any]) -> Post:
        """Raises Unreachable for what has no id or time."""
        found, at, text = remote_id(row.get("id")), moment(row.get(self.at)), row.get(self.text)
        if found is None or at is None:
            raise Unreachable("a post without id or time", platform_code="bad-answer")
        return Post(found, text if isinstance(text, str) else "", at, web_address(row.get(self.url)), row)


def moment(told: object) -> datetime | None:
    """A time as the graph writes it, `2026-03-02T01:00:00+0000`; None for anything else."""
    try:
        at = datetime.fromisoformat(told) if isinstance(told, str) else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None


def remember(access: Access, outgoing: Outgoing, post_id: str) -> None:
    """This post is this delivery's: another of the same words is not taken for it."""
    access.memory.put(_name(post_id), outgoing.key, until=access.now() + _KEPT)


def _name(post_id: str) -> str:
    return f"sent-{hashlib.sha256(post_id.encode()).hexdigest()[:24]}"
