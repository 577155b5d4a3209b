"""Pictures are decoded and written anew, films keep their pictures: what was said beside them is gone."""

import io
import struct
import zlib

import pytest
from films import box, film, index
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from scheduler.films import Film, FilmFile, bare_pieces, read_film
from scheduler.pictures import MAX_PIXELS, Picture, TooManyPixels, bare_picture

SECRET = b"canary-39.9042N-116.4074E"


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def noise(width: int = 40, height: int = 30) -> Image.Image:
    return Image.effect_noise((width, height), 90).convert("RGB")


def opened(picture: Picture) -> Image.Image:
    image = Image.open(io.BytesIO(picture.content))
    image.load()
    return image


def exif(orientation: int = 1) -> bytes:
    made = Image.Exif()
    made[0x0112] = orientation
    made[0x010E] = SECRET.decode()
    made.get_ifd(0x8825)[2] = (39.0, 54.0, 15.0)
    return made.tobytes()


def test_place_camera_and_comments_are_gone() -> None:
    jpeg = saved(noise(), "JPEG", exif=exif(), comment=SECRET, quality=80)
    told = PngInfo()
    told.add_text("Comment", SECRET.decode())
    told.add_itxt("XML:com.adobe.xmp", SECRET.decode())
    png = saved(noise(), "PNG", pnginfo=told, exif=exif())
    gif = saved(noise().quantize(), "GIF", comment=SECRET)
    for content, kind in ((jpeg, "image/jpeg"), (png, "image/png"), (gif, "image/gif")):
        assert SECRET in content
        made = bare_picture(content, kind)
        assert SECRET not in made.content
        assert not opened(made).getexif() and "comment" not in opened(made).info
        assert bare_picture(content, kind) == made


@pytest.mark.parametrize(("orientation", "turned"), [(1, False), (3, False), (6, True), (8, True), (5, True)])
def test_a_picture_is_turned_as_it_is_to_be_looked_at(orientation: int, turned: bool) -> None:
    image = Image.new("RGB", (60, 20), "white")
    image.paste("red", (0, 0, 20, 20))
    made = bare_picture(saved(image, "JPEG", exif=exif(orientation)), "image/jpeg")
    assert (made.width, made.height) == ((20, 60) if turned else (60, 20))
    corners = {1: (2, 2), 3: (57, 17), 6: (17, 2), 8: (2, 57), 5: (2, 2)}
    red, green, _ = opened(made).convert("RGB").getpixel(corners[orientation])  # type: ignore[misc]
    assert red > 200 and green < 60


def test_a_jpeg_that_needs_no_turning_keeps_its_quality() -> None:
    content = saved(noise(300, 200), "JPEG", quality=70)
    made = bare_picture(content, "image/jpeg")
    assert abs(len(made.content) - len(content)) < len(content) * 0.05


def test_colours_of_another_space_become_srgb() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    for content in (
        saved(noise(), "JPEG", icc_profile=profile),
        saved(noise(), "JPEG", icc_profile=b"not a profile " + SECRET),
        saved(noise().convert("CMYK"), "JPEG"),
    ):
        image = opened(bare_picture(content, "image/jpeg"))
        assert image.mode in ("RGB", "L") and "icc_profile" not in image.info


def test_transparency_and_depth_of_png_are_kept() -> None:
    alpha = Image.new("RGBA", (10, 10), (255, 0, 0, 40))
    deep = Image.new("I;16", (10, 10), 40_000)
    few = alpha.quantize(8)
    for image in (alpha, deep, few):
        content = saved(image, "PNG")
        made = opened(bare_picture(content, "image/png"))
        assert made.mode == image.mode
        with Image.open(io.BytesIO(content)) as before:
            assert made.convert("RGBA").tobytes() == before.convert("RGBA").tobytes()
    assert made.convert("RGBA").getpixel((5, 5))[3] < 255  # type: ignore[index]


