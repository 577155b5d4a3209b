"""知乎: no public interface; a person posts.

Facts: `../shared/platforms/others.md`.
Its limits are those that its editor shows (unconfirmed by any document).
"""

from connectors._assistance import Assistance, checks
from connectors._by_hand import ByHand
from connectors._contract import Limits
from connectors._errors import Label


class Zhihu(ByHand):
    platform = "zhihu"
    label = Label("知乎", "Zhihu")
    default_api_base = "https://www.zhihu.com"
    limits = Limits(
        title_length=100,
        text_length=100_000,
        pictures=50,
        picture_bytes=10 * 1024 * 1024,
        picture_types=frozenset({"image/jpeg", "image/png", "image/gif"}),
        title_required=True,
    )
    assistance = Assistance(
        where=Label(
            "请在知乎发表(文章、回答或想法),再把链接贴回来。",
            "Publish it on Zhihu (article, answer or idea), then paste its link.",
        ),
        links=(
            r"https://zhuanlan\.zhihu\.com/p/(?P<id>\d{1,20})(?:\?\S*)?",
            r"https://www\.zhihu\.com/question/\d{1,20}/answer/(?P<id>\d{1,20})(?:\?\S*)?",
            r"https://www\.zhihu\.com/pin/(?P<id>\d{1,20})(?:\?\S*)?",
        ),
        checklist=checks(
            ("登录的是本单位的机构号", "Signed in with the unit's own account"),
            ("话题和专栏选对", "Topics and column are right"),
            ("评论按要求开或关", "Comments are on or off as wanted"),
        ),
        longest_edge=2560,
        example="https://zhuanlan.zhihu.com/p/680000001",
    )


connector = Zhihu()
