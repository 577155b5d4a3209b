"""A WeChat third-party platform (第三方平台): subordinate accounts authorise it by QR, without secrets.

Facts: `../shared/platforms/wechat-official-account.md`, section 10 (not tried with a real platform yet).
"""

from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlencode

from connectors import _wechat_component_events as events
from connectors._authorising import AuthorisationLink, Authorised, Authoriser, Heard
from connectors._contract import (
    Access,
    CallbackAnswer,
    CallbackRequest,
    CredentialField,
    Finding,
    Limits,
)
from connectors._errors import Label, NeedsPerson, Refused, Throttled
from connectors._wechat_api import API_BASE, number, objects, text
from connectors._wechat_component_calls import Component
from connectors._wechat_tokens import REFRESH

_PAGE = "https://mp.weixin.qq.com/cgi-bin/componentloginpage"
# Permission sets that publishing and statistics need (sheet, step 5).
_NEEDED = {
    2: Label("用户管理（粉丝数）", "users (follower counts)"),
    7: Label("群发与通知（发布）", "mass sends and notices (publishing)"),
    11: Label("素材管理", "materials"),
}


class WeChatThirdParty(Authoriser):
    platform = "wechat_thirdparty"
    label = Label("微信第三方平台", "WeChat third-party platform")
    default_api_base = API_BASE
    credential_fields = (
        CredentialField(
            "component_appid", Label("第三方平台 AppID", "AppID"), secret=False, pattern=r"wx[0-9a-f]{16}"
        ),
        CredentialField(
            "component_appsecret", Label("第三方平台 AppSecret", "AppSecret"), pattern=r"[0-9a-f]{32}"
        ),
        CredentialField(
            "callback_token", Label("消息校验 Token", "Message check token"), pattern=r"[0-9A-Za-z]{3,32}"
        ),
        CredentialField(
            "encoding_aes_key", Label("消息加解密 Key", "Message key"), pattern=r"[0-9A-Za-z]{43}"
        ),
    )
    limits = Limits()
    capabilities = frozenset({"authorise", "callback"})

    def check(self, access: Access) -> tuple[Finding, ...]:
        try:
            count = sum(1 for _ in Component(access).authorizers())
        except (NeedsPerson, Refused, Throttled) as error:
            told = f"{error.platform_code} {error.platform_text}"
            return (Finding(False, Label(f"微信返回：{told}", f"WeChat says: {told}"), error.remedy),)
        told_of = Label(f"可以用，已有 {count} 个账号授权。", f"It works; authorisations: {count}.")
        return (Finding(True, told_of),)

    def callback(self, access: Access, request: CallbackRequest) -> CallbackAnswer:
        return events.answer(access, request)

    def link(self, access: Access, back: str) -> AuthorisationLink:
        component = Component(access)
        code, seconds = component.pre_auth_code()
        query = {
            "component_appid": component.appid,
            "pre_auth_code": code,
            "redirect_uri": back,
            "auth_type": 1,  # official accounts only
        }
        return AuthorisationLink(
            f"{_PAGE}?{urlencode(query)}", access.now() + timedelta(seconds=seconds), code
        )

    def heard(self, access: Access) -> tuple[Heard, ...]:
        return events.heard(access)

    def authorised(self, access: Access, code: str) -> Authorised:
        component = Component(access)
        given = component.authorised(code)
        appid, refresh = text(given.get("authorizer_appid")), text(given.get("authorizer_refresh_token"))
        if not appid or not refresh:
            raise NeedsPerson("the answer names no account", platform_code="bad-answer")
        events.used(access, appid)
        info = component.info(appid)
        kind, verified = _number_in(info, "service_type_info"), _number_in(info, "verify_type_info")
        return Authorised(
            platform="wechat",
            handle=appid,  # the address for messages holds it: `…/callback/…/$APPID$`
            name=text(info.get("nick_name")) or appid,
            verified=verified is not None and verified >= 0,
            credentials={"appid": appid, "kind": "service" if kind == 2 else "subscription"},
            remembered={REFRESH: refresh},
            missing=_missing(given),
        )

    def recover(self, access: Access) -> Mapping[str, Mapping[str, str]]:
        return {appid: {REFRESH: refresh} for appid, refresh in Component(access).authorizers() if refresh}


def _number_in(info: Mapping[str, object], name: str) -> int | None:
    inner = info.get(name)
    return number(inner.get("id")) if isinstance(inner, dict) else None


def _missing(given: Mapping[str, object]) -> tuple[Label, ...]:
    categories = (one.get("funcscope_category") for one in objects(given.get("func_info")))
    there = {number(one.get("id")) for one in categories if isinstance(one, dict)}
    return tuple(label for number_, label in _NEEDED.items() if number_ not in there)


connector = WeChatThirdParty()
