"""Way A: our server uploads and creates the post, where the account has the right (section 2)."""

from datetime import datetime
from functools import partial

from connectors._byte_calls import ByteCalls
from connectors._byte_errors import USED_VIDEO
from connectors._contract import Access, Media, Outgoing, Receipt, ReceiptState
from connectors._douyin_calls import calls_of
from connectors._douyin_items import Item, item_of, ours, remember, video_url
from connectors._errors import Label, NeedsPerson, Refused, Uncertain, Unreachable
from connectors._film import Parts, content_of, pictures_of, size_of, video_of
from connectors._json import remote_id
from connectors._reactions import CONTENT
from connectors._wording import caption

PART_BYTES = 20 * 1024 * 1024  # as the sheet advises; only the last may be under 5 MB
_BASE = "/api/douyin/v1/video"
_PUBLIC = (1, 5)
_NARROW = {6: Label("仅好友可见。", "Friends only."), 7: Label("仅自己可见。", "Only its owner sees it.")}
_UNSUITABLE = 2
_NOT_SEEN = Label(
    "最新的作品里没有找到：请到抖音看是否已发出，再决定是否重发。",
    "Not among the newest posts: look in the app whether it is out, then decide whether to send it again.",
)


def send(access: Access, outgoing: Outgoing) -> Receipt:
    """Uploads and creates; a video number that cannot be used is made anew once."""
    try:
        return _sent(access, outgoing)
    except Refused as error:
        if error.platform_code != USED_VIDEO:
            raise
        return _sent(access, outgoing)


def _sent(access: Access, outgoing: Outgoing) -> Receipt:
    calls, video = calls_of(access), video_of(outgoing)
    if video is None:
        images = [_uploaded_image(calls, picture) for picture in pictures_of(outgoing)]
        body: dict[str, object] = {"image_list": images, "text": caption(outgoing)}
        data = calls.post(f"{_BASE}/create_image_text/", body, writes=True)
    else:
        body = {"video_id": _uploaded_video(access, outgoing, video), "text": caption(outgoing)}
        if outgoing.options.get("cover_second"):
            body["cover_tsp"] = float(outgoing.options["cover_second"])
        data = calls.post(f"{_BASE}/create_video/", body, writes=True)
    item_id = remote_id(data.get("item_id"))
    if item_id is None:
        raise Uncertain("the answer names no item", platform_code="bad-answer")
    remember(access, outgoing, item_id)
    detail = {"way": "server", "video_id": remote_id(data.get("video_id")) or ""}
    return Receipt(ReceiptState.ACCEPTED, item_id, detail=detail)


def settle_item(access: Access, receipt: Receipt) -> Receipt:
    """Has the review ended? Raises NeedsPerson where the item is not fit for the public."""
    item = item_of(access, receipt.remote_id)
    if item is None or item.status == _UNSUITABLE:
        told = "not suitable for the public" if item else "the item is gone"
        raise NeedsPerson(told, platform_code="review", remedy=CONTENT, account_wide=False)
    if item.status in _PUBLIC or item.status in _NARROW:
        return _published(item, receipt.detail.get("video_id", ""))
    return receipt


def find_item(access: Access, outgoing: Outgoing, since: datetime) -> Receipt:
    """Our item among the newest. Raises Uncertain where it is not seen: the list proves no absence."""
    item = ours(access, outgoing, since)
    if item is None:
        raise Uncertain("not among the newest items", platform_code="not-seen", remedy=_NOT_SEEN)
    remember(access, outgoing, item.id)
    if item.status in _PUBLIC or item.status in _NARROW:
        return _published(item, "")
    return Receipt(ReceiptState.ACCEPTED, item.id, detail={"way": "server", "video_id": ""})


def _published(item: Item, video_id: str) -> Receipt:
    note = _NARROW.get(item.status or 0)
    url = video_url(video_id) or item.url
    return Receipt(ReceiptState.PUBLISHED, item.id, url, {"way": "server"}, note)


def _uploaded_image(calls: ByteCalls, picture: Media) -> str:
    name = f"picture.{picture.content_type.removeprefix('image/')}"
    data = calls.upload_image(f"{_BASE}/upload_image/", name, content_of(picture), picture.content_type)
    image = data.get("image")
    return _id(image.get("image_id") if isinstance(image, dict) else None)


def _uploaded_video(access: Access, outgoing: Outgoing, video: Media) -> str:
    calls, size = calls_of(access), size_of(video)
    if size <= PART_BYTES:
        data = calls.upload_video(f"{_BASE}/upload_video/", video.path, 0, size)
    else:
        parts = Parts(access, outgoing, video, PART_BYTES)
        session, _ = parts.send(partial(_started, calls), partial(_send_part, calls, video))
        try:
            data = calls.post(f"{_BASE}/complete_video_part_upload/", upload_id=session)
        finally:
            parts.forget()
    told = data.get("video")
    return _id(told.get("video_id") if isinstance(told, dict) else None)


def _started(calls: ByteCalls) -> str:
    return _id(calls.post(f"{_BASE}/init_video_part_upload/").get("upload_id"))


def _send_part(calls: ByteCalls, video: Media, session: str, number: int, begin: int, size: int) -> None:
    path = f"{_BASE}/upload_video_part/"
    calls.upload_video(path, video.path, begin, size, upload_id=session, part_number=number + 1)


def _id(value: object) -> str:
    found = remote_id(value)
    if found is None:
        raise Unreachable("the answer holds no id of the upload", platform_code="bad-answer")
    return found
