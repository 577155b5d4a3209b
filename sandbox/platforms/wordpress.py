"""A WordPress site as its REST API shows it: one user and one site an account.

A user is known by name and application password. Switches: `answer` ({"POST /wp/v2/posts": [status, code,
message]}): what that call always answers, as an HTML page where the code is ''; `capabilities` ({name:
bool}); `views_key` (a meta key that a plugin registered; without it there are no views); `attachments` (slugs
that uploads have). An item's `extra["status"]` is what somebody made of a post: draft, trash, …
"""

import base64
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from sandbox.readers import ensure_history, readership
from sandbox.world import BEIJING, Published, SandboxAccount, World

_PLATFORM = "wordpress"
_SITE = "https://news.example.edu"
_KINDS = ("image/jpeg", "image/png", "image/gif", "image/webp")
_CATEGORIES = {"news": 3, "league": 4}
_Told = tuple[int, Any, dict[str, str]]


class _No(Exception):
    def __init__(self, status: int, code: str, text: str, **data: Any) -> None:
        super().__init__(text)
        self.status, self.code = status, code
        self.body = {"code": code, "message": text, "data": {"status": status, **data}}


def example(world: World, handle: str) -> SandboxAccount:
    """A working account; what its connector needs is in `credentials`."""
    password = f"{handle:x<8} made uppw ordf orth isxx"[:29]
    credentials = {"user": handle, "app_password": password, "views_key": "views"}
    switches = {"views_key": "views"}
    return world.add_account(
        SandboxAccount(_PLATFORM, handle, credentials=credentials, switches=switches, posts_per_week=7.0)
    )


class _Call:
    def __init__(self, world: World, account: SandboxAccount, request: Request, body: bytes) -> None:
        self.world, self.account = world, account
        self.query, self.headers, self.content = request.query_params, request.headers, body

    @property
    def body(self) -> dict[str, Any]:
        try:
            told = json.loads(self.content or b"{}")
        except ValueError:
            raise _No(400, "rest_invalid_json", "Invalid JSON body passed.") from None
        return told if isinstance(told, dict) else {}


def router(world: World) -> APIRouter:
    router = APIRouter()

    @router.api_route("/wp-json/{path:path}", methods=["GET", "POST"])
    async def serve(request: Request, path: str) -> Response:
        body = await request.body()
        with world.lock:
            try:
                account = _owner(world, request)
                status, told, headers = _handled(
                    _Call(world, account, request, body), request.method, f"/{path}"
                )
            except _No as error:
                if not error.code:
                    return HTMLResponse("<html><body>Blocked by the host</body></html>", error.status)
                return JSONResponse(error.body, error.status)
        return JSONResponse(told, status, headers)

    return router


def _owner(world: World, request: Request) -> SandboxAccount:
    sent = request.headers.get("authorization", "").removeprefix("Basic ")
    try:
        user, _, password = base64.b64decode(sent, validate=True).decode().partition(":")
    except ValueError:
        user = password = ""
    for account in world.accounts_of(_PLATFORM):
        known = account.credentials["app_password"].replace(" ", "")
        if user == account.credentials["user"] and password.replace(" ", "") == known:
            return account
    raise _No(401, "rest_not_logged_in", "您尚未登录。")


def _handled(call: _Call, method: str, path: str) -> _Told:
    forced = call.account.switches.get("answer", {}).get(f"{method} {path}")
    if forced:
        raise _No(*forced)
    if (method, path) in _ROUTES:
        return _ROUTES[method, path](call)
    if method == "POST" and re.fullmatch(r"/wp/v2/media/\d+", path):
        return _alt(call, int(path.rsplit("/", 1)[1]))
    raise _No(404, "rest_no_route", "未找到匹配 URL 和请求方式的路由。")


def _me(call: _Call) -> _Told:
    may = {"publish_posts": True, "upload_files": True, **call.account.switches.get("capabilities", {})}
    return 200, {"id": 1, "capabilities": may}, {}


def _upload(call: _Call) -> _Told:
    kind = call.headers.get("content-type", "")
    if 'filename="' not in call.headers.get("content-disposition", ""):
        raise _No(400, "rest_upload_no_content_disposition", "未提供 Content-Disposition。")
    if kind not in _KINDS or not call.content:
        raise _No(500, "rest_upload_sideload_error", "抱歉，您无权上传此类型的文件。")
    media = call.account.state.setdefault("media", {})
    number = 40 + len(media)
    media[number] = {"size": len(call.content), "alt": ""}
    told = {"id": number, "source_url": f"{_SITE}/wp-content/uploads/{number}.png", "mime_type": kind}
    return 201, told, {"Location": f"{_SITE}/wp-json/wp/v2/media/{number}"}


def _alt(call: _Call, number: int) -> _Told:
    found = call.account.state.get("media", {}).get(number)
    if found is None:
        raise _No(404, "rest_post_invalid_id", "文章 ID 无效。")
    found["alt"] = call.body.get("alt_text", "")
    return 200, {"id": number}, {}


def _categories(call: _Call) -> _Told:
    wanted = call.query.get("slug", "").split(",")
    found = [{"id": number, "slug": slug} for slug, number in _CATEGORIES.items() if slug in wanted]
    return 200, found, _totals(len(found), 1)


def _tags(call: _Call) -> _Told:
    name, known = str(call.body.get("name") or ""), call.account.state.setdefault("tags", {})
    if name in known:
        raise _No(400, "term_exists", "此分类法中已存在同名项目。", term_id=known[name])
    known[name] = 70 + len(known)
    return 201, {"id": known[name], "name": name}, {}


