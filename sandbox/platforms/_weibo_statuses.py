"""Posts at Weibo: what becomes of a text, how a post is shown and addressed (sheet section 2)."""

import re
from datetime import datetime
from hashlib import blake2b
from typing import Any

from sandbox.readers import followers, readership
from sandbox.world import BEIJING, Published, SandboxAccount, World

PLATFORM = "weibo"
LINK = re.compile(r"https?://[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+", re.IGNORECASE)
_TOPIC = re.compile(r"#[^#]+#")
_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_FIRST_ID = 5_271_000_000_004_411
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def shown_text(text: str, *, removes_topics: bool) -> str:
    """The text as readers see it: links by t.cn, topics gone."""
    shortened = LINK.sub(lambda link: short_link(link[0]), text)
    return _TOPIC.sub("", shortened) if removes_topics else shortened


def short_link(link: str) -> str:
    number = int.from_bytes(blake2b(link.encode(), digest_size=8).digest())
    return "http://t.cn/A6" + "".join(_ALPHABET[number // 62**place % 62] for place in range(6))


def next_id(world: World, account: SandboxAccount) -> str:
    """A fresh id: nothing is ever taken out of the world, so its size has not been used yet."""
    return str(int(account.switches.get("first_id", _FIRST_ID)) + len(world.published))


def address(uid: str, mid: str) -> str:
    """`https://weibo.com/<uid>/<base62(mid)>`."""
    coded = ""
    while mid:
        mid, group = mid[:-7], int(mid[-7:])
        digits = ""
        while group:
            group, rest = divmod(group, 62)
            digits = _ALPHABET[rest] + digits
        coded = (digits.rjust(4, "0") if mid else digits) + coded
    return f"https://weibo.com/{uid}/{coded}"


def timestamp(at: datetime) -> str:
    """`Mon Mar 02 09:30:11 +0800 2026`, in English everywhere."""
    here = at.astimezone(BEIJING)
    day, month = _DAYS[here.weekday()], _MONTHS[here.month - 1]
    return f"{day} {month} {here:%d %H:%M:%S %z %Y}"


def visible(world: World, account: SandboxAccount) -> list[Published]:
    """The account's posts that are not deleted, newest first."""
    posts = world.of(PLATFORM, account.account)
    return [post for post in reversed(posts) if not post.extra.get("deleted")]


def status(world: World, account: SandboxAccount, post: Published, *, trim_user: bool) -> dict[str, Any]:
    """The STATUS object of a post."""
    seen = readership(world, account, post, world.now())
    uid = account.credentials["uid"]
    shown: dict[str, Any] = {
        "created_at": timestamp(post.at),
        "id": int(post.remote_id),
        "mid": post.remote_id,
        "idstr": post.remote_id,
        "text": post.text,
        "source": '<a href="https://youth.example.org" rel="nofollow">滨河青年</a>',
        "favorited": False,
        "truncated": False,
        "pic_urls": [{"thumbnail_pic": "http://wx1.sinaimg.cn/thumbnail/abc.jpg"}]
        if post.extra.get("picture")
        else [],
        "reposts_count": seen.reposts,
        "comments_count": seen.comments,
        "attitudes_count": seen.likes,
        "isLongText": False,
        "visible": {"type": 0, "list_id": 0},
    }
    if not post.extra.get("original", True):
        shown["retweeted_status"] = {"id": 1, "idstr": "1", "text": "转发"}
    return shown | ({"uid": int(uid)} if trim_user else {"user": user(world, account)})


def user(world: World, account: SandboxAccount) -> dict[str, Any]:
    """The user object."""
    uid = account.credentials["uid"]
    return {
        "id": int(uid),
        "idstr": uid,
        "screen_name": account.account,
        "friends_count": 143,
        "verified": True,
        "verified_type": 1,
        **totals(world, account),
    }


def totals(world: World, account: SandboxAccount) -> dict[str, int]:
    today = world.now().astimezone(BEIJING).date()
    return {
        "followers_count": followers(world, account, today),
        "statuses_count": len(visible(world, account)),
    }


def counts(world: World, account: SandboxAccount, post: Published) -> dict[str, int]:
    """One row of statuses/count."""
    seen = readership(world, account, post, world.now())
    return {
        "id": int(post.remote_id),
        "comments": seen.comments,
        "reposts": seen.reposts,
        "attitudes": seen.likes,
    }
