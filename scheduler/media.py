"""Media of posts: looked at before they are taken, kept once by their content, checked again at sending.

The type is what the bytes are, never what a name says. A file must be whole and end where its format ends:
a picture with a page or an archive behind it is refused, and so are SVG, HTML and all that is not listed.
What is kept is what our own decoder made of a picture (`pictures`), without what a camera wrote beside it.
"""

import hashlib
import os
import re
import stat
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from io import BufferedReader
from pathlib import Path, PurePath
from tempfile import NamedTemporaryFile

from sqlalchemy import Index, bindparam, select, text
from sqlmodel import Field, Session, SQLModel, col
from sqlmodel.sql.sqltypes import UTCDateTime

from config.errors import MeizhenError
from config.keyset import keyset
from connectors import Media, Outgoing
from scheduler.films import Film, FilmFile, bare_pieces, read_film
from scheduler.media_types import HEAD_BYTES, is_whole, type_of
from scheduler.pictures import MAX_PIXELS, Picture, TooManyPixels, bare_picture

MAX_MEDIA_BYTES = 20 * 1024 * 1024  # of a picture: it is decoded in memory
MAX_FILM_BYTES = 1024 * 1024 * 1024  # of a film: it is read piece by piece
ALT_CHARACTERS = 500
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
    __table_args__ = (Index("ix_media_file_added", "added_at", "sha256"),)

    sha256: str = Field(primary_key=True, max_length=64)
    content_type: str = Field(max_length=80)
    file_name: str = Field(max_length=200)
    size: int
    added_at: datetime
    width: int | None = None  # pixels
    height: int | None = None
    seconds: float | None = None
    # Of a film's pictures: avc1, hvc1, …
    codec: str = Field(default="", max_length=16, sa_column_kwargs={"server_default": ""})
    alt: str = Field(default="", max_length=ALT_CHARACTERS, sa_column_kwargs={"server_default": ""})


@dataclass(frozen=True)
class FoundMedia:
    """A file that may become media: what it is by its bytes, and a name that is safe to hand on.

    `sha256` and `size` are of the bytes that are kept; `source` is the hash of those at `path`, which are
    cleaned once more when they are kept (None: they are kept already). Unknown measures are None.
    """

    path: Path
    sha256: str
    content_type: str
    file_name: str
    size: int
    source: str | None = None
    width: int | None = None
    height: int | None = None
    seconds: float | None = None
    codec: str = ""

    def as_media(self) -> Media:
        """The file as connectors see it, where it lies now."""
        return Media(self.path, self.sha256, self.content_type, self.file_name)


@dataclass(frozen=True)
class _Kept:
    """What is kept of an open file, and its bytes piece by piece, to be taken while it is open."""

    content_type: str
    shown: Picture | Film
    pieces: Iterator[bytes]


def examine(path: Path, named: str = "") -> FoundMedia:
    """Looks at a file and keeps nothing of it; `named` is what its owner calls it.

    Raises MeizhenError `post.media_…`: unreadable, too large, of another type, damaged.
    """
    name = named or path.name
    with _opened(path) as file:
        kept = _kept_of(file, name)
        digest, size = hashlib.sha256(), 0
        for piece in kept.pieces:
            digest.update(piece)
            size += len(piece)
        return FoundMedia(
            path,
            digest.hexdigest(),
            kept.content_type,
            _clean_name(name, kept.content_type),
            size,
            source=_hash_of(file),
            width=kept.shown.width,
            height=kept.shown.height,
            seconds=kept.shown.seconds,
            codec=kept.shown.codec,
        )


