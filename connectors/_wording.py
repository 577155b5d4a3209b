"""Our words and a platform's: compared in a normal form, since platforms rewrite blanks and links."""

import re
import unicodedata

from connectors._contract import Access, Outgoing
from connectors._json import line

_LINK = re.compile(r"https?://[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+", re.IGNORECASE)
_SHORTEST_SECRET = 6


def caption(outgoing: Outgoing) -> str:
    """The words of a post on a platform whose posts have no title of their own."""
    return "\n".join(part for part in (outgoing.title.strip(), outgoing.text.strip()) if part)


def first_link(text: str) -> str:
    found = _LINK.search(text)
    return found[0] if found else ""


def same_words(ours: str, theirs: object) -> bool:
    """Are these the same words? Links do not count; words that are nothing else are like no others."""
    mine = _normal(ours)
    return isinstance(theirs, str) and mine != "" and mine == _normal(theirs)


def _normal(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", _LINK.sub(" ", text)).split())


def told_without_secrets(access: Access, told: object, length: int = 200) -> str:
    """A platform's words as one line, without any credential that it may repeat."""
    text = str(told or "")
    for value in sorted(access.credentials.values(), key=len, reverse=True):
        if len(value) >= _SHORTEST_SECRET:
            text = text.replace(value, "…")
    return line(text, length)