def test_an_animation_keeps_all_its_frames_and_their_times() -> None:
    frames = [noise(20, 20).quantize(16) for _ in range(7)]
    content = saved(
        frames[0], "GIF", save_all=True, append_images=frames[1:], duration=[50, 70, 90] * 2 + [110], loop=0
    )
    made = opened(bare_picture(content, "image/gif"))
    before = Image.open(io.BytesIO(content))
    assert made.n_frames == before.n_frames == 7 and made.info["loop"] == 0  # type: ignore[attr-defined]
    for frame in range(7):
        made.seek(frame)
        before.seek(frame)
        assert made.convert("RGB").tobytes() == before.convert("RGB").tobytes()
        assert made.info["duration"] == before.info["duration"]


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that says it has so many pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        crc = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes((width + 1) * min(height, 2_000)), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height"), [(8_000, 5_001), (60_000, 60_000), (2**31 - 1, 2**31 - 1)])
def test_too_many_pixels_are_refused_before_they_are_decoded(width: int, height: int) -> None:
    content = bomb(min(width, 60_000), 1)
    content = content[:16] + struct.pack(">II", width, height) + content[24:]
    head = content[12:29]
    content = content[:29] + struct.pack(">I", zlib.crc32(head)) + content[33:]
    with pytest.raises(TooManyPixels):
        bare_picture(content, "image/png")
    assert width * height > MAX_PIXELS


def test_a_gif_whose_frame_is_larger_than_its_canvas_is_refused() -> None:
    content = bytearray(saved(Image.new("P", (10, 10)), "GIF"))
    at = content.index(b"\x2c")
    content[at + 5 : at + 9] = struct.pack("<HH", 65_535, 65_535)
    with pytest.raises(ValueError):
        bare_picture(bytes(content), "image/gif")


def test_an_animation_of_too_many_frames_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [noise(10, 10).quantize(8) for _ in range(6)]
    content = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    for limit, value in (("MAX_FRAMES", 5), ("MAX_FRAME_PIXELS", 599)):
        with monkeypatch.context() as patched:
            patched.setattr(f"scheduler.pictures.{limit}", value)
            with pytest.raises(TooManyPixels):
                bare_picture(content, "image/gif")
    assert bare_picture(content, "image/gif").width == 10


@given(data=st.data())
def test_hostile_bytes_end_in_a_refusal_and_never_otherwise(data: st.DataObject) -> None:
    form, kind = data.draw(
        st.sampled_from([("JPEG", "image/jpeg"), ("PNG", "image/png"), ("GIF", "image/gif")])
    )
    content = bytearray(saved(Image.new("P" if form == "GIF" else "RGB", (16, 16), 7), form))
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=8)):
        content[at] = data.draw(st.integers(0, 255))
    try:
        made = bare_picture(bytes(content), kind)
    except ValueError:
        return
    assert made.width * made.height <= MAX_PIXELS


# --- films ------------------------------------------------------------------------------------------------


def bare_film(content: bytes) -> tuple[Film, bytes]:
    """What a film says, and what is kept of it."""
    file = FilmFile(io.BytesIO(content))
    found = read_film(file)
    return found, b"".join(bare_pieces(file, found))


def test_a_film_says_how_long_how_large_and_in_what_coding() -> None:
    found, kept = bare_film(film())
    assert (found.width, found.height, found.seconds, found.codec) == (640, 360, 2.5, "avc1")
    assert kept == film()
    assert bare_film(film(index(codec=b"hvc1")))[0].codec == "hvc1"


@pytest.mark.parametrize("piece", [1, 3, 16, 1024 * 1024])
def test_what_is_said_about_a_film_is_emptied_in_place(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scheduler.films._PIECE_BYTES", piece)
    told = struct.pack(">I", 8 + len(SECRET)) + b"udta" + SECRET
    content = film(index(told=told))
    assert content.count(SECRET) == 2
    found, kept = bare_film(content)
    assert SECRET not in kept
    assert kept == content.replace(b"udta" + SECRET, b"free" + bytes(len(SECRET)))
    assert (found.seconds, found.codec) == (2.5, "avc1")


def test_a_film_of_more_boxes_than_anybody_writes_is_refused() -> None:
    content = film().replace((0).to_bytes(4, "big") + b"mdatpictures", box(b"mdat", b"pictures"))
    assert bare_film(content + box(b"moof", b"") * 100)[0].codec == "avc1"
    with pytest.raises(ValueError, match="no end of them"):
        bare_film(content + box(b"moof", b"") * 30_000)


@given(data=st.data())
def test_a_film_that_does_not_hold_together_is_refused(data: st.DataObject) -> None:
    content = bytearray(film())
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=6)):
        content[at] = data.draw(st.integers(0, 255))
    try:
        found, kept = bare_film(bytes(content))
    except ValueError:
        return
    assert found.codec == "" or found.codec.isalnum()
    assert found.seconds is None or found.seconds >= 0
    assert len(kept) == len(content)
