"""Media of posts: looked at before they are taken, kept once by their content, checked again at sending.

The type is what the bytes are, never what a name says. A file must be whole and end where its format ends:
a picture with a page or an archive behind it is refused, and so are SVG, HTML and all that is not listed.
"""

import hashlib
import os
import re
import stat
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePath
from tempfile import NamedTemporaryFile

from sqlalchemy import bindparam, text
from sqlmodel import Field, Session, SQLModel
from sqlmodel.sql.sqltypes import UTCDateTime

from config.errors import MeizhenError
from connectors import Media, Outgoing

MAX_MEDIA_BYTES = 20 * 1024 * 1024
_SUFFIXES = {
    "image/jpeg": (".jpg", ".jpeg"),
    "image/png": (".png",),
    "image/gif": (".gif",),
    "video/mp4": (".mp4",),
}
_STEM_CHARACTERS = 100
_SHA256 = re.compile(r"[0-9a-f]{64}")


class MediaFile(SQLModel, table=True):
    """A file kept once by its content, in `media/` of the home folder; `file_name` is safe to hand on."""

    __tablename__ = "media_file"

    sha256: str = Field(primary_key=True, max_length=64)
    content_type: str = Field(max_length=80)
    file_name: str = Field(max_length=200)
    size: int
    added_at: datetime


@dataclass(frozen=True)
class FoundMedia:
    """A file that may become media: what it is by its bytes, and a name that is safe to hand on."""

    path: Path
    sha256: str
    content_type: str
    file_name: str
    size: int

    def as_media(self) -> Media:
        """The file as connectors see it, where it lies now."""
        return Media(self.path, self.sha256, self.content_type, self.file_name)


def examine(path: Path) -> FoundMedia:
    """Looks at a file and keeps nothing of it.

    Raises MeizhenError `post.media_…`: unreadable, too large, of another type, damaged.
    """
    content = _read(path)
    content_type = _type_of(content)
    if content_type is None:
        raise MeizhenError("post.media_type", file=path.name)
    if not _IS_WHOLE[content_type](content):
        raise MeizhenError("post.media_damaged", file=path.name, type=content_type)
    digest = hashlib.sha256(content).hexdigest()
    return FoundMedia(path, digest, content_type, _clean_name(path.name, content_type), len(content))


def keep(folder: Path, found: FoundMedia) -> None:
    """Puts the file's bytes under their hash into `folder`: whole and on disk, or not at all.

    Raises MeizhenError `post.media_changed` when the file is no longer what was examined, and
    `post.media_not_kept` where the folder takes no more.
    """
    target = media_path(folder, found.sha256)
    if holds(target, found.sha256):
        return
    content = _read(found.path)
    if hashlib.sha256(content).hexdigest() != found.sha256:
        raise MeizhenError("post.media_changed", file=found.file_name)
    try:
        _write_whole(target, content)
        for changed in (target.parent, folder):
            _sync_folder(changed)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise MeizhenError("post.media_not_kept", file=found.file_name, reason=reason) from None


def _write_whole(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=target.parent, prefix=".new-", delete=False) as file:
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            os.replace(file.name, target)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


_RECORD = text(
    "INSERT INTO media_file (sha256, content_type, file_name, size, added_at) "
    "VALUES (:sha256, :content_type, :file_name, :size, :added_at) ON CONFLICT (sha256) DO NOTHING"
).bindparams(bindparam("added_at", type_=UTCDateTime()))


def record_media(session: Session, found: Iterable[FoundMedia], *, now: datetime) -> None:
    """Writes the rows of kept files; a file that is known stays as it was first named."""
    rows = [
        {
            "sha256": one.sha256,
            "content_type": one.content_type,
            "file_name": one.file_name,
            "size": one.size,
            "added_at": now,
        }
        for one in sorted(found, key=lambda one: one.sha256)  # one order for all: no deadlock
    ]
    if rows:
        session.execute(_RECORD, rows)


def store_media(session: Session, folder: Path, path: Path, *, now: datetime) -> MediaFile:
    """Examines, keeps and records one file. Raises MeizhenError `post.media_…`."""
    found = examine(path)
    keep(folder, found)
    record_media(session, [found], now=now)
    return session.get_one(MediaFile, found.sha256)


