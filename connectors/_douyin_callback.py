"""Douyin's webhook: checked by secret and raw body, then read (section 4).

What it tells of a share is kept, and settling is brought forward. Repeats have the same key.
"""

import hashlib
import json
from typing import Any

from connectors._contract import Access, CallbackAnswer, CallbackRequest
from connectors._douyin_calls import withdraw
from connectors._douyin_share import confirm
from connectors._douyin_signature import douyin_webhook_signature
from connectors._errors import CallbackRefused
from connectors._json import line, strict_json
from connectors._signatures import same

_DONE = '{"err_no":0,"err_tips":"success"}'


def answer(access: Access, request: CallbackRequest) -> CallbackAnswer:
    """Reads a request to the account's address. Raises CallbackRefused."""
    secret = access.credentials.get("client_secret", "")
    expected = douyin_webhook_signature(secret, request.body)
    if not secret or not same(expected, request.headers.get("x-douyin-signature", "")):
        raise CallbackRefused("signature")
    told = _object(_parsed(request.body))
    event = line(told.get("event"), 64)
    if told.get("client_key") != access.credentials.get("client_key"):
        raise CallbackRefused("client_key")
    content = _object(
        _parsed(told["content"].encode()) if _is_text(told.get("content")) else told.get("content")
    )
    if event == "verify_webhook":
        challenge = json.dumps({"challenge": content.get("challenge")}, ensure_ascii=False)
        return CallbackAnswer(challenge, _digest(event, challenge), event)
    if told.get("from_user_id") != access.credentials.get("open_id"):
        return CallbackAnswer(_DONE, _digest(event), event)  # another account of the same app
    if event == "unauthorize":
        withdraw(access)
    share_id = confirm(access, content) if event == "create_video" else ""
    return CallbackAnswer(_DONE, _digest(event, share_id, str(content.get("item_id"))), event, share_id)


def _parsed(content: bytes) -> object:
    try:
        parsed: object = strict_json(content)
    except ValueError:
        raise CallbackRefused("json") from None
    return parsed


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _digest(*parts: str) -> str:
    return hashlib.sha256("|".join(parts).encode()).hexdigest()
