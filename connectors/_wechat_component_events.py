"""What WeChat tells a third-party platform at its authorisation event address (sheet section 10).

The ticket, and who authorised, changed or withdrew. Everything is remembered at once: a withdrawn account is
not used again, by whichever node, though its token would still live.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from connectors._authorising import Heard
from connectors._contract import Access, CallbackAnswer, CallbackRequest
from connectors._errors import CallbackRefused
from connectors._wechat_callback import CallbackKeys, child, opened, whole
from connectors._wechat_component_calls import keep_ticket
from connectors._wechat_tokens import gone

_HEARD = "heard-codes-token"  # holds codes: named so that logs hide it
_CODE_LIFE = timedelta(hours=1)
_MOST_HEARD = 500
_LONGEST = 512


def answer(access: Access, request: CallbackRequest) -> CallbackAnswer:
    """Reads one event and remembers what it says. Raises CallbackRefused."""
    keys = keys_of(access)
    if not (keys.token and keys.encoding_aes_key):
        raise CallbackRefused("not-set-up")
    if request.method != "POST":
        raise CallbackRefused("method")
    root = opened(keys, request.query, request.body, access.now())
    kind, created = child(root, "InfoType"), whole(child(root, "CreateTime"))
    if created is None or child(root, "AppId") != keys.appid:
        raise CallbackRefused("event")
    appid = child(root, "AuthorizerAppid")[:64]
    match kind:
        case "component_verify_ticket":
            ticket = child(root, "ComponentVerifyTicket")
            if not 0 < len(ticket) <= _LONGEST:
                raise CallbackRefused("event")
            keep_ticket(access, ticket, created)
        case "authorized" | "updateauthorized" if appid:
            _take_back(access, appid, created)
            _hear(access, appid, child(root, "AuthorizationCode"), child(root, "PreAuthCode"))
        case "unauthorized" if appid:
            _withdraw(access, appid, created)
    key = hashlib.sha256(f"{kind}|{appid}|{created}".encode()).hexdigest()
    return CallbackAnswer("success", key, kind[:64] or "unknown")


def keys_of(access: Access) -> CallbackKeys:
    credentials = access.credentials
    return CallbackKeys(
        credentials.get("component_appid", ""),
        credentials.get("callback_token", ""),
        credentials.get("encoding_aes_key", ""),
    )


def _withdraw(access: Access, appid: str, created: int) -> None:
    access.memory.put(gone(appid), str(created))


def _take_back(access: Access, appid: str, created: int) -> None:
    """Authorised again: unless the withdrawal is the newer event, as when they come in the wrong order."""
    withdrawn = access.memory.get(gone(appid))
    if withdrawn is not None and int(withdrawn) <= created:
        access.memory.forget(gone(appid))


def _hear(access: Access, appid: str, code: str, key: str) -> None:
    if not 0 < len(code) <= _LONGEST:
        return
    with access.memory.single_flight(_HEARD):
        until = access.now() + _CODE_LIFE
        kept = [one for one in _listed(access) if one["appid"] != appid][-_MOST_HEARD:]
        kept.append({"appid": appid, "code": code, "key": key[:_LONGEST], "until": until.isoformat()})
        _keep(access, kept)


def heard(access: Access) -> tuple[Heard, ...]:
    """The codes that were told and are not used or over yet."""
    now = access.now().isoformat()
    return tuple(
        Heard(one["code"], one["key"], one["appid"]) for one in _listed(access) if one["until"] > now
    )


def used(access: Access, appid: str) -> None:
    """The account's code was used: it is not heard again."""
    with access.memory.single_flight(_HEARD):
        _keep(access, [one for one in _listed(access) if one["appid"] != appid])


def _listed(access: Access) -> list[dict[str, str]]:
    kept: Any = json.loads(access.memory.get(_HEARD) or "[]")
    return list(kept)


def _keep(access: Access, listed: Sequence[dict[str, str]]) -> None:
    access.memory.put(_HEARD, json.dumps(listed), until=access.now() + _CODE_LIFE)
