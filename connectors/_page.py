"""A post's text as the HTML of a web page: plain text or HTML made safe, pictures in their places.

A text that begins with a tag is HTML; any other is plain: an empty line parts paragraphs, links become
links. `media:<n>` stands for the n-th picture of the post, counted from 1: as `src` of an <img> in HTML, as a
line of its own in plain text.
"""

import re
from collections.abc import Sequence
from hashlib import sha256
from html import escape

import nh3

from connectors._contract import Outgoing
from connectors._errors import Label

_BEGINS_WITH_TAG = re.compile(r"\s*<(?:!--|[a-zA-Z])")
_PLACEHOLDER = re.compile(r"media:(\d{1,3})")
_PLACED = re.compile(r'src="media:(\d{1,3})"')
_LINK = re.compile(r"https?://[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*[A-Za-z0-9\-_~/#=&+$]")
_TAGS = set(nh3.ALLOWED_TAGS) | {"figure", "figcaption", "img", "section"}
_SCHEMES = {"http", "https", "mailto", "media"}


def slug_of(outgoing: Outgoing) -> str:
    """A name for the post's address that no other post has: what it is found by.

    Sites fold case and doubled hyphens in slugs, so it is a digest of the key and not the key.
    """
    return f"mz-{sha256(outgoing.key.encode()).hexdigest()[:20]}"


def page_of(written: str, addresses: Sequence[str], *, behind: int = 0) -> str:
    """The HTML of a post whose pictures have these addresses.

    Pictures that the text does not name follow at its end, from the one at index `behind` on.
    """
    html = _html(written)
    named = {int(number) for number in _PLACED.findall(html)}
    rest = [address for number, address in enumerate(addresses, 1) if number > behind and number not in named]
    return _PLACED.sub(lambda found: f'src="{_address(addresses, int(found[1]))}"', html) + "".join(
        f'<figure><img src="{escape(address)}" alt=""></figure>' for address in rest
    )


def page_problems(outgoing: Outgoing) -> tuple[Label, ...]:
    """What would make an empty page, or one with a hole."""
    named = [int(number) for number in _PLACED.findall(_html(outgoing.text))]
    if not outgoing.text.strip() and not outgoing.media:
        return (Label("正文和图片都是空的。", "There is neither text nor a picture."),)
    return tuple(
        Label(
            f"正文引用了 media:{number}，但本稿只有 {len(outgoing.media)} 张图。",
            f"The text refers to media:{number}, but the post has {len(outgoing.media)} pictures.",
        )
        for number in named
        if not 1 <= number <= len(outgoing.media)
    )


def _address(addresses: Sequence[str], number: int) -> str:
    return escape(addresses[number - 1]) if 1 <= number <= len(addresses) else ""


def _html(written: str) -> str:
    if _BEGINS_WITH_TAG.match(written):
        return nh3.clean(written, tags=_TAGS, url_schemes=_SCHEMES)
    paragraphs = re.split(r"\n\s*\n", written.replace("\r\n", "\n").strip())
    return "".join(_paragraph(part) for part in paragraphs if part.strip())


def _paragraph(part: str) -> str:
    placed = _PLACEHOLDER.fullmatch(part.strip())
    if placed:
        return f'<figure><img src="media:{placed[1]}" alt=""></figure>'
    return f"<p>{'<br>'.join(_linked(line.strip()) for line in part.split(chr(10)))}</p>"


def _linked(line: str) -> str:
    pieces, end = [], 0
    for found in _LINK.finditer(line):
        address = escape(found[0])
        pieces += [escape(line[end : found.start()], quote=False), f'<a href="{address}">{address}</a>']
        end = found.end()
    return "".join([*pieces, escape(line[end:], quote=False)])
