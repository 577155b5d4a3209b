"""YouTube: videos by resumable upload, followed until they are worked through.

Facts from `../shared/platforms/youtube.md`. The rooms `_youtube_*` hold one noun each. A post without a
video is handed to a person: community posts have no interface.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import ClassVar

from connectors._assistance import Assistance, checks
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
from connectors._film import hand_over, handed_over, video_of
from connectors._json import line
from connectors._youtube_calls import API_BASE, RULES, own_channel, refresh, section
from connectors._youtube_figures import METRICS, account_today, articles_of
from connectors._youtube_quota import daily_units, insert_units
from connectors._youtube_upload import PRIVACY, submit, tags_of
from connectors._youtube_videos import find_video, settle_video

TITLE_LENGTH = 100
TEXT_BYTES = 5_000
TAGS_LENGTH = 500
_VIDEO_BYTES = 256 * 1024**3
_SHAPE = r"[\x21-\x7e]{8,2048}"
_TITLE = Label("视频须有标题，且不能有 < 和 >。", "A video needs a title, without < and >.")
_TEXT = Label("简介里不能有 < 和 >。", "A description has no < and >.")
_PRIVACY = Label("privacy 应为 public、unlisted 或 private。", "privacy is public, unlisted or private.")
_TAGS = Label(f"标签合计不超过 {TAGS_LENGTH} 字。", f"Tags have {TAGS_LENGTH} characters together at most.")
_CATEGORY = Label("category 应是数字。", "category is a number.")
_YES = Label("made_for_kids 和 synthetic 应为 yes 或 no。", "made_for_kids and synthetic are yes or no.")


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


class YouTube(Connector):
    platform = "youtube"
    label = Label("YouTube（油管）", "YouTube")
    default_api_base = API_BASE
    credential_fields = (
        CredentialField(
            "client_id", Label("应用 Client ID", "Client ID"), secret=False, pattern=r"[\x21-\x7e]{4,128}"
        ),
        CredentialField("client_secret", Label("应用 Client Secret", "Client Secret"), pattern=_SHAPE),
        CredentialField("access_token", Label("访问令牌 access_token", "Access token"), pattern=_SHAPE),
        CredentialField("refresh_token", Label("续期令牌 refresh_token", "Refresh token"), pattern=_SHAPE),
        CredentialField(
            "daily_units",
            Label("这个账号每天可用的配额（默认 10000）", "Units of quota a day for this account (10000)"),
            secret=False,
            required=False,
            pattern=r"[1-9][0-9]{0,7}",
        ),
        CredentialField(
            "insert_units",
            Label("一次上传算多少配额（默认 1600）", "Units that an upload costs (1600)"),
            secret=False,
            required=False,
            pattern=r"[1-9][0-9]{0,4}",
        ),
    )
    limits = Limits(
        title_length=TITLE_LENGTH,
        text_length=TEXT_BYTES,
        count_text=_bytes,
        videos=1,
        video_bytes=_VIDEO_BYTES,
    )
    capabilities = frozenset({"publish", "settle", "find", "articles", "account_day", "assisted"})
    assistance = Assistance(
        where=Label(
            "请在 YouTube 工作室发布，再把链接贴回来。", "Publish it in YouTube Studio, then paste its link."
        ),
        links=(r"https://www\.youtube\.com/watch\?v=(?P<id>[0-9A-Za-z_-]{11})",),
        checklist=checks(
            ("登录的是本单位的频道", "Signed in with the unit's own channel"),
            ("标题、简介和可见范围对", "Title, description and visibility are right"),
        ),
        example="https://www.youtube.com/watch?v=dQabc123XYZ",
    )
    metrics = METRICS
    asking = Asking(calls=3, calls_an_account_day=1)
    options: ClassVar[Mapping[str, Label]] = {
        "privacy": Label(
            "可见范围：public（默认）、unlisted、private", "public (default), unlisted or private"
        ),
        "tags": Label("标签（逗号分隔）", "Tags (separated by commas)"),
        "category": Label("分类号（默认 22）", "Category number (22)"),
        "language": Label("标题和简介的语言（默认 zh）", "Language of title and description (zh)"),
        "made_for_kids": Label("为儿童制作：yes 或 no（默认）", "Made for kids: yes or no (default)"),
        "synthetic": Label("含逼真的合成内容：yes 或 no", "Realistic synthetic content: yes or no"),
    }
    reconcile = Reconcile.LOOKUP
    polls = (30, 120, 600)
    settle_hours = 48.0

    def gate(self, access: Access) -> str:
        return f"{self.platform} {access.credentials.get('client_id', '')} {access.api_base}"[:160]

    def explain(self, code: str) -> Label | None:
        return RULES.get(code)

    def check(self, access: Access) -> tuple[Finding, ...]:
        works = Label(f"授权有效：{(name := _name(access))}。", f"The authorisation works: {name}.")
        units, each = daily_units(access), insert_units(access)
        quota = Label(
            f"按 {units} 配额、每次上传 {each} 算，一天最多上传 {units // each} 个视频。",
            f"With {units} units, {each} an upload: {units // each} videos a day at most.",
        )
        return Finding(True, works), Finding(True, quota)

    def problems(self, outgoing: Outgoing) -> tuple[Label, ...]:
        if video_of(outgoing) is None:
            return ()
        options = outgoing.options
        flags = {options.get(name, "") for name in ("made_for_kids", "synthetic")}
        wrong = {
            _TITLE: not outgoing.title.strip() or re.search("[<>]", outgoing.title) is not None,
            _TEXT: re.search("[<>]", outgoing.text) is not None,
            _PRIVACY: options.get("privacy", "") not in ("", *PRIVACY),
            _TAGS: len(",".join(tags_of(outgoing))) > TAGS_LENGTH,
            _CATEGORY: re.fullmatch("[0-9]{0,3}", options.get("category", "")) is None,
            _YES: not flags <= {"", "yes", "no"},
        }
        return tuple(label for label, is_wrong in wrong.items() if is_wrong)

    def publish(self, access: Access, outgoing: Outgoing) -> Receipt:
        video = video_of(outgoing)
        if video is None:
            return hand_over(access, outgoing, _name(access))
        return submit(access, outgoing, video)

    def settle(self, access: Access, receipt: Receipt) -> Receipt:
        return settle_video(access, receipt)

    def find(self, access: Access, outgoing: Outgoing, since: datetime) -> Receipt | None:
        video = video_of(outgoing)
        if video is None:
            return handed_over(access, outgoing)
        return find_video(access, outgoing, video, since)

    def refresh(self, access: Access) -> None:
        refresh(access)

    def articles(self, access: Access, since: date, until: date) -> Iterator[ArticleFigures]:
        return articles_of(access, since, until)

    def account_day(self, access: Access, day: date) -> Figures | None:
        return account_today(access, day)


def _name(access: Access) -> str:
    title = section(own_channel(access, "snippet"), "snippet").get("title")
    return line(title, 60) or access.handle


connector = YouTube()
