"""What an MP4 says of itself: length, size, codec (ISO 14496-12). And without what a camera wrote into it.

A film is read by place and never whole, for it may be a gigabyte; only its index is looked at, never a
picture: decoding films is no work for a node. Places, titles and devices stand in boxes of their own (`udta`,
`meta`); they are emptied where they are, so that no offset changes.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

_MOST_BOXES = 20_000  # looked at in one film: a hostile index ends somewhere
_PIECE_BYTES = 1024 * 1024
_TOLD = {b"udta", b"meta", b"uuid"}  # said about the film, not of it


@dataclass(frozen=True)
class Emptied:
    """A box that is kept as a `free` one of zeros: its header's place, its body's, its end."""

    start: int
    body: int
    end: int


@dataclass(frozen=True)
class Film:
    """What a film's index says. `codec` is the four letters of its pictures' coding; no pictures, no size."""

    width: int | None
    height: int | None
    seconds: float | None
    codec: str
    emptied: tuple[Emptied, ...]


class FilmFile:
    """The bytes of an open file by place, as of its size when it was opened here."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = file.seek(0, os.SEEK_END)
        self.boxes = 0  # looked at so far

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, place: slice) -> bytes:
        start, stop, _ = place.indices(self._size)
        self._file.seek(start)
        return self._file.read(max(0, stop - start))

    def pieces(self, start: int = 0) -> Iterator[tuple[int, bytes]]:
        """Places and bytes from `start` to the end, about a megabyte at a time."""
        for at in range(start, self._size, _PIECE_BYTES):
            yield at, self[at : at + _PIECE_BYTES]


@dataclass(frozen=True)
class _Box:
    kind: bytes
    start: int  # of its header
    body: int
    end: int


def read_film(content: FilmFile) -> Film:
    """What the film's index says. Raises ValueError for one that does not hold together or does not end."""
    top = _top(content)
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
    emptied = tuple(Emptied(box.start, box.body, box.end) for box in told)
    return Film(width, height, _seconds(content, inside), codec, emptied)


def bare_pieces(content: FilmFile, film: Film) -> Iterator[bytes]:
    """The film as it is kept, about a megabyte at a time: of the same length, nothing said about it."""
    for at, piece in content.pieces():
        yield _without(piece, at, film.emptied)


def _without(piece: bytes, at: int, emptied: Sequence[Emptied]) -> bytes:
    touched = [box for box in emptied if box.start < at + len(piece) and box.end > at]
    if not touched:
        return piece
    made = bytearray(piece)
    for box in touched:
        _write_over(made, at, box.start + 4, b"free")
        start, stop = max(box.body, at) - at, min(box.end - at, len(piece))
        if start < stop:
            made[start:stop] = bytes(stop - start)
    return bytes(made)


def _write_over(made: bytearray, at: int, place: int, content: bytes) -> None:
    """Puts bytes at their place of the file into the piece that begins at `at`, as far as they lie in it."""
    for number, byte in enumerate(content, place - at):
        if 0 <= number < len(made):
            made[number] = byte


def _top(content: FilmFile) -> list[_Box]:
    """The outermost boxes. Raises ValueError where anything but padding stands behind the last."""
    boxes = list(_boxes(content, 0, len(content)))
    behind = boxes[-1].end if boxes else 0
    if any(any(piece) for _, piece in content.pieces(behind)):
        raise ValueError("something stands behind the film")
    if not all(box.kind.isalnum() for box in boxes):
        raise ValueError("no box has such a name")
    return boxes


def _boxes(content: FilmFile, at: int, end: int) -> Iterator[_Box]:
    """The boxes between two places, which they fill; zeros behind the last are padding."""
    while at + 8 <= end and any(content[at : at + 8]):
        size, kind, body = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8], at + 8
        if size == 1:
            size, body = int.from_bytes(content[at + 8 : at + 16], "big"), at + 16
        elif size == 0:
            size = end - at
        content.boxes += 1
        if at + size > end or body > at + size or content.boxes > _MOST_BOXES:
            raise ValueError("a box is larger than what it is in, or there is no end of them")
        yield _Box(kind, at, body, at + size)
        at += size


def _only(boxes: list[_Box], kind: bytes) -> _Box | None:
    return next((box for box in boxes if box.kind == kind), None)


def _within(content: FilmFile, boxes: list[_Box], *kinds: bytes) -> list[_Box]:
    """The boxes inside these, one level after the other; none where one of them is missing."""
    for kind in kinds:
        box = _only(boxes, kind)
        if box is None:
            return []
        boxes = list(_boxes(content, box.body, box.end))
    return boxes


def _seconds(content: FilmFile, inside: list[_Box]) -> float | None:
    head = _only(inside, b"mvhd")
    if head is None:
        raise ValueError("expected the film's head")
    wide = content[head.body : head.body + 1] == b"\x01"
    at, size = head.body + (20 if wide else 12), 8 if wide else 4
    if at + 4 + size > head.end:
        raise ValueError("the film's head is cut")
    scale = int.from_bytes(content[at : at + 4], "big")
    length = int.from_bytes(content[at + 4 : at + 4 + size], "big")
    unknown = length == (1 << 8 * size) - 1
    return None if unknown or scale == 0 else round(length / scale, 3)


def _pictures_of(content: FilmFile, parts: list[_Box]) -> tuple[int, int, str] | None:
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
