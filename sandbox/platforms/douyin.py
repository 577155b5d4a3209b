"""The double of Douyin's open platform (its sheet's section 7).

| switch | meaning | default |
|---|---|---|
| error_code | path → code that it always answers with | none |
| token_ends | when the account's token ends | never |
| confirm_seconds | when the person presses publish by themselves; None: never | 300 |
| review_seconds, unfit | how long an item is at 4; ends at 2 instead of 5 | 60, False |
| daily_posts, sensitive | ceiling of a day (2114007), words (2111001) | 50, none |
| spoils | so many creates answer 2190007 | 0 |
| biz | items and figures want a biz_token | False |
| late_fans | fans figures come two days late | False |
| webhook | share of {"twice", "text", "no_video_id", "forged"} | none |

What a person does on the phone: `press(world, account, link)`. What the platform would post to the callback
address stands in `webhooks(account)`.
"""

import hashlib
import json
import zlib
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fastapi import APIRouter

from sandbox.platforms import _byte_desk as desk
from sandbox.platforms._byte_desk import ByteError, Call
from sandbox.readers import follower_change, followers, readership
from sandbox.world import BEIJING, Published, SandboxAccount, World

_PLATFORM = "douyin"
_BASE = "/api/douyin/v1/video"
_TICKET_LIFE = timedelta(hours=2)
_MOST_ITEMS = 40


def example(world: World, handle: str) -> SandboxAccount:
    """A working account; what its connector needs is in `credentials`."""
    number = zlib.crc32(handle.encode())
    credentials = {
        "client_key": f"ck{number:010}",
        "client_secret": f"dysecret{number:010}",
        "open_id": f"_000{number:010}",
        "access_token": f"act.5a1b{number:010}",
        "refresh_token": f"rft.9z8y{number:010}",
        "media_base": "https://media.example.org/m",
    }
    return world.add_account(SandboxAccount(_PLATFORM, handle, credentials=credentials, posts_per_week=7.0))


def video_example(world: World, handle: str) -> SandboxAccount:
    """An account with the right to server-side posts."""
    account = example(world, handle)
    account.credentials["way"] = "server"
    return account


def router(world: World) -> APIRouter:
    return desk.router_of(world, _PLATFORM, _ROUTES, _FOR_APP)


def _biz_token(call: Call) -> dict[str, Any]:
    if call.given.get("client_secret") != call.account.credentials["client_secret"]:
        raise ByteError(10013, "client_secret 不对")
    if not call.need("scope").endswith(".bind"):
        raise ByteError(10004, "scope 未授权")
    number = call.account.state["biz_tokens"] = call.account.state.get("biz_tokens", 0) + 1
    call.account.state["biz_token"] = f"biz.{number:010}"
    return {"biz_token": call.account.state["biz_token"], "biz_refresh_token": f"brt.{number:010}"}


# Sharing.


def _share_id(call: Call) -> dict[str, Any]:
    shares = call.account.state.setdefault("shares", {})
    asked = call.given.get("share_id")
    if asked:
        _confirm_due(call.world, call.account)
        item: Published | None = shares.get(str(asked), {}).get("item")
        return {"share_id": asked} | ({} if item is None else _ids(item))
    number = str(7_345_000_000_000_000_001 + len(shares))
    shares[number] = {"at": call.world.now(), "item": None}
    return {"share_id": number}


def _ticket(call: Call) -> dict[str, Any]:
    call.account.state["ticket"] = (f"tk{len(call.world.calls):08}", call.world.now() + _TICKET_LIFE)
    return {"ticket": call.account.state["ticket"][0], "expires_in": 7200}


def press(world: World, account: SandboxAccount, link: str) -> Published:
    """A person opens the link on the phone and presses publish. Raises ValueError where the app would not."""
    with world.lock:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}
        ticket, ends = account.state.get("ticket", ("", world.now()))
        line = f"nonce_str={asked['nonce_str']}&ticket={ticket}&timestamp={asked['timestamp']}"
        signature = hashlib.md5(line.encode(), usedforsecurity=False).hexdigest()
        if asked["client_key"] != account.credentials["client_key"] or signature != asked["signature"]:
            raise ValueError("the link is not signed by this app")
        if world.now() >= ends or not {"video_path", "image_list_path"} & asked.keys():
            raise ValueError("the link has ended, or holds no media")
        return _confirm(world, account, asked["state"], asked.get("title", ""), world.now())


def _confirm(world: World, account: SandboxAccount, share_id: str, title: str, at: datetime) -> Published:
    share = account.state["shares"][share_id]
    known: Published | None = share["item"]
    if known is None:
        known = share["item"] = _store(world, account, title, at=at)
        _tell(account, share_id, known)
    return known


def _confirm_due(world: World, account: SandboxAccount) -> None:
    seconds = account.switches.get("confirm_seconds", 300)
    for share_id, share in account.state.get("shares", {}).items():
        if seconds is not None and world.now() >= (due := share["at"] + timedelta(seconds=seconds)):
            _confirm(world, account, share_id, "", due)


