"""Pictures: what the instance takes, and uploads that it works on after it has answered."""

import json
from datetime import timedelta
from typing import Any

from connectors._contract import Access, Media, Outgoing
from connectors._errors import Label, Refused, Throttled
from connectors._json import remote_id
from connectors._mastodon_calls import CHANGE, bearer, fine, get
from connectors._mastodon_text import LENGTH, length

PICTURES = 4
PICTURE_BYTES = 16 * 1024 * 1024
PICTURE_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_RULES_LIFE = timedelta(hours=6)
_UPLOAD_LIFE = timedelta(hours=20)  # the instance drops what no status names after a day
_PAUSE = timedelta(seconds=5)
_UNREADABLE = Label("存档的图片读不到，请重新上传。", "The stored picture cannot be read: upload it again.")
_WORKING = Label(
    "实例还在处理图片，稍后自动继续。", "The instance still works on a picture: it goes on by itself."
)


def instance_rules(access: Access) -> dict[str, int]:
    """What this instance takes: `text`, `pictures`, `bytes`; asked anew after six hours.

    An instance that does not tell (404) is taken for one that changed nothing.
    """
    kept = access.memory.get("rules")
    if kept is None:
        answer = get(access, "/api/v2/instance")
        told = {} if answer.status == 404 else fine(access, answer).json_object()
        kept = json.dumps(_rules(told))
        access.memory.put("rules", kept, until=access.now() + _RULES_LIFE)
    rules: dict[str, int] = json.loads(kept)
    return rules


def _rules(told: dict[str, Any]) -> dict[str, int]:
    configuration = _object(told.get("configuration"))
    texts, media = _object(configuration.get("statuses")), _object(configuration.get("media_attachments"))
    return {
        "text": _number(texts.get("max_characters"), LENGTH),
        "pictures": _number(texts.get("max_media_attachments"), PICTURES),
        "bytes": _number(media.get("image_size_limit"), PICTURE_BYTES),
    }


def uploaded(access: Access, outgoing: Outgoing) -> list[str]:
    """The ids of the post's pictures, all of them ready. Each is uploaded once, however often this is asked.

    Raises Refused for what the instance would not take, Throttled while it works on a picture.
    """
    rules = instance_rules(access)
    if length(outgoing.text) > rules["text"] or len(outgoing.media) > rules["pictures"]:
        told = f"this instance takes {rules['text']} characters and {rules['pictures']} pictures"
        raise Refused(told, platform_code="instance-limit", remedy=CHANGE)
    return [_ready(access, outgoing, media, rules["bytes"]) for media in outgoing.media]


def _ready(access: Access, outgoing: Outgoing, media: Media, most: int) -> str:
    name = f"media-{outgoing.key}-{media.sha256[:16]}"
    number = access.memory.get(name)
    if number is None:
        number, ready = _upload(access, media, most)
        access.memory.put(name, number, until=access.now() + _UPLOAD_LIFE)
        if ready:
            return number
    answer = get(access, f"/api/v1/media/{number}")
    if answer.status == 404:
        access.memory.forget(name)  # dropped: the next call uploads it again
    if answer.status in (206, 404):
        until = access.now() + _PAUSE
        raise Throttled("a picture is not ready", platform_code="media", until=until, remedy=_WORKING)
    fine(access, answer)
    return number


def _upload(access: Access, media: Media, most: int) -> tuple[str, bool]:
    """The picture's id, and whether it is ready. Not a write: what no status names is dropped."""
    try:
        content = media.path.read_bytes()
    except OSError as error:
        told = f"{media.file_name}: {type(error).__name__}"
        raise Refused(told, platform_code="media-unreadable", remedy=_UNREADABLE) from None
    if len(content) > most:
        told = f"{media.file_name}: this instance takes {most} bytes"
        raise Refused(told, platform_code="instance-limit", remedy=CHANGE)
    answer = access.http.call(
        "POST",
        f"{access.api_base.rstrip('/')}/api/v2/media",
        writes=False,
        form={"description": media.alt},
        files={"file": (media.file_name, content, media.content_type)},
        headers=bearer(access),
    )
    number = remote_id(fine(access, answer).json_object().get("id"))
    if number is None or not number.isalnum():
        raise answer.bad("no media id")
    return number, answer.status == 200


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: object, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else otherwise
