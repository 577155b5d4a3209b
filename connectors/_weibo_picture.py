"""The one picture a post may have: JPEG, GIF or PNG by its first bytes, under 5 MB (sheet section 2)."""

from connectors._contract import Media
from connectors._errors import Label, Refused

MAX_BYTES = 5 * 1024 * 1024 - 1
TYPES = frozenset({"image/jpeg", "image/gif", "image/png"})
_MAGIC = (
    (b"\xff\xd8\xff", "image/jpeg", "picture.jpg"),
    (b"GIF87a", "image/gif", "picture.gif"),
    (b"GIF89a", "image/gif", "picture.gif"),
    (b"\x89PNG\r\n\x1a\n", "image/png", "picture.png"),
)
_TOO_BIG = Label(
    "图片须小于 5 MB：请压缩后再上传。", "The picture must be under 5 MB: compress it and upload it again."
)
_WRONG_TYPE = Label(
    "图片须为 JPEG、GIF 或 PNG：请转换格式后再上传。",
    "The picture must be JPEG, GIF or PNG: convert it and upload it again.",
)
_UNREADABLE = Label("图片文件读不到：请重新上传。", "The picture cannot be read: upload it again.")


def picture_problem(media: Media) -> Label | None:
    """What Weibo would refuse about the picture; None is fine."""
    try:
        size = media.path.stat().st_size
        with media.path.open("rb") as file:
            head = file.read(8)
    except OSError:
        return _UNREADABLE
    return _problem(head, size)


def load_picture(media: Media) -> tuple[str, bytes, str]:
    """(ASCII name, bytes, type) of the part to send. Raises Refused for a file Weibo would refuse."""
    try:
        content = media.path.read_bytes()
    except OSError:
        raise Refused("the picture cannot be read", platform_code="picture", remedy=_UNREADABLE) from None
    problem = _problem(content[:8], len(content))
    if problem is not None:
        raise Refused("the picture is not acceptable", platform_code="picture", remedy=problem)
    name, content_type = next((name, kind) for magic, kind, name in _MAGIC if content.startswith(magic))
    return name, content, content_type


def _problem(head: bytes, size: int) -> Label | None:
    if size > MAX_BYTES:
        return _TOO_BIG
    return None if any(head.startswith(magic) for magic, _, _ in _MAGIC) else _WRONG_TYPE
