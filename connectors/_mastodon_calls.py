"""Calls to an account's instance, and what an unhappy answer means: by its status, never by its words."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors._contract import Access
from connectors._errors import ConnectorError, Label, NeedsPerson, Refused, Throttled
from connectors._http import Answer
from connectors._json import line

NEW_TOKEN = Label(
    "请账号持有人在实例的“首选项 → 开发”里重新生成访问令牌，再填到这里。",
    "The account's owner makes a new access token (Preferences → Development) and it is entered here.",
)
SCOPES = Label(
    "令牌缺少权限，需要 read:accounts、read:statuses、write:statuses、write:media。",
    "The token lacks a scope: read:accounts, read:statuses, write:statuses and write:media are needed.",
)
CHANGE = Label(
    "实例不接受这条内容，请按提示修改后重发。",
    "The instance does not take this post: change it and send again.",
)
RULES: Mapping[str, Label] = {"401": NEW_TOKEN, "403": SCOPES, "422": CHANGE}
_LONGEST_WAIT = timedelta(days=1)


def get(access: Access, path: str, params: Mapping[str, str | int] | None = None) -> Answer:
    """The instance's answer to a question, whatever its status."""
    url = f"{access.api_base.rstrip('/')}{path}"
    return access.http.call("GET", url, writes=False, params=params, headers=bearer(access))


def fine(access: Access, answer: Answer) -> Answer:
    """The answer where it is a success. Raises what `failure` tells."""
    if answer.status in (200, 202):
        return answer
    raise failure(access, answer)


def me(access: Access) -> dict[str, Any]:
    """The account as it stands now."""
    return fine(access, get(access, "/api/v1/accounts/verify_credentials")).json_object()


def bearer(access: Access) -> dict[str, str]:
    return {"Authorization": f"Bearer {access.credentials['access_token']}"}


def failure(access: Access, answer: Answer) -> ConnectorError:
    text, code, now = _words(answer), str(answer.status), access.now()
    if answer.status in (401, 403):
        return NeedsPerson(text, platform_code=code, remedy=RULES[code])
    if answer.status == 422:
        return Refused(text, platform_code=code, remedy=CHANGE)
    if answer.status == 429:
        return Throttled(text, platform_code=code, until=_reset(now, answer))
    return answer.failure(now, text, code)


def _words(answer: Answer) -> str:
    try:
        told = answer.json_object().get("error")
    except ConnectorError:
        told = None
    return line(told, 200) if isinstance(told, str) and told else answer.excerpt()


def _reset(now: datetime, answer: Answer) -> datetime:
    """When to go on: `X-RateLimit-Reset`, an ISO time with microseconds; else as HTTP says."""
    try:
        at = datetime.fromisoformat(answer.headers.get("x-ratelimit-reset", ""))
    except ValueError:
        return answer.retry_at(now)
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return min(max(at, now), now + _LONGEST_WAIT)
