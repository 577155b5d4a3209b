"""Pictures as web sites take them: kinds, names of ours, and the bytes at sending."""

from connectors._contract import Media
from connectors._errors import Label, Refused

_SUFFIXES = {"image/jpeg": "jpg", "image/png": "png", "image/gif": "gif", "image/webp": "webp"}
WEB_TYPES = frozenset(_SUFFIXES)
_UNREADABLE = Label("存档的图片读不到，请重新上传。", "The stored picture cannot be read: upload it again.")


def upload_of(media: Media) -> tuple[str, bytes, str]:
    """A file name of ours, the bytes, the type. Raises Refused where the bytes are gone."""
    try:
        content = media.path.read_bytes()
    except OSError as error:
        told = f"{media.file_name}: {type(error).__name__}"
        raise Refused(told, platform_code="media-unreadable", remedy=_UNREADABLE) from None
    name = f"{media.sha256[:20]}.{_SUFFIXES.get(media.content_type, 'jpg')}"
    return name, content, media.content_type


def remembered_as(media: Media) -> str:
    """Under which name an account remembers that it has uploaded these bytes."""
    return f"media-{media.sha256[:40]}"
