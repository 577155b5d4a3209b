"""Where an account's token comes from: its own secret, or the third-party platform that it authorised.

Both sit behind `TokenProvider`; who calls WeChat sees no difference.
"""

from typing import Any, Protocol

from connectors._contract import Access
from connectors._errors import NeedsPerson, Unreachable
from connectors._wechat_api import Step, WeChatApi, code_of, number, text
from connectors._wechat_component_calls import LOST_REFRESH, SCAN_AGAIN, Component

REFRESH = "refresh-token"
_GONE = "authorisation-gone"


class TokenProvider(Protocol):
    """Fetches a new token. Called by one caller at a time for an account."""

    def fetch(self) -> tuple[str, int]:
        """The token and for how many seconds it lives."""
        ...

    def require_standing(self) -> None:
        """Raises NeedsPerson where the account may not be used any more, whatever its token."""
        ...


def provider_for(access: Access) -> TokenProvider:
    """Where this account's token comes from."""
    return _OwnSecret(access) if access.via is None else _Delegated(access, access.via)


class _OwnSecret:
    """stable_token in normal mode, never forced (section 2.2)."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def require_standing(self) -> None:
        """Its secret says it all."""

    def fetch(self) -> tuple[str, int]:
        credentials = self._access.credentials
        if not credentials.get("secret"):
            raise NeedsPerson(
                "no AppSecret and no authorisation", platform_code="no-secret", remedy=SCAN_AGAIN
            )
        body = {
            "grant_type": "client_credential",
            "appid": credentials["appid"],
            "secret": credentials["secret"],
            "force_refresh": False,
        }
        api = WeChatApi(self._access)
        answer = self._access.http.call(
            "POST", f"{api.base}/cgi-bin/stable_token", writes=False, json_body=body
        )
        given = api.checked(answer, Step.READ, (), (credentials["secret"],), token_call=True)
        return _pair(given, "access_token")


class _Delegated:
    """The third-party platform's token for the account (section 10, step 6).

    The refresh token of every answer is kept before anything else is done with it. One that is lost, here or
    there, is recovered from the platform's list of who authorised it.
    """

    def __init__(self, access: Access, via: Access) -> None:
        self._access = access
        self._via = via
        self._appid = access.credentials["appid"]

    def require_standing(self) -> None:
        if self._via.memory.get(gone(self._appid)) is not None:
            raise NeedsPerson("the authorisation was withdrawn", platform_code="61003", remedy=SCAN_AGAIN)

    def fetch(self) -> tuple[str, int]:
        self.require_standing()
        component = Component(self._via)
        refresh = self._access.memory.get(REFRESH)
        given = None if refresh is None else component.authorizer_token(self._appid, refresh)
        if given is None or code_of(given) == LOST_REFRESH:
            recovered = component.refresh_of(self._appid)
            if recovered is None or recovered == refresh:
                raise _lost()
            self._access.memory.put(REFRESH, recovered)
            given = component.authorizer_token(self._appid, recovered)
            if code_of(given) == LOST_REFRESH:
                raise _lost()
        new = text(given.get("authorizer_refresh_token"))
        if new:
            self._access.memory.put(REFRESH, new)
        return _pair(given, "authorizer_access_token")


def gone(appid: str) -> str:
    """Under which key the component remembers that this account withdrew its authorisation."""
    return f"{_GONE}:{appid}"


def _lost() -> NeedsPerson:
    return NeedsPerson("the refresh token is void", platform_code=str(LOST_REFRESH), remedy=SCAN_AGAIN)


def _pair(given: dict[str, Any], name: str) -> tuple[str, int]:
    token, seconds = given.get(name), number(given.get("expires_in"))
    if not isinstance(token, str) or not token or seconds is None:
        raise Unreachable("the answer holds no token", platform_code="bad-answer")
    return token, seconds
