"""Calls to Baijiahao's partner interface: the app's id and token stand in the body, only over https."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from connectors._contract import Access
from connectors._errors import Label, NeedsPerson
from connectors._json import whole
from connectors._reactions import (
    BUSY,
    LOOK,
    PARAMETER,
    TOMORROW,
    Reaction,
    Rule,
    Table,
    error_for,
    table,
)
from connectors._wording import told_without_secrets

API_BASE = "https://baijiahao.baidu.com"
_RESOURCE = "/builderinner/open/resource/"
_HERE = ("127.0.0.1", "localhost", "::1")
STORED = 301003  # a picture that stands there already: as good as done
_GRANT = Label(
    "账号没有开通这个接口：请向百家号申请开发者权限。",
    "The interface is not granted: apply for it at the platform.",
)
_TOKEN = Label(
    "app_token 不对：请在百家号后台核对后重新填写。", "The app_token is wrong: look it up in the back office."
)
_OTHER = Label("这不是本账号的文章。", "This is not an article of the account.")
_CEILING = Label("这篇文章的修改次数已用完。", "The article cannot be edited any more.")
_ACCOUNT = Label(
    "账号未通过审核、被禁言或不存在，已停止该账号：请登录百家号处理。",
    "The account is not approved, muted or missing; it is stopped: settle it in the back office.",
)
_HTTPS = Label(
    "接口地址必须是 https：令牌在请求里，不能明文发。",
    "The address must be https: the token is in the request.",
)
RULES: Table = table(
    ((2,), Rule(Reaction.PERM, PARAMETER)),
    ((4, 5, 10003, 10005, 60000006, 60000020), Rule(Reaction.DOUBT, BUSY)),
    ((10002,), Rule(Reaction.ASK, _GRANT, account_wide=True)),
    ((1001, 60001001), Rule(Reaction.ASK, _TOKEN, account_wide=True)),
    ((10009,), Rule(Reaction.PERM, _OTHER)),
    ((27012,), Rule(Reaction.PERM, _CEILING)),
    ((301002, 60001008, 60001009), Rule(Reaction.NEXT_DAY, TOMORROW)),
    ((60000005, 60000009), Rule(Reaction.ASK, _ACCOUNT, account_wide=True)),
    ((60001003, 800000201, 80000107), Rule(Reaction.RECONCILE, LOOK)),
)


def call(access: Access, path: str, fields: Mapping[str, object], *, writes: bool) -> Any:
    """The `data` of a POST; None where it has none. Raises what the errno means."""
    base = (access.api_base or API_BASE).rstrip("/")
    parts = urlsplit(base)
    if parts.scheme != "https" and parts.hostname not in _HERE:
        raise NeedsPerson("the address is not https", platform_code="https", remedy=_HTTPS)
    own = {name: access.credentials[name] for name in ("app_id", "app_token")}
    answer = access.http.call("POST", base + _RESOURCE + path, writes=writes, json_body={**own, **fields})
    if answer.status != 200:
        raise answer.failure(access.now(), told_without_secrets(access, answer.excerpt()))
    body = answer.json_object()
    code = whole(body.get("errno"))
    if code is None:
        raise answer.bad("no errno")
    if code in (0, STORED):
        return body.get("data")
    text = told_without_secrets(access, body.get("errmsg"))
    raise error_for(RULES, str(code), text, writes=writes, now=access.now())
