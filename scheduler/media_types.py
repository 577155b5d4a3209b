"""What the bytes of a file are: its type by how they begin, and whether they end where its format ends."""

import re
from collections.abc import Callable

HEAD_BYTES = 256
_ZEROS = re.compile(rb"\x00*")


def type_of(content: bytes) -> str | None:
    """The content type by the first `HEAD_BYTES` or more; None for everything that is not taken."""
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if content[4:8] == b"ftyp" and _mp4_brands(content) & _MP4_BRANDS:
        return "video/mp4"
    return None


# ISO 14496-12 and -14. HEIC, AVIF and QuickTime have the same first box and none of these brands.
_MP4_BRANDS = {b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"dash"}


def _mp4_brands(content: bytes) -> set[bytes]:
    end = min(int.from_bytes(content[:4], "big"), HEAD_BYTES)
    return {content[8:12], *(content[at : at + 4] for at in range(16, end - 3, 4))}


def _end(pattern: re.Pattern[bytes], content: bytes, at: int) -> int:
    found = pattern.match(content, at)
    return at if found is None else found.end()


def _is_padding(content: bytes, at: int) -> bool:
    return _end(_ZEROS, content, at) == len(content)


def _whole_png(content: bytes) -> bool:
    at = 8
    while at + 12 <= len(content):
        length, kind = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8]
        if at == 8 and (kind, length) != (b"IHDR", 13):
            return False
        at += 12 + length
        if kind == b"IEND":
            return length == 0 and at <= len(content) and _is_padding(content, at)
    return False


def _whole_gif(content: bytes) -> bool:
    at = 13 + colour_table(content, 10)
    while at < len(content):
        kind = content[at]
        if kind == 0x3B:
            return _is_padding(content, at + 1)
        if kind == 0x21:  # extension: label, then sub-blocks
            at = after_sub_blocks(content, at + 2)
        elif kind == 0x2C:  # image: descriptor, colours, code size, then sub-blocks
            at = after_sub_blocks(content, at + 10 + colour_table(content, at + 9) + 1)
        else:
            return False
    return False


def colour_table(content: bytes, flags_at: int) -> int:
    """Bytes of the GIF colour table that the flags at this place announce."""
    flags = content[flags_at] if flags_at < len(content) else 0
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def after_sub_blocks(content: bytes, at: int) -> int:
    """Where the row of GIF sub-blocks that begins here ends."""
    while at < len(content) and content[at]:
        at += content[at] + 1
    return at + 1


# What ends entropy-coded data: a marker that is neither a stuffed byte, a restart nor a fill byte.
_JPEG_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_FILL = re.compile(rb"\xff*")


def _whole_jpeg(content: bytes) -> bool:
    """Phones append further JPEGs (previews, gain maps): those may follow, nothing else may."""
    at: int | None = 0
    while at is not None and content.startswith(b"\xff\xd8\xff", at):
        at = _after_jpeg(content, at + 2)
    return at == len(content)


def _after_jpeg(content: bytes, at: int) -> int | None:
    """Where the picture whose first segment stands at `at` ends, with its padding; None when it does not."""
    while (marker_at := _end(_FILL, content, at)) > at and marker_at < len(content):
        marker = content[marker_at]
        if marker == 0xD9:
            return _end(_ZEROS, content, marker_at + 1)
        length = int.from_bytes(content[marker_at + 1 : marker_at + 3], "big")
        if length < 2:
            return None
        at = marker_at + 1 + length
        if marker == 0xDA:
            found = _JPEG_MARKER.search(content, at)
            if found is None:
                return None
            at = found.start()
    return None


_IS_WHOLE: dict[str, Callable[[bytes], bool]] = {
    "image/jpeg": _whole_jpeg,
    "image/png": _whole_png,
    "image/gif": _whole_gif,
}


def is_whole(content: bytes, content_type: str) -> bool:
    """Does the picture end where its format ends, with nothing behind it? (Films: `films.read_film`.)"""
    return _IS_WHOLE[content_type](content)
