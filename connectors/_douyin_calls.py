"""Calls to Douyin in the account's name and in the app's."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from connectors._byte_calls import ByteCalls
from connectors._contract import Access
from connectors._errors import Label, NeedsPerson, Unauthorised, Unreachable
from connectors._json import whole
from connectors._reactions import SIGN_IN
from connectors._tokens import entered

API_BASE = "https://open.douyin.com"
_CLIENT_TOKEN = "client-token"  # noqa: S105 - the memory's key
_BIZ_LIFE = 29 * 86_400  # seconds; the sheet says thirty days
_MARGIN = 300  # seconds: a new client token keeps the earlier one valid about so long
_WITHDRAWN = Label(
    "账号负责人在抖音取消了授权，已停止该账号：请重新授权并更新令牌。",
    "The holder has withdrawn the authorisation; the account is stopped: sign in again, enter both tokens.",
)


def calls_of(access: Access) -> ByteCalls:
    """The way out in the account's name. Raises NeedsPerson after the platform told of a withdrawal."""
    if access.memory.get(_withdrawal(access)):
        raise NeedsPerson("authorisation withdrawn", platform_code="unauthorize", remedy=_WITHDRAWN)
    if not access.credentials.get("access_token"):
        raise NeedsPerson("no access token", platform_code="no-token", remedy=SIGN_IN)
    return ByteCalls(access, API_BASE, _biz_token(access))


def refresh(access: Access) -> None:
    """Renews the account's tokens; what was made from the dead ones is forgotten."""
    access.memory.forget(_biz_name(access))
    ByteCalls(access, API_BASE).refresh()


def _biz_token(access: Access) -> str:
    """The token that `*.bind` scopes need, where the account's form lists such scopes; '' else."""
    if not access.credentials.get("biz_scopes"):
        return ""
    return _kept(access, _biz_name(access), lambda: _fetched_biz_token(access))


def _biz_name(access: Access) -> str:
    return f"biz-{entered(access)}"


def _fetched_biz_token(access: Access) -> tuple[str, int]:
    fields = {name: access.credentials[name] for name in ("client_key", "client_secret", "open_id")}
    scopes = access.credentials["biz_scopes"]
    data = ByteCalls(access, API_BASE).form("/oauth/business_token/", {**fields, "scope": scopes})
    token = data.get("biz_token")
    if not isinstance(token, str) or not token:
        raise Unreachable("the answer holds no biz_token", platform_code="bad-answer")
    return token, _BIZ_LIFE


def withdraw(access: Access) -> None:
    """The account's holder took the authorisation back: nothing goes out until another is entered."""
    access.memory.put(_withdrawal(access), "yes")


def _withdrawal(access: Access) -> str:
    return f"withdrawn-{entered(access)}"


def as_app(access: Access, path: str, **params: str) -> dict[str, Any]:
    """The `data` of a GET in the app's name; its token is fetched again once where it has died."""
    try:
        return ByteCalls(access, API_BASE).get(path, params, token=client_token(access))
    except Unauthorised:
        access.memory.forget(_CLIENT_TOKEN)
        return ByteCalls(access, API_BASE).get(path, params, token=client_token(access))


def client_token(access: Access) -> str:
    """The app's own token, fetched by one caller at a time."""
    return _kept(access, _CLIENT_TOKEN, lambda: _fetched_token(access))


def ticket(access: Access) -> str:
    """What share links are signed with; at least half its life is left."""
    return _kept(access, "ticket", lambda: _fetched_ticket(access))


def _kept(access: Access, name: str, fetch: Callable[[], tuple[str, int]]) -> str:
    kept = access.memory.get(name)
    if kept is not None:
        return kept
    with access.memory.single_flight(name):
        kept = access.memory.get(name)
        if kept is None:
            kept, seconds = fetch()
            access.memory.put(name, kept, until=access.now() + timedelta(seconds=seconds))
    return kept


def _fetched_token(access: Access) -> tuple[str, int]:
    fields = {name: access.credentials[name] for name in ("client_key", "client_secret")}
    data = ByteCalls(access, API_BASE).form(
        "/oauth/client_token/", {**fields, "grant_type": "client_credential"}
    )
    token, seconds = data.get("access_token"), whole(data.get("expires_in"))
    if not isinstance(token, str) or not token or seconds is None:
        raise Unreachable("the answer holds no client token", platform_code="bad-answer")
    return token, max(seconds - _MARGIN, 1)


def _fetched_ticket(access: Access) -> tuple[str, int]:
    data = as_app(access, "/open/getticket/")
    found, seconds = data.get("ticket"), whole(data.get("expires_in"))
    if not isinstance(found, str) or not found or seconds is None:
        raise Unreachable("the answer holds no ticket", platform_code="bad-answer")
    return found, max(seconds // 2, 1)
