"""The double of Kuaishou's open platform and of its upload host, which it names itself.

| switch | meaning | default |
|---|---|---|
| error_code | path → result that it always answers with | none |
| pending_seconds, hidden_seconds | how long a video is worked on, does not exist yet | 60, 0 |
| endpoint | the upload host that it names | this double |
| seconds_not_ms | create_time in seconds | False |
"""

import hashlib
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from sandbox.readers import ensure_history, followers, readership
from sandbox.world import BEIJING, Published, SandboxAccount, World

_PLATFORM = "kuaishou"
_TOKEN_SECONDS = 172_800
_FRAGMENT = 10 * 1024 * 1024


class _No(Exception):
    def __init__(self, result: int, error: str) -> None:
        super().__init__(error)
        self.result, self.error = result, error


def example(world: World, handle: str) -> SandboxAccount:
    """A working account; what its connector needs is in `credentials`."""
    number = zlib.crc32(handle.encode())
    credentials = {
        "app_id": f"ks{number:010}",
        "app_secret": f"kssecret{number:010}",
        "refresh_token": f"ChJv{number:010}",
    }
    return world.add_account(SandboxAccount(_PLATFORM, handle, credentials=credentials, posts_per_week=7.0))


@dataclass(frozen=True)
class _Call:
    world: World
    account: SandboxAccount
    host: str
    query: Mapping[str, str]
    form: Mapping[str, str]
    cover: bytes | None
    raw: bytes

    def need(self, name: str) -> str:
        value = self.query.get(name)
        if not value:
            raise _No(100400, f"参数错误 {name}")
        return value


def router(world: World) -> APIRouter:
    router = APIRouter()

    @router.api_route("/{path:path}", methods=["GET", "POST"])
    async def serve(request: Request, path: str) -> JSONResponse:
        kind, form, cover, raw = request.headers.get("content-type", ""), {}, None, b""
        if kind.startswith("multipart/form-data"):
            async with request.form() as given:
                form = {name: value for name, value in given.items() if isinstance(value, str)}
                upload = given.get("cover")
                cover = await upload.read() if isinstance(upload, UploadFile) else None
        else:
            raw = await request.body()
        host = f"{request.headers['host']}/{_PLATFORM}"
        rest = (host, dict(request.query_params), form, cover, raw)
        return await run_in_threadpool(_answer, world, request.method, f"/{path}", rest)

    return router


def _answer(world: World, method: str, path: str, rest: tuple[Any, ...]) -> JSONResponse:
    with world.lock:
        try:
            handler = _ROUTES.get((method, path))
            if handler is None:
                raise _No(100400, "接口不存在")
            account = _account(world, path, rest[1])
            forced = account.switches.get("error_code", {}).get(path)
            if forced is not None:
                raise _No(int(forced), f"错误 {account.credentials['app_secret']}")
            ensure_history(world, account)
            told = handler(_Call(world, account, *rest))
        except _No as error:
            return JSONResponse({"result": error.result, "error": "failed", "error_msg": error.error})
        return JSONResponse({"result": 1 if world.random.random() < 0.5 else "1", **told})


def _account(world: World, path: str, query: Mapping[str, str]) -> SandboxAccount:
    for account in world.accounts_of(_PLATFORM):
        if path.startswith("/api/upload"):
            if "access_token" in query:
                raise _No(100400, "access_token 不得发到上传域名")
            if query.get("upload_token") in account.state.get("uploads", {}):
                return account
        elif query.get("app_id") == account.credentials["app_id"]:
            ends = account.state.get("token_ends")
            alive = ends is not None and world.now() < ends
            if path.startswith("/oauth2/") or (
                alive and query.get("access_token") == account.state.get("token")
            ):
                return account
    raise _No(1001, "token 不可用")


def _refresh(call: _Call) -> dict[str, Any]:
    state, credentials = call.account.state, call.account.credentials
    if call.need("app_secret") != credentials["app_secret"]:
        raise _No(1001, "app_secret 不对")
    if call.need("refresh_token") != state.get("renewing", credentials["refresh_token"]):
        raise _No(1001, "refresh_token 不可用")
    number = state["renewals"] = state.get("renewals", 0) + 1
    state["token"], state["renewing"] = f"ChFvrenewed{number:06}", f"ChJvrenewed{number:06}"
    state["token_ends"] = call.world.now() + timedelta(seconds=_TOKEN_SECONDS)
    return {
        "access_token": state["token"],
        "expires_in": _TOKEN_SECONDS,
        "refresh_token": state["renewing"],
        "refresh_token_expires_in": 15_552_000,
        "open_id": "f1b2c3",
    }


