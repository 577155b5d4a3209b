"""Pictures decoded and written anew: what is kept holds pixels, and nothing that was left beside them.

Pixels are counted before any is decoded, and one picture is decoded at a time in this process: a hostile one
costs bounded time and memory. Orientation and colour space go into the pixels; EXIF (place, time, camera),
XMP, comments and thumbnails go. An animated GIF keeps all its frames as they are: its blocks are copied, the
blocks that say something about it are not.
"""

import io
import threading
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scheduler.media_types import after_sub_blocks, colour_table

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 40_000_000
MAX_FRAMES, MAX_FRAME_PIXELS = 1_000, 200_000_000  # of an animation, all frames together
_FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/gif": "GIF"}
_QUALITY = 92  # of a JPEG that had to be turned or recoloured; others keep their own tables
_ORIENTATION = 0x0112
_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
_decoding = threading.Lock()


@dataclass(frozen=True)
class Picture:
    """A picture as it is kept: its new bytes, and its size in pixels."""

    content: bytes
    width: int
    height: int
    seconds: float | None = None
    codec: str = ""


class TooManyPixels(ValueError):
    """More pixels than are decoded."""


def bare_picture(content: bytes, content_type: str) -> Picture:
    """The picture made anew; the same bytes give the same bytes.

    Raises TooManyPixels, and ValueError for what does not decode.
    """
    from PIL import Image

    # Pillow refuses what is twice its limit, at every size that a file names, and grumbles below that.
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2
    warnings.filterwarnings("ignore", module=r"PIL\.")
    with _decoding:
        try:
            return _decoded(content, _FORMATS[content_type])
        except (TooManyPixels, Image.DecompressionBombError):
            raise TooManyPixels from None
        except Exception as error:
            # A decoder's errors over hostile bytes are of every class that there is.
            raise ValueError(f"not decoded: {type(error).__name__}") from None


def cut_picture(content: bytes, content_type: str, box: tuple[int, int, int, int]) -> bytes:
    """The part of a kept JPEG or PNG within `box` (left, top, right, bottom), which lies within it.

    Raises ValueError for what does not decode.
    """
    from PIL import Image

    form, made = _FORMATS[content_type], io.BytesIO()
    with _decoding:
        try:
            with Image.open(io.BytesIO(content), formats=[form]) as image:
                image.crop(box).save(made, form, **({"quality": _QUALITY} if form == "JPEG" else {}))
        except Exception as error:
            raise ValueError(f"not decoded: {type(error).__name__}") from None
    return made.getvalue()


def _decoded(content: bytes, form: str) -> Picture:
    from PIL import Image

    with Image.open(io.BytesIO(content), formats=[form]) as image:
        if image.width * image.height > MAX_PIXELS:
            raise TooManyPixels
        if form == "GIF":
            _look_through(image)
            return Picture(_bare_gif(content), *image.size)
        image.load()
        return _jpeg(image) if form == "JPEG" else _png(image)


def _jpeg(image: "Image.Image") -> Picture:
    upright = _upright(image)
    recoloured = _in_srgb(upright)
    if recoloured is image and image.format == "JPEG" and image.mode in ("L", "RGB"):
        return _saved(_bare(image), "JPEG", quality="keep", exif=b"", icc_profile=None, comment=b"")
    turned = recoloured if recoloured.mode in ("L", "RGB") else recoloured.convert("RGB")
    return _saved(_bare(turned), "JPEG", quality=_QUALITY, exif=b"", icc_profile=None, comment=b"")


def _png(image: "Image.Image") -> Picture:
    made = _in_srgb(_upright(image))
    transparency = made.info.get("transparency")
    kept = {} if transparency is None else {"transparency": transparency}
    return _saved(_bare(made), "PNG", exif=b"", icc_profile=None, **kept)


def _upright(image: "Image.Image") -> "Image.Image":
    """The picture as it is to be looked at; itself where it is so already."""
    from PIL import ImageOps

    if image.getexif().get(_ORIENTATION, 1) in (0, 1):
        return image
    return ImageOps.exif_transpose(image)


def _in_srgb(image: "Image.Image") -> "Image.Image":
    """The picture in the colours that every program takes; itself where it names no others."""
    from PIL import ImageCms

    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "RGBA", "CMYK", "L"):
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source):
            return image
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        made = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=mode)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image  # a profile that is none changes nothing
    return image if made is None else made


def _bare(image: "Image.Image") -> "Image.Image":
    """Without what was read beside the pixels: some of it would be written again."""
    image.info = {name: value for name, value in image.info.items() if name == "transparency"}
    return image


def _saved(image: "Image.Image", form: str, **options: object) -> Picture:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return Picture(buffer.getvalue(), image.width, image.height)


# --- GIF --------------------------------------------------------------------------------------------------


def _look_through(image: "Image.Image") -> None:
    """Decodes every frame, and counts."""
    frames = pixels = 0
    while True:
        frames, pixels = frames + 1, pixels + image.width * image.height
        if frames > MAX_FRAMES or pixels > MAX_FRAME_PIXELS:
            raise TooManyPixels
        try:
            image.load()
            image.seek(frames)
        except EOFError:
            return


def _bare_gif(content: bytes) -> bytes:
    """The blocks that show something, in their order (GIF89a, sections 18 to 26)."""
    at = 13 + colour_table(content, 10)
    kept = [content[:at]]
    while content[at] != 0x3B:
        if content[at] == 0x21:
            end = after_sub_blocks(content, at + 2)
            loops = content[at + 1] == 0xFF and content[at + 3 : at + 14] in _LOOPS
            if content[at + 1] == 0xF9 or loops:
                kept.append(content[at:end])
        else:
            end = after_sub_blocks(content, at + 10 + colour_table(content, at + 9) + 1)
            kept.append(content[at:end])
        at = end
    return b"".join([*kept, b"\x3b"])
