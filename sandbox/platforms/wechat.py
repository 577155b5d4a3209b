"""WeChat's double: the server API as the sheet's simulator contract asks (section 12).

An account is known by `appid` and `secret` in its credentials. Switches of all interfaces: `verified`
(True), `subject` (organisation | personal), `materials` (True: may use them), `comments` (True),
`ip_not_listed` (False), `daily_limit` (10,000 a path), `errcode` ({path: code} forces that answer); those
of jobs, events and statistics stand beside them. The third-party platform (section 10) is in
`_wechat_component`.
"""

import hashlib
import json
from collections.abc import Callable
from itertools import count
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.datastructures import UploadFile

from sandbox.platforms import _wechat_component as component
from sandbox.platforms import _wechat_datacube as datacube
from sandbox.platforms import _wechat_drafts as drafts
from sandbox.platforms import _wechat_jobs as jobs
from sandbox.platforms._wechat_desk import Call, No, Part, beijing_day, memory
from sandbox.platforms._wechat_tokens import account_of_secret, account_of_token, classic_token, stable_token
from sandbox.readers import followers
from sandbox.world import BEIJING, SandboxAccount, World

Handler = Callable[[Call], dict[str, Any]]

_PLAIN = ("/cgi-bin/draft/get", "/cgi-bin/freepublish/")  # answered as text/plain without a charset
_VERIFIED_ONLY = (
    "/cgi-bin/freepublish/",
    "/cgi-bin/message/mass/",
    "/cgi-bin/user/",
    "/cgi-bin/tags/",
    "/datacube/",
)
_MATERIALS = ("/cgi-bin/material/", "/cgi-bin/media/", "/cgi-bin/draft/")
_TOKEN_PATHS = ("/cgi-bin/token", "/cgi-bin/stable_token")
_DAILY_LIMIT = 10_000


def _quota(call: Call) -> dict[str, Any]:
    path = str(call.body.get("cgi_path", ""))
    if path not in _HANDLERS:
        raise No(76003, "invalid cgi_path")
    limit, used = _limit(call.account, path), _used(call, path)
    return {
        "errcode": 0,
        "errmsg": "ok",
        "quota": {"daily_limit": limit, "used": used, "remain": max(0, limit - used)},
    }


def _users(call: Call) -> dict[str, Any]:
    """The live follower count; openids are nobody's business here."""
    today = call.now.astimezone(BEIJING).date()
    return {"total": followers(call.world, call.account, today), "count": 0, "next_openid": ""}


def _tags(call: Call) -> dict[str, Any]:
    return {"tags": [{"id": tag, "name": "高校", "count": 8123} for tag in call.switch("tags", [103])]}


def _comments(call: Call) -> dict[str, Any]:
    if not call.switch("comments", True):
        raise No(88000)
    return {"errcode": 0, "errmsg": "ok", "total": 0, "comment": []}


_HANDLERS: dict[str, Handler] = {
    "/cgi-bin/openapi/quota/get": _quota,
    "/cgi-bin/user/get": _users,
    "/cgi-bin/tags/get": _tags,
    "/cgi-bin/comment/list": _comments,
    "/cgi-bin/comment/open": _comments,
    "/cgi-bin/comment/close": _comments,
    "/cgi-bin/material/add_material": drafts.add_material,
    "/cgi-bin/material/get_materialcount": drafts.material_count,
    "/cgi-bin/material/del_material": drafts.delete_material,
    "/cgi-bin/media/uploadimg": drafts.upload_image,
    "/cgi-bin/draft/add": drafts.add,
    "/cgi-bin/draft/update": drafts.update,
    "/cgi-bin/draft/get": drafts.get,
    "/cgi-bin/draft/batchget": drafts.batchget,
    "/cgi-bin/draft/delete": drafts.delete,
    "/cgi-bin/draft/count": drafts.count,
    "/cgi-bin/freepublish/submit": jobs.submit,
    "/cgi-bin/freepublish/get": jobs.publication,
    "/cgi-bin/freepublish/batchget": jobs.publications,
    "/cgi-bin/freepublish/getarticle": jobs.article,
    "/cgi-bin/freepublish/delete": jobs.delete_publication,
    "/cgi-bin/message/mass/sendall": jobs.sendall,
    "/cgi-bin/message/mass/get": jobs.mass_send,
    "/datacube/getarticletotaldetail": datacube.article_totals,
    "/datacube/getarticleread": datacube.article_reads,
    "/datacube/getarticleshare": datacube.article_shares,
    "/datacube/getbizsummary": datacube.account_days,
    "/datacube/getusersummary": datacube.follower_changes,
    "/datacube/getusercumulate": datacube.follower_totals,
    "/datacube/getarticlesummary": datacube.old_family,
    "/datacube/getarticletotal": datacube.old_family,
    "/datacube/getuserread": datacube.old_family,
    "/datacube/getuserreadhour": datacube.old_family,
    "/datacube/getusershare": datacube.old_family,
    "/datacube/getusersharehour": datacube.old_family,
}