def _kept_of(file: BufferedReader, name: str) -> _Kept:
    """A picture decoded and written anew, a film without what is said about it.

    Raises MeizhenError `post.media_…` for what is not taken.
    """
    content_type = type_of(file.read(HEAD_BYTES))
    if content_type is None:
        raise MeizhenError("post.media_type", file=name)
    _refuse_large(file, content_type, name)
    try:
        if content_type == "video/mp4":
            film_file = FilmFile(file)
            film = read_film(film_file)
            return _Kept(content_type, film, bare_pieces(film_file, film))
        file.seek(0)
        content = file.read(MAX_MEDIA_BYTES + 1)
        if not is_whole(content, content_type):
            raise ValueError("not a whole picture")
        picture = bare_picture(content, content_type)
        return _Kept(content_type, picture, iter((picture.content,)))
    except TooManyPixels:
        raise MeizhenError("post.media_pixels", file=name, limit=MAX_PIXELS // 1_000_000) from None
    except ValueError:
        raise MeizhenError("post.media_damaged", file=name, type=content_type) from None


def _refuse_large(file: BufferedReader, content_type: str, name: str) -> None:
    limit = MAX_FILM_BYTES if content_type == "video/mp4" else MAX_MEDIA_BYTES
    size = file.seek(0, os.SEEK_END)
    if size > limit:
        received = f"{size / 1024 / 1024:.1f}"
        raise MeizhenError("post.media_too_large", file=name, received=received, limit=limit // 1024 // 1024)


def keep(folder: Path, found: FoundMedia) -> None:
    """Puts the file's bytes under their hash into `folder`: whole and on disk, or not at all.

    Raises MeizhenError `post.media_changed` when the file is no longer what was examined, and
    `post.media_not_kept` where the folder takes no more.
    """
    target = media_path(folder, found.sha256)
    if holds(target, found.sha256):
        return
    with _opened(found.path) as file:
        there = _hash_of(file)
        if there not in (found.source, found.sha256):
            raise MeizhenError("post.media_changed", file=found.file_name)
        file.seek(0)
        pieces = _kept_of(file, found.file_name).pieces if there == found.source else _pieces_of(file)
        try:
            _write_whole(target, pieces, found)
            for changed in (target.parent, folder):
                _sync_folder(changed)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise MeizhenError("post.media_not_kept", file=found.file_name, reason=reason) from None


def _write_whole(target: Path, pieces: Iterable[bytes], found: FoundMedia) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with NamedTemporaryFile(dir=target.parent, prefix=".new-", delete=False) as file:
        try:
            for piece in pieces:
                digest.update(piece)
                file.write(piece)
            if digest.hexdigest() != found.sha256:
                raise MeizhenError("post.media_changed", file=found.file_name)
            file.flush()
            os.fsync(file.fileno())
            os.replace(file.name, target)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


_RECORD = text(
    "INSERT INTO media_file (sha256, content_type, file_name, size, added_at, width, height, seconds, codec) "
    "VALUES (:sha256, :content_type, :file_name, :size, :added_at, :width, :height, :seconds, :codec) "
    "ON CONFLICT (sha256) DO NOTHING"
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
            "width": one.width,
            "height": one.height,
            "seconds": one.seconds,
            "codec": one.codec,
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


def stored_media(session: Session, folder: Path, hashes: Sequence[str]) -> tuple[FoundMedia, ...]:
    """Stored files by hash, in this order. Raises MeizhenError `post.media_missing`."""
    if not hashes:
        return ()
    rows = session.scalars(select(MediaFile).where(col(MediaFile.sha256).in_(set(hashes))))
    there = {one.sha256: one for one in rows}
    found = []
    for sha256 in hashes:
        one = there.get(sha256)
        if one is None:
            raise MeizhenError("post.media_missing", file=sha256)
        path = media_path(folder, sha256)
        found.append(FoundMedia(path, sha256, one.content_type, one.file_name, one.size))
    return tuple(found)


def page_of_media(session: Session, after: Sequence[object] | None, limit: int) -> list[MediaFile]:
    """Stored files, newest first; beyond the moment and hash `after`."""
    place = [col(MediaFile.added_at), col(MediaFile.sha256)]
    return list(session.scalars(keyset(select(MediaFile), place, after, limit, newest_first=True)))


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


@contextmanager
def _opened(path: Path) -> Iterator[BufferedReader]:
    """A regular file, open: a pipe or a device is never waited for.

    Raises MeizhenError `post.media_unreadable`, also for what fails while it is open.
    """
    try:
        # O_NONBLOCK: opening a pipe that nobody writes to must not wait.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise MeizhenError("post.media_unreadable", file=path.name, reason="not a file")
        with os.fdopen(descriptor, "rb") as file:
            yield file
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise MeizhenError("post.media_unreadable", file=path.name, reason=reason) from None


def _pieces_of(file: BufferedReader) -> Iterator[bytes]:
    return iter(partial(file.read, 1024 * 1024), b"")


def _hash_of(file: BufferedReader) -> str:
    """Of the whole file, wherever it has been read to."""
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()


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
