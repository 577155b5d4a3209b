"""LinkedIn's way with text: what is escaped, how long it is, and whether it came out as it was sent."""

import re

from connectors._wording import same_words

LENGTH = 3000
_RESERVED = re.compile(r"[\\|{}@\[\]()<>*_~]")
_ESCAPED = re.compile(r"\\([\\|{}@\[\]()<>#*_~])")
_LINK = re.compile(r"https?://\S+")


def escaped(text: str) -> str:
    """The text as a commentary: reserved characters behind a backslash, else it is silently cut."""
    return _RESERVED.sub(lambda found: f"\\{found[0]}", text)


def length(text: str) -> int:
    """Characters of the commentary, escapes and all: LinkedIn may count fewer, never more."""
    return len(escaped(text))


def plain(commentary: object) -> str:
    return _ESCAPED.sub(r"\1", commentary) if isinstance(commentary, str) else ""


def same_post(ours: str, commentary: object) -> bool:
    """Is this commentary our text, but for its links?"""
    return same_words(ours, plain(commentary))


def came_whole(ours: str, commentary: object) -> bool:
    """Nothing was cut: links may have been rewritten."""
    mine, theirs = (" ".join(_LINK.sub(" ", text).split()) for text in (ours, plain(commentary)))
    return mine == theirs
