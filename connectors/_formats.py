"""How a post's text is written (plain, Markdown, HTML), and the same text for a platform that takes neither.

The option `format` says it and belongs to no platform: one that does not declare the format gets the plain
words, so that nobody reads asterisks or tags.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from connectors._contract import Connector, Outgoing, TextFormat

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_SILENT = {"script", "style", "head", "template"}
_BLOCK_NAMES = (
    "address article aside blockquote div dl dt dd figcaption figure footer h1 h2 h3 h4 h5 h6 header li main"
    " ol p pre section table tr ul"
)
_BLOCKS = set(_BLOCK_NAMES.split())
_CELLS = {"td", "th"}
_SPACES = re.compile(r"[ \t\r\n\f]+")
_EMPTY_LINES = re.compile(r"\n{3,}")
_BEGINS_LINE = re.compile(r"(?:\n|^•|\n•|(?:^|\n)\d{1,9}\.)$")


def format_of(options: Mapping[str, str]) -> str:
    """How the text of a post with these options is written."""
    return options.get(Outgoing.FORMAT) or TextFormat.PLAIN


def html_of_markdown(written: str) -> str:
    """CommonMark with tables and strikethrough, as HTML; not yet cleaned."""
    return str(_markdown().render(written))


@cache
def _markdown() -> "MarkdownIt":
    # Imported where it is first needed: most commands read no Markdown.
    from markdown_it import MarkdownIt

    # Raw HTML inside Markdown is shown as it was typed, never taken as tags.
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def plain_of(written: str, written_as: str) -> str:
    """The words alone: a line a paragraph, `•` or the number before items, links with their address."""
    if written_as == TextFormat.PLAIN:
        return written
    reader = _Words()
    reader.feed(html_of_markdown(written) if written_as == TextFormat.MARKDOWN else written)
    reader.close()
    return reader.words()


def fitted(connector: Connector, outgoing: Outgoing) -> Outgoing:
    """The post as this platform takes it: in its own format, else in plain words."""
    written_as = format_of(outgoing.options)
    if Outgoing.FORMAT not in outgoing.options or written_as in connector.formats:
        return outgoing
    options = {name: value for name, value in outgoing.options.items() if name != Outgoing.FORMAT}
    return replace(outgoing, text=plain_of(outgoing.text, written_as), options=options)


class _Words(HTMLParser):
    """Collects what a reader sees."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._silent = 0
        self._pre = 0
        self._lists: list[int | None] = []  # the next number; None: bullets
        self._links: list[tuple[str, int]] = []

    def words(self) -> str:
        lines = (line.strip(" ") for line in "".join(self._parts).split("\n"))
        return _EMPTY_LINES.sub("\n\n", "\n".join(lines)).strip("\n")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        if tag in ("ul", "ol"):
            self._lists.append(1 if tag == "ol" else None)
        if tag in _BLOCKS:
            self._break()
        if tag == "pre":
            self._pre += 1
        elif tag == "br":
            self._parts.append("\n")
        elif tag in _CELLS:
            self._parts.append(" ")
        elif tag == "li":
            self._parts.append(self._mark())
        elif tag == "a":
            self._links.append((dict(attrs).get("href") or "", len(self._parts)))

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        if tag in ("ul", "ol") and self._lists:
            self._lists.pop()
        if tag == "pre":
            self._pre = max(0, self._pre - 1)
        if tag == "a" and self._links:
            address, begins = self._links.pop()
            shown = "".join(self._parts[begins:])
            if address.startswith(("http://", "https://")) and address not in shown:
                self._parts.append(f" {address} ")
        if tag in _BLOCKS:
            self._break()
            if tag in ("p", "blockquote", "pre", "table", "ul", "ol") or tag.startswith("h"):
                self._parts.append("\n" if not self._lists else "")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._parts.append(data if self._pre else _SPACES.sub(" ", data))

    def _break(self) -> None:
        told = "".join(self._parts[-3:]).rstrip(" ")
        if told and not _BEGINS_LINE.search(told):
            self._parts.append("\n")

    def _mark(self) -> str:
        if not self._lists or self._lists[-1] is None:
            return "• "
        number = self._lists[-1]
        self._lists[-1] = number + 1
        return f"{number}. "
