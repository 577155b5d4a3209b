"""A Discourse forum: one API key and one user an account.

Switches: `answer` ({"POST /posts.json": [status, error_type, words, headers]}): what that call always
answers, as an HTML page where the type is ''; `review` (True: new topics wait for a person); `permission` (of
the category; 1: may create topics); `deleted` (ids whose topic somebody deleted).
"""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.datastructures import UploadFile

from sandbox.readers import ensure_history, readership
from sandbox.world import Published, SandboxAccount, World

_PLATFORM = "discourse"
_A_MINUTE = 60
_PAGE = 30
_TITLE = (2, 255)


class _No(Exception):
    def __init__(self, status: int, kind: str, words: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(words)
        self.status, self.kind, self.headers = status, kind, headers or {}
        self.body: dict[str, Any] = {"errors": [words]}
        if kind:
            self.body["error_type"] = kind


def example(world: World, handle: str) -> SandboxAccount:
    """A working account; what its connector needs is in `credentials`."""
    key = f"{handle:0<8}"[:8] + "0123456789abcdef" * 3
    credentials = {"api_key": key, "api_username": handle, "category": "5"}
    return world.add_account(SandboxAccount(_PLATFORM, handle, credentials=credentials, posts_per_week=7.0))


class _Call:
    def __init__(self, world: World, account: SandboxAccount, request: Request) -> None:
        self.world, self.account, self.query = world, account, request.query_params
        self.prefix = request.url.path.partition("/discourse/")[0] + "/discourse"
        self.body: dict[str, Any] = {}
        self.file = b""


def router(world: World) -> APIRouter:
    router = APIRouter()

    @router.api_route("/{path:path}", methods=["GET", "POST"])
    async def serve(request: Request, path: str) -> Response:
        body, file = await _arrived(request)
        with world.lock:
            try:
                call = _Call(world, _owner(world, request), request)
                call.body, call.file = body, file
                _counted(call)
                return _handled(call, request.method, f"/{path}")
            except _No as error:
                if error.status < 500 and (error.kind or error.status == 422):
                    return JSONResponse(error.body, error.status, error.headers)
                return HTMLResponse("<html><body>Oops</body></html>", error.status, error.headers)

    return router


async def _arrived(request: Request) -> tuple[dict[str, Any], bytes]:
    if request.headers.get("content-type", "").startswith("multipart/"):
        async with request.form() as form:
            file = form.get("file")
            content = await file.read() if isinstance(file, UploadFile) else b""
            return {name: value for name, value in form.items() if isinstance(value, str)}, content
    try:
        told = json.loads(await request.body() or b"{}")
    except ValueError:
        told = {}
    return told if isinstance(told, dict) else {}, b""


def _owner(world: World, request: Request) -> SandboxAccount:
    for account in world.accounts_of(_PLATFORM):
        known = account.credentials
        if request.headers.get("api-key") == known["api_key"]:
            if request.headers.get("api-username") == known["api_username"]:
                return account
            break
    raise _No(403, "invalid_access", "您无权查看请求的资源。")


def _counted(call: _Call) -> None:
    minute = int(call.world.now().timestamp()) // 60
    known, used = call.account.state.get("calls", (0, 0))
    used = used + 1 if known == minute else 1
    call.account.state["calls"] = (minute, used)
    if used > _A_MINUTE:
        wait = 60 - int(call.world.now().timestamp()) % 60
        headers = {
            "Retry-After": str(wait),
            "Discourse-Rate-Limit-Error-Code": "admin_api_key_rate_limit",
        }
        error = _No(429, "rate_limit", "您执行此操作的次数过多。", headers)
        error.body["extras"] = {"wait_seconds": wait}
        raise error


def _handled(call: _Call, method: str, path: str) -> Response:
    name = f"{method} {path}"
    forced = call.account.switches.get("answer", {}).get(name)
    if forced:
        raise _No(*forced)
    if name in _ROUTES:
        return JSONResponse(_ROUTES[name](call))
    user = unquote(call.account.credentials["api_username"])
    if name == f"GET /topics/created-by/{user}.json":
        return JSONResponse(_list(call))
    if name == f"GET /c/{call.account.credentials['category']}/show.json":
        permission = call.account.switches.get("permission", 1)
        return JSONResponse({"category": {"id": 5, "permission": permission}})
    if name.startswith("GET /t/external_id/"):
        return _by_external_id(call, path.rsplit("/", 1)[1].removesuffix(".json"))
    raise _No(404, "not_found", "找不到请求的 URL 或资源。")


def _by_external_id(call: _Call, key: str) -> Response:
    """The topic's own address, as the program answers (`TopicsController#show_by_external_id`)."""
    item = call.world.by_key(_PLATFORM, call.account.account, key)
    if item is None or key in call.account.switches.get("deleted", ()):
        raise _No(404, "not_found", "找不到请求的 URL 或资源。")
    return RedirectResponse(f"{call.prefix}/t/topic/{item.remote_id}.json", 301)


def _upload(call: _Call) -> Any:
    pictures = call.account.state.setdefault("pictures", [])
    if not call.file or len(call.file) > 4 * 1024 * 1024:
        raise _No(422, "", "抱歉，您尝试上传的图片过大。")
    pictures.append(len(call.file))
    return {"id": len(pictures), "short_url": f"upload://p{len(pictures):026}.png"}


def _create(call: _Call) -> Any:
    title, raw, key = (str(call.body.get(name) or "") for name in ("title", "raw", "external_id"))
    if not _TITLE[0] <= len(title) <= _TITLE[1]:
        raise _No(422, "", "标题过短（至少需要 2 个字符）")
    if not raw:
        raise _No(422, "", "正文不能为空")
    if key and call.world.by_key(_PLATFORM, call.account.account, key) is not None:
        raise _No(422, "", "外部 ID 已被占用")
    if call.account.switches.get("review"):
        waiting = call.account.state.setdefault("waiting", [])
        waiting.append(title)
        return {"action": "enqueued", "success": True, "pending_post": {"id": len(waiting)}}
    number = str(1000 + len(call.world.published))
    call.world.publish(
        _PLATFORM,
        call.account.account,
        remote_id=number,
        title=title,
        text=raw,
        key=key,
        category=call.body.get("category"),
        tags=call.body.get("tags", []),
    )
    return {"id": 9000 + int(number), "topic_id": int(number), "topic_slug": "topic", "post_number": 1}


def _list(call: _Call) -> Any:
    ensure_history(call.world, call.account)
    found = list(reversed(call.world.of(_PLATFORM, call.account.account)))
    page = int(call.query.get("page", "0"))
    told: dict[str, Any] = {
        "topics": [_told(call, item) for item in found[page * _PAGE : (page + 1) * _PAGE]]
    }
    if len(found) > (page + 1) * _PAGE:
        told["more_topics_url"] = f"/topics/created-by/{call.account.account}?page={page + 1}"
    return {"topic_list": told}


def _told(call: _Call, item: Published) -> dict[str, Any]:
    readers = readership(call.world, call.account, item, call.world.now())
    return {
        "id": int(item.remote_id),
        "title": item.title,
        "created_at": f"{item.at:%Y-%m-%dT%H:%M:%S}.000Z",
        "posts_count": readers.comments + 1,
        "reply_count": readers.comments // 2,
        "views": readers.reads,
        "like_count": readers.likes,
    }


_ROUTES: dict[str, Callable[[_Call], Any]] = {
    "POST /posts.json": _create,
    "POST /uploads.json": _upload,
}