def _start(call: _Call) -> dict[str, Any]:
    uploads = call.account.state.setdefault("uploads", {})
    token = f"3xk{call.account.account}{len(uploads):06}"
    uploads[token] = {"parts": {}, "whole": None}
    return {"upload_token": token, "endpoint": call.account.switches.get("endpoint", call.host)}


def _upload(call: _Call) -> dict[str, Any]:
    if not call.raw or len(call.raw) >= _FRAGMENT:
        raise _No(100400, "文件过大")
    _uploaded(call)["whole"] = call.raw
    return {}


def _fragment(call: _Call) -> dict[str, Any]:
    if not call.raw or len(call.raw) > _FRAGMENT:
        raise _No(100400, "分片过大")
    _uploaded(call)["parts"][int(call.need("fragment_id"))] = call.raw
    return {}


def _complete(call: _Call) -> dict[str, Any]:
    upload = _uploaded(call)
    parts: dict[int, bytes] = upload["parts"]
    if sorted(parts) != list(range(int(call.need("fragment_count")))):
        raise _No(100400, "分片不全")
    upload["whole"] = b"".join(parts[number] for number in sorted(parts))
    return {}


def _uploaded(call: _Call) -> dict[str, Any]:
    found: dict[str, Any] = call.account.state["uploads"][call.need("upload_token")]
    return found


def _publish(call: _Call) -> dict[str, Any]:
    upload = call.account.state.get("uploads", {}).get(call.need("upload_token"))
    if upload is None or upload["whole"] is None:
        raise _No(120002, "视频未上传")
    if not call.cover:
        raise _No(100400, "缺少封面")
    content, upload["whole"] = upload["whole"], None
    number = f"3xp{len(call.world.published):08}"
    text = call.form.get("caption", "")
    item = call.world.publish(
        _PLATFORM,
        call.account.account,
        remote_id=number,
        title=text,
        text=text,
        url=f"https://www.kuaishou.com/short-video/{number}",
        sha256=hashlib.sha256(content).hexdigest(),
    )
    return {"video_info": _video(call, item)}


def _user(call: _Call) -> dict[str, Any]:
    today = call.world.now().astimezone(BEIJING).date()
    fans = followers(call.world, call.account, today)
    return {"user_info": {"name": f"青年{call.account.account}", "sex": "M", "fan": fans, "follow": 88}}


def _list(call: _Call) -> dict[str, Any]:
    found = list(reversed(call.world.of(_PLATFORM, call.account.account)))
    ids, cursor = [item.remote_id for item in found], call.query.get("cursor")
    rest = found[ids.index(cursor) + 1 :] if cursor in ids else found
    return {"video_list": [_video(call, item) for item in rest[: int(call.query.get("count", 20))]]}


def _info(call: _Call) -> dict[str, Any]:
    wanted = call.need("photo_id")
    hidden = timedelta(seconds=call.account.switches.get("hidden_seconds", 0))
    for item in call.world.of(_PLATFORM, call.account.account):
        if item.remote_id == wanted and call.world.now() >= item.at + hidden:
            return {"video_info": _video(call, item)}
    raise _No(120001, "video_not_exist")


def _video(call: _Call, item: Published) -> dict[str, Any]:
    readers = readership(call.world, call.account, item, call.world.now())
    seconds = int(item.at.timestamp())
    pending = timedelta(seconds=call.account.switches.get("pending_seconds", 60))
    return {
        "photo_id": item.remote_id,
        "caption": item.text,
        "cover": "https://p1.a.yximgs.com/a.jpg",
        "play_url": "",
        "create_time": seconds if call.account.switches.get("seconds_not_ms") else seconds * 1000 + 123,
        "like_count": readers.likes,
        "comment_count": readers.comments,
        "view_count": readers.reads,
        "pending": call.world.now() < item.at + pending,
    }


_ROUTES: dict[tuple[str, str], Callable[[_Call], dict[str, Any]]] = {
    ("GET", "/oauth2/refresh_token"): _refresh,
    ("POST", "/openapi/photo/start_upload"): _start,
    ("POST", "/api/upload"): _upload,
    ("POST", "/api/upload/fragment"): _fragment,
    ("POST", "/api/upload/complete"): _complete,
    ("POST", "/openapi/photo/publish"): _publish,
    ("GET", "/openapi/user_info"): _user,
    ("GET", "/openapi/photo/list"): _list,
    ("GET", "/openapi/photo/info"): _info,
}
