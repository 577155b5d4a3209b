"""HTML pasted from an editor (秀米, 135) as it will be sent, cleaned by the very list of articles.

Nothing is fetched. A picture that lies elsewhere would be dropped by the platform without a word, and may be
somebody's counter: its place is kept for an upload, `media:<n>`, and its address is told.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape

from connectors._contract import TextFormat

# Of clean HTML: every value stands in double quotes.
_PICTURE = re.compile(r'<img\b((?:\s+[\w-]+="[^"]*")*)\s*>')
_SOURCE = re.compile(r'\s+src="([^"]*)"')


@dataclass(frozen=True)
class PastedPage:
    """Safe HTML; `missing`: by number of file where the picture lay, '' for one within the text."""

    html: str
    missing: Mapping[int, str]


def pasted_page(written: str, first: int) -> PastedPage:
    """What was pasted, made safe; places are numbered from `first`, one a picture however often shown."""
    # A node that publishes never needs it: the cleaners weigh three megabytes.
    from connectors._wechat_article import body_of, lies_elsewhere

    numbers: dict[str, int] = {}
    embedded: list[int] = []

    def placed(found: re.Match[str]) -> str:
        source = _SOURCE.search(found[1])
        address = "" if source is None else unescape(source[1])
        if address and not lies_elsewhere(address):
            return found[0]
        if address in numbers:
            number = numbers[address]
        else:
            number = first + len(numbers) + len(embedded)
            if address:
                numbers[address] = number
            else:
                embedded.append(number)
        return f'<img src="media:{number}"{_SOURCE.sub("", found[1])}>'

    html = _PICTURE.sub(placed, body_of(written, TextFormat.HTML).html)
    missing = {number: address for address, number in numbers.items()} | dict.fromkeys(embedded, "")
    return PastedPage(html, dict(sorted(missing.items())))
