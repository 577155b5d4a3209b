"""Ghost sites by their Admin API: a page a post, found again by a slug that only it has.

Facts from `../shared/platforms/ghost.md`. The rooms `_ghost_*` hold one noun each.
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
from connectors._ghost_calls import RULES, get
from connectors._ghost_figures import METRICS, account_today, articles_of
from connectors._ghost_posts import (
    PICTURE_BYTES,
    PICTURES,
    VISIBILITIES,
    find_post,
    posts_of,
    send,
)
from connectors._page import page_problems
from connectors._pictures import WEB_TYPES

_VISIBILITY = Label("visibility 应为 public 或 members。", "visibility is public or members.")
_EXCERPT = Label("excerpt 最多 300 字。", "excerpt has at most 300 characters.")
_WORKS = Finding(True, Label("密钥有效，可以读写文章。", "The key works for posts."))


class Ghost(Connector):
    platform = "ghost"
    label = Label("Ghost 网站", "Ghost site")
    credential_fields = (
        CredentialField(
            "admin_key", Label("Admin API 密钥", "Admin API key"), pattern=r"[0-9a-f]{24}:[0-9a-f]{64}"
        ),
    )
    limits = Limits(
        title_length=255,
        title_required=True,
        pictures=PICTURES,
        picture_bytes=PICTURE_BYTES,
        picture_types=WEB_TYPES,
    )
    capabilities = frozenset({"publish", "find", "articles", "account_day"})
    metrics = METRICS
    asking = Asking(calls=1, calls_an_account_day=1)
    options: ClassVar[Mapping[str, Label]] = {
        "excerpt": Label("摘要（300 字内）", "Excerpt (up to 300)"),
        "tags": Label("标签，用逗号分开", "Tags, parted by commas"),
        "visibility": Label("谁能看：public、members", "Who may read: public, members"),
    }
    reconcile = Reconcile.LOOKUP
    # A slow site may still be writing the post while it is asked.
    looks = (60, 300, 1800, 7200)

    def explain(self, code: str) -> Label | None:
        return RULES.get(code)

    def check(self, access: Access) -> tuple[Finding, ...]:
        posts_of(get(access, "/posts/", {"limit": 1, "fields": "id"}))
        return (_WORKS,)

    def problems(self, outgoing: Outgoing) -> tuple[Label, ...]:
        options = outgoing.options
        wrong = {
            _VISIBILITY: options.get("visibility", "") not in ("", *VISIBILITIES),
            _EXCERPT: len(options.get("excerpt", "")) > 300,
        }
        return (*page_problems(outgoing), *(label for label, is_wrong in wrong.items() if is_wrong))

    def publish(self, access: Access, outgoing: Outgoing) -> Receipt:
        return send(access, outgoing)

    def find(self, access: Access, outgoing: Outgoing, since: datetime) -> Receipt | None:
        return find_post(access, outgoing)

    def articles(self, access: Access, since: date, until: date) -> Iterator[ArticleFigures]:
        return articles_of(access, since, until)

    def account_day(self, access: Access, day: date) -> Figures | None:
        return account_today(access, day)


connector = Ghost()
