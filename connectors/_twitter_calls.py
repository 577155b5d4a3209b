"""Calls to X's API, and what an unhappy answer means: problem+json {type, title, detail, status}."""

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors._contract import Access
from connectors._errors import ConnectorError, Label, NeedsPerson, Refused, Throttled, Unauthorised, Uncertain
from connectors._http import Answer
from connectors._json import line, whole
from connectors._oauth import exchanged
from connectors._reactions import RENEW
from connectors._tokens import Pair, access_token, renew
from connectors._wording import told_without_secrets

API_BASE = "https://api.x.com"
DUPLICATE = "duplicate"
USAGE_CAPPED = "usage-capped"
RIGHTS = Label(
    "应用没有这个权限：请在开发者后台核对 tweet.read、tweet.write、users.read、media.write、"
    "offline.access，再重新授权。",
    "The app lacks the right: check tweet.read, tweet.write, users.read, media.write and offline.access in "
    "the developer console, then authorise again.",
)
CREDITS = Label(
    "预付的额度用完了，没有发出：请充值或提高上限，再让账号继续。",
    "The prepaid credits are used up, nothing went out: top up or raise the cap, then resume the account.",
)
CHANGE = Label(
    "平台不接受这条内容，没有发出：请修改后重发。",
    "The platform does not take this post, nothing went out: change it and send again.",
)
TWICE = Label(
    "平台说同样的文字已经发过：正在账号的列表里找；找不到请人看主页，改了文字再发。",
    "The platform says that this text is out already: the account's list is looked through; if it is not "
    "there, look at the page, and change the words before sending again.",
)
RULES: Mapping[str, Label] = {
    "400": CHANGE,
    "401": RENEW,
    "403": RIGHTS,
    "413": CHANGE,
    DUPLICATE: TWICE,
    USAGE_CAPPED: CREDITS,
}
_LONGEST_WAIT = timedelta(days=1)
Params = Mapping[str, str | int]


def get(access: Access, path: str, params: Params | None = None) -> dict[str, Any]:
    """The answer to a question. Raises what `failure` tells."""
    answer = access.http.call("GET", at(access, path), writes=False, params=params, headers=bearer(access))
    return fine(access, answer)


def fine(access: Access, answer: Answer) -> dict[str, Any]:
    """The object of a success. Raises what `failure` tells."""
    if answer.status not in (200, 201, 202):
        raise failure(access, answer)
    return answer.json_object()


def me(access: Access) -> dict[str, Any]:
    """The account as it stands now."""
    data = get(access, "/2/users/me", {"user.fields": "public_metrics"}).get("data")
    return data if isinstance(data, dict) else {}


def at(access: Access, path: str) -> str:
    return (access.api_base or API_BASE).rstrip("/") + path


def bearer(access: Access) -> dict[str, str]:
    return {"Authorization": f"Bearer {access_token(access)}"}


def refresh(access: Access) -> None:
    """Renews both tokens: each renewal spends the renewing one."""

    def fetch(renewing: str) -> Pair:
        credentials = access.credentials
        secret = credentials.get("client_secret", "")
        pair = f"{credentials['client_id']}:{secret}".encode()
        headers = {"Authorization": f"Basic {b64encode(pair).decode()}"} if secret else None
        fields = {"client_id": credentials["client_id"]}
        return exchanged(access, at(access, "/2/oauth2/token"), renewing, fields, headers)

    renew(access, fetch)


def failure(access: Access, answer: Answer) -> ConnectorError:
    told, now, code = _problem(answer), access.now(), str(answer.status)
    detail = str(told.get("detail") or told.get("title") or "")
    shown = detail.replace(access_token(access), "…") if detail else answer.excerpt()
    text = told_without_secrets(access, shown)
    if answer.status == 401:
        return Unauthorised(text, platform_code=code, remedy=RENEW)
    if answer.status == 403 and "duplicate content" in detail.lower():
        # The type is about:blank: only the words tell this from a missing right.
        return Uncertain(text, platform_code=DUPLICATE, remedy=TWICE)
    if answer.status == 403:
        return NeedsPerson(text, platform_code=code, remedy=RIGHTS)
    if answer.status == 429 and line(told.get("type"), 200).endswith(f"/{USAGE_CAPPED}"):
        return NeedsPerson(text, platform_code=USAGE_CAPPED, remedy=CREDITS)
    if answer.status == 429:
        return Throttled(text, platform_code=code, until=_reset(now, answer))
    if answer.status in (400, 413):
        return Refused(text, platform_code=code, remedy=CHANGE)
    return answer.failure(now, text, code)


def _problem(answer: Answer) -> dict[str, Any]:
    try:
        return answer.json_object()
    except ConnectorError:
        return {}


def _reset(now: datetime, answer: Answer) -> datetime:
    """When to go on: `x-rate-limit-reset` in epoch seconds; else as HTTP says."""
    seconds = whole(answer.headers.get("x-rate-limit-reset", "").strip())
    if seconds is None or seconds >= 2**33:
        return answer.retry_at(now)
    return min(max(datetime.fromtimestamp(seconds, UTC), now), now + _LONGEST_WAIT)
