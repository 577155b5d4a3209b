"""Douyin 抖音: a link that a person confirms in the app, or posts by the server for those who may.

Facts from `../shared/platforms/douyin.md`. The rooms `_douyin_*` hold one noun each; `_byte_*` are shared
with the other platform of the same house.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from typing import ClassVar

from connectors import _douyin_callback
from connectors._assistance import Assistance, checks
from connectors._byte_errors import RULES
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
from connectors._douyin_calls import API_BASE, calls_of, client_token, refresh
from connectors._douyin_figures import CALLS_A_DAY, METRICS, account_of, articles_of
from connectors._douyin_server import find_item, send, settle_item
from connectors._douyin_share import find_share, settle_share, share
from connectors._errors import Label, NeedsPerson, Refused
from connectors._film import pictures_of, video_of
from connectors._json import line
from connectors._reactions import remedy_of
from connectors._tokens import access_token
from connectors._wording import caption

TEXT_LENGTH = 1000
_PICTURES = 12
_VIDEO_BYTES = 4 * 1024**3
_NOTHING = Label("须有一个视频，或一到多张图片。", "A video, or one or more pictures are needed.")
_BOTH = Label("视频和图片不能在同一条里。", "A video and pictures cannot be in one post.")
_LONG = Label(
    f"标题和正文合起来最多 {TEXT_LENGTH} 字。",
    f"Title and text together are at most {TEXT_LENGTH} characters.",
)
_SECOND = Label("封面时间应是秒数，如 1.5。", "The cover's time is in seconds, as 1.5.")
_BASE_MISSING = Label(
    "分享方式还缺素材的公网地址（media_base）。",
    "Sharing still lacks the public address of media (media_base).",
)
_FILL_BASE = Label("请在账号表单里填写。", "Enter it in the account's form.")


class Douyin(Connector):
    """An account by share link (`way` empty or share), or by the server (`way` = server)."""

    platform = "douyin"
    label = Label("抖音", "Douyin")
    default_api_base = API_BASE
    credential_fields = (
        CredentialField(
            "client_key", Label("应用 Client Key", "Client Key"), secret=False, pattern=r"[0-9A-Za-z]{4,64}"
        ),
        CredentialField(
            "client_secret", Label("应用 Client Secret", "Client Secret"), pattern=r"[0-9A-Za-z]{8,128}"
        ),
        CredentialField(
            "open_id", Label("账号 open_id", "open_id"), secret=False, pattern=r"[0-9A-Za-z_-]{4,128}"
        ),
        CredentialField(
            "access_token", Label("授权令牌 access_token", "Access token"), pattern=r"[\x21-\x7e]{8,512}"
        ),
        CredentialField(
            "refresh_token", Label("续期令牌 refresh_token", "Refresh token"), pattern=r"[\x21-\x7e]{8,512}"
        ),
        CredentialField(
            "way",
            Label(
                "发布方式：share 手机确认（默认），server 服务端",
                "Way: share (confirmed on a phone) or server",
            ),
            secret=False,
            required=False,
            pattern=r"share|server",
        ),
        CredentialField(
            "biz_scopes",
            Label("要 biz_token 的权限（逗号分隔）", "Scopes that need a biz_token (with commas)"),
            secret=False,
            required=False,
            pattern=r"[a-z_.]{3,40}(,[a-z_.]{3,40}){0,9}",
        ),
        CredentialField(
            "media_base",
            Label("素材的公网地址（分享方式用）", "Public address of media (for sharing)"),
            secret=False,
            required=False,
            pattern=r"https://[\x21-\x7e]{3,300}",
        ),
    )
    limits = Limits(
        text_length=TEXT_LENGTH,
        pictures=_PICTURES,
        picture_types=frozenset({"image/jpeg", "image/png"}),
        picture_required=True,
        videos=1,
        video_bytes=_VIDEO_BYTES,
    )
    capabilities = frozenset({"publish", "settle", "find", "articles", "account_day", "assisted", "callback"})
    assistance = Assistance(
        where=Label(
            "请用抖音 App 或创作者中心发布,再把链接贴回来。",
            "Publish it with the app or the creator centre, then paste its link.",
        ),
        links=(
            r"https://www\.douyin\.com/(?:video|note)/(?P<id>\d{5,25})(?:\?\S*)?",
            r"https://v\.douyin\.com/[0-9A-Za-z_-]{4,24}/?",
        ),
        checklist=checks(
            ("登录的是本单位的账号", "Signed in with the unit's own account"),
            ("标题、封面和话题对", "Title, cover and topics are right"),
        ),
        example="https://www.douyin.com/video/7300000000000000001",
    )
    metrics = METRICS
    # Up to four pages of items, one call an item of the last thirty days; six series a day (section 5).
    asking = Asking(ready_at=time(10), calls=4, calls_a_publishing_day=2, calls_an_account_day=CALLS_A_DAY)
    options: ClassVar[Mapping[str, Label]] = {
        "cover_second": Label(
            "用视频第几秒作封面（服务端方式）", "Second of the video for the cover (server only)"
        ),
    }
    reconcile = Reconcile.LIST
    polls = (30, 60, 300)

    def explain(self, code: str) -> Label | None:
        return remedy_of(RULES, code)

    def check(self, access: Access) -> tuple[Finding, ...]:
        try:
            fields = {"access_token": access_token(access), "open_id": access.credentials["open_id"]}
            told = calls_of(access).form("/oauth/userinfo/", fields)
            client_token(access)
        except (NeedsPerson, Refused) as error:
            refused = Label(f"抖音拒绝了检查：{error}", f"Douyin refused the check: {error}")
            return (Finding(False, refused, error.remedy),)
        name = line(told.get("nickname"), 60)
        found = [Finding(True, Label(f"授权和应用有效：{name}。", f"Authorisation and app work: {name}."))]
        if not _by_server(access) and not access.credentials.get("media_base"):
            found.append(Finding(False, _BASE_MISSING, _FILL_BASE))
        return tuple(found)

    def problems(self, outgoing: Outgoing) -> tuple[Label, ...]:
        video, pictures = video_of(outgoing), pictures_of(outgoing)
        second = outgoing.options.get("cover_second", "")
        wrong = {
            _NOTHING: video is None and not pictures,
            _BOTH: video is not None and bool(pictures),
            _LONG: len(caption(outgoing)) > TEXT_LENGTH,
            _SECOND: second != "" and not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3})?", second),
        }
        return tuple(label for label, is_wrong in wrong.items() if is_wrong)

    def publish(self, access: Access, outgoing: Outgoing) -> Receipt:
        return send(access, outgoing) if _by_server(access) else share(access, outgoing)

    def settle(self, access: Access, receipt: Receipt) -> Receipt:
        by_server = receipt.detail.get("way") == "server"
        return settle_item(access, receipt) if by_server else settle_share(access, receipt)

    def find(self, access: Access, outgoing: Outgoing, since: datetime) -> Receipt | None:
        return find_item(access, outgoing, since) if _by_server(access) else find_share(access, outgoing)

    def refresh(self, access: Access) -> None:
        refresh(access)

    def callback(self, access: Access, request: CallbackRequest) -> CallbackAnswer:
        return _douyin_callback.answer(access, request)

    def articles(self, access: Access, since: date, until: date) -> Iterator[ArticleFigures]:
        return articles_of(access, since, until)

    def account_day(self, access: Access, day: date) -> Figures | None:
        return account_of(access, day)


def _by_server(access: Access) -> bool:
    return access.credentials.get("way") == "server"


connector = Douyin()
