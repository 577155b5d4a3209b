"""A video as Kuaishou tells it, on its way out, and ours among the list (sheet sections 2 and 3)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from connectors._contract import Access, Media, Outgoing, Receipt, ReceiptState
from connectors._days import day_of, moment
from connectors._errors import Label, Refused, Uncertain, Unreachable
from connectors._film import Parts, Piece, pictures_of
from connectors._json import remote_id
from connectors._kuaishou_calls import GONE, Calls
from connectors._wording import caption, same_words

PART_BYTES = 8 * 1024 * 1024  # at most 10 MB (sheet section 2)
_PAGE = 20
_MOST_PAGES = 100
_CLOCKS_APART = timedelta(minutes=2)
_HIDDEN = timedelta(minutes=10)  # so long after publishing "does not exist" means "not visible yet"
_KEPT = timedelta(days=60)
_NOT_SEEN = Label(
    "最新的作品里没有找到：请到快手看是否已发出，再决定是否重发。",
    "Not among the newest videos: look in the app whether it is out, then decide whether to send it again.",
)


@dataclass(frozen=True)
class Video:
    """`pending`: Kuaishou still works on it."""

    id: str
    caption: str
    at: datetime
    pending: bool
    told: dict[str, Any]


def send(access: Access, outgoing: Outgoing, media: Media) -> Receipt:
    """Uploads and publishes; Kuaishou works on it afterwards."""
    calls, parts = Calls(access), Parts(access, outgoing, media, PART_BYTES)
    session, count = parts.send(partial(_started, calls), partial(_send_part, calls, media))
    token, endpoint = json.loads(session)
    if not _is_small(media):
        calls.upload(endpoint, "/complete", {"fragment_count": count, "upload_token": token}, None)
    try:
        told = calls.publish(token, caption(outgoing), pictures_of(outgoing)[0])
    finally:
        parts.forget()
    info = told.get("video_info")
    found = remote_id(info.get("photo_id")) if isinstance(info, dict) else None
    if found is None:
        raise Uncertain("the answer names no video", platform_code="bad-answer")
    _remember(access, outgoing, found)
    return _accepted(found, access.now())


def settle_video(access: Access, receipt: Receipt) -> Receipt:
    """Is it out? For ten minutes after publishing a video may seem not to exist."""
    try:
        told = Calls(access).get("/openapi/photo/info", {"photo_id": receipt.remote_id})
    except Refused as error:
        since = datetime.fromisoformat(receipt.detail["accepted"])
        if error.platform_code in GONE and access.now() < since + _HIDDEN:
            return receipt
        raise
    return receipt if video_of(told.get("video_info")).pending else _published(receipt.remote_id)


def find_video(access: Access, outgoing: Outgoing, since: datetime) -> Receipt:
    """Ours by caption and time. Raises Uncertain where it is not seen: the list proves no absence."""
    since = since - _CLOCKS_APART
    for video in videos(access, day_of(since)):
        same = video.at >= since and same_words(caption(outgoing), video.caption)
        if same and access.memory.get(_name(video.id)) in (None, outgoing.key):
            _remember(access, outgoing, video.id)
            return _accepted(video.id, video.at) if video.pending else _published(video.id)
    raise Uncertain("not among the newest videos", platform_code="not-seen", remedy=_NOT_SEEN)


def videos(access: Access, since: date) -> Iterator[Video]:
    """The account's videos from this Beijing day on, newest first."""
    params: dict[str, str | int] = {"count": _PAGE}
    for _ in range(_MOST_PAGES):
        rows = Calls(access).get("/openapi/photo/list", params).get("video_list")
        if not isinstance(rows, list):
            raise Unreachable("expected a list of videos", platform_code="bad-answer")
        found = [video_of(row) for row in rows]
        yield from (video for video in found if day_of(video.at) >= since)
        if len(found) < _PAGE or day_of(found[-1].at) < since:
            return
        if params.get("cursor") == found[-1].id:
            break
        params["cursor"] = found[-1].id
    raise Unreachable("the pages do not end", platform_code="bad-answer")


def video_of(row: object) -> Video:
    """Raises Unreachable for what cannot be a video."""
    told: dict[str, Any] = row if isinstance(row, dict) else {}
    found, at = remote_id(told.get("photo_id")), moment(told.get("create_time"))
    if found is None or at is None:
        raise Unreachable("a video without id or time", platform_code="bad-answer")
    return Video(
        found, str(told.get("caption") or ""), at, told.get("pending") in (True, "true", 1, "1"), told
    )


def public_url(video_id: str) -> str:
    return f"https://www.kuaishou.com/short-video/{video_id}" if video_id.isalnum() else ""


def _is_small(media: Media) -> bool:
    return media.path.stat().st_size <= PART_BYTES


def _started(calls: Calls) -> str:
    return json.dumps(calls.start_upload())


def _send_part(calls: Calls, media: Media, session: str, number: int, begin: int, size: int) -> None:
    token, endpoint = json.loads(session)
    piece = Piece(media.path, begin, size)
    if _is_small(media):
        calls.upload(endpoint, "", {"upload_token": token}, piece)
    else:
        calls.upload(endpoint, "/fragment", {"fragment_id": number, "upload_token": token}, piece)


def _accepted(video_id: str, at: datetime) -> Receipt:
    return Receipt(ReceiptState.ACCEPTED, video_id, detail={"accepted": at.isoformat()})


def _published(video_id: str) -> Receipt:
    return Receipt(ReceiptState.PUBLISHED, video_id, public_url(video_id))


def _remember(access: Access, outgoing: Outgoing, video_id: str) -> None:
    access.memory.put(_name(video_id), outgoing.key, until=access.now() + _KEPT)


def _name(video_id: str) -> str:
    return f"sent-{video_id[:80]}"
