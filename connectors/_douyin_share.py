"""Way B: a link that opens the operator's app with everything loaded; a person presses publish (section 3).

Nothing is public before that, so making the link may be repeated. The webhook tells of the item; where none
came, the share is asked for.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any
from urllib.parse import quote, urlencode

from connectors._contract import Access, Media, Outgoing, Receipt, ReceiptState
from connectors._douyin_calls import as_app, ticket
from connectors._douyin_items import remember, video_url
from connectors._douyin_signature import douyin_share_signature
from connectors._errors import Label, NeedsPerson, Uncertain, Unreachable
from connectors._film import pictures_of, video_of
from connectors._json import remote_id
from connectors._wording import caption

LINK_HOURS = 2  # the ticket's life
_LINK_WORDS = 100  # a QR code holds no more of them: the rest is pasted in the app
_KEPT = timedelta(days=60)
_SUFFIXES = {"video/mp4": ".mp4", "image/jpeg": ".jpg", "image/png": ".png"}
_OPEN = Label(
    "请用登录了这个抖音号的手机打开链接（或扫成二维码），在抖音里点发布；发布后会自动确认。",
    "Open the link (or its QR code) on the phone with this account and press publish; it confirms itself.",
)
_EXPIRED = Label(
    "链接已过期还没有收到发布：请到抖音看是否已发出，已发出就填链接，没有就重发。",
    "The link has ended unconfirmed: look in the app; enter the post's link, or send it again.",
)
_LINK_UNKNOWN = Label(
    "已发布，抖音还没有给出链接。", "Published; the platform has not told the post's address yet."
)
_NO_BASE = Label(
    "分享方式要手机能取到素材：请在账号表单填素材的公网地址（media_base）。",
    "Sharing needs media that the phone can fetch: enter their public address (media_base) in the form.",
)


def share(access: Access, outgoing: Outgoing) -> Receipt:
    """The link for the operator. Its share_id is kept by the delivery's key: a repeat gives the same one."""
    fields = _media_fields(access, outgoing)
    share_id = _share_id(access, outgoing)
    nonce, stamp = token_hex(8), int(access.now().timestamp())
    link = "snssdk1128://openplatform/share?" + urlencode(
        {
            "share_type": "h5",
            "client_key": access.credentials["client_key"],
            "nonce_str": nonce,
            "timestamp": stamp,
            "signature": douyin_share_signature(ticket(access), nonce, stamp),
            "state": share_id,
            "title": caption(outgoing)[:_LINK_WORDS],
            **fields,
        },
        quote_via=quote,
    )
    until = access.now() + timedelta(hours=LINK_HOURS)
    detail = {"way": "share", Receipt.LINK: link, "until": until.isoformat(), "key": outgoing.key}
    return Receipt(ReceiptState.ACCEPTED, share_id, detail=detail, note=_OPEN)


def settle_share(access: Access, receipt: Receipt) -> Receipt:
    """Has a person pressed publish? After the link's life the post waits for a person's word."""
    told = _confirmed(access, receipt.remote_id)
    if told is not None:
        return _published(access, receipt.detail.get("key", ""), told)
    if access.now() >= datetime.fromisoformat(receipt.detail["until"]):
        return Receipt(ReceiptState.HANDED_OVER, receipt.remote_id, detail=receipt.detail, note=_EXPIRED)
    return receipt


def find_share(access: Access, outgoing: Outgoing) -> Receipt | None:
    """Where the delivery's share stands; None where no link was ever made: nothing can have gone out.

    Raises Uncertain where a link was made and no publishing is known of.
    """
    share_id = access.memory.get(_by_key(outgoing.key))
    if share_id is None:
        return None
    told = _confirmed(access, share_id)
    if told is None:
        raise Uncertain("a link was made, nothing is known of it", platform_code="not-seen", remedy=_EXPIRED)
    return _published(access, outgoing.key, told)


def confirm(access: Access, content: Mapping[str, Any]) -> str:
    """Keeps what a checked webhook told of a share; gives its share_id, '' where it names none."""
    share_id = remote_id(content.get("share_id"))
    ids = {name: remote_id(content.get(name)) for name in ("item_id", "video_id")}
    if share_id is None or not any(ids.values()):
        return ""
    access.memory.put(_by_share(share_id), json.dumps(ids), until=access.now() + _KEPT)
    return share_id


def _share_id(access: Access, outgoing: Outgoing) -> str:
    kept = access.memory.get(_by_key(outgoing.key))
    if kept is None:
        kept = remote_id(as_app(access, "/share-id/", need_callback="true").get("share_id"))
        if kept is None or not kept.isalnum():
            raise Unreachable("the answer holds no share_id", platform_code="bad-answer")
        access.memory.put(_by_key(outgoing.key), kept, until=access.now() + _KEPT)
    return kept


def _confirmed(access: Access, share_id: str) -> dict[str, Any] | None:
    kept = access.memory.get(_by_share(share_id))
    if kept is None:
        confirm(access, {**as_app(access, "/share-id/", share_id=share_id), "share_id": share_id})
        kept = access.memory.get(_by_share(share_id))
    if kept is None:
        return None
    told: dict[str, Any] = json.loads(kept)
    return told


def _published(access: Access, key: str, told: Mapping[str, Any]) -> Receipt:
    item_id = str(told["item_id"] or told["video_id"])
    remember(access, Outgoing(key, 0, "", ""), item_id)
    url = video_url(told["video_id"])
    return Receipt(
        ReceiptState.PUBLISHED, item_id, url, {"way": "share"}, note=None if url else _LINK_UNKNOWN
    )


def _media_fields(access: Access, outgoing: Outgoing) -> dict[str, str]:
    base = access.credentials.get("media_base", "").rstrip("/")
    if not base:
        raise NeedsPerson("no media_base", platform_code="media-base", remedy=_NO_BASE)
    video = video_of(outgoing)
    if video is not None:
        return {"video_path": _address(base, video)}
    return {"image_list_path": json.dumps([_address(base, picture) for picture in pictures_of(outgoing)])}


def _address(base: str, media: Media) -> str:
    return f"{base}/{media.sha256}{_SUFFIXES.get(media.content_type, '')}"


def _by_key(key: str) -> str:
    return f"share-of-{key}"


def _by_share(share_id: str) -> str:
    return f"shared-{share_id[:60]}"
