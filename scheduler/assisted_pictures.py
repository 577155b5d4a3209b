"""Pictures as a person uploads them by hand, in the platform's size; and the QR that opens a task there."""

import warnings
from dataclasses import dataclass
from io import BytesIO
from urllib.parse import urlsplit

import segno
from PIL import Image, ImageOps, UnidentifiedImageError

from config.errors import MeizhenError
from connectors import Media
from scheduler.media import holds

_MOST_POINTS = 80_000_000  # what decodes to more is no picture of a post
_QUALITY = 90


@dataclass(frozen=True)
class Picture:
    """A picture to upload: `content` as it is kept, or made smaller; its name says its place."""

    file_name: str
    content_type: str
    content: bytes
    width: int
    height: int
    made_smaller: bool


def picture_of(media: Media, place: int, longest_edge: int | None) -> Picture:
    """The `place`-th file of a task (from 1), its longer side `longest_edge` points at most.

    One that fits already keeps its very bytes, and so does what moves. Raises MeizhenError
    `post.media_missing` or `post.media_changed` where the kept file is not what it was, `post.media_damaged`
    where it cannot be read.
    """
    if not media.content_type or not media.path.is_file():
        raise MeizhenError("post.media_missing", file=media.file_name)
    if not holds(media.path, media.sha256):
        raise MeizhenError("post.media_changed", file=media.file_name)
    content = media.path.read_bytes()
    name = f"{place:02}-{media.file_name}"
    if not media.content_type.startswith("image/"):
        return Picture(name, media.content_type, content, 0, 0, made_smaller=False)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return _sized(content, name, media.content_type, longest_edge)
    except (UnidentifiedImageError, Image.DecompressionBombError, Image.DecompressionBombWarning, OSError):
        raise MeizhenError("post.media_damaged", file=media.file_name, type=media.content_type) from None


def _sized(content: bytes, name: str, content_type: str, longest_edge: int | None) -> Picture:
    with Image.open(BytesIO(content)) as picture:
        width, height = picture.size
        if width * height > _MOST_POINTS:
            raise OSError("too many points")
        moves = getattr(picture, "is_animated", False)
        if longest_edge is None or max(width, height) <= longest_edge or moves:
            return Picture(name, content_type, content, width, height, made_smaller=False)
        upright = ImageOps.exif_transpose(picture)
        upright.thumbnail((longest_edge, longest_edge), Image.Resampling.LANCZOS)
        made = BytesIO()
        if content_type == "image/jpeg":
            upright.convert("RGB").save(made, "JPEG", quality=_QUALITY, optimize=True)
        else:
            upright.save(made, "PNG", optimize=True)
    kind = "image/jpeg" if content_type == "image/jpeg" else "image/png"
    stem = name.rpartition(".")[0] or name
    suffix = ".jpg" if kind == "image/jpeg" else ".png"
    return Picture(stem + suffix, kind, made.getvalue(), *upright.size, made_smaller=True)


def qr_of(address: str) -> str:
    """A QR of the task's address as SVG. It opens the page; who may see the task signs in there."""
    made = BytesIO()
    segno.make(address, error="m", micro=False).save(made, kind="svg", scale=6, xmldecl=False, svgns=True)
    return made.getvalue().decode("utf-8")


def task_address(site: str, task_id: int) -> str:
    """Where the task's page is, below the house's own address. It holds no key: whoever opens it signs in.

    Raises MeizhenError `task.bad_site`.
    """
    try:
        parts = urlsplit(site)
    except ValueError:
        parts = urlsplit("")
    plain = not (parts.query or parts.fragment or parts.username) and site.isascii() and site.isprintable()
    if parts.scheme not in ("http", "https") or not parts.hostname or not plain:
        raise MeizhenError("task.bad_site", received=site[:120])
    return f"{site.rstrip('/')}/tasks/{task_id}"
