"""Bilibili 哔哩哔哩: signed video submissions, their review, figures back.

Facts from `../shared/platforms/bilibili.md`. The rooms `_bilibili_*` hold one noun each. A post without a
video (专栏, 动态) is handed to a person: the sheet does not know the fields of its interface.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import ClassVar

from connectors import _bilibili_callback
from connectors._assistance import Assistance, checks
from connectors._bilibili_archives import find_archive, settle_archive
from connectors._bilibili_calls import API_BASE, Calls
from connectors._bilibili_errors import RULES
from connectors._bilibili_figures import METRICS, account_today, articles_of
from connectors._bilibili_submission import COVER_BYTES, TEXT_LENGTH, TITLE_LENGTH, problems_of, submit
from connectors._contract import (
    Access,
    ArticleFigures,
    Asking,
    CallbackAnswer,
    CallbackRequest,
    Connector,
    CredentialField,
    Figures,
    Finding,
    Limits,
    Outgoing,
    Receipt,
    Reconcile,
)
from connectors._errors import Label, NeedsPerson, Refused
from connectors._film import hand_over, handed_over, video_of
from connectors._json import line

_VIDEO_BYTES = 4 * 1024**3
_PICTURES = 9


class Bilibili(Connector):
    platform = "bilibili"
    label = Label("哔哩哔哩", "Bilibili")
    default_api_base = API_BASE
    credential_fields = (
        CredentialField(
            "client_id", Label("应用 Client ID", "Client ID"), secret=False, pattern=r"[0-9A-Za-z-]{4,64}"
        ),
        CredentialField(
            "client_secret", Label("应用 Client Secret", "Client Secret"), pattern=r"[0-9A-Za-z-]{8,128}"
        ),
        CredentialField(
            "access_token", Label("授权令牌 access_token", "Access token"), pattern=r"[\x21-\x7e]{8,512}"
        ),
        CredentialField(
            "refresh_token", Label("续期令牌 refresh_token", "Refresh token"), pattern=r"[\x21-\x7e]{8,512}"
        ),
        CredentialField(
            "tid", Label("默认分区号 tid", "Default section (tid)"), secret=False, pattern=r"[0-9]{1,9}"
        ),
        CredentialField(
            "tag",
            Label("默认标签（逗号分隔）", "Default tags (separated by commas)"),
            secret=False,
            pattern=r"[^\r\n]{1,199}",
        ),
    )
    limits = Limits(
        title_length=TITLE_LENGTH,
        text_length=TEXT_LENGTH,
        pictures=_PICTURES,
        picture_bytes=COVER_BYTES,
        picture_types=frozenset({"image/jpeg", "image/png"}),
        videos=1,
        video_bytes=_VIDEO_BYTES,
    )
    capabilities = frozenset({"publish", "settle", "find", "articles", "account_day", "assisted", "callback"})
    assistance = Assistance(
        where=Label(
            "请在哔哩哔哩创作中心发布,再把链接贴回来。",
            "Publish it in the creator centre, then paste its link.",
        ),
        links=(r"https://www\.bilibili\.com/video/(?P<id>BV[0-9A-Za-z]{10})/?(?:\?\S*)?",),
        checklist=checks(
            ("登录的是本单位的账号", "Signed in with the unit's own account"),
            ("标题、封面和话题对", "Title, cover and topics are right"),
        ),
        example="https://www.bilibili.com/video/BV1xx411c7mD",
    )
    metrics = METRICS
    asking = Asking(calls=2, calls_a_publishing_day=1, calls_an_account_day=1)  # the list; a call a video
    options: ClassVar[Mapping[str, Label]] = {
        "tid": Label("分区号", "Section (tid)"),
        "tag": Label("标签（逗号分隔）", "Tags (separated by commas)"),
        "copyright": Label("1 自制（默认），2 转载", "1 own (default), 2 reprint"),
        "source": Label("转载来源", "Source of a reprint"),
        "no_reprint": Label("1 禁止转载（默认），0 允许", "1 no reprints (default), 0 allowed"),
    }
    reconcile = Reconcile.LIST
    polls = (60, 300, 900)
    settle_hours = 72.0

    def explain(self, code: str) -> Label | None:
        rule = RULES.get(code)
        return rule.remedy if rule else None

    def check(self, access: Access) -> tuple[Finding, ...]:
        try:
            name = _name(access)
        except (NeedsPerson, Refused) as error:
            told = Label(f"哔哩哔哩拒绝了检查：{error}", f"Bilibili refused the check: {error}")
            return (Finding(False, told, error.remedy),)
        return (
            Finding(True, Label(f"授权和签名有效：{name}。", f"Authorisation and signature work: {name}.")),
        )

    def problems(self, outgoing: Outgoing) -> tuple[Label, ...]:
        return problems_of(outgoing)

    def publish(self, access: Access, outgoing: Outgoing) -> Receipt:
        video = video_of(outgoing)
        if video is None:
            return hand_over(access, outgoing, _name(access))
        return submit(access, outgoing, video)

    def settle(self, access: Access, receipt: Receipt) -> Receipt:
        return settle_archive(access, receipt)

    def find(self, access: Access, outgoing: Outgoing, since: datetime) -> Receipt | None:
        if video_of(outgoing) is None:
            return handed_over(access, outgoing)
        return find_archive(access, outgoing, since)

    def refresh(self, access: Access) -> None:
        Calls(access).refresh()

    def callback(self, access: Access, request: CallbackRequest) -> CallbackAnswer:
        return _bilibili_callback.answer(access, request)

    def articles(self, access: Access, since: date, until: date) -> Iterator[ArticleFigures]:
        return articles_of(access, since, until)

    def account_day(self, access: Access, day: date) -> Figures | None:
        return account_today(access, day)


def _name(access: Access) -> str:
    """What the account is called there; asking shows that token and signature work."""
    return line(Calls(access).get("/arcopen/fn/user/account/info").get("name"), 60) or access.handle


connector = Bilibili()
