"""Discourse forums: a topic a post, under an id of ours that the forum keeps unique.

Facts from `../shared/platforms/forums.md`. The rooms `_discourse_*` hold one noun each.
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
    Finding,
    Limits,
    Outgoing,
    Receipt,
    Reconcile,
)
from connectors._discourse_calls import NEW_KEY, RULES, get
from connectors._discourse_figures import METRICS, articles_of
from connectors._discourse_topics import PICTURE_BYTES, PICTURES, find_topic, send
from connectors._errors import Label
from connectors._pictures import WEB_TYPES

_FULL = 1  # a category's `permission`: may create topics
_CATEGORY = Label("category 应为分类的数字编号。", "category is the number of a category.")
_EMPTY = Label("正文和图片都是空的。", "There is neither text nor a picture.")
_MAY = Label("可以在这个分类发主题。", "May start topics in this category.")
_MAY_NOT = Label("不能在这个分类发主题。", "May not start topics in this category.")


class Discourse(Connector):
    platform = "discourse"
    label = Label("Discourse 论坛", "Discourse forum")
    credential_fields = (
        CredentialField("api_key", Label("API 密钥", "API key"), pattern=r"[0-9a-zA-Z]{32,128}"),
        CredentialField(
            "api_username", Label("发帖用户名", "User name"), secret=False, pattern=r"[A-Za-z0-9_.-]{1,60}"
        ),
        CredentialField(
            "category", Label("分类的数字编号", "Number of the category"), secret=False, pattern=r"[0-9]{1,9}"
        ),
    )
    limits = Limits(
        title_length=255,
        title_required=True,
        text_length=32_000,
        pictures=PICTURES,
        picture_bytes=PICTURE_BYTES,
        picture_types=WEB_TYPES,
    )
    capabilities = frozenset({"publish", "find", "articles"})
    metrics = METRICS
    asking = Asking(calls=2, calls_an_account_day=0)  # thirty topics a page
    options: ClassVar[Mapping[str, Label]] = {
        "category": Label("分类的数字编号（空则用账号的）", "Number of a category (the account's if empty)"),
        "tags": Label("标签，用逗号分开", "Tags, parted by commas"),
    }
    reconcile = Reconcile.LOOKUP

    def explain(self, code: str) -> Label | None:
        return RULES.get(code)

    def check(self, access: Access) -> tuple[Finding, ...]:
        told = get(access, f"/c/{access.credentials['category']}/show.json").get("category")
        may = isinstance(told, dict) and told.get("permission") == _FULL
        return (Finding(may, _MAY if may else _MAY_NOT, None if may else NEW_KEY),)

    def problems(self, outgoing: Outgoing) -> tuple[Label, ...]:
        category = outgoing.options.get("category", "")
        wrong = {
            _EMPTY: not outgoing.text.strip() and not outgoing.media,
            _CATEGORY: bool(category) and not (category.isascii() and category.isdigit()),
        }
        return tuple(label for label, is_wrong in wrong.items() if is_wrong)

    def publish(self, access: Access, outgoing: Outgoing) -> Receipt:
        return send(access, outgoing)

    def find(self, access: Access, outgoing: Outgoing, since: datetime) -> Receipt | None:
        return find_topic(access, outgoing)

    def articles(self, access: Access, since: date, until: date) -> Iterator[ArticleFigures]:
        return articles_of(access, since, until)


connector = Discourse()
