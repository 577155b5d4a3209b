"""What an MP4 says of itself: length, size, codec (ISO 14496-12). And without what a camera wrote into it.

Only the index is read, never a picture: decoding films is no work for a node. Places, titles and devices
stand in boxes of their own (`udta`, `meta`); they are emptied where they are, so that no offset changes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

_MOST_BOXES = 10_000
_TOLD = {b"udta", b"meta", b"uuid"}  # said about the film, not of it


@dataclass(frozen=True)
class Film:
    """A film as it is kept. `codec` is the four letters of its pictures' coding; no pictures, no size."""

    content: bytes
    width: int | None
    height: int | None
    seconds: float | None
    codec: str


@dataclass(frozen=True)
class _Box:
    kind: bytes
    start: int  # of its header
    body: int
    end: int


def bare_film(content: bytes) -> Film:
    """What the film's index says. Raises ValueError for an index that does not hold together."""
    top = list(_boxes(content, 0, len(content)))
    index = _only(top, b"moov")
    if index is None:
        raise ValueError("expected an index")
    inside = list(_boxes(content, index.body, index.end))
    tracks = [box for box in inside if box.kind == b"trak"]
    told = [box for box in (*top, *inside) if box.kind in _TOLD]
    width, height, codec = None, None, ""
    for track in tracks:
        parts = list(_boxes(content, track.body, track.end))
        told += [box for box in parts if box.kind in _TOLD]
        if not codec and (shown := _pictures_of(content, parts)) is not None:
            width, height, codec = shown
    return Film(_emptied(content, told), width, height, _seconds(content, inside), codec)


def _boxes(content: bytes, at: int, end: int) -> Iterator[_Box]:
    """The boxes between two places, which they fill; zeros behind the last are padding."""
    count = 0
    while at + 8 <= end and any(content[at : at + 8]):
        size, kind, body = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8], at + 8
        if size == 1:
            size, body = int.from_bytes(content[at + 8 : at + 16], "big"), at + 16
        elif size == 0:
            size = end - at
        count += 1
        if at + size > end or body > at + size or count > _MOST_BOXES:
            raise ValueError("a box is larger than what it is in")
        yield _Box(kind, at, body, at + size)
        at += size


def _only(boxes: list[_Box], kind: bytes) -> _Box | None:
    return next((box for box in boxes if box.kind == kind), None)


def _within(content: bytes, boxes: list[_Box], *kinds: bytes) -> list[_Box]:
    """The boxes inside these, one level after the other; none where one of them is missing."""
    for kind in kinds:
        box = _only(boxes, kind)
        if box is None:
            return []
        boxes = list(_boxes(content, box.body, box.end))
    return boxes


def _seconds(content: bytes, inside: list[_Box]) -> float | None:
    head = _only(inside, b"mvhd")
    if head is None:
        raise ValueError("expected the film's head")
    wide = content[head.body] == 1
    at, size = head.body + (20 if wide else 12), 8 if wide else 4
    if at + 4 + size > head.end:
        raise ValueError("the film's head is cut")
    scale = int.from_bytes(content[at : at + 4], "big")
    length = int.from_bytes(content[at + 4 : at + 4 + size], "big")
    unknown = length == (1 << 8 * size) - 1
    return None if unknown or scale == 0 else round(length / scale, 3)


def _pictures_of(content: bytes, parts: list[_Box]) -> tuple[int, int, str] | None:
    """Width, height and codec of a track of pictures; None for one of sound or text."""
    handler = _only(_within(content, parts, b"mdia"), b"hdlr")
    if handler is None or content[handler.body + 8 : handler.body + 12] != b"vide":
        return None
    table = _only(_within(content, parts, b"mdia", b"minf", b"stbl"), b"stsd")
    head = _only(parts, b"tkhd")
    if table is None or head is None or head.end - head.body < 84 or table.end - table.body < 16:
        raise ValueError("a track of pictures says too little")
    codec = content[table.body + 12 : table.body + 16]
    if not codec.isalnum():
        raise ValueError("no codec has such a name")
    width, height = (int.from_bytes(content[at : at + 4], "big") >> 16 for at in (head.end - 8, head.end - 4))
    return width, height, codec.decode("ascii")


def _emptied(content: bytes, boxes: list[_Box]) -> bytes:
    """The same film with these boxes as `free` ones of zeros."""
    if not boxes:
        return content
    made = bytearray(content)
    for box in boxes:
        made[box.start + 4 : box.start + 8] = b"free"
        made[box.body : box.end] = bytes(box.end - box.body)
    return bytes(made)