def media_path(folder: Path, sha256: str) -> Path:
    """Where the bytes of a hash lie. Raises MeizhenError `post.media_missing` for what is no hash."""
    if not _SHA256.fullmatch(sha256):
        raise MeizhenError("post.media_missing", file=sha256)
    return folder / sha256[:2] / sha256


def check_media(outgoing: Outgoing) -> None:
    """Are all files of the post still there and unchanged? Called just before sending.

    Raises MeizhenError `post.media_missing` or `post.media_changed`: nothing was sent.
    """
    for media in outgoing.media:
        if not media.content_type or not media.path.is_file():
            raise MeizhenError("post.media_missing", file=media.file_name)
        if not holds(media.path, media.sha256):
            raise MeizhenError("post.media_changed", file=media.file_name)


def holds(path: Path, sha256: str) -> bool:
    """Does the file hold these very bytes?"""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except OSError:
        return False


def _read(path: Path) -> bytes:
    """The bytes of a regular file. A pipe or a device is never waited for."""
    try:
        # O_NONBLOCK: opening a pipe that nobody writes to must not wait.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise MeizhenError("post.media_unreadable", file=path.name, reason="not a file")
            content = file.read(MAX_MEDIA_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise MeizhenError("post.media_unreadable", file=path.name, reason=reason) from None
    if len(content) > MAX_MEDIA_BYTES:
        received = f"{max(status.st_size, len(content)) / 1024 / 1024:.1f}"
        limit = MAX_MEDIA_BYTES // 1024 // 1024
        raise MeizhenError("post.media_too_large", file=path.name, received=received, limit=limit)
    return content


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _clean_name(name: str, content_type: str) -> str:
    """The last part of a name without anything a header, a shell or a reader could trip over."""
    suffixes = _SUFFIXES[content_type]
    pure = PurePath(unicodedata.normalize("NFC", name.replace("\\", "/")))
    stem = "".join("_" if _is_unsafe(character) else character for character in pure.stem)
    stem = stem.strip(" ._")[:_STEM_CHARACTERS] or "media"
    suffix = pure.suffix.lower()
    return stem + (suffix if suffix in suffixes else suffixes[0])


def _is_unsafe(character: str) -> bool:
    # Categories C and Z hold controls, direction marks, lone surrogates and line separators.
    return character in '"%&*/:;<>?\\|' or (unicodedata.category(character)[0] in "CZ" and character != " ")


# --- what the bytes are -----------------------------------------------------------------------------------

_ZEROS = re.compile(rb"\x00*")


def _type_of(content: bytes) -> str | None:
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
    end = min(int.from_bytes(content[:4], "big"), 256)
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
    at = 13 + _colour_table(content, 10)
    while at < len(content):
        kind = content[at]
        if kind == 0x3B:
            return _is_padding(content, at + 1)
        if kind == 0x21:  # extension: label, then sub-blocks
            at = _after_sub_blocks(content, at + 2)
        elif kind == 0x2C:  # image: descriptor, colours, code size, then sub-blocks
            at = _after_sub_blocks(content, at + 10 + _colour_table(content, at + 9) + 1)
        else:
            return False
    return False


def _colour_table(content: bytes, flags_at: int) -> int:
    flags = content[flags_at] if flags_at < len(content) else 0
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _after_sub_blocks(content: bytes, at: int) -> int:
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


def _whole_mp4(content: bytes) -> bool:
    """Boxes to the end, the one with the index (`moov`) among them (ISO 14496-12, section 4.2)."""
    at, kinds = 0, set()
    while at + 8 <= len(content) and (kind := content[at + 4 : at + 8]).isalnum():
        size, header = int.from_bytes(content[at : at + 4], "big"), 8
        if size == 1:
            size, header = int.from_bytes(content[at + 8 : at + 16], "big"), 16
        elif size == 0:  # to the end of the file
            size = len(content) - at
        if size < header:
            return False
        kinds.add(kind)
        at += size
    return b"moov" in kinds and at <= len(content) and _is_padding(content, at)


_IS_WHOLE: dict[str, Callable[[bytes], bool]] = {
    "image/jpeg": _whole_jpeg,
    "image/png": _whole_png,
    "image/gif": _whole_gif,
    "video/mp4": _whole_mp4,
}
