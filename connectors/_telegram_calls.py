"""Calls of the Bot API. The token is part of every address: no word of an answer leaves with it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from connectors._contract import Access
from connectors._errors import ConnectorError, Label, NeedsPerson, Refused, Throttled, Uncertain, Unreachable
from connectors._http import Answer
from connectors._json import line

API_BASE = "https://api.telegram.org"
NEW_TOKEN = Label(
    "请向 @BotFather 核对机器人令牌，重新填写。", "Check the bot's token with @BotFather and enter it again."
)
MAKE_ADMIN = Label(
    "请把机器人设为频道管理员，并允许它发消息。", "Make the bot an administrator of the channel who may post."
)
CHANGE = Label(
    "平台不接受这条内容或找不到这个频道，请核对后重发。",
    "The post or the channel's name is not accepted: check both and send again.",
)
OTHER_RUNS = Label(
    "另有程序在用同一个机器人收消息，请停掉它。", "Another program receives with the same bot: stop it."
)
RULES: Mapping[str, Label] = {
    "400": CHANGE,
    "401": NEW_TOKEN,
    "403": MAKE_ADMIN,
    "404": NEW_TOKEN,
    "409": OTHER_RUNS,
}
_LONGEST_WAIT = 86_400
_CHAT = "chat"


def chat_of(access: Access) -> str:
    """Where the account posts: as entered, or where that group has moved to since."""
    entered = access.credentials["chat_id"]
    return access.memory.get(f"{_CHAT}-{entered}") or entered


def call(
    access: Access,
    method: str,
    body: Mapping[str, object] | None = None,
    *,
    writes: bool = False,
    form: Mapping[str, str] | None = None,
    files: Mapping[str, tuple[str, bytes, str]] | None = None,
) -> Any:
    """The `result` of a method. Raises what its error code means."""
    answer = access.http.call(
        "POST",
        f"{(access.api_base or API_BASE).rstrip('/')}/bot{access.credentials['token']}/{method}",
        writes=writes,
        json_body=None if form is not None else dict(body or {}),
        form=form,
        files=files,
    )
    try:
        told = answer.json_object()
    except ConnectorError:
        # A page of somebody else's may repeat our address: nothing of it is shown.
        if answer.status >= 400:
            raise answer.failure(access.now(), f"HTTP {answer.status}") from None
        raise unreadable(f"HTTP {answer.status}, no JSON object", writes=writes) from None
    if told.get("ok") is True and answer.status == 200:
        return told.get("result")
    raise _failure(access, answer, told)


def _clean(access: Access, text: str) -> str:
    """The platform's words without the token, should it repeat our address."""
    token = access.credentials["token"]
    return text.replace(token, "…").replace(quote(token, safe=""), "…")


def unreadable(told: str, *, writes: bool) -> ConnectorError:
    """A success that does not say what it should."""
    return (Uncertain if writes else Unreachable)(told, platform_code="bad-answer")


def _failure(access: Access, answer: Answer, told: Mapping[str, Any]) -> ConnectorError:
    number = told.get("error_code")
    status = number if isinstance(number, int) and not isinstance(number, bool) else answer.status
    code, now = str(status), access.now()
    text = line(_clean(access, str(told.get("description") or "")), 200) or f"HTTP {answer.status}"
    parameters = told.get("parameters")
    parameters = parameters if isinstance(parameters, dict) else {}
    moved = parameters.get("migrate_to_chat_id")
    if isinstance(moved, int) and not isinstance(moved, bool):
        access.memory.put(f"{_CHAT}-{access.credentials['chat_id']}", str(moved))
        return Throttled(text, platform_code="migrated", until=now)
    if status == 429:
        wait = parameters.get("retry_after")
        if not isinstance(wait, int) or isinstance(wait, bool) or wait < 0:
            return Throttled(text, platform_code=code, until=answer.retry_at(now))
        return Throttled(text, platform_code=code, until=now + timedelta(seconds=min(wait, _LONGEST_WAIT)))
    if status in (401, 403, 404, 409):
        return NeedsPerson(text, platform_code=code, remedy=RULES[code])
    if status == 400:
        return Refused(text, platform_code=code, remedy=CHANGE)
    return answer.failure(now, text, code)
