"""The channel's videos: how one stands, and ours among the uploads."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connectors._contract import Access, Media, Outgoing, Receipt, ReceiptState
from connectors._errors import Label, NeedsPerson, Uncertain, Unreachable
from connectors._film import size_of
from connectors._json import line, remote_id
from connectors._reactions import CONTENT
from connectors._told import moment
from connectors._wording import same_words
from connectors._youtube_calls import items, own_channel, read, section
from connectors._youtube_upload import accepted, asked, known

_PAGE = 50
_MOST_PAGES = 200
_SKEW = timedelta(minutes=5)
_NOT_SEEN = Label(
    "频道的上传列表里没有找到：请到 YouTube 工作室看是否已上传，再决定是否重发。",
    "Not among the channel's uploads: look in YouTube Studio, then decide whether to send it again.",
)
_LOCKED = Label(
    "视频已上传，但不是所要的可见范围：应用没有通过审核时平台会锁成私享。请到工作室看。",
    "It is uploaded, but not as visible as asked: an app that is not verified has its uploads locked. "
    "Look in YouTube Studio.",
)


@dataclass(frozen=True)
class Video:
    """A video of the channel's uploads."""

    id: str
    title: str
    at: datetime


def settle_video(access: Access, receipt: Receipt) -> Receipt:
    """Is it worked through? Raises NeedsPerson with the platform's reason where it failed."""
    found = items(read(access, "videos", {"part": "status", "id": receipt.remote_id}))
    status = section(found[0], "status") if found else {"uploadStatus": "deleted"}
    stands = str(status.get("uploadStatus"))
    if stands == "processed":
        wanted, seen = receipt.detail.get("privacy"), status.get("privacyStatus")
        note = _LOCKED if wanted and seen != wanted else None
        return Receipt(ReceiptState.PUBLISHED, receipt.remote_id, public_url(receipt.remote_id), note=note)
    if stands not in ("failed", "rejected", "deleted"):
        return receipt
    reason = line(status.get("failureReason") or status.get("rejectionReason"), 100) or stands
    raise NeedsPerson(reason, platform_code=stands, remedy=CONTENT, account_wide=False)


def find_video(access: Access, outgoing: Outgoing, media: Media, since: datetime) -> Receipt | None:
    """Our video. None where its session lacks bytes, or ended without them: then there is none.

    Without a session the uploads are looked through; raises Uncertain where it is not among them.
    """
    session = known(access, outgoing)
    if session is not None:
        try:
            stand = asked(access, outgoing, session, size_of(media))
        except (Uncertain, Unreachable) as error:
            if error.platform_code != "session-gone":
                raise
            if not session.ending:
                return None
        else:
            return stand if isinstance(stand, Receipt) else None
    for video in uploads(access, since - _SKEW):
        ours = access.memory.get(f"sent-{video.id[:80]}") in (None, outgoing.key)
        if ours and same_words(outgoing.title, video.title):
            return accepted(access, outgoing, video.id)
    raise Uncertain("not among the uploads", platform_code="not-seen", remedy=_NOT_SEEN)


def uploads(access: Access, since: datetime) -> Iterator[Video]:
    """The channel's videos from this moment on, newest first; never by search, which costs a hundredfold."""
    params: dict[str, str | int] = {
        "part": "snippet,contentDetails",
        "playlistId": _uploads_list(access),
        "maxResults": _PAGE,
    }
    for _ in range(_MOST_PAGES):
        told = read(access, "playlistItems", params)
        found = [_video(item) for item in items(told)]
        yield from (video for video in found if video.at >= since)
        following = told.get("nextPageToken")
        if not isinstance(following, str) or not found or found[-1].at < since:
            return
        if following == params.get("pageToken"):
            break
        params["pageToken"] = following
    raise Unreachable("the pages do not end", platform_code="bad-answer")


def public_url(video_id: str) -> str:
    return f"https://www.youtube.com/watch?v={video_id}"


def _video(item: dict[str, Any]) -> Video:
    details, snippet = section(item, "contentDetails"), section(item, "snippet")
    video_id = remote_id(details.get("videoId"))
    made = moment(details.get("videoPublishedAt")) or moment(snippet.get("publishedAt"))
    if video_id is None or made is None:
        raise Unreachable("a video without id or time", platform_code="bad-answer")
    return Video(video_id, str(snippet.get("title") or ""), made)


def _uploads_list(access: Access) -> str:
    kept = access.memory.get("uploads-list")
    if kept is None:
        details = section(own_channel(access, "contentDetails"), "contentDetails")
        kept = remote_id(section(details, "relatedPlaylists").get("uploads"))
        if kept is None:
            raise Unreachable("no list of uploads", platform_code="bad-answer")
        access.memory.put("uploads-list", kept)
    return kept
