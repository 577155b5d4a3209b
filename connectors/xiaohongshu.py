"""小红书: no interface for an organisation's notes; a person posts.

Facts: `../shared/platforms/others.md`. Its limits and the short link are those that its app shows
(unconfirmed by any document).
"""

from connectors._assistance import Assistance, checks
from connectors._by_hand import ByHand
from connectors._contract import Limits
from connectors._errors import Label


class Xiaohongshu(ByHand):
    platform = "xiaohongshu"
    label = Label("小红书", "Xiaohongshu (RedNote)")
    default_api_base = "https://www.xiaohongshu.com"
    limits = Limits(
        title_length=20,
        text_length=1000,
        pictures=18,
        picture_bytes=20 * 1024 * 1024,
        picture_types=frozenset({"image/jpeg", "image/png"}),
        title_required=True,
        picture_required=True,
    )
    assistance = Assistance(
        where=Label(
            "请用小红书 App 或创作服务平台发布这篇笔记,再把链接贴回来。",
            "Publish this note with the app or the creator's site, then paste its link.",
        ),
        links=(
            r"https://www\.xiaohongshu\.com/(?:explore|discovery/item)/(?P<id>[0-9a-f]{24})(?:\?\S*)?",
            r"https?://xhslink\.com/(?:[a-z]/)?[0-9A-Za-z]{4,24}",
        ),
        checklist=checks(
            ("登录的是本单位的账号", "Signed in with the unit's own account"),
            ("图片顺序和封面对", "The pictures' order and the cover are right"),
            ("话题已加", "Topics are set"),
            ("评论按要求开或关", "Comments are on or off as wanted"),
        ),
        longest_edge=2560,
        example="https://www.xiaohongshu.com/explore/65f0c0de000000001203a1b2",
    )


connector = Xiaohongshu()
