"""X, which was Twitter: posts with pictures, paid by use.

Facts from `../shared/platforms/x.md`. The platform's id is its former name: one letter cannot be searched
for, and `test_registry` looks for the id in every file. The rooms `_twitter_*` hold one noun each.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import ClassVar

from connectors import _twitter_money as money
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
from connectors._errors import Label
from connectors._json import line
from connectors._twitter_calls import API_BASE, RULES, me, refresh
from connectors._twitter_figures import METRICS, account_today, articles_of
from connectors._twitter_media import PICTURE_BYTES, PICTURE_TYPES, PICTURES
from connectors._twitter_posts import REPLIERS, find_post, send
from connectors._twitter_text import LENGTH, length

_SHAPE = r"[\x21-\x7e]{8,512}"
_EMPTY = Label("正文和图片都是空的。", "There is neither text nor a picture.")
_REPLIERS = Label(
    "reply_settings 应为 following、mentionedUsers、subscribers 或 verified。",
    "reply_settings is one of following, mentionedUsers, subscribers, verified.",
)
_YES = Label("made_with_ai 应为 yes 或 no。", "made_with_ai is yes or no.")


class Twitter(Connector):
    platform = "twitter"
    label = Label("X（推特）", "X (Twitter)")
    default_api_base = API_BASE
    credential_fields = (
        CredentialField(
            "client_id", Label("应用 Client ID", "Client ID"), secret=False, pattern=r"[\x21-\x7e]{4,128}"
        ),
        CredentialField(
            "client_secret",
            Label("应用 Client Secret（机密应用才有）", "Client Secret (of a confidential app)"),
            required=False,
            pattern=_SHAPE,
        ),
        CredentialField("access_token", Label("访问令牌 access_token", "Access token"), pattern=_SHAPE),
        CredentialField("refresh_token", Label("续期令牌 refresh_token", "Refresh token"), pattern=_SHAPE),
        CredentialField(
            "daily_reads",
            Label("每天为数据最多付费读几条（默认 500）", "Posts read for figures a day at most (500)"),
            secret=False,
            required=False,
            pattern=r"[1-9][0-9]{0,5}",
        ),
        CredentialField(
            "field_names",
            Label(
                "字段参数的名字：tweet（默认）或 post",
                "Name of the fields parameter: tweet (default) or post",
            ),
            secret=False,
            required=False,
            pattern="tweet|post",
        ),
    )
    limits = Limits(
        text_length=LENGTH,
        count_text=length,
        pictures=PICTURES,
        picture_bytes=PICTURE_BYTES,
        picture_types=PICTURE_TYPES,
    )
    capabilities = frozenset({"publish", "find", "articles", "account_day"})
    metrics = METRICS
    asking = Asking(calls=2, calls_an_account_day=1)
    options: ClassVar[Mapping[str, Label]] = {
        "reply_settings": Label("谁可以回复（默认所有人）", "Who may reply (everybody if empty)"),
        "made_with_ai": Label("含 AI 生成内容：yes 或 no", "Made with AI: yes or no"),
    }
    reconcile = Reconcile.LIST

    def explain(self, code: str) -> Label | None:
        return RULES.get(code)

    def check(self, access: Access) -> tuple[Finding, ...]:
        name = line(me(access).get("username"), 60) or access.handle
        works = Label(f"令牌有效：{name}。", f"The token works: {name}.")
        return Finding(True, works), Finding(True, money.told(access))

    def problems(self, outgoing: Outgoing) -> tuple[Label, ...]:
        options = outgoing.options
        wrong = {
            _EMPTY: not outgoing.text.strip() and not outgoing.media,
            _REPLIERS: options.get("reply_settings", "") not in ("", *REPLIERS),
            _YES: options.get("made_with_ai", "") not in ("", "yes", "no"),
        }
        return tuple(label for label, is_wrong in wrong.items() if is_wrong)

    def publish(self, access: Access, outgoing: Outgoing) -> Receipt:
        return send(access, outgoing)

    def find(self, access: Access, outgoing: Outgoing, since: datetime) -> Receipt | None:
        return find_post(access, outgoing, since)

    def refresh(self, access: Access) -> None:
        refresh(access)

    def articles(self, access: Access, since: date, until: date) -> Iterator[ArticleFigures]:
        return articles_of(access, since, until)

    def account_day(self, access: Access, day: date) -> Figures | None:
        return account_today(access, day)


connector = Twitter()
