"""Bluesky's way with text: how long it is, and where its links, tags and mentions stand (in UTF-8 bytes)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import regex

LENGTH = 300  # graphemes; and ten bytes for each
_BYTES_A_GRAPHEME = 10
_TAG_GRAPHEMES = 64
_FACET = "app.bsky.richtext.facet"
_GRAPHEME = regex.compile(r"\X")
_LINK = regex.compile(r"https?://[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+", regex.IGNORECASE)
_TAG = regex.compile(r"(?:^|(?<=\s))[#＃]([^\s#＃]+)")
_MENTION = regex.compile(
    r"(?:^|(?<=[\s(（]))@((?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]*)"
)
_TAIL = regex.compile(r"[\p{P}]+$")


def length(text: str) -> int:
    """Length in graphemes, or in tens of UTF-8 bytes where that is more: both limits in one number."""
    size = len(text.encode("utf-8", "replace"))
    return max(graphemes(text), -(-size // _BYTES_A_GRAPHEME))


def graphemes(text: str) -> int:
    return sum(1 for _ in _GRAPHEME.finditer(text))


@dataclass(frozen=True)
class Span:
    """A piece of the text. `start` and `end` count characters."""

    start: int
    end: int
    value: str


def links(text: str) -> Iterator[Span]:
    """Every address, without the punctuation that ends a sentence; a bracket stays where it was opened."""
    for found in _LINK.finditer(text):
        address = found[0].rstrip(".,;:!?")
        while address.endswith(")") and address.count(")") > address.count("("):
            address = address[:-1].rstrip(".,;:!?")
        if len(address) > len("https://"):
            yield Span(found.start(), found.start() + len(address), address)


def tags(text: str) -> Iterator[Span]:
    """Every #tag at the beginning or after a blank, without punctuation at its end; `value` has no #."""
    for found in _TAG.finditer(text):
        name = _TAIL.sub("", found[1])
        if name and not name.isdigit() and graphemes(name) <= _TAG_GRAPHEMES:
            yield Span(found.start(), found.start() + 1 + len(name), name)


def mentions(text: str) -> Iterator[Span]:
    """Every @handle; `value` is the handle."""
    for found in _MENTION.finditer(text):
        yield Span(found.start(), found.end(), found[1])


def facets(text: str, did_of: Callable[[str], str | None]) -> list[dict[str, object]]:
    """The record's `facets`, in order and apart; `did_of` tells whose a handle is, None where it is nobody's.

    Of two that share characters the link stays.
    """
    found: list[tuple[Span, dict[str, str]]] = []
    for span in links(text):
        found.append((span, {"$type": f"{_FACET}#link", "uri": span.value}))
    for span in tags(text):
        if _is_free(span, found):
            found.append((span, {"$type": f"{_FACET}#tag", "tag": span.value}))
    for span in mentions(text):
        did = did_of(span.value) if _is_free(span, found) else None
        if did is not None:
            found.append((span, {"$type": f"{_FACET}#mention", "did": did}))
    return [_facet(text, span, feature) for span, feature in sorted(found, key=lambda pair: pair[0].start)]


def _is_free(span: Span, found: list[tuple[Span, dict[str, str]]]) -> bool:
    return all(span.end <= other.start or other.end <= span.start for other, _ in found)


def _facet(text: str, span: Span, feature: dict[str, str]) -> dict[str, object]:
    start = _size(text[: span.start])
    index = {"byteStart": start, "byteEnd": start + _size(text[span.start : span.end])}
    return {"index": index, "features": [feature]}


def _size(text: str) -> int:
    # As the way out writes it: half characters become "?".
    return len(text.encode("utf-8", "replace"))
