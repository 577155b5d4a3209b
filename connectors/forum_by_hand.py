"""A forum without an interface that may be used: a person posts. The account's address is the forum's."""

from connectors._assistance import Assistance, checks
from connectors._by_hand import ByHand
from connectors._contract import Limits
from connectors._errors import Label


class ForumByHand(ByHand):
    platform = "forum_by_hand"
    label = Label("论坛(人工发帖)", "Forum (posted by hand)")
    limits = Limits(
        title_length=80,
        pictures=20,
        picture_bytes=5 * 1024 * 1024,
        picture_types=frozenset({"image/jpeg", "image/png", "image/gif"}),
        title_required=True,
    )
    assistance = Assistance(
        where=Label("请在论坛发帖,再把链接贴回来。", "Post it in the forum, then paste its link."),
        checklist=checks(
            ("登录的是本单位的账号", "Signed in with the unit's own account"),
            ("版块选对", "It goes to the right board"),
            ("回帖按要求开或关", "Replies are on or off as wanted"),
        ),
        longest_edge=1920,
    )


connector = ForumByHand()
