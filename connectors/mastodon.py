"""Mastodon and what speaks its API: statuses under an idempotency key, each account at its own instance.

Facts from `../shared/platforms/mastodon.md`. The rooms `_mastodon_*` hold one noun each.
"""

import re
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
from connectors._errors import Label
from connectors._mastodon_calls import RULES, me
from connectors._mastodon_figures import METRICS, account_today, articles_of
from connectors._mastodon_media import PICTURE_BYTES, PICTURE_TYPES, PICTURES, instance_rules
from connectors._mastodon_posts import VISIBILITIES, find_post, send
from connectors._mastodon_text import LENGTH, length

_EMPTY = Label("正文和图片都是空的。", "There is neither text nor a picture.")
_VISIBILITY = Label(
    "可见范围应为 public、unlisted 或 private。", "Visibility is one of public, unlisted, private."
)
_LANGUAGE = Label("语言代码应像 zh、en、mn。", "A language code looks like zh, en, mn.")


class Mastodon(Connector):
    platform = "mastodon"
    label = Label("Mastodon 长毛象", "Mastodon")
    credential_fields = (
        CredentialField(
            "access_token", Label("访问令牌 access_token", "Access token"), pattern=r"[\x21-\x7e]{8,512}"
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
    asking = Asking(calls=2, calls_an_account_day=1)  # who we are, and forty statuses with their counts
    options: ClassVar[Mapping[str, Label]] = {
        "visibility": Label("可见范围：public、unlisted、private", "Visibility: public, unlisted, private"),
        "language": Label("语言代码（默认 zh）", "Language code (zh if empty)"),
        "spoiler_text": Label("内容提示（折叠正文）", "Content warning (folds the text)"),
    }
    reconcile = Reconcile.KEY

    def explain(self, code: str) -> Label | None:
        return RULES.get(code)

    def check(self, access: Access) -> tuple[Finding, ...]:
        name = str(me(access).get("username") or access.handle)[:60]
        rules = instance_rules(access)
        text, pictures = rules["text"], rules["pictures"]
        limits = Label(
            f"这个实例每条最多 {text} 字、{pictures} 张图；媒阵按 {LENGTH} 字、{PICTURES} 张检查。",
            f"It takes {text} characters and {pictures} pictures; we check by {LENGTH} and {PICTURES}.",
        )
        return Finding(True, Label(f"令牌有效：{name}。", f"The token works: {name}.")), Finding(True, limits)

    def problems(self, outgoing: Outgoing) -> tuple[Label, ...]:
        options = outgoing.options
        language = options.get("language", "")
        wrong = {
            _EMPTY: not outgoing.text.strip() and not outgoing.media,
            _VISIBILITY: options.get("visibility", "") not in ("", *VISIBILITIES),
            _LANGUAGE: language != "" and not re.fullmatch("[a-z]{2,3}", language),
        }
        return tuple(label for label, is_wrong in wrong.items() if is_wrong)

    def publish(self, access: Access, outgoing: Outgoing) -> Receipt:
        return send(access, outgoing)

    def find(self, access: Access, outgoing: Outgoing, since: datetime) -> Receipt | None:
        return find_post(access, outgoing, since)

    def articles(self, access: Access, since: date, until: date) -> Iterator[ArticleFigures]:
        return articles_of(access, since, until)

    def account_day(self, access: Access, day: date) -> Figures | None:
        return account_today(access, day)


connector = Mastodon()
