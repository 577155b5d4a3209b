"""Instagram professional accounts: pictures that the platform fetches from a public address.

Facts from `../shared/platforms/meta.md`. The room `_instagram_posts` holds its posts; `_meta_*` are shared
with the other platforms of the same house.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime

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
from connectors._instagram_posts import (
    BASE,
    METRICS,
    VERSION,
    account_today,
    articles_of,
    send,
    way_of,
)
from connectors._meta_calls import TOKEN_FIELD, version_field
from connectors._meta_checkup import checkup
from connectors._meta_containers import MEDIA_BASE_FIELD
from connectors._meta_errors import RULES
from connectors._reactions import remedy_of
from connectors._wording import caption

TEXT_LENGTH = 2200  # from memory: the sheet names no length
_NO_PICTURE = Label("须有一张或多张图片。", "One or more pictures are needed.")
_LONG = Label(
    f"标题和正文合起来最多 {TEXT_LENGTH} 字。",
    f"Title and text together are at most {TEXT_LENGTH} characters.",
)


class Instagram(Connector):
    platform = "instagram"
    label = Label("Instagram", "Instagram")
    default_api_base = BASE
    credential_fields = (
        CredentialField("user_id", Label("账号编号", "Account id"), secret=False, pattern=r"[0-9]{4,30}"),
        TOKEN_FIELD,
        replace(MEDIA_BASE_FIELD, required=True),
        version_field(VERSION),
    )
    limits = Limits(
        text_length=TEXT_LENGTH,
        pictures=10,
        picture_bytes=8 * 1024 * 1024,
        picture_types=frozenset({"image/jpeg"}),
        picture_required=True,
    )
    capabilities = frozenset({"publish", "settle", "find", "articles", "account_day"})
    metrics = METRICS
    # A page of fifty posts, and one call more a post for its insights.
    asking = Asking(calls=1, calls_a_publishing_day=2)
    reconcile = Reconcile.LOOKUP
    polls = (30, 60, 300)

    def explain(self, code: str) -> Label | None:
        return remedy_of(RULES, code)

    def check(self, access: Access) -> tuple[Finding, ...]:
        graph, user = way_of(access).graph, access.credentials["user_id"]
        return checkup(graph, user, "username", "content_publishing_limit")

    def problems(self, outgoing: Outgoing) -> tuple[Label, ...]:
        wrong = {_NO_PICTURE: not outgoing.media, _LONG: len(caption(outgoing)) > TEXT_LENGTH}
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


connector = Instagram()
