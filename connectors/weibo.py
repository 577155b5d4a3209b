"""Weibo 新浪微博: posts with a safe-domain link, 头条文章 by application, public counts back.

Facts from `../shared/platforms/weibo.md`. The rooms `_weibo_*` hold one noun each.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import ClassVar

from connectors._contract import (
    Access,
    ArticleFigures,
    Asking,
    Connector,
    CredentialField,
    Figures,
    Finding,
    Limits,
    Outgoing,
    Receipt,
    Reconcile,
)
from connectors._errors import Label, NeedsPerson
from connectors._weibo_budget import COLLECTING_CALLS
from connectors._weibo_calls import API_BASE
from connectors._weibo_checkup import check_account
from connectors._weibo_errors import RULES, SIGN_IN
from connectors._weibo_figures import METRICS, account_today, articles_of
from connectors._weibo_picture import MAX_BYTES, TYPES
from connectors._weibo_posts import (
    ARTICLE_CONTENT,
    ARTICLE_TITLE,
    TEXT_LENGTH,
    find_post,
    post_problems,
    send,
)
from connectors._weibo_text import chinese_length

_DOMAIN = r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?"


class Weibo(Connector):
    """The open platform for ordinary apps: one way to write, 100 calls a day, no reads, no renewal."""

    platform = "weibo"
    label = Label("新浪微博", "Weibo")
    default_api_base = API_BASE
    credential_fields = (
        CredentialField(
            "access_token", Label("授权令牌 access_token", "Access token"), pattern=r"[\x21-\x7e]+"
        ),
        CredentialField("uid", Label("微博 UID", "Weibo UID"), secret=False, pattern=r"[1-9][0-9]{0,19}"),
        CredentialField("app_key", Label("应用 App Key", "App Key"), secret=False, pattern=r"[0-9]{1,20}"),
        CredentialField("app_secret", Label("应用 App Secret", "App Secret"), required=False),
        CredentialField(
            "safe_domain",
            Label("安全域名（多个用逗号分隔）", "Safe domain (several with commas)"),
            secret=False,
            pattern=rf"{_DOMAIN}(\s*,\s*{_DOMAIN})*",
        ),
        CredentialField(
            "rip",
            Label("操作用户的真实公网 IP", "Real public IP of the operating user"),
            secret=False,
            pattern=r"[0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]+",
        ),
        CredentialField(
            "expires_at",
            Label("授权到期日（2026-04-01）", "Day the authorisation ends (2026-04-01)"),
            secret=False,
            required=False,
            pattern=r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
        ),
        CredentialField(
            "article",
            Label("已开通头条文章接口（yes）", "Has the article interface (yes)"),
            secret=False,
            required=False,
            pattern=r"yes|no",
        ),
    )
    limits = Limits(
        text_length=TEXT_LENGTH,
        count_text=chinese_length,
        pictures=1,
        picture_bytes=MAX_BYTES,
        picture_types=TYPES,
    )
    article_limits: ClassVar[Limits] = Limits(
        title_length=ARTICLE_TITLE, text_length=ARTICLE_CONTENT, title_required=True
    )
    capabilities = frozenset({"publish", "find", "articles", "account_day"})
    metrics = METRICS
    # The timeline and a hundred posts' counts; the account's own counts (section 6).
    asking = Asking(calls=2, calls_an_account_day=1, daily_calls=COLLECTING_CALLS, one_quota=True)
    options: ClassVar[Mapping[str, Label]] = {
        "mode": Label(
            "方式：share（微博）或 article（头条文章）", "Mode: share (post) or article (long article)"
        ),
        "post_text": Label("头条文章的随文微博", "Article: the post that goes with it"),
        "summary": Label("头条文章的导语", "Article: lead text"),
        "cover": Label("头条文章的封面图链接", "Article: link of the cover picture"),
    }
    reconcile = Reconcile.LIST
    looks = (10, 60)

    def explain(self, code: str) -> Label | None:
        rule = RULES.get(int(code)) if code.isascii() and code.isdigit() else None
        return rule.remedy if rule else None

    def limits_for(self, options: Mapping[str, str]) -> Limits:
        return self.article_limits if options.get("mode") == "article" else self.limits

    def check(self, access: Access) -> tuple[Finding, ...]:
        return check_account(access)

    def problems(self, outgoing: Outgoing) -> tuple[Label, ...]:
        return post_problems(outgoing)

    def publish(self, access: Access, outgoing: Outgoing) -> Receipt:
        return send(access, outgoing)

    def find(self, access: Access, outgoing: Outgoing, since: datetime) -> Receipt:
        return find_post(access, outgoing, since)

    def refresh(self, access: Access) -> None:
        raise NeedsPerson("sign in again", platform_code="no-refresh", remedy=SIGN_IN)

    def articles(self, access: Access, since: date, until: date) -> Iterator[ArticleFigures]:
        return articles_of(access, since, until)

    def account_day(self, access: Access, day: date) -> Figures | None:
        return account_today(access, day)


connector = Weibo()
