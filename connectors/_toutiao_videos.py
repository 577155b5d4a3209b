"""A short video by the interface that an app of 头条 may be granted (sheet section 1).

The paths are from memory, in the shape of the elder house-mate's old ones: the console of a granted app shows
the true ones. That is why the account must say that it has the capability.
"""

from connectors._byte_calls import ByteCalls, objects
from connectors._byte_errors import USED_VIDEO
from connectors._contract import Access, Media, Outgoing, Receipt, ReceiptState
from connectors._errors import NeedsPerson, Refused, Uncertain, Unreachable
from connectors._film import size_of
from connectors._json import remote_id, web_address, whole
from connectors._reactions import CONTENT
from connectors._wording import caption

API_BASE = "https://open.snssdk.com"
_UPLOAD, _CREATE, _DATA = "/toutiao/video/upload/", "/toutiao/video/create/", "/toutiao/video/data/"
_PUBLIC = (1, 5)
_UNSUITABLE = 2


def send(access: Access, outgoing: Outgoing, video: Media) -> Receipt:
    """Uploads and creates; a video number that cannot be used is made anew once."""
    try:
        return _sent(access, outgoing, video)
    except Refused as error:
        if error.platform_code != USED_VIDEO:
            raise
        return _sent(access, outgoing, video)


def _sent(access: Access, outgoing: Outgoing, video: Media) -> Receipt:
    calls = ByteCalls(access, API_BASE)
    told = calls.upload_video(_UPLOAD, video.path, 0, size_of(video)).get("video")
    video_id = remote_id(told.get("video_id")) if isinstance(told, dict) else None
    if video_id is None:
        raise Unreachable("the answer holds no id of the upload", platform_code="bad-answer")
    data = calls.post(_CREATE, {"video_id": video_id, "text": caption(outgoing)}, writes=True)
    item_id = remote_id(data.get("item_id"))
    if item_id is None:
        raise Uncertain("the answer names no item", platform_code="bad-answer")
    return Receipt(ReceiptState.ACCEPTED, item_id)


def settle_item(access: Access, receipt: Receipt) -> Receipt:
    """Has the review ended? Raises NeedsPerson where the item is not fit for the public."""
    data = ByteCalls(access, API_BASE).post(_DATA, {"item_ids": [receipt.remote_id]})
    if not isinstance(data.get("list"), list):
        raise Unreachable("expected a list of items", platform_code="bad-answer")
    found = (item for item in objects(data["list"]) if item.get("item_id") == receipt.remote_id)
    item = next(found, {})
    status = whole(item.get("video_status"))
    if status == _UNSUITABLE:
        raise NeedsPerson(
            "not suitable for the public", platform_code="review", remedy=CONTENT, account_wide=False
        )
    if status not in _PUBLIC:
        return receipt
    return Receipt(ReceiptState.PUBLISHED, receipt.remote_id, web_address(item.get("share_url")))
