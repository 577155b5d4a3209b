"""The double of Baijiahao's partner interface.

| switch | meaning | default |
|---|---|---|
| error_code | path → errno that it always answers with | none |
| review_seconds | how long an article is under review | 3600 |
| nameless | a success without article_id | False |
| daily_posts | ceiling of a day (60001008) | 20 |

The status query is at `article/status` here; the true path is the partner's secret.
"""

import json
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from sandbox.world import BEIJING, SandboxAccount, World

_PLATFORM = "baijiahao"
_RESOURCE = "/builderinner/open/resource"


class _No(Exception):
    def __init__(self, errno: int, errmsg: str) -> None:
        super().__init__(errmsg)
        self.errno, self.errmsg = errno, errmsg


def example(world: World, handle: str) -> SandboxAccount:
    """A working account; what its connector needs is in `credentials`."""
    number = zlib.crc32(handle.encode())
    credentials = {
        "app_id": f"{number:016}",
        "app_token": f"bjhtoken{number:010}",
        "status_path": "article/status",
    }
    return world.add_account(SandboxAccount(_PLATFORM, handle, credentials=credentials))


@dataclass(frozen=True)
class _Call:
    world: World
    account: SandboxAccount
    given: Mapping[str, Any]


def router(world: World) -> APIRouter:
    router = APIRouter()

    @router.post(_RESOURCE + "/{path:path}")
    async def serve(request: Request, path: str) -> JSONResponse:
        told = await request.json()
        given = told if isinstance(told, dict) else {}
        with world.lock:
            try:
                data = _handled(world, path, given)
            except _No as error:
                return JSONResponse({"errno": error.errno, "errmsg": error.errmsg})
        return JSONResponse({"errno": 0, "errmsg": "success", "data": data})

    return router


def _handled(world: World, path: str, given: Mapping[str, Any]) -> dict[str, Any]:
    account = next(
        (one for one in world.accounts_of(_PLATFORM) if one.credentials["app_id"] == given.get("app_id")),
        None,
    )
    if account is None or given.get("app_token") != account.credentials["app_token"]:
        raise _No(60001001, "app_token 错误")
    forced = account.switches.get("error_code", {}).get(path)
    if forced is not None:
        raise _No(int(forced), f"错误 {account.credentials['app_token']}")
    if path not in _ROUTES:
        raise _No(10002, "接口未授权")
    return _ROUTES[path](_Call(world, account, given))


def _publish(call: _Call) -> dict[str, Any]:
    title, content = str(call.given.get("title", "")), str(call.given.get("content", ""))
    if not title or not content or not call.given.get("origin_url"):
        raise _No(2, "参数错误")
    covers = json.loads(call.given.get("cover_images") or "[]")
    if len(covers) not in (0, 1, 3):
        raise _No(2, "封面应为 1 或 3 张")
    _count_post(call)
    articles = call.account.state.setdefault("articles", {})
    article_id = str(1_790_000_000_000_000_001 + len(articles))
    articles[article_id] = {"at": call.world.now(), "draft": not covers}
    if covers:
        call.world.publish(
            _PLATFORM,
            call.account.account,
            remote_id=article_id,
            title=title,
            text=re.sub("<[^>]*>", "", content),
            given=dict(call.given),
        )
    return {} if call.account.switches.get("nameless") else {"article_id": article_id}


def _count_post(call: _Call) -> None:
    today = call.world.now().astimezone(BEIJING).date().isoformat()
    day, made = call.account.state.get("posts", (today, 0))
    made = made if day == today else 0
    if made >= call.account.switches.get("daily_posts", 20):
        raise _No(60001008, "今日发文已达上限")
    call.account.state["posts"] = (today, made + 1)


def _status(call: _Call) -> dict[str, Any]:
    told = {}
    review = timedelta(seconds=call.account.switches.get("review_seconds", 3600))
    for article_id in str(call.given.get("article_id", "")).split(",")[:20]:
        article = call.account.state.get("articles", {}).get(article_id)
        if article is not None:
            passed = not article["draft"] and call.world.now() >= article["at"] + review
            told[article_id] = "publish" if passed else ("draft" if article["draft"] else "auditing")
    return told


_ROUTES: dict[str, Callable[[_Call], dict[str, Any]]] = {
    "article/publish": _publish,
    "article/status": _status,
}
