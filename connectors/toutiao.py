"""头条号 Toutiao: articles and micro-posts by a person; short videos where the app was granted them.

Facts from `../shared/platforms/toutiao.md`: there is no public interface for articles, and none for figures
(they are imported). A lost answer cannot be looked up: a person looks.
"""

from connectors._assistance import Assistance, checks
from connectors._byte_calls import ByteCalls
from connectors._byte_errors import RULES
from connectors._contract import (
    Access,
    Connector,
    CredentialField,
    Finding,
    Limits,
    Outgoing,
    Receipt,
    Reconcile,
)
from connectors._errors import Label, NeedsPerson, Refused
from connectors._film import hand_over, pictures_of, video_of
from connectors._json import line
from connectors._reactions import remedy_of
from connectors._tokens import access_token
from connectors._toutiao_videos import API_BASE, send, settle_item
from connectors._wording import caption

CAPTION_LENGTH = 1000
_VIDEO_BYTES = 128 * 1024 * 1024
_BOTH = Label("短视频不另带图片。", "A short video takes no pictures beside it.")
_LONG = Label(
    f"视频的标题和正文合起来最多 {CAPTION_LENGTH} 字。",
    f"Title and text of a video together are at most {CAPTION_LENGTH} characters.",
)
_NOT_GRANTED = Label(
    "没有填开通短视频能力：所有稿件都交给人在头条号后台发布。",
    "The short-video capability is not marked: all posts are handed to a person for the back office.",
)


class Toutiao(Connector):
    """Assisted by itself; `short_video` = yes says that the app was granted 视频发布及管理."""

    platform = "toutiao"
    label = Label("头条号", "Toutiao")
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
            "short_video",
            Label("已开通短视频发布（yes）", "May publish short videos (yes)"),
            secret=False,
            required=False,
            pattern=r"yes|no",
        ),
    )
    limits = Limits(
        pictures=9,
        picture_types=frozenset({"image/jpeg", "image/png"}),
        videos=1,
        video_bytes=_VIDEO_BYTES,
    )
    capabilities = frozenset({"publish", "settle", "assisted"})
    assistance = Assistance(
        where=Label(
            "请在头条号后台发布,再把链接贴回来。",
            "Publish it in the console of Toutiao, then paste its link.",
        ),
        links=(r"https://www\.toutiao\.com/(?:article|video|w)/(?P<id>\d{5,25})/?(?:\?\S*)?",),
        checklist=checks(
            ("登录的是本单位的账号", "Signed in with the unit's own account"),
            ("标题、封面和话题对", "Title, cover and topics are right"),
        ),
        example="https://www.toutiao.com/article/7300000000000000001/",
    )
    reconcile = Reconcile.NONE
    polls = (60, 300, 900)

    def explain(self, code: str) -> Label | None:
        return remedy_of(RULES, code)

    def check(self, access: Access) -> tuple[Finding, ...]:
        try:
            name = _name(access)
        except (NeedsPerson, Refused) as error:
            told = Label(f"头条拒绝了检查：{error}", f"The platform refused the check: {error}")
            return (Finding(False, told, error.remedy),)
        found = Finding(True, Label(f"授权有效：{name}。", f"The authorisation works: {name}."))
        return (found,) if _may_publish(access) else (found, Finding(True, _NOT_GRANTED))

    def problems(self, outgoing: Outgoing) -> tuple[Label, ...]:
        if video_of(outgoing) is None:
            return ()
        wrong = {_BOTH: bool(pictures_of(outgoing)), _LONG: len(caption(outgoing)) > CAPTION_LENGTH}
        return tuple(label for label, is_wrong in wrong.items() if is_wrong)

    def publish(self, access: Access, outgoing: Outgoing) -> Receipt:
        video = video_of(outgoing)
        if video is None or not _may_publish(access):
            return hand_over(access, outgoing, _name(access))
        return send(access, outgoing, video)

    def settle(self, access: Access, receipt: Receipt) -> Receipt:
        return settle_item(access, receipt)

    def refresh(self, access: Access) -> None:
        ByteCalls(access, API_BASE).refresh()


def _may_publish(access: Access) -> bool:
    return access.credentials.get("short_video") == "yes"


def _name(access: Access) -> str:
    fields = {"access_token": access_token(access), "open_id": access.credentials["open_id"]}
    told = ByteCalls(access, API_BASE).form("/oauth/userinfo/", fields)
    return line(told.get("nickname"), 60) or access.handle


connector = Toutiao()
