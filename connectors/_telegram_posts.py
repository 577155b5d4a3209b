"""Sending to a channel: a message, a picture with a caption, or an album. Nothing can be asked afterwards."""

import json
from typing import Any

from connectors._contract import Access, Media, Outgoing, Receipt, ReceiptState
from connectors._errors import Label, Refused
from connectors._json import remote_id
from connectors._telegram_calls import call, chat_of, unreadable

TEXT_LENGTH, CAPTION_LENGTH = 4096, 1024
PICTURES = 10
PICTURE_BYTES = 10 * 1024 * 1024
PICTURE_TYPES = frozenset({"image/jpeg", "image/png", "image/webp"})
_UNREADABLE = Label("存档的图片读不到，请重新上传。", "The stored picture cannot be read: upload it again.")


def utf16_units(text: str) -> int:
    """Length as the platform counts: UTF-16 code units, two for what lies beyond the basic plane."""
    return len(text) + sum(1 for sign in text if ord(sign) > 0xFFFF)


def send(access: Access, outgoing: Outgoing) -> Receipt:
    """One message; an album is several, of which the first carries the text and stands for all."""
    chat = chat_of(access)
    quiet = outgoing.options.get("silent") == "yes"
    if not outgoing.media:
        body = {"chat_id": chat, "text": outgoing.text, "disable_notification": quiet}
        return _receipt([call(access, "sendMessage", body, writes=True)])
    form = {"chat_id": chat, "disable_notification": json.dumps(quiet)}
    files = {f"picture{place}": _file(media) for place, media in enumerate(outgoing.media)}
    if len(files) == 1:
        form |= {"caption": outgoing.text}
        sent = call(access, "sendPhoto", form=form, files={"photo": files["picture0"]}, writes=True)
        return _receipt([sent])
    items: list[dict[str, str]] = [{"type": "photo", "media": f"attach://{name}"} for name in files]
    items[0]["caption"] = outgoing.text
    form |= {"media": json.dumps(items, ensure_ascii=False)}
    return _receipt(call(access, "sendMediaGroup", form=form, files=files, writes=True))


def _file(media: Media) -> tuple[str, bytes, str]:
    try:
        return media.file_name, media.path.read_bytes(), media.content_type
    except OSError as error:
        told = f"{media.file_name}: {type(error).__name__}"
        raise Refused(told, platform_code="media-unreadable", remedy=_UNREADABLE) from None


def _receipt(messages: object) -> Receipt:
    found = messages if isinstance(messages, list) else []
    told: list[dict[str, Any]] = [message for message in found if isinstance(message, dict)]
    numbers = [remote_id(message.get("message_id")) for message in told]
    if not numbers or len(told) != len(found) or None in numbers:
        raise unreadable("no message_id", writes=True)
    chat = told[0].get("chat")
    chat = chat if isinstance(chat, dict) else {}
    name, first = chat.get("username"), str(numbers[0])
    public = isinstance(name, str) and name.isascii() and name.replace("_", "").isalnum()
    return Receipt(
        ReceiptState.PUBLISHED,
        first,
        f"https://t.me/{name}/{first}" if public else "",
        {"messages": ",".join(str(number) for number in numbers)[:200]},
    )
