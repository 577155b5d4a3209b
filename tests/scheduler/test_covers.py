"""Covers: cut where the frame says, in the shape that was asked for, and never out of the picture."""

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from config import MeizhenError
from scheduler.covers import LEAST_WIDTH, Cut, Shape, can_be_cut, cut_cover, widest
from scheduler.media import FoundMedia, MediaFile, examine, keep, media_path


def kept(folder: Path, made: Image.Image, kind: str = "PNG", name: str = "合影.png") -> MediaFile:
    path = folder / name
    made.save(path, kind)
    found = examine(path)
    keep(folder / "media", found)
    return row_of(found)


def row_of(found: FoundMedia) -> MediaFile:
    return MediaFile(
        sha256=found.sha256, content_type=found.content_type, file_name=found.file_name, size=found.size,
        width=found.width, height=found.height,
    )  # fmt: skip


def quarters() -> Image.Image:
    """Red, green, blue and white, each of 400 by 300."""
    made = Image.new("RGB", (800, 600), "white")
    for colour, place in (("red", (0, 0)), ("lime", (400, 0)), ("blue", (0, 300))):
        made.paste(Image.new("RGB", (400, 300), colour), place)
    return made


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_what_is_in_the_frame_comes_out_and_the_picture_stays(tmp_path: Path, kind: str) -> None:
    row = kept(tmp_path, quarters(), kind, f"合影.{'png' if kind == 'PNG' else 'jpg'}")
    found = cut_cover(tmp_path / "media", row, Cut(Shape.SQUARE, 500, 50, 200))
    assert (found.width, found.height, found.content_type) == (200, 200, row.content_type)
    assert found.file_name.startswith("合影-1x1.") and found.sha256 != row.sha256
    with Image.open(media_path(tmp_path / "media", found.sha256)) as made:
        red, green, blue = made.convert("RGB").getpixel((100, 100))  # type: ignore[misc]
    assert green > 240 and red < 15 and blue < 15
    assert media_path(tmp_path / "media", row.sha256).is_file()
    wide = cut_cover(tmp_path / "media", row, Cut(Shape.WIDE, 0, 0, 470))
    assert (wide.width, wide.height) == (470, 200)


@pytest.mark.parametrize(
    "cut",
    [
        Cut(Shape.SQUARE, -1, 0, 200),
        Cut(Shape.SQUARE, 0, -1, 200),
        Cut(Shape.SQUARE, 601, 0, 200),
        Cut(Shape.SQUARE, 0, 401, 200),
        Cut(Shape.SQUARE, 0, 0, LEAST_WIDTH - 1),
        Cut(Shape.WIDE, 0, 0, 10**9),
    ],
)
def test_a_frame_outside_of_the_picture_is_refused_and_nothing_kept(tmp_path: Path, cut: Cut) -> None:
    row = kept(tmp_path, quarters())
    before = sorted((tmp_path / "media").rglob("*"))
    with pytest.raises(MeizhenError) as caught:
        cut_cover(tmp_path / "media", row, cut)
    assert caught.value.code == "media.bad_cut"
    assert sorted((tmp_path / "media").rglob("*")) == before


def test_what_moves_is_small_or_is_no_longer_the_same_is_not_cut(tmp_path: Path) -> None:
    small = kept(tmp_path, Image.new("RGB", (LEAST_WIDTH - 1, 900)))
    frames = [Image.new("L", (400, 400), shade) for shade in (0, 90)]
    moving = io.BytesIO()
    frames[0].save(moving, "GIF", save_all=True, append_images=frames[1:])
    (tmp_path / "m.gif").write_bytes(moving.getvalue())
    for row in (small, row_of(examine(tmp_path / "m.gif"))):
        assert not can_be_cut(row)
        with pytest.raises(MeizhenError) as caught:
            cut_cover(tmp_path / "media", row, Cut(Shape.SQUARE, 0, 0, 100))
        assert caught.value.code == "media.not_cut"
    changed = kept(tmp_path, quarters())
    media_path(tmp_path / "media", changed.sha256).write_bytes(b"else")
    with pytest.raises(MeizhenError) as caught:
        cut_cover(tmp_path / "media", changed, Cut(Shape.SQUARE, 0, 0, 200))
    assert caught.value.code == "post.media_changed"


@given(st.integers(1, 20_000), st.integers(1, 20_000), st.sampled_from(Shape))
def test_the_widest_cut_fits_and_has_its_shape(width: int, height: int, shape: Shape) -> None:
    row = MediaFile(
        sha256="0" * 64, content_type="image/png", file_name="a.png", size=1, width=width, height=height
    )
    cut = Cut(shape, 0, 0, widest(row, shape))
    assert cut.width <= width and cut.height <= height
    assert cut.width == width or cut.height >= height - 1
    if can_be_cut(row):
        assert abs(cut.width / cut.height - float(shape.ratio)) < 0.03
