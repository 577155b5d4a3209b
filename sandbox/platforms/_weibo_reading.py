"""What Weibo tells: the newest five posts, counts, user, token and limits (sheet sections 1 and 3)."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sandbox.platforms._weibo_calls import Call, calls_left, daily_calls, epoch, token_ends
from sandbox.platforms._weibo_errors import WeiboError
from sandbox.platforms._weibo_statuses import counts, status, totals, user, visible
from sandbox.world import Published

TIMELINE_SIZE = 5
_MOST_IDS = 100


def user_timeline(call: Call) -> dict[str, Any]:
    """The newest five of the account's own posts, however many were asked for."""
    trim_user = call.fields.get("trim_user") == "1"
    return _page(call, lambda post: status(call.world, call.account, post, trim_user=trim_user))


def user_timeline_ids(call: Call) -> dict[str, Any]:
    return _page(call, lambda post: post.remote_id)


def _page(call: Call, shown: Callable[[Published], object]) -> dict[str, Any]:
    posts = visible(call.world, call.account)
    size = min(_number(call, "count", TIMELINE_SIZE), TIMELINE_SIZE)
    first = _number(call, "page", 1) == 1
    newest = posts[:size] if first else []
    return {"statuses": [shown(post) for post in newest], "total_number": len(posts)}


def _number(call: Call, name: str, default: int) -> int:
    given = call.fields.get(name, str(default))
    if not given.isdecimal() or int(given) < 1:
        raise WeiboError(10008)
    return int(given)


def show(call: Call) -> dict[str, Any]:
    """One of the account's own posts."""
    for post in visible(call.world, call.account):
        if post.remote_id == call.fields.get("id"):
            return status(call.world, call.account, post, trim_user=False)
    raise WeiboError(20101)


def status_counts(call: Call) -> list[dict[str, int]]:
    """At most a hundred ids; deleted and foreign ones are simply absent."""
    wanted = _ids(call, "ids")
    own = {post.remote_id: post for post in visible(call.world, call.account)}
    return [counts(call.world, call.account, own[mid]) for mid in wanted if mid in own]


def user_counts(call: Call) -> list[dict[str, int]]:
    """Own numbers only: the double knows no foreign users."""
    uid = call.account.credentials["uid"]
    if uid not in _ids(call, "uids"):
        return []
    row = {"id": int(uid), "friends_count": 143, "private_friends_count": 0, "pagefriends_count": 4}
    return [row | totals(call.world, call.account)]


def _ids(call: Call, name: str) -> list[str]:
    ids = [value for value in call.fields.get(name, "").split(",") if value]
    if not ids or len(ids) > _MOST_IDS or not all(value.isdecimal() for value in ids):
        raise WeiboError(10008)
    return ids


def show_user(call: Call) -> dict[str, Any]:
    if call.fields.get("uid", call.account.credentials["uid"]) != call.account.credentials["uid"]:
        raise WeiboError(20003)
    return user(call.world, call.account)


def uid(call: Call) -> dict[str, int]:
    return {"uid": int(call.account.credentials["uid"])}


def rate_limit_status(call: Call) -> dict[str, Any]:
    midnight = call.world.beijing_midnight()
    return {
        "ip_limit": 10000,
        "limit_time_unit": "HOURS",
        "remaining_ip_hits": 9981,
        "remaining_user_hits": calls_left(call.world, call.account),
        "reset_time": f"{midnight:%Y-%m-%d %H:%M:%S}",
        "reset_time_in_seconds": _seconds_until(call, midnight),
        "user_limit": daily_calls(call.account),
        "api_rate_limits": [
            {"api": "/statuses/share", "limit": 30, "limit_time_unit": "HOURS", "remaining_hits": 29}
        ],
    }


def token_info(call: Call) -> dict[str, Any]:
    return {
        "uid": int(call.account.credentials["uid"]),
        "appkey": call.account.credentials.get("app_key", "1234500000"),
        "scope": "",
        "create_at": epoch(call.account.founded),
        "expire_in": _seconds_until(call, token_ends(call.world, call.account)),
    }


def revoke(call: Call) -> dict[str, str]:
    call.account.state["revoked"] = True
    return {"result": "true"}


def _seconds_until(call: Call, moment: datetime) -> int:
    return int((moment - call.world.now()).total_seconds())
