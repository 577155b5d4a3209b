"""Covers cut from a picture in the shapes that platforms show; the picture itself stays as it is.

WeChat shows the cover of a headline at 2.35:1 and that of a shared or lower article at 1:1.
"""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory

from config.errors import MeizhenError
from scheduler.media import FoundMedia, MediaFile, examine, holds, keep, media_path
from scheduler.pictures import cut_picture

LEAST_WIDTH = 100  # pixels; platforms refuse smaller covers or show them blurred


class Shape(StrEnum):
    """Width to height."""

    WIDE = "2.35x1"
    SQUARE = "1x1"

    @property
    def ratio(self) -> Fraction:
        width, height = self.value.split("x")
        return Fraction(width) / Fraction(height)


@dataclass(frozen=True)
class Cut:
    """What is cut out: a corner and a width in pixels of the picture; the shape gives the height."""

    shape: Shape
    left: int
    top: int
    width: int

    @property
    def height(self) -> int:
        return round(self.width / self.shape.ratio)


def can_be_cut(row: MediaFile) -> bool:
    """Is it a still picture of known size, large enough for any shape?"""
    if row.content_type not in ("image/jpeg", "image/png") or row.width is None or row.height is None:
        return False
    return all(widest(row, shape) >= LEAST_WIDTH for shape in Shape)


def widest(row: MediaFile, shape: Shape) -> int:
    """How wide the largest cut of the shape is; 0 where the size is not known."""
    if row.width is None or row.height is None:
        return 0
    return min(row.width, int(row.height * shape.ratio))


def cut_cover(folder: Path, row: MediaFile, cut: Cut) -> FoundMedia:
    """Cuts it and keeps what came out in `folder`; `library.add_media` records it.

    Raises MeizhenError `media.not_cut` for what moves or is too small, `media.bad_cut` for a cut that is not
    within the picture, and as `media.keep` does.
    """
    if not can_be_cut(row) or row.width is None or row.height is None:
        raise MeizhenError("media.not_cut", file=row.file_name, limit=LEAST_WIDTH)
    right, bottom = cut.left + cut.width, cut.top + cut.height
    if min(cut.left, cut.top) < 0 or cut.width < LEAST_WIDTH or right > row.width or bottom > row.height:
        size = f"{row.width}×{row.height}"
        raise MeizhenError("media.bad_cut", file=row.file_name, size=size, limit=LEAST_WIDTH)
    kept = media_path(folder, row.sha256)
    if not holds(kept, row.sha256):
        raise MeizhenError("post.media_changed", file=row.file_name)
    name = PurePath(row.file_name)
    with TemporaryDirectory() as place:
        path = Path(place) / "cut"
        try:
            made = cut_picture(kept.read_bytes(), row.content_type, (cut.left, cut.top, right, bottom))
        except ValueError:
            raise MeizhenError("post.media_damaged", file=row.file_name, type=row.content_type) from None
        path.write_bytes(made)
        found = examine(path, f"{name.stem}-{cut.shape}{name.suffix}")
        keep(folder, found)
    return found
