"""LinkedIn: posts of an organisation's page, read back after they went out.

Facts from `../shared/platforms/linkedin.md`. The rooms `_linkedin_*` hold one noun each.
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
from connectors._json import web_address
from connectors._linkedin_calls import API_BASE, RULES, refresh
from connectors._linkedin_figures import METRICS, account_today, articles_of, followers
from connectors._linkedin_media import PICTURE_BYTES, PICTURE_TYPES, PICTURES
from connectors._linkedin_posts import find_post, send
from connectors._linkedin_text import LENGTH, length

_SHAPE = r"[\x21-\x7e]{8,2048}"
_EMPTY = Label("正文不能为空。", "There is no text.")
_LINK = Label(
    "link 应是 https 链接，只用于没有图片的稿件，并须有标题。",
    "link is an https address, for posts without pictures, and needs a title.",
)


class LinkedIn(Connector):
    platform = "linkedin"
    label = Label("领英（LinkedIn）", "LinkedIn")
    default_api_base = API_BASE
    credential_fields = (
        CredentialField(
            "organization", Label("主页编号", "Organisation id"), secret=False, pattern=r"[0-9]{1,20}"
        ),
        CredentialField("access_token", Label("访问令牌 access_token", "Access token"), pattern=_SHAPE),
        CredentialField(
            "refresh_token",
            Label("续期令牌（获批的合作方才有）", "Refresh token (approved partners)"),
            required=False,
            pattern=_SHAPE,
        ),
        CredentialField(
            "client_id",
            Label("应用 Client ID（续期用）", "Client ID (to renew)"),
            secret=False,
            required=False,
            pattern=r"[\x21-\x7e]{4,128}",
        ),
        CredentialField(
            "client_secret",
            Label("应用 Client Secret（续期用）", "Client Secret (to renew)"),
            required=False,
            pattern=_SHAPE,
        ),
        CredentialField(
            "api_version",
            Label("接口版本，年月 YYYYMM", "Version of the interface, YYYYMM"),
            secret=False,
            required=False,
            pattern=r"20[0-9]{2}(?:0[1-9]|1[0-2])",
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
    asking = Asking(calls=2, calls_a_publishing_day=1, calls_an_account_day=1)
    options: ClassVar[Mapping[str, Label]] = {
        "link": Label("文章卡片的链接（没有图片时）", "Link of an article card (without pictures)")
    }
    reconcile = Reconcile.LIST

    def explain(self, code: str) -> Label | None:
        return RULES.get(code)

    def check(self, access: Access) -> tuple[Finding, ...]:
        size = followers(access)
        told = Label(
            f"令牌能读这个主页：{'未知' if size is None else size} 人关注。",
            f"The token can read this page: {'unknown' if size is None else size} followers.",
        )
        return (Finding(True, told),)

    def problems(self, outgoing: Outgoing) -> tuple[Label, ...]:
        link = outgoing.options.get("link", "")
        card = web_address(link).startswith("https://") and outgoing.title.strip() and not outgoing.media
        wrong = {_EMPTY: not outgoing.text.strip(), _LINK: bool(link) and not card}
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


connector = LinkedIn()
