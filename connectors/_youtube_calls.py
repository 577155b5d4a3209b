"""Calls to the YouTube Data API, and what an unhappy answer means: {error: {code, message, errors[]}}."""

from collections.abc import Mapping
from typing import Any

from connectors._contract import Access
from connectors._errors import (
    ConnectorError,
    Label,
    NeedsPerson,
    Refused,
    Throttled,
    Unauthorised,
    Unreachable,
)
from connectors._http import Answer
from connectors._json import line
from connectors._oauth import exchanged
from connectors._reactions import RENEW
from connectors._tokens import Pair, access_token, renew
from connectors._wording import told_without_secrets
from connectors._youtube_quota import READ_UNITS, USED_UP, midnight_pacific, spend

API_BASE = "https://youtube.googleapis.com"
_OAUTH_BASE = "https://oauth2.googleapis.com"
RIGHTS = Label(
    "没有这个权限：请频道所有人重新授权 youtube.upload 和 youtube.readonly。",
    "Not allowed: the channel's owner authorises youtube.upload and youtube.readonly again.",
)
CHANGE = Label(
    "平台不接受这条视频的标题、简介或参数，没有发布：请修改后重发。",
    "The platform does not take this video's title, description or parameters: change it; nothing is out.",
)
UPLOADS = Label(
    "这个频道今天的上传数到了上限，太平洋时间零点后自动继续。",
    "The channel's uploads of the day are used up; goes on after midnight, Pacific time.",
)
_OF_THE_DAY = {
    "quotaExceeded": USED_UP,
    "dailyLimitExceeded": USED_UP,
    "uploadLimitExceeded": UPLOADS,
}
_SHORT = frozenset({"rateLimitExceeded", "userRateLimitExceeded"})
RULES: Mapping[str, Label] = {"400": CHANGE, "401": RENEW, "forbidden": RIGHTS, **_OF_THE_DAY}
Params = Mapping[str, str | int]


def read(access: Access, path: str, params: Params) -> dict[str, Any]:
    """The object of a happy answer; takes a unit. Raises what `failure` tells."""
    spend(access, READ_UNITS)
    answer = access.http.call(
        "GET", at(access, f"/youtube/v3/{path}"), writes=False, params=params, headers=bearer(access)
    )
    if answer.status != 200:
        raise failure(access, answer)
    return answer.json_object()


def items(told: dict[str, Any]) -> list[dict[str, Any]]:
    """The items of an answer. Raises Unreachable where they are no list of objects."""
    found = told.get("items")
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise Unreachable("expected a list of items", platform_code="bad-answer")
    return found


def own_channel(access: Access, part: str) -> dict[str, Any]:
    """The authorised channel. Raises NeedsPerson where whoever authorised has none."""
    told = read(access, "channels", {"part": part, "mine": "true"})
    found = items(told) if "items" in told or "kind" not in told else []
    if not found:
        raise NeedsPerson("no channel", platform_code="no-channel", remedy=RIGHTS)
    return found[0]


def section(item: dict[str, Any], name: str) -> dict[str, Any]:
    """A part of an item; {} where it is not told."""
    value = item.get(name)
    return value if isinstance(value, dict) else {}


def at(access: Access, path: str) -> str:
    return (access.api_base or API_BASE).rstrip("/") + path


def bearer(access: Access) -> dict[str, str]:
    return {"Authorization": f"Bearer {access_token(access)}"}


def refresh(access: Access) -> None:
    """A new access token; the renewing one stays."""

    def fetch(renewing: str) -> Pair:
        fields = {name: access.credentials[name] for name in ("client_id", "client_secret")}
        return exchanged(access, (access.api_base or _OAUTH_BASE).rstrip("/") + "/token", renewing, fields)

    renew(access, fetch)


def failure(access: Access, answer: Answer) -> ConnectorError:
    """What an unhappy answer means: by its reason, since 403 says four things."""
    reason, message = _said(answer)
    shown = message.replace(access_token(access), "…") if message else answer.excerpt()
    text, now, code = told_without_secrets(access, shown), access.now(), reason or str(answer.status)
    if answer.status == 401:
        return Unauthorised(text, platform_code="401", remedy=RENEW)
    if answer.status in (400, 403) and reason in _OF_THE_DAY:
        # An app's quota is shared by all its accounts, a channel's uploads are its own.
        shared = reason != "uploadLimitExceeded"
        until = midnight_pacific(now)
        return Throttled(text, platform_code=code, until=until, remedy=_OF_THE_DAY[reason], app_wide=shared)
    if answer.status == 403 and reason in _SHORT:
        return Throttled(text, platform_code=code, until=answer.retry_at(now), app_wide=True)
    if answer.status == 403:
        return NeedsPerson(text, platform_code=code, remedy=RIGHTS)
    if answer.status == 400:
        return Refused(text, platform_code=code, remedy=CHANGE)
    return answer.failure(now, text, code)


def _said(answer: Answer) -> tuple[str, str]:
    """The first reason, and the message."""
    try:
        error = section(answer.json_object(), "error")
    except ConnectorError:
        return "", ""
    errors = error.get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    return line(first.get("reason"), 60), str(error.get("message") or "")
