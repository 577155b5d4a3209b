"""What a post shows beside its text: one picture, several, or the card of a link."""

from datetime import timedelta
from typing import Any

from connectors._contract import Access, Media, Outgoing
from connectors._elsewhere import at_home
from connectors._errors import Unreachable
from connectors._linkedin_calls import at, failure, headers_of, organisation
from connectors._pictures import upload_of

PICTURES = 20
PICTURE_BYTES = 8 * 1024 * 1024
PICTURE_TYPES = frozenset({"image/jpeg", "image/png", "image/gif"})
_KEPT = timedelta(hours=20)


def content_of(access: Access, outgoing: Outgoing) -> dict[str, object]:
    """The post's `content`; {} for text alone. Each picture is uploaded once, however often this is asked."""
    pictures = [
        {"id": _image(access, outgoing, media), **({"altText": media.alt} if media.alt else {})}
        for media in outgoing.media
    ]
    link = outgoing.options.get("link", "")
    if len(pictures) > 1:
        return {"multiImage": {"images": pictures}}
    if pictures:
        return {"media": {"title": outgoing.title or outgoing.media[0].alt, **pictures[0]}}
    return {"article": {"source": link, "title": outgoing.title}} if link else {}


def _image(access: Access, outgoing: Outgoing, media: Media) -> str:
    name = f"media-{outgoing.key}-{media.sha256[:16]}"
    kept = access.memory.get(name)
    if kept is None:
        kept = _uploaded(access, media)
        access.memory.put(name, kept, until=access.now() + _KEPT)
    return kept


def _uploaded(access: Access, media: Media) -> str:
    """The picture's name. Not a write: what no post shows nobody sees."""
    _, content, content_type = upload_of(media)
    started = access.http.call(
        "POST",
        at(access, "/rest/images?action=initializeUpload"),
        writes=False,
        json_body={"initializeUploadRequest": {"owner": organisation(access)}},
        headers=headers_of(access),
    )
    if started.status != 200:
        raise failure(access, started)
    value = started.json_object().get("value")
    told: dict[str, Any] = value if isinstance(value, dict) else {}
    urn = told.get("image")
    if not isinstance(urn, str) or not urn.startswith("urn:li:image:") or len(urn) > 150:
        raise Unreachable("the answer names no picture", platform_code="bad-answer")
    url = at_home(access, told.get("uploadUrl"), "linkedin.com")
    headers = {"Authorization": headers_of(access)["Authorization"], "Content-Type": content_type}
    answer = access.http.call("PUT", url, writes=False, raw=content, headers=headers)
    if answer.status not in (200, 201):
        raise failure(access, answer)
    return urn