def webhooks(account: SandboxAccount) -> list[tuple[dict[str, str], bytes]]:
    """Headers and body of every event so far, as they are posted to the callback address."""
    told: list[tuple[dict[str, str], bytes]] = account.state.setdefault("webhooks", [])
    return told


def signed(account: SandboxAccount, event: dict[str, Any]) -> tuple[dict[str, str], bytes]:
    """An event's headers and body, signed with the app's secret."""
    body = json.dumps(event, ensure_ascii=False).encode()
    secret = account.credentials["client_secret"].encode()
    signature = hashlib.sha1(secret + body, usedforsecurity=False).hexdigest()
    return {"x-douyin-signature": signature}, body


def _tell(account: SandboxAccount, share_id: str, item: Published) -> None:
    ways = account.switches.get("webhook", ())
    content: Any = {"share_id": share_id, **_ids(item), "has_default_hashtag": False}
    if "no_video_id" in ways:
        del content["video_id"]
    event = {
        "event": "create_video",
        "from_user_id": account.credentials["open_id"],
        "client_key": account.credentials["client_key"],
        "log_id": "0216",
        "content": json.dumps(content) if "text" in ways else content,
    }
    headers, body = signed(account, event)
    if "forged" in ways:
        headers = {"x-douyin-signature": "0" * 40}
    webhooks(account).extend([(headers, body)] * (2 if "twice" in ways else 1))


# Server-side posts.


def _upload_video(call: Call) -> dict[str, Any]:
    content = desk.uploaded(call)
    if len(content) > 128 * 1024 * 1024:
        raise ByteError(2190005, "文件过大")
    return desk.new_video(call, content)


def _init_parts(call: Call) -> dict[str, Any]:
    uploads = call.account.state.setdefault("uploads", {})
    number = f"up{len(uploads):06}"
    uploads[number] = {}
    return {"upload_id": number}


def _upload_part(call: Call) -> dict[str, Any]:
    parts = _parts(call)
    parts[int(call.need("part_number"))] = desk.uploaded(call)
    return {}


def _complete_parts(call: Call) -> dict[str, Any]:
    parts = _parts(call)
    if sorted(parts) != list(range(1, len(parts) + 1)):
        raise ByteError(2100005, "分片不全")
    return desk.new_video(call, b"".join(parts[number] for number in sorted(parts)))


def _parts(call: Call) -> dict[int, bytes]:
    found: dict[int, bytes] | None = call.account.state.get("uploads", {}).get(call.need("upload_id"))
    if found is None:
        raise ByteError(2100005, "upload_id 不对")
    return found


def _create_video(call: Call) -> dict[str, Any]:
    desk.count_post(call)
    video = desk.use_video(call)
    item = _store(call.world, call.account, str(call.given.get("text", "")), **video)
    return {"item_id": item.remote_id}


def _upload_image(call: Call) -> dict[str, Any]:
    images = call.account.state.setdefault("images", [])
    images.append(hashlib.sha256(desk.uploaded(call)).hexdigest())
    return {"image": {"image_id": f"img{len(images) - 1}", "width": 720, "height": 720}}


def _create_pictures(call: Call) -> dict[str, Any]:
    desk.count_post(call)
    named = call.given.get("image_list")
    if not named or any(not str(image).startswith("img") for image in named):
        raise ByteError(2100005, "image_list 不对")
    item = _store(call.world, call.account, str(call.given.get("text", "")), images=list(named))
    return _ids(item)


def _store(
    world: World, account: SandboxAccount, title: str, at: datetime | None = None, **extra: Any
) -> Published:
    number = 7_300_000_000_000_000_000 + len(world.published)
    item_id = f"@8h+{number % 10**9:09}/xd=="
    url = f"https://www.iesdouyin.com/share/video/{number}"
    return world.publish(
        _PLATFORM,
        account.account,
        remote_id=item_id,
        title=title,
        text=title,
        url=url,
        at=at,
        video_id=number,
        **extra,
    )


def _ids(item: Published) -> dict[str, Any]:
    return {"item_id": item.remote_id, "video_id": str(item.extra.get("video_id", item.remote_id))}


# Reading.


def _video_list(call: Call) -> dict[str, Any]:
    _confirm_due(call.world, call.account)
    found = list(reversed(call.world.of(_PLATFORM, call.account.account)))[:_MOST_ITEMS]
    cursor, count = int(call.given.get("cursor", 0)), min(20, int(call.given.get("count", 10)))
    page = found[cursor : cursor + count]
    further = cursor + len(page)
    return {
        "cursor": further,
        "has_more": further < len(found),
        "list": [_item(call.world, call.account, item) for item in page],
    }


def _video_data(call: Call) -> dict[str, Any]:
    wanted = call.given.get("item_ids") or []
    items = [item for item in call.world.of(_PLATFORM, call.account.account) if item.remote_id in wanted]
    return {"list": [_item(call.world, call.account, item) for item in items]}


