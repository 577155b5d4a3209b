"""Statistics: the new family and the followers, day by day in Beijing time (sheet sections 9 and 12.7).

Switches: `is_delay` (False), `old_family` (False: 47009), `strange_scenes` (0.2: the share of articles with
a scene name that no list has).
"""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any

from sandbox.platforms._wechat_desk import Call, No
from sandbox.readers import Readership, ensure_history, follower_change, followers, readership
from sandbox.world import BEIJING, Published

_FIRST_DAY = date(2025, 11, 1)
_TRACKED_DAYS = 30
_READY = time(8)
_FEWEST = 3
_SCENES = ("公众号消息", "聊天会话", "朋友圈", "公众号主页", "推荐", "搜一搜", "其他")
_STRANGE_SCENE = "视频号直播间"
_SOURCES = (0, 1, 30)

Detail = Callable[[Call, Published, Readership], dict[str, Any]]


def old_family(call: Call) -> dict[str, Any]:
    if not call.switch("old_family", False):
        raise No(47009)
    return {"list": []}


def article_totals(call: Call) -> dict[str, Any]:
    """Articles published on one day, with a cumulative row for every day since."""
    day = _days(call, 1)[0]
    items = [_article(call, item) for item in _published(call, day)] if day >= _FIRST_DAY else []
    return _told(call, [item for item in items if item["detail_list"]])


def article_reads(call: Call) -> dict[str, Any]:
    """What happened on one day to every article read that day."""
    return _told(call, list(_per_day(call, _days(call, 1)[0], _read_detail)))


def article_shares(call: Call) -> dict[str, Any]:
    day = _days(call, 1)[0]
    return _told(call, list(_per_day(call, day, lambda call, item, gain: {"share_user": gain.shares})))


def account_days(call: Call) -> dict[str, Any]:
    """The whole account per day."""
    days = [day for day in _days(call, 30) if day >= _FIRST_DAY]
    return _told(call, [{"ref_date": day.isoformat(), "detail": _account_detail(call, day)} for day in days])


def follower_changes(call: Call) -> dict[str, Any]:
    """One row per source and day: who wants the day's total must add them up."""
    rows = []
    for day in _days(call, 7):
        new, lost = follower_change(call.world, call.account, day)
        for place, source in enumerate(_SOURCES):
            rows.append(
                {
                    "ref_date": day.isoformat(),
                    "user_source": source,
                    "new_user": new // 3 + (new % 3 if place == 0 else 0),
                    "cancel_user": lost if place == 0 else 0,
                }
            )
    return {"list": rows}


def follower_totals(call: Call) -> dict[str, Any]:
    days = _days(call, 7)
    counts = [(day, followers(call.world, call.account, day)) for day in days]
    return {
        "list": [
            {"ref_date": day.isoformat(), "user_source": 0, "cumulate_user": count} for day, count in counts
        ]
    }


def _days(call: Call, most: int) -> list[date]:
    """The days asked for: yesterday at the latest, and yesterday not before eight in the morning."""
    try:
        begin = date.fromisoformat(str(call.body["begin_date"]))
        end = date.fromisoformat(str(call.body["end_date"]))
    except (KeyError, ValueError):
        raise No(61500, "date format error") from None
    here = call.now.astimezone(BEIJING)
    yesterday = here.date() - timedelta(days=1)
    if end < begin or end > yesterday or (end - begin).days >= most:
        raise No(61501, "date range error")
    if end == yesterday and here.time() < _READY:
        raise No(61503)
    return [begin + timedelta(days=count) for count in range((end - begin).days + 1)]


def _told(call: Call, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"list": rows, "is_delay": bool(call.switch("is_delay", False))}


def _published(call: Call, day: date) -> list[Published]:
    ensure_history(call.world, call.account)
    items = call.world.of(call.account.platform, call.account.account)
    begin = datetime.combine(day, time(), BEIJING)
    end = begin + timedelta(days=1)
    return [item for item in items if begin <= item.at < end]


def _article(call: Call, item: Published) -> dict[str, Any]:
    day = item.at.astimezone(BEIJING).date()
    yesterday = call.now.astimezone(BEIJING).date() - timedelta(days=1)
    last = min(yesterday, day + timedelta(days=_TRACKED_DAYS - 1))
    counted = [
        (stat, _until(call, item, stat))
        for stat in (day + timedelta(days=count) for count in range((last - day).days + 1))
    ]
    return {
        "ref_date": day.isoformat(),
        "msgid": _msgid(item),
        "publish_type": 0 if item.extra.get("pushed", item.extra.get("by_hand", False)) else 1,
        "title": item.title,
        "content_url": item.url or f"https://mp.weixin.qq.com/s?mid={item.remote_id}&idx=1",
        "detail_list": [_row(call, item, stat, seen) for stat, seen in counted if seen.read_users >= _FEWEST],
    }


