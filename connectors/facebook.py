"""Facebook pages: posts with pictures or a link card, in the page's own name.

Facts from `../shared/platforms/meta.md`. The room `_facebook_posts` holds its posts; `_meta_*` are shared
with the other platforms of the same house.
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
from connectors._facebook_posts import (
    BASE,
    METRICS,
    VERSION,
    VIEW_METRIC,
    account_today,
    articles_of,
    find_post,
    graph_of,
    send,
)
from connectors._json import web_address
from connectors._meta_calls import TOKEN_FIELD, version_field
from connectors._meta_checkup import checkup
from connectors._meta_errors import RULES
from connectors._pictures import WEB_TYPES
from connectors._reactions import remedy_of
from connectors._wording import caption

_EMPTY = Label("正文和图片都是空的。", "There is neither text nor a picture.")
_LINK = Label("链接应以 https:// 或 http:// 开头。", "A link begins with https:// or http://.")
_BOTH = Label("链接卡片和图片不能在同一条里。", "A link card and pictures cannot be in one post.")


class Facebook(Connector):
    platform = "facebook"
    label = Label("Facebook 主页", "Facebook page")
    default_api_base = BASE
    credential_fields = (
        CredentialField("page_id", Label("主页编号", "Page id"), secret=False, pattern=r"[0-9]{4,30}"),
        TOKEN_FIELD,
        version_field(VERSION),
        CredentialField(
            "view_metric",
            Label(f"浏览量的指标名（空是 {VIEW_METRIC}）", f"Metric of views ({VIEW_METRIC} if empty)"),
            secret=False,
            required=False,
            pattern=r"[a-z][a-z_]{2,60}",
        ),
    )
    limits = Limits(pictures=10, picture_bytes=4 * 1024 * 1024, picture_types=WEB_TYPES)
    capabilities = frozenset({"publish", "find", "articles", "account_day"})
    metrics = METRICS
    # A page of fifty posts, and one call more a post for its views.
    asking = Asking(calls=1, calls_a_publishing_day=2)
    options: ClassVar[Mapping[str, Label]] = {"link": Label("链接卡片的地址", "Address of the link card")}
    reconcile = Reconcile.LIST

    def explain(self, code: str) -> Label | None:
        return remedy_of(RULES, code)

    def check(self, access: Access) -> tuple[Finding, ...]:
        return checkup(graph_of(access), access.credentials["page_id"], "name")

    def problems(self, outgoing: Outgoing) -> tuple[Label, ...]:
        link = outgoing.options.get("link", "")
        wrong = {
            _EMPTY: not caption(outgoing) and not outgoing.media,
            _LINK: link != "" and not web_address(link),
            _BOTH: link != "" and bool(outgoing.media),
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


connector = Facebook()