def _create(call: _Call) -> _Told:
    body, account, world = call.body, call.account, call.world
    may = {"publish_posts": True, **account.switches.get("capabilities", {})}
    if not may["publish_posts"]:
        raise _No(403, "rest_cannot_publish", "抱歉，您不能在此文章类型中发布文章。")
    if body.get("status") not in (None, "publish", "draft", "future", "pending", "private"):
        raise _No(400, "rest_invalid_param", "无效的参数：status", params={"status": "…"})
    if not (body.get("title") or body.get("content") or body.get("excerpt")):
        raise _No(400, "empty_content", "内容、标题和摘要为空。")
    cover = body.get("featured_media", 0)
    if cover and cover not in account.state.get("media", {}):
        raise _No(400, "rest_invalid_featured_media", "无效的特色媒体 ID。")
    number = str(50 + len(world.published))
    slug = _free_slug(call, str(body.get("slug") or "").lower() or number)
    item = world.publish(
        _PLATFORM,
        account.account,
        remote_id=number,
        title=str(body.get("title") or ""),
        text=str(body.get("content") or ""),
        url=f"{_SITE}/{slug}/",
        slug=slug,
        status=body.get("status") or "draft",
        media=cover,
        excerpt=body.get("excerpt", ""),
        comment_status=body.get("comment_status", "open"),
        categories=body.get("categories", []),
        tags=body.get("tags", []),
    )
    return 201, _told(call, item), {"Location": f"{_SITE}/wp-json/wp/v2/posts/{number}"}


def _free_slug(call: _Call, wanted: str) -> str:
    """A slug that is taken gets -2, -3, … and nobody is told (seen). What lies in the trash keeps none."""
    taken = {item.extra.get("slug") for item in _there(call)} | set(
        call.account.switches.get("attachments", ())
    )
    slug, next_one = wanted, 2
    while slug in taken:
        slug, next_one = f"{wanted}-{next_one}", next_one + 1
    return slug


def _there(call: _Call) -> list[Published]:
    ensure_history(call.world, call.account)
    found = call.world.of(_PLATFORM, call.account.account)
    return [item for item in found if item.extra.get("status", "publish") != "trash"]


def _list(call: _Call) -> _Told:
    slug, status = call.query.get("slug"), call.query.get("status", "publish")
    size, page = int(call.query.get("per_page", "10")), int(call.query.get("page", "1"))
    if not 1 <= size <= 100:
        raise _No(400, "rest_invalid_param", "无效的参数：per_page", params={"per_page": "1..100"})
    found = [
        item
        for item in _there(call)
        if (slug is None or item.extra.get("slug") == slug)
        and (status == "any" or item.extra.get("status", "publish") == status)
        and _between(item.at, call.query.get("after"), call.query.get("before"))
    ]
    if call.query.get("order") != "asc":
        found.reverse()
    pages = -(-len(found) // size)
    if page > max(pages, 1):
        raise _No(400, "rest_post_invalid_page_number", "请求的页码大于可用页数。")
    part = found[(page - 1) * size : page * size]
    return 200, [_told(call, item) for item in part], _totals(len(found), pages)


def _between(at: datetime, after: str | None, before: str | None) -> bool:
    local = at.astimezone(BEIJING).replace(tzinfo=None)
    return (after is None or local > datetime.fromisoformat(after)) and (
        before is None or local < datetime.fromisoformat(before)
    )


def _comments(call: _Call) -> _Told:
    numbers = call.query.get("post", "").split(",")
    found = [
        {"id": 1000 * int(item.remote_id[-6:]) + place, "post": int(item.remote_id)}
        for item in _there(call)
        if item.remote_id in numbers
        for place in range(readership(call.world, call.account, item, call.world.now()).comments)
    ]
    size, page = int(call.query.get("per_page", "10")), int(call.query.get("page", "1"))
    pages = -(-len(found) // size)
    return 200, found[(page - 1) * size : page * size], _totals(len(found), pages)


def _told(call: _Call, item: Published) -> dict[str, Any]:
    readers = readership(call.world, call.account, item, call.world.now())
    key, at = call.account.switches.get("views_key"), item.at.replace(microsecond=0)
    slug = item.extra.get("slug") or item.remote_id
    return {
        "id": int(item.remote_id),
        "date": (at + timedelta(hours=8)).strftime("%Y-%m-%dT%H:%M:%S"),  # the site's own clock: Beijing
        "date_gmt": at.strftime("%Y-%m-%dT%H:%M:%S"),
        "slug": slug,
        "status": item.extra.get("status", "publish"),
        "type": "post",
        "link": item.url or f"{_SITE}/{slug}/",
        "title": {"rendered": escape(item.title)},
        "comment_status": item.extra.get("comment_status", "open"),
        "meta": {key: readers.reads} if key else [],
    }


def _totals(count: int, pages: int) -> dict[str, str]:
    return {"X-WP-Total": str(count), "X-WP-TotalPages": str(pages)}


_ROUTES: dict[tuple[str, str], Callable[[_Call], _Told]] = {
    ("GET", "/wp/v2/users/me"): _me,
    ("POST", "/wp/v2/media"): _upload,
    ("GET", "/wp/v2/categories"): _categories,
    ("POST", "/wp/v2/tags"): _tags,
    ("POST", "/wp/v2/posts"): _create,
    ("GET", "/wp/v2/posts"): _list,
    ("GET", "/wp/v2/comments"): _comments,
}
