"""How long a text is here: an emoji counts as its bytes in UTF-8. Source: the sheet."""

import re

LENGTH = 500
LINKS = 5  # from a third party
_LINK = re.compile(r"https?://[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+", re.IGNORECASE)
# Pictographs, their joiners, variation selectors, skin tones, flags and keycaps.
_EMOJI = re.compile(
    "[\u00a9\u00ae\u200d\u203c\u2049\u20e3\u2122\u2139\ufe0f\u2190-\u21ff\u2300-\u23ff\u24c2\u25aa-\u25fe"
    "\u2600-\u27bf\u2934\u2935\u2b00-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
    "\U000e0020-\U000e007f]"
)


def length(text: str) -> int:
    """Never less than the platform counts: what may be an emoji counts as one."""
    return len(text) + sum(len(found.encode()) - 1 for found in _EMOJI.findall(text))


def links(text: str) -> int:
    """How many different links the text has."""
    return len(set(_LINK.findall(text)))
