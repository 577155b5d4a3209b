"""The posts whose ids we know: the timeline shows five, so figures of older ones need their ids kept."""

import json
from collections.abc import Iterable
from dataclasses import astuple, dataclass, replace
from datetime import datetime

from connectors._contract import Memory

MOST = 400  # four calls of statuses/count a day (sheet section 6)
_KEY = "posts"


@dataclass(frozen=True)
class KnownPost:
    """A post of the account. `key` is the delivery it came from, '' for one made by hand."""

    id: str
    at: datetime
    title: str
    original: bool = True
    key: str = ""


class KnownPosts:
    """The account's newest posts by publish time, as its connector remembers them."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def all(self) -> tuple[KnownPost, ...]:
        """Oldest first."""
        kept = json.loads(self._memory.get(_KEY) or "[]")
        return tuple(
            KnownPost(post_id, datetime.fromisoformat(at), title, original, key)
            for post_id, at, title, original, key in kept
        )

    def keep(self, posts: Iterable[KnownPost]) -> None:
        """Remembers posts; what we sent ourselves keeps its delivery and its title when seen again."""
        posts = tuple(posts)
        already = {post.id: post for post in self.all()}
        if all(already.get(post.id) == _merged(already.get(post.id), post) for post in posts):
            return
        with self._memory.single_flight(_KEY):
            before = self.all()
            known = {post.id: post for post in before}
            for post in posts:
                known[post.id] = _merged(known.get(post.id), post)
            newest = tuple(sorted(known.values(), key=lambda post: (post.at, post.id))[-MOST:])
            if newest != before:
                rows = [(post.id, post.at.isoformat(), *astuple(post)[2:]) for post in newest]
                self._memory.put(_KEY, json.dumps(rows, ensure_ascii=False))

    def deliveries(self) -> dict[str, str]:
        """The delivery of each post that we sent ourselves, by post id."""
        return {post.id: post.key for post in self.all() if post.key}


def _merged(known: KnownPost | None, seen: KnownPost) -> KnownPost:
    if known is None or not known.key:
        return seen
    return replace(seen, title=known.title, key=known.key)