def _msgid(item: Published) -> str:
    return f"{item.remote_id}_{item.extra.get('push_position', 1)}"


def _until(call: Call, item: Published, day: date) -> Readership:
    """What the article has gathered until the end of a Beijing day."""
    end = datetime.combine(day + timedelta(days=1), time(), BEIJING)
    return readership(call.world, call.account, item, end)


def _row(call: Call, item: Published, day: date, seen: Readership) -> dict[str, Any]:
    name = ("wechat rates", item.account, item.remote_id)
    finished, minutes = call.world.once(name, lambda: _rates(call.world.draw(*name)))
    known = max(1, followers(call.world, call.account, day))
    return {
        "stat_date": day.isoformat(),
        "read_user": seen.read_users,
        "read_user_source": _scenes(call, item, seen.read_users),
        "share_user": seen.shares,
        "zaikan_user": seen.hearts,
        "like_user": seen.likes,
        "comment_count": seen.comments,
        "collection_user": seen.favourites,
        "praise_money": 0,
        "read_subscribe_user": seen.follows,
        "read_delivery_rate": round(seen.read_users / known, 4),
        "read_finish_rate": finished,
        "read_avg_activetime": minutes,
        "read_jump_position": [{"position": 1, "rate": 0.41}, {"position": 5, "rate": 0.12}],
    }


def _rates(draw: Random) -> tuple[float, float]:
    """How many of the readers finish an article, and how many minutes they take."""
    return round(draw.uniform(0.3, 0.8), 4), round(draw.uniform(0.4, 2.5), 2)


def _scenes(call: Call, item: Published, users: int) -> list[dict[str, Any]]:
    """The total 全部 stands among its parts."""
    strange = float(call.switch("strange_scenes", 0.2))
    name = ("wechat scenes", item.account, item.remote_id, strange)
    names, weights = call.world.once(name, lambda: _scene_weights(call.world.draw(*name[:3]), strange))
    counts = [int(users * weight / sum(weights)) for weight in weights]
    counts[0] += users - sum(counts)
    parts = [{"user_count": count, "scene_desc": name} for name, count in zip(names, counts, strict=True)]
    return [{"user_count": users, "scene_desc": "全部"}, *parts]


def _scene_weights(draw: Random, strange: float) -> tuple[list[str], list[float]]:
    names = [*_SCENES]
    if draw.random() < strange:
        names[-1] = _STRANGE_SCENE
    return names, [draw.random() for _ in names]


def _gains(call: Call, day: date) -> list[tuple[Published, Readership]]:
    """What one day has added to every article that is still tracked."""
    ensure_history(call.world, call.account)
    found = []
    for item in call.world.of(call.account.platform, call.account.account):
        age = (day - item.at.astimezone(BEIJING).date()).days
        if 0 <= age < _TRACKED_DAYS:
            before, after = _until(call, item, day - timedelta(days=1)), _until(call, item, day)
            found.append((item, _difference(after, before)))
    return found


def _difference(after: Readership, before: Readership) -> Readership:
    return Readership(**{name: value - vars(before)[name] for name, value in vars(after).items()})


def _per_day(call: Call, day: date, detail: Detail) -> list[dict[str, Any]]:
    if day < _FIRST_DAY:
        return []
    return [
        {"ref_date": day.isoformat(), "msgid": _msgid(item), "detail": detail(call, item, gain)}
        for item, gain in _gains(call, day)
        if gain.read_users >= _FEWEST
    ]


def _read_detail(call: Call, item: Published, gain: Readership) -> dict[str, Any]:
    return {"read_user": gain.read_users, "read_user_source": _scenes(call, item, gain.read_users)}


def _account_detail(call: Call, day: date) -> dict[str, Any]:
    gains = [gain for _, gain in _gains(call, day)]
    return {
        "read_user": sum(gain.read_users for gain in gains),
        "read_user_source": [],
        "share_user": sum(gain.shares for gain in gains),
        "zaikan_user": sum(gain.hearts for gain in gains),
        "like_user": sum(gain.likes for gain in gains),
        "comment_count": sum(gain.comments for gain in gains),
        "collection_user": sum(gain.favourites for gain in gains),
        "redirect_ori_page_user": sum(gain.follows for gain in gains),
        "send_page_count": len(_published(call, day)),
    }
