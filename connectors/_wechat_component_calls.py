"""The third-party platform's own calls: ticket, component token, and the tokens of who authorised it.

Facts: sheet section 10. The ticket is pushed every ten minutes and lives twelve hours; where there is none, a
push is asked for, and whoever needs it waits. Everything is kept in the component account's memory, so that
all nodes share one token.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from connectors._contract import Access
from connectors._errors import Label, NeedsPerson, Throttled, Unreachable
from connectors._wechat_api import Step, WeChatApi, code_of, number, objects, text

TICKET = "ticket-token"  # named so that logs hide it
_TOKEN = "component-token"  # noqa: S105 - the memory's key
_MISSING = "ticket-missing"
_LIFE = timedelta(hours=12)
_PUSH = timedelta(minutes=10)
_MARGIN = 60
_LONGEST = 86_400
_PAGE = 500
_MOST_PAGES = 20
_OLD_TOKEN = frozenset({40001, 40014, 42001})
_OLD_TICKET = frozenset({61005, 61006})
LOST_REFRESH = 61023

_NO_TICKET = Label(
    "还没有收到微信推送的 ticket，已请它重新推送，十来分钟后自动继续。",
    "WeChat's ticket has not come; it was asked to push it again, and this goes on by itself in minutes.",
)
_NO_TICKET_FOR_LONG = Label(
    "十二小时没有收到 ticket：请检查开放平台的“授权事件接收 URL”指向本系统，且外网能访问。",
    "No ticket for twelve hours: the authorisation event address must lead here and be reachable.",
)
SCAN_AGAIN = Label(
    "授权已失效：请账号管理员重新扫码授权（meizhen account authorise）。",
    "The authorisation is void: its administrator must scan again (meizhen account authorise).",
)


def keep_ticket(access: Access, ticket: str, created: int) -> bool:
    """Keeps a ticket that was pushed; False where a newer one is known."""
    with access.memory.single_flight(TICKET):
        known = (access.memory.get(TICKET) or "").partition(" ")[0]
        if known.isdigit() and int(known) > created:
            return False
        made = datetime.fromtimestamp(created, access.now().tzinfo)
        access.memory.put(TICKET, f"{created} {ticket}", until=made + _LIFE)
        access.memory.forget(_MISSING)
    return True


class Component:
    """The calls of one third-party platform."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._api = WeChatApi(access)
        self.appid = access.credentials["component_appid"]

    def pre_auth_code(self) -> tuple[str, int]:
        """A code for one link, and for how many seconds it lives."""
        told = self.post("api_create_preauthcode", {})
        code, seconds = text(told.get("pre_auth_code")), number(told.get("expires_in"))
        if not code or seconds is None:
            raise Unreachable("the answer holds no pre_auth_code", platform_code="bad-answer")
        return code, min(seconds, _LONGEST)

    def authorised(self, code: str) -> dict[str, Any]:
        """`authorization_info` for an authorisation code."""
        return _inner(self.post("api_query_auth", {"authorization_code": code}), "authorization_info")

    def info(self, appid: str) -> dict[str, Any]:
        return _inner(self.post("api_get_authorizer_info", {"authorizer_appid": appid}), "authorizer_info")

    def authorizers(self) -> Iterator[tuple[str, str]]:
        """Every account that is authorised now, with its present refresh token."""
        for page in range(_MOST_PAGES):
            told = self.post("api_get_authorizer_list", {"offset": page * _PAGE, "count": _PAGE})
            listed = objects(told.get("list"))
            yield from ((text(one.get("authorizer_appid")), text(one.get("refresh_token"))) for one in listed)
            if len(listed) < _PAGE:
                return

    def refresh_of(self, appid: str) -> str | None:
        """The present refresh token of an account; None where it is not authorised any more."""
        return next((refresh for one, refresh in self.authorizers() if one == appid and refresh), None)

    def authorizer_token(self, appid: str, refresh: str) -> dict[str, Any]:
        """New tokens of an account, or the code LOST_REFRESH."""
        body = {"authorizer_appid": appid, "authorizer_refresh_token": refresh}
        return self.post("api_authorizer_token", body, allow={LOST_REFRESH}, secrets=(refresh,))

    def post(
        self,
        name: str,
        body: Mapping[str, object],
        *,
        allow: Collection[int] = (),
        secrets: Collection[str] = (),
    ) -> dict[str, Any]:
        """One call with the component's token, which is renewed once where it is old."""
        token = self.token()
        told = self._call(name, body, token, {*allow, *_OLD_TOKEN}, secrets)
        if code_of(told) not in _OLD_TOKEN:
            return told
        token = self._renewed(token)
        return self._call(name, body, token, allow, secrets)

    def token(self) -> str:
        """The component's token, fetched by one caller at a time when there is none."""
        memory = self._access.memory
        held = memory.get(_TOKEN)
        if held is None:
            with memory.single_flight(_TOKEN):
                held = memory.get(_TOKEN) or self._fetch()
        return held

    def _renewed(self, old: str) -> str:
        """A token other than the old one: somebody else may have fetched it meanwhile."""
        memory = self._access.memory
        with memory.single_flight(_TOKEN):
            held = memory.get(_TOKEN)
            if held is not None and held != old:
                return held
            memory.forget(_TOKEN)
            return self._fetch()

    def _fetch(self) -> str:
        _, _, ticket = (self._access.memory.get(TICKET) or "").partition(" ")
        if not ticket:
            raise self._without_ticket()
        secret = self._access.credentials["component_appsecret"]
        asked = self._access.now()
        body = {"component_appsecret": secret, "component_verify_ticket": ticket}
        told = self._call("api_component_token", body, "", _OLD_TICKET, (secret, ticket), token_call=True)
        if code_of(told) in _OLD_TICKET:
            self._access.memory.forget(TICKET)
            raise self._without_ticket()
        token, seconds = text(told.get("component_access_token")), number(told.get("expires_in"))
        if not token or seconds is None:
            raise Unreachable("the answer holds no token", platform_code="bad-answer")
        until = asked + timedelta(seconds=min(seconds, _LONGEST) - _MARGIN)
        self._access.memory.put(_TOKEN, token, until=until)
        return token

    def _without_ticket(self) -> Throttled | NeedsPerson:
        """Asks for a push, at most once in ten minutes over all nodes; after twelve hours a person looks."""
        memory, now = self._access.memory, self._access.now()
        since = memory.get(_MISSING)
        if since is None:
            memory.put(_MISSING, now.isoformat())
        elif now - datetime.fromisoformat(since) > _LIFE:
            told = "no ticket for twelve hours"
            return NeedsPerson(told, platform_code="no-ticket", remedy=_NO_TICKET_FOR_LONG)
        if memory.spend("ticket-pushes", 1, 1, now + _PUSH):
            secret = self._access.credentials["component_appsecret"]
            body = {"component_secret": secret}
            self._call("api_start_push_ticket", body, "", (), (secret,), token_call=True)
        return Throttled(
            "waiting for the ticket",
            until=now + _PUSH + timedelta(minutes=1),
            platform_code="no-ticket",
            remedy=_NO_TICKET,
            app_wide=True,
        )

    def _call(
        self,
        name: str,
        body: Mapping[str, object],
        token: str,
        allow: Collection[int],
        secrets: Collection[str],
        *,
        token_call: bool = False,
    ) -> dict[str, Any]:
        answer = self._access.http.call(
            "POST",
            f"{self._api.base}/cgi-bin/component/{name}",
            writes=False,  # nothing public comes of it; a code that was used up is asked for anew
            params={"component_access_token": token} if token else None,
            json_body={"component_appid": self.appid, **body},
        )
        return self._api.checked(answer, Step.READ, allow, (token, *secrets), token_call=token_call)


def _inner(told: Mapping[str, Any], name: str) -> dict[str, Any]:
    inner = told.get(name)
    if not isinstance(inner, dict):
        raise Unreachable(f"the answer holds no {name}", platform_code="bad-answer")
    return inner
