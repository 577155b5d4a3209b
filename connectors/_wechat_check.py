"""Can the account do what it should? Token and whitelist, permissions, quota (sheet sections 1, 2 and 13)."""

from collections.abc import Iterator

from connectors._contract import Access, Finding
from connectors._errors import Label, NeedsPerson, Refused
from connectors._wechat_api import WeChatApi, number
from connectors._wechat_codes import NO_PERMISSION

_QUOTAS = ("/cgi-bin/draft/add", "/cgi-bin/freepublish/submit")
_VERIFY = Label(
    "请完成微信认证；在此之前系统只推送草稿，由人在公众平台点“发表”。",
    "Verify the account with WeChat; until then drafts are pushed and a person presses publish.",
)
_MARK_UNVERIFIED = Label(
    "请在账号设置里取消“已认证”，系统就会改为人工发布。",
    "Clear “verified” in the account's settings: it is then published assisted.",
)
_MARK_VERIFIED = Label(
    "请在账号设置里勾选“已认证”，系统就会自动发布。",
    "Set “verified” in the account's settings: it is then published by API.",
)


def findings(api: WeChatApi) -> Iterator[Finding]:
    """What is fine and what a person must mend. Stops where nothing more can be asked."""
    try:
        api.renew_token()
        yield Finding(
            True, Label("AppID、AppSecret 和 IP 白名单正常。", "AppID, AppSecret and IP whitelist fit.")
        )
        yield from _materials(api)
        yield from _publishing(api)
        for path in _QUOTAS:
            yield from _quota(api, path)
    except (NeedsPerson, Refused) as error:
        told = f"{error.platform_code} {error.platform_text}"
        yield Finding(False, Label(f"微信返回：{told}", f"WeChat says: {told}"), error.remedy)


def _materials(api: WeChatApi) -> Iterator[Finding]:
    if _permitted(api, "/cgi-bin/draft/batchget"):
        yield Finding(True, Label("可以使用素材和草稿接口。", "Materials and drafts are permitted."))
    else:
        yield Finding(
            False, Label("没有素材和草稿接口。", "Materials and drafts are not permitted."), _VERIFY
        )


def _publishing(api: WeChatApi) -> Iterator[Finding]:
    """Compares what the account may do with what our settings say of it."""
    permitted = _permitted(api, "/cgi-bin/freepublish/batchget")
    match permitted, api.access.verified:
        case True, True:
            yield Finding(True, Label("可以自动发布。", "Publishing by API is permitted."))
        case True, False:
            told = Label(
                "账号有发布权限，但设置为未认证。", "The account may publish, but is set as unverified."
            )
            yield Finding(False, told, _MARK_VERIFIED)
        case False, True:
            told = Label(
                "账号没有发布权限，但设置为已认证。", "The account may not publish, but is set as verified."
            )
            yield Finding(False, told, _MARK_UNVERIFIED)
        case _:
            told = Label("未认证账号：人工发布。", "An unverified account: published assisted.")
            yield Finding(True, told, _VERIFY)


def _permitted(api: WeChatApi, path: str) -> bool:
    body = {"offset": 0, "count": 1, "no_content": 1}
    return number(api.post(path, body, allow={NO_PERMISSION}).get("errcode", 0)) != NO_PERMISSION


def _quota(api: WeChatApi, path: str) -> Iterator[Finding]:
    """What is left of the day's calls; nothing where WeChat does not tell (76003, no block)."""
    answer = api.post("/cgi-bin/openapi/quota/get", {"cgi_path": path}, allow={76003, NO_PERMISSION})
    quota = answer.get("quota")
    limit, left = (
        (number(quota.get("daily_limit")), number(quota.get("remain")))
        if isinstance(quota, dict)
        else (None, None)
    )
    if limit is None or left is None:
        return
    remedy = None if left > 0 else Label("北京时间零点后恢复。", "New after midnight in Beijing.")
    told = Label(f"{path} 今天还可调用 {left}/{limit} 次。", f"{path}: {left} of {limit} calls left today.")
    yield Finding(left > 0, told, remedy, left=left)


def check(access: Access) -> tuple[Finding, ...]:
    """All findings of an account. Raises Unreachable or Throttled where WeChat cannot be asked now."""
    return tuple(findings(WeChatApi(access)))
