"""Calls to LinkedIn's versioned interfaces, and what an unhappy answer means."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any
from urllib.parse import quote

from connectors._contract import Access
from connectors._errors import ConnectorError, Label, NeedsPerson, Refused, Throttled, Unauthorised
from connectors._http import Answer
from connectors._oauth import exchanged
from connectors._reactions import BUSY, RENEW, TOMORROW
from connectors._tokens import Pair, access_token, renew
from connectors._wording import told_without_secrets

API_BASE = "https://api.linkedin.com"
_OAUTH_BASE = "https://www.linkedin.com"
VERSION = "202606"  # YYYYMM; one is switched off about a year later
RIGHTS = Label(
    "没有这个权限：授权的人须是主页的管理员或内容管理员，应用须有 w_organization_social、"
    "r_organization_social、rw_organization_admin。",
    "Not allowed: whoever authorised must be an administrator or content admin of the page; the app needs "
    "w_organization_social, r_organization_social and rw_organization_admin.",
)
NEW_VERSION = Label(
    "接口版本已停用：请在账号表单里把 api_version 改为新的年月。",
    "This version of the interface is switched off: enter a newer month (api_version) in the form.",
)
CHANGE = Label(
    "平台不接受这条内容，没有发出：请修改后重发。",
    "The platform does not take this post, nothing went out: change it and send again.",
)
TWICE = Label(
    "平台说同样的内容已经有了：正在核对它说的那一条；那条已被删的话，一两天内发不了同样的内容。",
    "The platform says that this content is there already: the post it names is looked at; if that was "
    "deleted, the same content is blocked for a day or two.",
)
RULES: Mapping[str, Label] = {
    "400": CHANGE,
    "401": RENEW,
    "403": RIGHTS,
    "422": CHANGE,
    "426": NEW_VERSION,
    "429": TOMORROW,
    "500": BUSY,
    "DUPLICATE_POST": TWICE,
}


def get(access: Access, path: str) -> Answer:
    """The answer to a question, whatever its status; `path` is already encoded."""
    return access.http.call("GET", at(access, path), writes=False, headers=headers_of(access))


def read(access: Access, path: str) -> dict[str, Any]:
    """The object of a happy answer. Raises what `failure` tells."""
    answer = get(access, path)
    if answer.status != 200:
        raise failure(access, answer)
    return answer.json_object()


def at(access: Access, path: str) -> str:
    return (access.api_base or API_BASE).rstrip("/") + path


def encoded(urn: str) -> str:
    """A name as it stands in paths, queries and lists."""
    return quote(urn, safe="")


def organisation(access: Access) -> str:
    return f"urn:li:organization:{access.credentials['organization']}"


def headers_of(access: Access) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {access_token(access)}",
        "LinkedIn-Version": access.credentials.get("api_version") or VERSION,
        "X-Restli-Protocol-Version": "2.0.0",
    }


def refresh(access: Access) -> None:
    """Renews the token where the app may (approved partners). Raises NeedsPerson where it may not."""

    def fetch(renewing: str) -> Pair:
        fields = {name: access.credentials.get(name, "") for name in ("client_id", "client_secret")}
        url = (access.api_base or _OAUTH_BASE).rstrip("/") + "/oauth/v2/accessToken"
        return exchanged(access, url, renewing, fields)

    renew(access, fetch)


def body_of(answer: Answer) -> dict[str, Any]:
    """The body of an unhappy answer: {status, serviceErrorCode, message, errorDetails}."""
    try:
        return answer.json_object()
    except ConnectorError:
        return {}


def failure(access: Access, answer: Answer) -> ConnectorError:
    code, now = str(answer.status), access.now()
    said = body_of(answer).get("message")
    shown = str(said).replace(access_token(access), "…") if said else answer.excerpt()
    text = told_without_secrets(access, shown)
    if answer.status == 401:
        return Unauthorised(text, platform_code=code, remedy=RENEW)
    if answer.status in (403, 426):
        return NeedsPerson(text, platform_code=code, remedy=RULES[code])
    if answer.status == 429:
        return Throttled(text, platform_code=code, until=_midnight(now), remedy=TOMORROW)
    if answer.status in (400, 422):
        return Refused(text, platform_code=code, remedy=CHANGE)
    return answer.failure(now, text, code)


def _midnight(now: datetime) -> datetime:
    """When the day's quotas are new: 00:00 UTC; there is no header that tells."""
    return datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time(), UTC)
