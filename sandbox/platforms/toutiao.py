"""The double of 头条's open platform: what its sheet knows, and short videos for an app that has them.

Switches: `error_code` (path → code that it always answers with), `token_ends`, `capability` (False: 16 at the
videos' paths), `review_seconds` (60), `unfit` (True: ends at 2), `spoils`, `daily_posts`, `sensitive`.
"""

import zlib
from datetime import timedelta
from typing import Any

from fastapi import APIRouter

from sandbox.platforms import _byte_desk as desk
from sandbox.platforms._byte_desk import ByteError, Call
from sandbox.world import SandboxAccount, World

_PLATFORM = "toutiao"


def example(world: World, handle: str) -> SandboxAccount:
    """A working account; what its connector needs is in `credentials`."""
    number = zlib.crc32(handle.encode())
    credentials = {
        "client_key": f"tt{number:010}",
        "client_secret": f"ttsecret{number:010}",
        "open_id": f"_tt0{number:010}",
        "access_token": f"act.tt1b{number:010}",
        "refresh_token": f"rft.tt8y{number:010}",
    }
    return world.add_account(SandboxAccount(_PLATFORM, handle, credentials=credentials, posts_per_week=7.0))


def video_example(world: World, handle: str) -> SandboxAccount:
    """An account whose app was granted short videos."""
    account = example(world, handle)
    account.credentials["short_video"] = "yes"
    return account


def router(world: World) -> APIRouter:
    return desk.router_of(world, _PLATFORM, _ROUTES, _FOR_APP)


def _capable(call: Call) -> None:
    if call.account.switches.get("capability") is False:
        raise ByteError(16, "应用没有权限")


def _upload(call: Call) -> dict[str, Any]:
    _capable(call)
    return desk.new_video(call, desk.uploaded(call))


def _create(call: Call) -> dict[str, Any]:
    _capable(call)
    desk.count_post(call)
    video, text = desk.use_video(call), str(call.given.get("text", ""))
    number = 7_600_000_000_000_000_000 + len(call.world.published)
    url = f"https://www.toutiao.com/video/{number}"
    item = call.world.publish(
        _PLATFORM, call.account.account, remote_id=f"@tt+{number}==", title=text, text=text, url=url, **video
    )
    return {"item_id": item.remote_id}


def _data(call: Call) -> dict[str, Any]:
    _capable(call)
    switches, wanted = call.account.switches, call.given.get("item_ids") or []
    rows = []
    for item in call.world.of(_PLATFORM, call.account.account):
        if item.remote_id in wanted:
            waits = call.world.now() - item.at < timedelta(seconds=switches.get("review_seconds", 60))
            status = 4 if waits else (2 if switches.get("unfit") else 5)
            rows.append({"item_id": item.remote_id, "video_status": status, "share_url": item.url})
    return {"list": rows}


_FOR_APP = frozenset({"/oauth/refresh_token/", "/oauth/renew_refresh_token/", "/oauth/userinfo/"})
_ROUTES: desk.Routes = {
    ("POST", "/oauth/refresh_token/"): desk.refresh_token,
    ("POST", "/oauth/renew_refresh_token/"): desk.renew_refresh_token,
    ("POST", "/oauth/userinfo/"): desk.user_info,
    ("POST", "/toutiao/video/upload/"): _upload,
    ("POST", "/toutiao/video/create/"): _create,
    ("POST", "/toutiao/video/data/"): _data,
}
