"""WeChat Official Accounts (微信公众号、服务号) by their server API.

Facts: `../shared/platforms/wechat-official-account.md`. A verified account publishes (发布) or mass-sends
(群发) by itself; for an unverified one the draft is pushed and a person presses publish.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time
from typing import ClassVar

from connectors import _wechat_callback, _wechat_check, _wechat_figures
from connectors._assistance import Assistance, checks
from connectors._contract import (
    Access,
    ArticleFigures,
    Asking,
    CallbackAnswer,
    CallbackRequest,
    Connector,
    CredentialField,
    Figures,
    Finding,
    Limits,
    Media,
    Outgoing,
    Receipt,
    Reconcile,
    TextFormat,
)
from connectors._errors import Label, NeedsPerson
from connectors._wechat_api import API_BASE, WeChatApi
from connectors._wechat_article import LIMITS, content_of, limits_for, problems_of
from connectors._wechat_codes import NO_PERMISSION, RULES
from connectors._wechat_mass import MassSends
from connectors._wechat_publication import Publications, find_draft, hand_over, made_by_hand


class WeChat(Connector):
    """A WeChat Official Account."""

    platform = "wechat"
    label = Label("微信公众号", "WeChat Official Account")
    default_api_base = API_BASE
    credential_fields = (
        CredentialField("appid", Label("AppID", "AppID"), secret=False, pattern=r"wx[0-9a-f]{16}"),
        CredentialField("secret", Label("AppSecret", "AppSecret"), pattern=r"[0-9a-f]{32}"),
        CredentialField(
            "kind",
            Label("账号类型（公众号填 subscription，服务号填 service）", "Kind (subscription or service)"),
            secret=False,
            required=False,
            pattern=r"subscription|service",
        ),
        CredentialField(
            "callback_token",
            Label(
                "回调 Token（可选，3–32 位字母或数字）",
                "Callback token (optional, 3 to 32 characters)",
            ),
            required=False,
            pattern=r"[0-9A-Za-z]{3,32}",
        ),
        CredentialField(
            "encoding_aes_key",
            Label("EncodingAESKey（回调用，可选）", "EncodingAESKey (for the callback, optional)"),
            required=False,
            pattern=r"[0-9A-Za-z]{43}",
        ),
    )
    limits = LIMITS
    formats = frozenset({TextFormat.MARKDOWN, TextFormat.HTML})
    capabilities = frozenset({"publish", "settle", "find", "articles", "account_day", "assisted", "callback"})
    metrics = _wechat_figures.METRICS
    # Section 9: after 08:00; the token and the right to comments, a call a publishing day, three an account
    # day; 1,000 calls a day and interface are assumed, here for all interfaces together.
    asking = Asking(
        ready_at=time(8), calls=2, calls_a_publishing_day=1, calls_an_account_day=3, daily_calls=1_000
    )
    options: ClassVar[Mapping[str, Label]] = {
        "mode": Label("方式：publish 发布（默认），mass 群发", "Mode: publish (default) or mass (push)"),
        "tag_id": Label("群发给的标签编号；空为全部粉丝", "Tag to mass-send to; empty for all followers"),
        "reprint": Label(
            "判为转载时：stop 停止（默认），send 继续", "Judged a reprint: stop (default) or send"
        ),
        "form": Label("形式：news 图文（默认），pictures 图片消息", "Form: news (default) or pictures"),
        "author": Label("作者（16 字内）", "Author (up to 16 characters)"),
        "digest": Label(
            "摘要（120 字内；空则取正文开头）", "Digest (up to 120; empty takes the text's start)"
        ),
        "link": Label("“阅读原文”链接", "Original link"),
        "comments": Label(
            "留言：off 关闭（默认），open 所有人，fans 仅粉丝", "Comments: off (default), open, fans"
        ),
    }
    assistance = Assistance(
        where=Label(
            "请登录公众平台发表这篇图文,再把链接贴回来。",
            "Publish this article in the console of Official Accounts, then paste its link.",
        ),
        links=(r"https?://mp\.weixin\.qq\.com/s(?:/[\w-]{6,60}(?:\?\S*)?|\?\S{10,900})",),
        checklist=checks(
            ("登录的是本单位的公众号", "Signed in with the unit's own account"),
            ("封面、作者、摘要对", "Cover, author and digest are right"),
            ("声明原创和留言按要求", "Original mark and comments are as wanted"),
        ),
        example="https://mp.weixin.qq.com/s/AbCdEfGhIjKlMnOpQrStUv",
    )
    breaks: ClassVar[Mapping[date, Label]] = {
        _wechat_figures.FIRST_DAY: Label(
            "微信换了统计接口：此后只有阅读人数，没有阅读次数；前后只能用人数比。",
            "WeChat changed its statistics: readers only from here on, no reads; compare readers only.",
        )
    }
    reconcile = Reconcile.LOOKUP
    # The first look waits a minute: a job just accepted would still show its draft, and a living draft is
    # what proves that nothing was published. The last is at 24 hours, as the sheet gives up (section 5).
    looks = (60, 300, 900, 3600, 14_400, 43_200, 86_400)
    polls = (5, 15, 60, 300)
    settle_hours = 24.0

    def gate(self, access: Access) -> str:
        if access.via is None:
            return super().gate(access)
        return f"{self.platform} {access.via.account}"[:160]

    def check(self, access: Access) -> tuple[Finding, ...]:
        return _wechat_check.check(access)

    def explain(self, code: str) -> Label | None:
        rule = RULES.get(int(code)) if code.isascii() and code.removeprefix("-").isdigit() else None
        return rule.remedy if rule and "{ip}" not in rule.remedy.zh else None

    def problems(self, outgoing: Outgoing) -> tuple[Label, ...]:
        return problems_of(outgoing)

    def limits_for(self, options: Mapping[str, str]) -> Limits:
        return limits_for(options)

    def preview(self, outgoing: Outgoing, address_of: Callable[[Media], str]) -> str | None:
        if outgoing.options.get("form") == "pictures":
            return None
        return content_of(outgoing, address_of)

    def publish(self, access: Access, outgoing: Outgoing) -> Receipt:
        api = WeChatApi(access)
        try:
            if not access.verified:
                return hand_over(api, outgoing)
            return _sender(api, outgoing.options.get("mode", "")).send(outgoing)
        except NeedsPerson as error:
            # The submit's own refusal has left a draft; this one is of materials or drafts themselves.
            if error.platform_code != str(NO_PERMISSION):
                raise
            return made_by_hand()

    def settle(self, access: Access, receipt: Receipt) -> Receipt:
        return _sender(WeChatApi(access), receipt.detail.get("mode", "")).settle(receipt)

    def find(self, access: Access, outgoing: Outgoing, since: datetime) -> Receipt | None:
        api = WeChatApi(access)
        if not access.verified:
            return find_draft(api, outgoing)
        return _sender(api, outgoing.options.get("mode", "")).find(outgoing, since)

    def refresh(self, access: Access) -> None:
        WeChatApi(access).renew_token()

    def callback(self, access: Access, request: CallbackRequest) -> CallbackAnswer:
        return _wechat_callback.answer(access, request)

    def articles(self, access: Access, since: date, until: date) -> Iterator[ArticleFigures]:
        return _wechat_figures.articles(WeChatApi(access), since, until)

    def account_day(self, access: Access, day: date) -> Figures | None:
        return _wechat_figures.account_day(WeChatApi(access), day)


def _sender(api: WeChatApi, mode: str) -> Publications | MassSends:
    return MassSends(api) if mode == "mass" else Publications(api)


connector = WeChat()
