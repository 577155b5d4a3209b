"""WordPress sites by their REST API: a page a post, found again by a slug that only it has.

Facts from `../shared/platforms/wordpress.md`. The rooms `_wordpress_*` hold one noun each.
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
from connectors._page import page_problems
from connectors._pictures import WEB_TYPES
from connectors._wordpress_calls import MORE_RIGHTS, RULES, get
from connectors._wordpress_figures import METRICS, account_today, articles_of
from connectors._wordpress_media import PICTURE_BYTES, PICTURES
from connectors._wordpress_posts import COMMENTS, find_post, send

_COMMENTS = Label("comments 应为 open 或 off。", "comments is open or off.")
_MAY = (("publish_posts", "发布文章", "publish posts"), ("upload_files", "上传图片", "upload pictures"))


class WordPress(Connector):
    platform = "wordpress"
    label = Label("WordPress 网站", "WordPress site")
    credential_fields = (
        CredentialField("user", Label("用户名", "User name"), secret=False, pattern=r"[^\s:\x00-\x1f]{1,60}"),
        CredentialField(
            "app_password", Label("应用程序密码", "Application password"), pattern=r"[A-Za-z0-9 ]{16,60}"
        ),
        CredentialField(
            "views_key",
            Label(
                "阅读数的 meta 键（插件登记的，可选）", "Meta key of the page views (a plugin's, optional)"
            ),
            secret=False,
            required=False,
            pattern=r"[A-Za-z_][A-Za-z0-9_-]{0,59}",
        ),
    )
    limits = Limits(
        title_length=200,
        title_required=True,
        pictures=PICTURES,
        picture_bytes=PICTURE_BYTES,
        picture_types=WEB_TYPES,
    )
    capabilities = frozenset({"publish", "find", "articles", "account_day"})
    metrics = METRICS
    asking = Asking(calls=2, calls_an_account_day=1)  # a page of posts, a page of their comments
    options: ClassVar[Mapping[str, Label]] = {
        "excerpt": Label("摘要", "Excerpt"),
        "categories": Label("分类目录的别名，用逗号分开", "Slugs of categories, parted by commas"),
        "tags": Label("标签，用逗号分开", "Tags, parted by commas"),
        "comments": Label("评论：open 开放，off 关闭", "Comments: open or off"),
    }
    reconcile = Reconcile.LOOKUP
    # A slow site may still be writing the post while it is asked: the first look waits until PHP gave up.
    looks = (60, 300, 1800, 7200)

    def explain(self, code: str) -> Label | None:
        return RULES.get(code)

    def check(self, access: Access) -> tuple[Finding, ...]:
        params = {"context": "edit", "_fields": "id,capabilities"}
        told = get(access, "/wp/v2/users/me", params).json_object().get("capabilities")
        may = told if isinstance(told, dict) else {}
        return tuple(
            Finding(True, Label(f"可以{zh}。", f"May {en}."))
            if may.get(name) is True
            else Finding(False, Label(f"不能{zh}。", f"May not {en}."), MORE_RIGHTS)
            for name, zh, en in _MAY
        )

    def problems(self, outgoing: Outgoing) -> tuple[Label, ...]:
        wrong = outgoing.options.get("comments", "") not in ("", *COMMENTS)
        return (*page_problems(outgoing), *((_COMMENTS,) if wrong else ()))

    def publish(self, access: Access, outgoing: Outgoing) -> Receipt:
        return send(access, outgoing)

    def find(self, access: Access, outgoing: Outgoing, since: datetime) -> Receipt | None:
        return find_post(access, outgoing)

    def articles(self, access: Access, since: date, until: date) -> Iterator[ArticleFigures]:
        return articles_of(access, since, until)

    def account_day(self, access: Access, day: date) -> Figures | None:
        return account_today(access, day)


connector = WordPress()