def _item(world: World, account: SandboxAccount, item: Published) -> dict[str, Any]:
    readers = readership(world, account, item, world.now())
    reviewed = world.now() >= item.at + timedelta(seconds=account.switches.get("review_seconds", 60))
    final = 2 if account.switches.get("unfit") else 5
    return {
        "item_id": item.remote_id,
        "title": item.title,
        "cover": "https://p3.douyinpic.com/a.jpeg",
        "share_url": item.url,
        "create_time": int(item.at.timestamp()),
        "is_top": False,
        "is_reviewed": reviewed,
        "video_status": account.switches.get("status", final) if reviewed else 4,
        "media_type": 2 if "images" in item.extra else 4,
        "statistics": {
            "play_count": readers.reads,
            "digg_count": readers.likes,
            "comment_count": readers.comments,
            "share_count": readers.shares,
            "forward_count": readers.reposts,
            "download_count": readers.favourites,
        },
    }


def _item_base(call: Call) -> dict[str, Any]:
    item_id = call.need("item_id")
    items = call.world.of(_PLATFORM, call.account.account)
    item = next((item for item in items if item.remote_id == item_id), None)
    if item is None or call.world.now() - item.at > timedelta(days=30):
        return {"result": {}}
    readers = readership(call.world, call.account, item, call.world.now())
    return {"result": {"total_play": readers.reads, "total_like": readers.likes, "avg_play_duration": 12.5}}


def _user(call: Call) -> dict[str, Any]:
    """One row a Beijing day; yesterday's from ten in the morning on."""
    kind, date_type = call.arrived.path.rstrip("/").rpartition("/")[2], str(call.given.get("date_type"))
    if date_type not in ("7", "15", "30"):
        raise ByteError(10002, "date_type 只能是 7、15、30")
    now = call.world.now().astimezone(BEIJING)
    last = now.date() - timedelta(days=1 if now.hour >= 10 else 2)
    if kind == "fans" and call.account.switches.get("late_fans"):
        last -= timedelta(days=1)
    first = max(now.date() - timedelta(days=int(date_type)), call.account.founded.astimezone(BEIJING).date())
    days = [first + timedelta(days=number) for number in range(max(0, (last - first).days + 1))]
    return {"result_list": [{"date": day.isoformat(), **_day(call, kind, day)} for day in days]}


def _day(call: Call, kind: str, day: date) -> dict[str, int]:
    draw = call.world.draw(_PLATFORM, call.account.account, kind, day).randrange(20, 400)
    posts = [item.at.astimezone(BEIJING).date() for item in call.world.of(_PLATFORM, call.account.account)]
    new = follower_change(call.world, call.account, day)[0]
    told: dict[str, dict[str, int]] = {
        "fans": {"new_fans": new, "total_fans": followers(call.world, call.account, day)},
        "item": {"new_issue": posts.count(day), "new_play": draw * 50, "total_issue": len(posts)},
        "like": {"new_like": draw},
        "comment": {"new_comment": draw // 10},
        "share": {"new_share": draw // 5},
        "profile": {"profile_uv": draw * 2},
    }
    return told[kind]


_SERIES = ("fans", "item", "like", "comment", "share", "profile")
_FOR_APP = frozenset(
    {
        "/oauth/business_token/",
        "/oauth/client_token/",
        "/oauth/refresh_token/",
        "/oauth/renew_refresh_token/",
        "/oauth/userinfo/",
        "/share-id/",
        "/open/getticket/",
    }
)
_ROUTES: desk.Routes = {
    ("POST", "/oauth/client_token/"): desk.client_token,
    ("POST", "/oauth/refresh_token/"): desk.refresh_token,
    ("POST", "/oauth/renew_refresh_token/"): desk.renew_refresh_token,
    ("POST", "/oauth/business_token/"): _biz_token,
    ("POST", "/oauth/userinfo/"): desk.user_info,
    ("GET", "/share-id/"): _share_id,
    ("GET", "/open/getticket/"): _ticket,
    ("POST", f"{_BASE}/upload_video/"): _upload_video,
    ("POST", f"{_BASE}/init_video_part_upload/"): _init_parts,
    ("POST", f"{_BASE}/upload_video_part/"): _upload_part,
    ("POST", f"{_BASE}/complete_video_part_upload/"): _complete_parts,
    ("POST", f"{_BASE}/create_video/"): _create_video,
    ("POST", f"{_BASE}/upload_image/"): _upload_image,
    ("POST", f"{_BASE}/create_image_text/"): _create_pictures,
    ("GET", f"{_BASE}/video_list/"): _video_list,
    ("POST", f"{_BASE}/video_data/"): _video_data,
    ("GET", "/data/external/item/base/"): _item_base,
    **{("GET", f"/data/external/user/{name}/"): _user for name in _SERIES},
}