def example(world: World, handle: str) -> SandboxAccount:
    """A working account; what its connector needs is in `credentials`."""
    digest = hashlib.sha256(handle.encode()).hexdigest()
    credentials = {"appid": f"wx{digest[:16]}", "secret": digest[:32]}
    return world.add_account(SandboxAccount("wechat", handle, credentials=credentials, posts_per_week=7.0))


def router(world: World) -> APIRouter:
    """The double of one world. HTTP 200 with an errcode is how it says no."""
    desk = APIRouter()
    serials = count(1)

    @desk.api_route("/{path:path}", methods=["GET", "POST"])
    async def serve(request: Request, path: str) -> Response:
        raw = await request.body()
        part = await _part(request)
        with world.lock:
            try:
                told = _answer(world, f"/{path}", dict(request.query_params), raw, part, _address(request))
            except No as no:
                rid = f"{next(serials):08x}-{no.code & 0xFFFFFFFF:08x}-{world.seed & 0xFFFFFFFF:08x}"
                told = {"errcode": no.code, "errmsg": f"{no.words} rid: {rid}", **no.extra}
        plain = f"/{path}".startswith(_PLAIN)
        kind = "text/plain" if plain else "application/json; encoding=utf-8"
        return Response(json.dumps(told, ensure_ascii=False).encode(), headers={"Content-Type": kind})

    return desk


def _answer(
    world: World, path: str, query: dict[str, str], raw: bytes, part: Part | None, address: str
) -> dict[str, Any]:
    body = _json(raw) if part is None else {}
    if path in _TOKEN_PATHS:
        return _token(world, path, body or dict(query), address)
    if path.startswith(component.PREFIX):
        return component.answer(world, path, query, body)
    account = account_of_token(world, query.get("access_token", ""))
    call = Call(world, account, path, query, body, raw, part)
    handler = _HANDLERS.get(path)
    if handler is None:
        raise No(40066, "invalid url")
    _check_forced(account, path)
    _check_permission(call)
    _spend(call)
    jobs.settle_jobs(world, account)
    return handler(call)


def _token(world: World, path: str, given: dict[str, Any], address: str) -> dict[str, Any]:
    account = account_of_secret(world, given)
    if account.switches.get("ip_not_listed", False):
        raise No(40164, f"invalid ip {address} ipv6 ::ffff:{address}, not in whitelist")
    _check_forced(account, path)
    if path == "/cgi-bin/token":
        return classic_token(world, account)
    return stable_token(world, account, given)


def _check_forced(account: SandboxAccount, path: str) -> None:
    code = account.switches.get("errcode", {}).get(path)
    if code is not None:
        raise No(int(code))


def _check_permission(call: Call) -> None:
    """Section 1: what an unverified or personal account may not do; drafts it may."""
    verified = call.switch("verified", True) and call.switch("subject", "organisation") != "personal"
    if call.path.startswith(_VERIFIED_ONLY) and not verified:
        raise No(48001)
    if call.path.startswith(_MATERIALS) and not call.switch("materials", True):
        raise No(48001)


def _spend(call: Call) -> None:
    """One of the day's calls of this path, by Beijing's calendar."""
    used = _used(call, call.path) + 1
    if used > _limit(call.account, call.path):
        raise No(45009)
    memory(call.account, "used")[f"{beijing_day(call.now)} {call.path}"] = used


def _used(call: Call, path: str) -> int:
    return int(memory(call.account, "used").get(f"{beijing_day(call.now)} {path}", 0))


def _limit(account: SandboxAccount, path: str) -> int:
    return int(account.switches.get("daily_limit", {}).get(path, _DAILY_LIMIT))


def _json(raw: bytes) -> dict[str, Any]:
    if not raw:
        return {}
    try:
        body = json.loads(raw)
    except ValueError:
        raise No(47001, "data format error") from None
    if not isinstance(body, dict):
        raise No(47001, "data format error")
    return body


async def _part(request: Request) -> Part | None:
    """The upload's file: the field is called `media`."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return None
    async with request.form() as form:
        media = form.get("media")
        if not isinstance(media, UploadFile):
            return Part("", b"", "")
        return Part(media.filename or "", await media.read(), media.content_type or "")


def _address(request: Request) -> str:
    return request.client.host if request.client else "203.0.113.7"
