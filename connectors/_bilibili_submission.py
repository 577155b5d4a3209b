"""A video on its way in: upload in parts, cover, submission (sheet section 3)."""

from functools import partial

from connectors._bilibili_archives import accepted, remember
from connectors._bilibili_calls import Calls
from connectors._contract import Access, Media, Outgoing, Receipt
from connectors._errors import Label, Uncertain, Unreachable
from connectors._film import ONE_VIDEO, Parts, Piece, pictures_of, video_of
from connectors._json import remote_id, web_address
from connectors._wording import first_link

TITLE_LENGTH = 79
TEXT_LENGTH = 249
TAGS_LENGTH = 199
COVER_BYTES = 5 * 1024 * 1024
PART_BYTES = 32 * 1024 * 1024
_ARCHIVE = "/arcopen/fn/archive"
_TITLE = Label("视频须有标题。", "A video needs a title.")
_TID = Label(
    "分区号 tid 须是数字：在稿件选项里填，或在账号表单里填默认值。",
    "The section (tid) is a number: in the post's options, or as the account's default.",
)
_TAGS = Label(
    f"标签至少一个，逗号分隔，合计不超过 {TAGS_LENGTH} 字。",
    f"At least one tag, separated by commas, {TAGS_LENGTH} characters together.",
)
_COPYRIGHT = Label(
    "copyright 应为 1（自制）或 2（转载）；转载须写来源 source。",
    "copyright is 1 (own) or 2 (reprint); a reprint names its source.",
)
_REPRINT = Label("no_reprint 应为 0 或 1。", "no_reprint is 0 or 1.")


def problems_of(outgoing: Outgoing) -> tuple[Label, ...]:
    """What Bilibili would refuse of a video; a post without one goes to a person and is not judged."""
    if video_of(outgoing) is None:
        return ()
    options = outgoing.options
    copyright_ = options.get("copyright") or "1"
    tags = options.get("tag", "")
    wrong = {
        _TITLE: not outgoing.title.strip(),
        ONE_VIDEO: len(outgoing.media) > 1 + min(1, len(pictures_of(outgoing))),
        _TID: not _is_number(options.get("tid") or "0"),
        _TAGS: bool(tags) and not tags_of(tags),
        _COPYRIGHT: copyright_ not in ("1", "2") or (copyright_ == "2" and not _source(outgoing)),
        _REPRINT: (options.get("no_reprint") or "1") not in ("0", "1"),
    }
    return tuple(label for label, is_wrong in wrong.items() if is_wrong)


def tags_of(written: str) -> str:
    """The tags as they are sent; '' where there is none or they are too long together."""
    tags = [tag.strip() for tag in written.replace("，", ",").split(",")]
    joined = ",".join(dict.fromkeys(tag for tag in tags if tag))
    return joined if len(joined) <= TAGS_LENGTH else ""


def submit(access: Access, outgoing: Outgoing, video: Media) -> Receipt:
    """Uploads and submits; the review follows."""
    calls = Calls(access)
    parts = Parts(access, outgoing, video, PART_BYTES)
    session, _ = parts.send(partial(_started, calls, video), partial(_send_part, calls, video))
    calls.post(f"{_ARCHIVE}/video/complete", params={"upload_token": session})
    pictures = pictures_of(outgoing)
    cover = web_address(calls.upload_cover(pictures[0]).get("url")) if pictures else ""
    try:
        data = calls.post(
            f"{_ARCHIVE}/add-by-utoken",
            _form(access, outgoing, cover),
            params={"upload_token": session},
            writes=True,
        )
    finally:
        parts.forget()
    archive_id = remote_id(data.get("resource_id"))
    if archive_id is None:
        raise Uncertain("the answer names no video", platform_code="bad-answer")
    remember(access, outgoing, archive_id)
    return accepted(archive_id)


def _started(calls: Calls, video: Media) -> str:
    # The name is only shown in the creation centre; what a file was called stays with us.
    data = calls.post(f"{_ARCHIVE}/video/init", {"name": f"{video.sha256[:16]}.mp4", "utype": "0"})
    token = remote_id(data.get("upload_token"))
    if token is None:
        raise Unreachable("the answer holds no upload_token", platform_code="bad-answer")
    return token


def _send_part(calls: Calls, video: Media, session: str, number: int, begin: int, size: int) -> None:
    calls.upload_part(session, number + 1, Piece(video.path, begin, size))


def _form(access: Access, outgoing: Outgoing, cover: str) -> dict[str, object]:
    options, credentials = outgoing.options, access.credentials
    form: dict[str, object] = {
        "title": outgoing.title,
        "desc": outgoing.text,
        "tid": int(options.get("tid") or credentials["tid"]),
        "tag": tags_of(options.get("tag") or credentials["tag"]),
        "copyright": int(options.get("copyright") or "1"),
        "no_reprint": int(options.get("no_reprint") or "1"),
    }
    if form["copyright"] == 2:
        form["source"] = _source(outgoing)
    if cover:
        form["cover"] = cover
    return form


def _source(outgoing: Outgoing) -> str:
    return outgoing.options.get("source", "").strip() or first_link(outgoing.text)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10
