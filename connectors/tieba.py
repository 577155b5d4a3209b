"""百度贴吧: no interface found; a person posts.

Facts: `../shared/platforms/others.md`.
Its limits are those that its editor shows (unconfirmed by any document).
"""

from connectors._assistance import Assistance, checks
from connectors._by_hand import ByHand
from connectors._contract import Limits
from connectors._errors import Label


class Tieba(ByHand):
    platform = "tieba"
    label = Label("百度贴吧", "Baidu Tieba")
    default_api_base = "https://tieba.baidu.com"
    limits = Limits(
        title_length=31,
        text_length=2000,
        pictures=10,
        picture_bytes=10 * 1024 * 1024,
        picture_types=frozenset({"image/jpeg", "image/png", "image/gif"}),
        title_required=True,
    )
    assistance = Assistance(
        where=Label("请在贴吧发帖,再把链接贴回来。", "Post it in the forum, then paste its link."),
        links=(r"https://tieba\.baidu\.com/p/(?P<id>\d{1,20})(?:\?\S*)?",),
        checklist=checks(
            ("登录的是本单位的账号", "Signed in with the unit's own account"),
            ("发到的是要发的吧", "It goes to the right forum"),
            ("回帖按要求开或关", "Replies are on or off as wanted"),
        ),
        longest_edge=1920,
        example="https://tieba.baidu.com/p/8800000001",
    )


connector = Tieba()
