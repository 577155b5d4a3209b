"""Threads profiles: texts, and pictures that the platform fetches from a public address.

Facts from `../shared/platforms/meta.md`. The rooms `_meta_threads_*` hold one noun each; the other `_meta_*`
are shared with the other platforms of the same house. It bears the house's name because "threads" alone is
also a word of programs.
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
from connectors._errors import Label
from connectors._meta_calls import TOKEN_FIELD, version_field
from connectors._meta_checkup import checkup
from connectors._meta_containers import MEDIA_BASE_FIELD
from connectors._meta_errors import RULES
from connectors._meta_threads_posts import (
    BASE,
    METRICS,
    VERSION,
    account_today,
    articles_of,
    send,
    way_of,
)
from connectors._meta_threads_text import LENGTH, LINKS, length, links
from connectors._reactions import remedy_of
from connectors._wording import caption

_EMPTY = Label("正文和图片都是空的。", "There is neither text nor a picture.")
_LONG = Label(
    f"标题和正文合起来最多 {LENGTH} 字，表情按字节算。",
    f"Title and text together are at most {LENGTH} characters; an emoji counts as its bytes.",
)
_LINKS = Label(f"一条最多 {LINKS} 个链接。", f"At most {LINKS} links in a post.")
_CONTROLS = ("everyone", "accounts_you_follow", "mentioned_only")
_CONTROL = Label(f"谁能回复应为 {'、'.join(_CONTROLS)}。", f"Who may reply is one of {', '.join(_CONTROLS)}.")


class MetaThreads(Connector):
    platform = "meta_threads"
    label = Label("Threads", "Threads")
    default_api_base = BASE
    credential_fields = (
        CredentialField("user_id", Label("账号编号", "Account id"), secret=False, pattern=r"[0-9]{4,30}"),
        TOKEN_FIELD,
        MEDIA_BASE_FIELD,
        version_field(VERSION),
    )
    limits = Limits(
        text_length=LENGTH,
        count_text=length,
        pictures=10,
        picture_bytes=8 * 1024 * 1024,
        picture_types=frozenset({"image/jpeg", "image/png"}),
    )
    capabilities = frozenset({"publish", "settle", "find", "articles", "account_day"})
    metrics = METRICS
    # A page of fifty posts, and one call more a post for its insights.
    asking = Asking(calls=1, calls_a_publishing_day=2)
    options: ClassVar[Mapping[str, Label]] = {
        "reply_control": Label(f"谁能回复：{'、'.join(_CONTROLS)}", f"Who may reply: {', '.join(_CONTROLS)}"),
    }
    reconcile = Reconcile.LOOKUP
    polls = (30, 60, 300)

    def explain(self, code: str) -> Label | None:
        return remedy_of(RULES, code)

    def check(self, access: Access) -> tuple[Finding, ...]:
        graph, user = way_of(access).graph, access.credentials["user_id"]
        return checkup(graph, user, "username", "threads_publishing_limit")

    def problems(self, outgoing: Outgoing) -> tuple[Label, ...]:
        words = caption(outgoing)
        wrong = {
            _EMPTY: not words and not outgoing.media,
            _LONG: length(words) > LENGTH,
            _LINKS: links(words) > LINKS,
            _CONTROL: outgoing.options.get("reply_control", "") not in ("", *_CONTROLS),
        }
        return tuple(label for label, is_wrong in wrong.items() if is_wrong)

    def publish(self, access: Access, outgoing: Outgoing) -> Receipt:
        return send(access, outgoing)

    def settle(self, access: Access, receipt: Receipt) -> Receipt:
        return way_of(access).settle(receipt)

    def find(self, access: Access, outgoing: Outgoing, since: datetime) -> Receipt | None:
        return way_of(access).find(outgoing, caption(outgoing))

    def articles(self, access: Access, since: date, until: date) -> Iterator[ArticleFigures]:
        return articles_of(access, since, until)

    def account_day(self, access: Access, day: date) -> Figures | None:
        return account_today(access, day)


connector = MetaThreads()
