"""Kuaishou 快手: videos, their state, their counts. A post without a video is handed to a person.

Facts from `../shared/platforms/kuaishou.md`. The rooms `_kuaishou_*` hold one noun each.
"""

from collections.abc import Iterator
from datetime import date, datetime

from connectors._assistance import Assistance, checks
from connectors._contract import (
    Access,
    ArticleFigures,
    Asking,
    Connector,
    CredentialField,
    Figures,
    Finding,
    Kind,
    Limits,
    Metric,
    Outgoing,
    Receipt,
    Reconcile,
    Unit,
)
from connectors._days import day_of
from connectors._errors import Label, NeedsPerson, Refused
from connectors._film import ONE_VIDEO, hand_over, handed_over, pictures_of, video_of
from connectors._json import line, whole
from connectors._kuaishou_calls import API_BASE, RULES, Calls
from connectors._kuaishou_videos import find_video, public_url, send, settle_video, videos
from connectors._reactions import remedy_of
from connectors._wording import caption

CAPTION_LENGTH = 1000
_COVER_BYTES = 20 * 1024 * 1024
_VIDEO_BYTES = 100 * 1024 * 1024
_HEADLINE = 40
_LIST, _USER = "/openapi/photo/list", "/openapi/user_info"
_COVER = Label("快手视频须带一张封面图。", "A video needs one cover picture.")
_LONG = Label(
    f"标题和正文合起来最多 {CAPTION_LENGTH} 字。",
    f"Title and text together are at most {CAPTION_LENGTH} characters.",
)


def _article(name: str, field: str) -> Metric:
    return Metric(name, Unit.EVENTS, Kind.CUMULATIVE, fields=(field,))


_ARTICLE = {
    "view_count": _article("play_events", "view_count"),
    "like_count": _article("like", "like_count"),
    "comment_count": _article("comment", "comment_count"),
}


class Kuaishou(Connector):
    platform = "kuaishou"
    label = Label("快手", "Kuaishou")
    default_api_base = API_BASE
    credential_fields = (
        CredentialField(
            "app_id", Label("应用 app_id", "app_id"), secret=False, pattern=r"[0-9A-Za-z_]{4,64}"
        ),
        CredentialField("app_secret", Label("应用 app_secret", "app_secret"), pattern=r"[\x21-\x7e]{8,128}"),
        CredentialField(
            "refresh_token", Label("续期令牌 refresh_token", "Refresh token"), pattern=r"[\x21-\x7e]{8,512}"
        ),
    )
    limits = Limits(
        text_length=CAPTION_LENGTH,
        pictures=9,
        picture_bytes=_COVER_BYTES,
        picture_types=frozenset({"image/jpeg", "image/png"}),
        videos=1,
        video_bytes=_VIDEO_BYTES,
    )
    capabilities = frozenset({"publish", "settle", "find", "articles", "account_day", "assisted"})
    assistance = Assistance(
        where=Label(
            "请用快手 App 或创作者平台发布,再把链接贴回来。",
            "Publish it with the app or the creator platform, then paste its link.",
        ),
        links=(r"https://www\.kuaishou\.com/short-video/(?P<id>[0-9a-zA-Z]{6,40})(?:\?\S*)?",),
        checklist=checks(
            ("登录的是本单位的账号", "Signed in with the unit's own account"),
            ("标题、封面和话题对", "Title, cover and topics are right"),
        ),
        example="https://www.kuaishou.com/short-video/3x9abcdefghijkl",
    )
    metrics = (*_ARTICLE.values(), Metric("followers_total", Unit.PEOPLE, Kind.SNAPSHOT, "account"))
    asking = Asking(calls=2, calls_an_account_day=1)
    reconcile = Reconcile.LIST
    polls = (30, 60, 300)

    def explain(self, code: str) -> Label | None:
        return remedy_of(RULES, code)

    def check(self, access: Access) -> tuple[Finding, ...]:
        try:
            name = _name(access)
        except (NeedsPerson, Refused) as error:
            told = Label(f"快手拒绝了检查：{error}", f"Kuaishou refused the check: {error}")
            return (Finding(False, told, error.remedy),)
        return (Finding(True, Label(f"授权有效：{name}。", f"The authorisation works: {name}.")),)

    def problems(self, outgoing: Outgoing) -> tuple[Label, ...]:
        if video_of(outgoing) is None:
            return ()
        covers = len(pictures_of(outgoing))
        wrong = {_COVER: covers == 0, ONE_VIDEO: covers > 1, _LONG: len(caption(outgoing)) > CAPTION_LENGTH}
        return tuple(label for label, is_wrong in wrong.items() if is_wrong)

    def publish(self, access: Access, outgoing: Outgoing) -> Receipt:
        video = video_of(outgoing)
        if video is None:
            return hand_over(access, outgoing, _name(access))
        if not pictures_of(outgoing):
            raise Refused("no cover", platform_code="cover", remedy=_COVER)
        return send(access, outgoing, video)

    def settle(self, access: Access, receipt: Receipt) -> Receipt:
        return settle_video(access, receipt)

    def find(self, access: Access, outgoing: Outgoing, since: datetime) -> Receipt | None:
        if video_of(outgoing) is None:
            return handed_over(access, outgoing)
        return find_video(access, outgoing, since)

    def refresh(self, access: Access) -> None:
        Calls(access).refresh()

    def articles(self, access: Access, since: date, until: date) -> Iterator[ArticleFigures]:
        today = day_of(access.now())
        for video in videos(access, since):
            if day_of(video.at) <= until:
                values = {metric.name: whole(video.told.get(field)) for field, metric in _ARTICLE.items()}
                yield ArticleFigures(
                    remote_id=video.id,
                    title=line(video.caption, _HEADLINE),
                    published_at=video.at,
                    figures=() if video.pending else (Figures(today, values, _LIST),),
                    url=public_url(video.id),
                )

    def account_day(self, access: Access, day: date) -> Figures | None:
        if day != day_of(access.now()):
            return None
        return Figures(day, {"followers_total": whole(_user(access).get("fan"))}, _USER)


def _user(access: Access) -> dict[str, object]:
    told = Calls(access).get(_USER).get("user_info")
    return told if isinstance(told, dict) else {}


def _name(access: Access) -> str:
    return line(_user(access).get("name"), 60) or access.handle


connector = Kuaishou()
