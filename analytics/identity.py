"""When two tellings of an article are one: a platform's answer and a file's row name it differently."""

import re
import unicodedata
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

# What WeChat and others append to one article's address depending on who looks.
_PASSING = frozenset({"chksm", "scene", "from", "isappinstalled", "sessionid", "key", "ascene", "uin"})


class Told(NamedTuple):
    """An article as the database knows it."""

    article_id: int
    url: str
    title: str
    day: date


class ToldArticles:
    """The articles of one account, found by address, else by title and Beijing day."""

    def __init__(self, articles: Iterable[Told]) -> None:
        self._by_address: dict[str, int] = {}
        self._by_title: dict[tuple[str, date], set[int]] = {}
        for article in articles:
            if article.url:
                self._by_address[address_key(article.url)] = article.article_id
            self._by_title.setdefault((title_key(article.title), article.day), set()).add(article.article_id)

    def __bool__(self) -> bool:
        return bool(self._by_title)

    def match(self, url: str, title: str, day: date, *, by_title: bool = True) -> int | None:
        """Our id of this article; None where none is known, or several have this title on this day."""
        if url and (found := self._by_address.get(address_key(url))) is not None:
            return found
        same = self._by_title.get((title_key(title), day), set()) if by_title else set()
        return next(iter(same)) if len(same) == 1 else None


def address_key(url: str) -> str:
    """The part of an address that names the article: no scheme, fragment, or passing parameters."""
    parts = urlsplit(url.strip())
    query = sorted(
        (name, value)
        for name, value in parse_qsl(parts.query)
        if name not in _PASSING and not name.startswith("utm_")
    )
    return f"{(parts.hostname or '').lower()}{parts.path.rstrip('/')}?{urlencode(query)}"


def title_key(title: str) -> str:
    """A title without differences of width and spacing."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", title)).strip()
