"""Pictures on their way into an account's library, each uploaded once per account (sheet section 3)."""

import hashlib
import json

from connectors._contract import Media
from connectors._errors import Unreachable
from connectors._wechat_api import WeChatApi, text
from connectors._wechat_article import INLINE_BYTES, INLINE_TYPES

_SUFFIXES = {"image/jpeg": "jpg", "image/png": "png", "image/gif": "gif", "image/bmp": "bmp"}


class Materials:
    """An account's uploads, remembered by the bytes' SHA-256 and kind: a media_id belongs to one account.

    A lost answer raises Unreachable: a repeat fills the library a little and harms nothing.
    """

    def __init__(self, api: WeChatApi) -> None:
        self._api = api
        self._memory = api.access.memory

    def cover(self, media: Media) -> str:
        """The media_id of a permanent image; `type=thumb` with its 64 KB is for other messages."""
        return self._permanent(media)["media_id"]

    def address(self, media: Media) -> str:
        """The address of a picture inside an article.

        uploadimg takes JPG and PNG below 1 MB and leaves the library alone; others become permanent images.
        """
        content = media.path.read_bytes()
        if media.content_type not in INLINE_TYPES or len(content) >= INLINE_BYTES:
            return self._permanent(media)["url"]
        key = _key("inline", content)
        held = self._memory.get(key)
        if held is not None:
            return held
        answer = self._api.upload("/cgi-bin/media/uploadimg", *_part(media, content))
        address = _needed(text(answer.get("url")), "url")
        self._memory.put(key, address)
        return address

    def forget(self, media: Media) -> None:
        """Drops what is remembered of a permanent image: somebody has deleted it in the console."""
        self._memory.forget(_key("image", media.path.read_bytes()))

    def _permanent(self, media: Media) -> dict[str, str]:
        content = media.path.read_bytes()
        key = _key("image", content)
        held = self._memory.get(key)
        if held is not None:
            kept: dict[str, str] = json.loads(held)
            return kept
        answer = self._api.upload("/cgi-bin/material/add_material", *_part(media, content), type="image")
        given = {
            "media_id": _needed(text(answer.get("media_id")), "media_id"),
            "url": text(answer.get("url")),
        }
        self._memory.put(key, json.dumps(given))
        return given


def _key(kind: str, content: bytes) -> str:
    return f"material:{kind}:{hashlib.sha256(content).hexdigest()}"


def _part(media: Media, content: bytes) -> tuple[str, bytes, str]:
    """Name, bytes and type of the form's part; the name is ours, not the uploader's."""
    name = f"{media.sha256[:16]}.{_SUFFIXES.get(media.content_type, 'jpg')}"
    return name, content, media.content_type


def _needed(value: str, name: str) -> str:
    if not value:
        raise Unreachable(f"the answer holds no {name}", platform_code="bad-answer")
    return value
