"""Bilibili's webhook: signed as our own calls are, over the body's MD5 (section 5)."""

import hashlib
import json
from typing import Any

from connectors._bilibili_signature import bilibili_headers
from connectors._contract import Access, CallbackAnswer, CallbackRequest
from connectors._errors import CallbackRefused
from connectors._json import line, remote_id, strict_json, whole
from connectors._signatures import same

WINDOW_SECONDS = 300
_DONE = '{"code":0,"message":"ok"}'
_ENDED = frozenset({"video_open", "video_fail"})


def answer(access: Access, request: CallbackRequest) -> CallbackAnswer:
    """Reads a request to the account's address. Raises CallbackRefused."""
    _check(access, request)
    try:
        told = strict_json(request.body)
    except ValueError:
        raise CallbackRefused("json") from None
    told = _object(told)
    event, content = line(told.get("event"), 64), _object(told.get("content"))
    if event == "verify_webhooks":
        body = json.dumps({"data": content.get("data")}, ensure_ascii=False)
        return CallbackAnswer(body, _digest(event, body), event)
    if content.get("client_id") not in (None, access.credentials["client_id"]):
        raise CallbackRefused("client_id")
    archive_id = (remote_id(content.get("resource_id")) or "") if event in _ENDED else ""
    key = _digest(event, archive_id, str(content.get("state")))
    return CallbackAnswer(_DONE, key, event, archive_id)


def _check(access: Access, request: CallbackRequest) -> None:
    credentials, headers = access.credentials, request.headers
    stamp = whole(headers.get("x-bili-timestamp", ""))
    if stamp is None or not credentials.get("client_secret"):
        raise CallbackRefused("signature")
    expected = bilibili_headers(
        credentials["client_id"],
        credentials["client_secret"],
        request.body,
        nonce=headers.get("x-bili-signature-nonce", ""),
        timestamp=stamp,
    )
    for name, value in expected.items():
        if not same(value, headers.get(name.lower(), "")):
            raise CallbackRefused("signature")
    if abs(access.now().timestamp() - stamp) > WINDOW_SECONDS:
        raise CallbackRefused("timestamp")


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _digest(*parts: str) -> str:
    return hashlib.sha256("|".join(parts).encode()).hexdigest()
