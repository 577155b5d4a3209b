"""X's way with text: its weighted length, and which of its posts is ours."""

import re
from html import unescape

from connectors._wording import same_words

LENGTH = 280  # weighted: 140 Chinese characters
LINK_LENGTH = 23
_LINK = re.compile(
    r"https?://[^\s\u3000-\u9fff\uff00-\uffef]+"
    r"|(?<![@\w.-])(?:[a-z0-9-]+\.)+(?:com|cn|org|net|edu|gov|io|cc|tv|me|info|co|top)\b(?:/[!-~]*)?",
    re.IGNORECASE,
)
_LIGHT = ((0, 0x10FF), (0x2000, 0x200D), (0x2010, 0x201F), (0x2032, 0x2037))


def length(text: str) -> int:
    """Weighted: Latin letters and the like 1, everything else (Chinese, emoji) 2, each link 23.

    An emoji of several characters counts more here than there: we never count less. Source: the sheet.
    """
    links = len(_LINK.findall(text))
    return sum(1 if _is_light(char) else 2 for char in _LINK.sub("", text)) + links * LINK_LENGTH


def plain(told: object) -> str:
    """A post's text as it was written, but for its links (t.co)."""
    return unescape(told) if isinstance(told, str) else ""


def same_post(ours: str, told: object) -> bool:
    return same_words(_LINK.sub(" ", ours), _LINK.sub(" ", plain(told)))


def _is_light(char: str) -> bool:
    return any(first <= ord(char) <= last for first, last in _LIGHT)
