"""微信视频号: no interface for an organisation's own posts; a person posts.

Facts: `../shared/platforms/others.md`. Its limits are those that its assistant site shows (unconfirmed by any
document).
"""

from connectors._assistance import Assistance, checks
from connectors._by_hand import ByHand
from connectors._contract import Limits
from connectors._errors import Label


class WeChatChannels(ByHand):
    platform = "wechat_channels"
    label = Label("微信视频号", "WeChat Channels")
    default_api_base = "https://channels.weixin.qq.com"
    limits = Limits(
        title_length=16,
        text_length=1000,
        pictures=18,
        picture_bytes=20 * 1024 * 1024,
        picture_types=frozenset({"image/jpeg", "image/png"}),
        picture_required=True,
    )
    assistance = Assistance(
        where=Label(
            "请在视频号助手或微信里发表,再把链接贴回来。",
            "Publish it with the Channels assistant or in WeChat, then paste its link.",
        ),
        links=(
            r"https://channels\.weixin\.qq\.com/[\x21-\x7e]{3,400}",
            r"https://weixin\.qq\.com/sph/(?P<id>[0-9A-Za-z]{4,40})",
        ),
        checklist=checks(
            ("登录的是本单位的视频号", "Signed in with the unit's own channel"),
            ("封面和短标题对", "The cover and the short title are right"),
            ("声明原创、位置和话题按要求", "Original mark, place and topics are as wanted"),
            ("评论按要求开或关", "Comments are on or off as wanted"),
        ),
        longest_edge=2560,
        example="https://weixin.qq.com/sph/AbC123xyz",
    )


connector = WeChatChannels()
