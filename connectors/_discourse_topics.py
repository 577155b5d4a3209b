"""Sending a topic under an id of ours, and finding it by that id.

The forum keeps `external_id` unique: a repeat is refused (422), and the topic that is there is looked up.
"""

import re
from datetime import timedelta
from typing import Any

from connectors._contract import Access, Media, Outgoing, Receipt, ReceiptState
from connectors._discourse_calls import ask, failure, kind_of, post, upload
from connectors._errors import Label
from connectors._http import Answer
from connectors._json import remote_id
from connectors._pictures import remembered_as, upload_of
from connectors._told import words

PICTURES = 10
PICTURE_BYTES = 4 * 1024 * 1024  # where nobody changed it
_KEPT = timedelta(days=2)  # the forum sweeps unused uploads
_PLACED = re.compile(r"^[ \t]*media:(\d{1,3})[ \t]*$", re.MULTILINE)
_TOPIC = re.compile(r"/t/(?:[^/?#]+/)?(\d{1,18})(?:/\d+)?(?:\.json)?$")
_WAITS = Label(
    "论坛要先审核这条，请到论坛的“审核”页放行。", "The forum reviews it first: release it under Review."
)


def send(access: Access, outgoing: Outgoing) -> Receipt:
    """One topic; where the forum says that something is wrong and it is there already, that one."""
    options = outgoing.options
    body: dict[str, object] = {
        "title": outgoing.title,
        "raw": _raw(access, outgoing),
        "category": int(options.get("category") or access.credentials["category"]),
        "external_id": outgoing.key,
        "auto_track": False,
    }
    if tags := words(options.get("tags", "")):
        body["tags"] = tags
    answer = post(access, body)
    if answer.status != 200:
        there = find_topic(access, outgoing) if answer.status == 422 else None
        if there is None:
            raise failure(access, answer)
        return there
    told = answer.json_object()
    if told.get("action") == "enqueued":
        return _handed_over(access, answer, told)
    return _receipt(access, answer, told.get("topic_id"))


def find_topic(access: Access, outgoing: Outgoing) -> Receipt | None:
    """The topic under our id; None where the forum itself says that there is none.

    The forum answers with a redirect to the topic (its `show_by_external_id`), which is read, not followed.
    """
    answer = ask(access, f"/t/external_id/{outgoing.key}.json")
    if answer.status == 404 and kind_of(answer) == "not_found":
        return None
    if answer.status in (301, 302):
        found = _TOPIC.search(answer.headers.get("location", "").partition("?")[0])
        if found:
            return _receipt(access, answer, found[1])
    if answer.status != 200:
        raise failure(access, answer)
    return _receipt(access, answer, answer.json_object().get("id"))


def _raw(access: Access, outgoing: Outgoing) -> str:
    """The text with its pictures: in the places it names, the others at its end."""
    shown = [_picture(access, media) for media in outgoing.media]
    named = {int(number) for number in _PLACED.findall(outgoing.text)}

    def placed(found: re.Match[str]) -> str:
        number = int(found[1])
        return shown[number - 1] if 1 <= number <= len(shown) else ""

    rest = [picture for number, picture in enumerate(shown, 1) if number not in named]
    return "\n\n".join([_PLACED.sub(placed, outgoing.text), *rest])


def _picture(access: Access, media: Media) -> str:
    """The picture as the text names it. Each is uploaded once, however often this is asked."""
    address = access.memory.get(remembered_as(media))
    if address is None:
        answer = upload(access, upload_of(media))
        said = answer.json_object().get("short_url")
        if not isinstance(said, str) or not re.fullmatch(r"upload://[\w.-]{1,120}", said):
            raise answer.bad("no address of the picture")
        address = said
        access.memory.put(remembered_as(media), address, until=access.now() + _KEPT)
    alt = re.sub(r"[\[\]|\r\n]", " ", media.alt)
    return f"![{alt}]({address})"


def _receipt(access: Access, answer: Answer, number: object) -> Receipt:
    found = remote_id(number)
    if found is None or not found.isdigit():
        raise answer.bad("no number of a topic")
    return Receipt(ReceiptState.PUBLISHED, found, f"{access.api_base.rstrip('/')}/t/{found}")


def _handed_over(access: Access, answer: Answer, told: dict[str, Any]) -> Receipt:
    pending = told.get("pending_post")
    number = remote_id(pending.get("id")) if isinstance(pending, dict) else None
    if number is None:
        raise answer.bad("no number of the topic that waits")
    address = f"{access.api_base.rstrip('/')}/review"
    return Receipt(ReceiptState.HANDED_OVER, f"pending-{number}", address, note=_WAITS)
