"""The third-party platform's double: ticket, codes, tokens of who authorised it (sheet sections 10 and 12.8).

A component is an account whose credentials hold `component_appid` and `component_appsecret`; the switch
`callback` = {"token", "aes_key"} seals its events. `push_ticket`, `authorise` and `withdraw` are what WeChat
and an administrator's phone do; each gives the event as it is posted. Switch `scopes` of an authorising
account lists its permission sets (2, 7 and 11 by itself).
"""

from datetime import timedelta
from typing import Any

from sandbox.platforms._wechat_desk import PLATFORM, No, memory, new_id, serial
from sandbox.platforms._wechat_events import EventPost, sealed_event
from sandbox.world import SandboxAccount, World

PREFIX = "/cgi-bin/component/"
_TICKET_LIFE = timedelta(hours=12)
_TOKEN_LIFE = timedelta(seconds=7200)
_CODE_LIFE = timedelta(hours=1)


def answer(world: World, path: str, query: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
    """What the component's interfaces answer. Raises No."""
    component = _component(world, str(body.get("component_appid", "")))
    name = path.removeprefix(PREFIX)
    if name == "api_start_push_ticket":
        _check_secret(component, body.get("component_secret"))
        component.state["pushes"] = component.state.get("pushes", 0) + 1
        return {"errcode": 0, "errmsg": "ok"}
    if name == "api_component_token":
        return _token(world, component, body)
    _check_token(world, component, query.get("component_access_token", ""))
    handlers = {
        "api_create_preauthcode": _preauth,
        "api_query_auth": _query_auth,
        "api_authorizer_token": _authorizer_token,
        "api_get_authorizer_info": _info,
        "api_get_authorizer_list": _list,
    }
    if name not in handlers:
        raise No(40066, "invalid url")
    return handlers[name](world, component, body)


# --- what happens elsewhere -------------------------------------------------------------------------------


def push_ticket(world: World, component: SandboxAccount) -> EventPost:
    """The ten-minute push; the older tickets live on."""
    ticket = f"ticket@@@{new_id(world, component, 'ticket')}"
    memory(component, "tickets")[ticket] = world.now() + _TICKET_LIFE
    inside = f"<ComponentVerifyTicket><![CDATA[{ticket}]]></ComponentVerifyTicket>"
    return _event(world, component, "component_verify_ticket", inside)


def authorise(
    world: World, component: SandboxAccount, account: SandboxAccount, preauth: str = ""
) -> tuple[str, EventPost]:
    """The administrator scans and agrees: the code that the browser brings back, and the event."""
    code = f"queryauthcode@@@{new_id(world, component, 'code')}"
    appid = account.credentials["appid"]
    memory(component, "codes")[code] = (appid, world.now() + _CODE_LIFE)
    renew_refresh(world, component, appid)
    inside = (
        f"<AuthorizerAppid><![CDATA[{appid}]]></AuthorizerAppid>"
        f"<AuthorizationCode><![CDATA[{code}]]></AuthorizationCode>"
        f"<PreAuthCode><![CDATA[{preauth}]]></PreAuthCode>"
    )
    return code, _event(world, component, "authorized", inside)


def withdraw(world: World, component: SandboxAccount, account: SandboxAccount) -> EventPost:
    """The administrator takes it back: tokens die."""
    appid = account.credentials["appid"]
    memory(component, "refreshes").pop(appid, None)
    memory(account, "tokens").clear()
    inside = f"<AuthorizerAppid><![CDATA[{appid}]]></AuthorizerAppid>"
    return _event(world, component, "unauthorized", inside)


def renew_refresh(world: World, component: SandboxAccount, appid: str) -> str:
    """A new refresh token; the one before is void."""
    refresh = f"refreshtoken@@@{new_id(world, component, 'refresh')}"
    memory(component, "refreshes")[appid] = refresh
    return refresh


def _event(world: World, component: SandboxAccount, kind: str, inside: str) -> EventPost:
    appid = component.credentials["component_appid"]
    stamp = int(world.now().timestamp())
    xml = (
        f"<xml><AppId><![CDATA[{appid}]]></AppId><CreateTime>{stamp}</CreateTime>"
        f"<InfoType><![CDATA[{kind}]]></InfoType>{inside}</xml>"
    )
    return sealed_event(component.switches["callback"], xml, appid, stamp)


# --- the interfaces ---------------------------------------------------------------------------------------


def _component(world: World, appid: str) -> SandboxAccount:
    for account in world.accounts_of(PLATFORM):
        if appid and account.credentials.get("component_appid") == appid:
            return account
    raise No(40013)


def _check_secret(component: SandboxAccount, secret: object) -> None:
    if secret != component.credentials["component_appsecret"]:
        raise No(40125)


def _token(world: World, component: SandboxAccount, body: dict[str, Any]) -> dict[str, Any]:
    _check_secret(component, body.get("component_appsecret"))
    until = memory(component, "tickets").get(str(body.get("component_verify_ticket")))
    if until is None:
        raise No(61006, "component ticket is invalid")
    if world.now() >= until:
        raise No(61005, "component ticket is expired")
    token = f"61_{serial(component):08d}{'c' * 40}"
    component.state["component_tokens"] = {token: world.now() + _TOKEN_LIFE}  # the newest only
    return {"component_access_token": token, "expires_in": int(_TOKEN_LIFE.total_seconds())}


def _check_token(world: World, component: SandboxAccount, token: str) -> None:
    until = memory(component, "component_tokens").get(token)
    if until is None:
        raise No(40001)
    if world.now() >= until:
        raise No(42001)


def _preauth(world: World, component: SandboxAccount, _body: dict[str, Any]) -> dict[str, Any]:
    return {"pre_auth_code": f"preauthcode@@@{new_id(world, component, 'preauth')}", "expires_in": 600}


def _query_auth(world: World, component: SandboxAccount, body: dict[str, Any]) -> dict[str, Any]:
    appid, until = memory(component, "codes").pop(str(body.get("authorization_code")), ("", world.now()))
    if not appid:
        raise No(61009, "code is invalid")
    if world.now() >= until:
        raise No(61010, "code is expired")
    account = _authorizer(world, component, appid)
    scopes = account.switches.get("scopes", [2, 7, 11])
    return {
        "authorization_info": {
            "authorizer_appid": appid,
            **_tokens(world, component, account),
            "func_info": [{"funcscope_category": {"id": scope}} for scope in scopes],
        }
    }


def _authorizer_token(world: World, component: SandboxAccount, body: dict[str, Any]) -> dict[str, Any]:
    account = _authorizer(world, component, str(body.get("authorizer_appid", "")))
    known = memory(component, "refreshes")[account.credentials["appid"]]
    if body.get("authorizer_refresh_token") != known:
        raise No(61023, "refresh_token is invalid")
    return _tokens(world, component, account)


def _tokens(world: World, component: SandboxAccount, account: SandboxAccount) -> dict[str, Any]:
    token = f"92_{account.account.encode().hex()}_{serial(account):08d}{'a' * 40}"
    memory(account, "tokens")[token] = world.now() + _TOKEN_LIFE
    return {
        "authorizer_access_token": token,
        "expires_in": int(_TOKEN_LIFE.total_seconds()),
        "authorizer_refresh_token": renew_refresh(world, component, account.credentials["appid"]),
    }


def _info(world: World, component: SandboxAccount, body: dict[str, Any]) -> dict[str, Any]:
    account = _authorizer(world, component, str(body.get("authorizer_appid", "")))
    verified = 0 if account.switches.get("verified", True) else -1
    return {
        "authorizer_info": {
            "nick_name": f"账号{account.account}",
            "service_type_info": {"id": 2 if account.switches.get("service", False) else 0},
            "verify_type_info": {"id": verified},
            "user_name": f"gh_{account.account}",
        }
    }


def _list(_world: World, component: SandboxAccount, body: dict[str, Any]) -> dict[str, Any]:
    refreshes = sorted(memory(component, "refreshes").items())
    offset, size = int(body.get("offset", 0)), min(int(body.get("count", 500)), 500)
    return {
        "total_count": len(refreshes),
        "list": [
            {"authorizer_appid": appid, "refresh_token": refresh, "auth_time": 1}
            for appid, refresh in refreshes[offset : offset + size]
        ],
    }


def _authorizer(world: World, component: SandboxAccount, appid: str) -> SandboxAccount:
    if appid not in memory(component, "refreshes"):
        raise No(61003, "component is not authorized by this account")
    return next(one for one in world.accounts_of(PLATFORM) if one.credentials.get("appid") == appid)
