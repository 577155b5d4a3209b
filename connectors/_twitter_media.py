"""Pictures: uploaded in one shot, described, waited for while X works on them."""

from datetime import timedelta
from typing import Any

from connectors._contract import Access, Media, Outgoing
from connectors._errors import Label, Refused, Throttled
from connectors._json import remote_id, whole
from connectors._pictures import upload_of
from connectors._twitter_calls import CHANGE, at, bearer, fine, get

PICTURES = 4
PICTURE_BYTES = 5 * 1024 * 1024
PICTURE_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_UPLOAD = "/2/media/upload"
_UPLOAD_LIFE = timedelta(hours=20)  # what no post names is dropped after a day
_LONGEST_PAUSE = 600
_WORKING = Label(
    "平台还在处理图片，稍后自动继续。", "The platform still works on a picture: it goes on by itself."
)


def uploaded(access: Access, outgoing: Outgoing) -> list[str]:
    """The ids of the post's pictures, all ready; each is uploaded once, however often this is asked.

    Raises Throttled while one is worked on, Refused for one that X cannot use.
    """
    return [_ready(access, outgoing, media) for media in outgoing.media]


def _ready(access: Access, outgoing: Outgoing, media: Media) -> str:
    name = f"media-{outgoing.key}-{media.sha256[:16]}"
    number = access.memory.get(name)
    if number is None:
        data = _upload(access, media)
        number = remote_id(data.get("id")) or ""
        if media.alt:
            _describe(access, number, media.alt)
        access.memory.put(name, number, until=access.now() + _UPLOAD_LIFE)
    elif access.memory.get(f"{name}-worked") is None:
        return number
    else:
        told = get(access, _UPLOAD, {"command": "STATUS", "media_id": number}).get("data")
        data = told if isinstance(told, dict) else {}
    return _worked(access, name, number, data)


def _worked(access: Access, name: str, number: str, data: dict[str, Any]) -> str:
    info = data.get("processing_info")
    info = info if isinstance(info, dict) else {}
    state = info.get("state", "succeeded")
    if state == "succeeded":
        access.memory.forget(f"{name}-worked")
        return number
    if state == "failed":
        access.memory.forget(name)
        raise Refused("a picture could not be processed", platform_code="media-failed", remedy=CHANGE)
    access.memory.put(f"{name}-worked", "1", until=access.now() + _UPLOAD_LIFE)
    pause = timedelta(seconds=min(whole(info.get("check_after_secs")) or 5, _LONGEST_PAUSE))
    until = access.now() + pause
    raise Throttled("a picture is worked on", platform_code="media", until=until, remedy=_WORKING)


def _upload(access: Access, media: Media) -> dict[str, Any]:
    """What X tells of the upload. Not a write: what no post names is dropped."""
    category = "tweet_gif" if media.content_type == "image/gif" else "tweet_image"
    answer = access.http.call(
        "POST",
        at(access, _UPLOAD),
        writes=False,
        form={"media_category": category},
        files={"media": upload_of(media)},
        headers=bearer(access),
    )
    data = fine(access, answer).get("data")
    if not isinstance(data, dict) or remote_id(data.get("id")) is None:
        raise answer.bad("no media id")
    return data


def _describe(access: Access, number: str, alt: str) -> None:
    body = {"id": number, "metadata": {"alt_text": {"text": alt[:1000]}}}
    answer = access.http.call(
        "POST", at(access, "/2/media/metadata"), writes=False, json_body=body, headers=bearer(access)
    )
    fine(access, answer)
