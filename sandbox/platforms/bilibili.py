"""The double of Bilibili's open platform, its three hosts in one.

| switch | meaning | default |
|---|---|---|
| error_code | path → code that it always answers with | none |
| token_ends | when the account's token ends | never |
| review_seconds, refused | how long a video waits (-1); ends refused (-2) with this reason | 60, none |
| daily_posts | ceiling of a day (123036) | 50 |

Every call to `/arcopen/` must be signed over exactly the bytes sent, within five minutes and with a nonce
that was not used. Counts are numbers and text mixed in one answer. `webhook_of(account, item, state)` is what
the platform would post to the callback address.
"""

import hashlib
import hmac
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from sandbox.readers import ensure_history, followers, readership
from sandbox.world import BEIJING, Published, SandboxAccount, World

_PLATFORM = "bilibili"
_ARCHIVE = "/arcopen/fn/archive"
_SIGNED = (
    "accesskeyid",
    "content-md5",
    "signature-method",
    "signature-nonce",
    "signature-version",
    "timestamp",
)
_SKEW = 300
_TAGS = 200


class _No(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def example(world: World, handle: str) -> SandboxAccount:
    """A working account; what its connector needs is in `credentials`."""
    number = zlib.crc32(handle.encode())
    credentials = {
        "client_id": f"cid-{number:010}",
        "client_secret": f"sec-{number:010}",
        "access_token": f"9a8b{number:010}",
        "refresh_token": f"7c6d{number:010}",
        "tid": "21",
        "tag": "青年志愿,校园",
    }
    return world.add_account(SandboxAccount(_PLATFORM, handle, credentials=credentials, posts_per_week=7.0))


@dataclass(frozen=True)
class _Call:
    world: World
    account: SandboxAccount
    query: Mapping[str, str]
    body: Mapping[str, Any] = field(default_factory=dict)
    raw: bytes = b""
    file: bytes | None = None

    def need(self, name: str) -> str:
        value = {**self.query, **self.body}.get(name)
        if value in (None, ""):
            raise _No(4000, f"参数错误: {name}")
        return str(value)


@dataclass(frozen=True)
class _Arrived:
    method: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, Any]
    raw: bytes
    file: bytes | None


def router(world: World) -> APIRouter:
    router = APIRouter()

    @router.api_route("/{path:path}", methods=["GET", "POST"])
    async def serve(request: Request, path: str) -> JSONResponse:
        return await run_in_threadpool(_answer, world, await _arrive(request, f"/{path}"))

    return router


async def _arrive(request: Request, path: str) -> _Arrived:
    kind = request.headers.get("content-type", "")
    body: Mapping[str, Any] = {}
    raw, file = b"", None
    if kind.startswith(("multipart/form-data", "application/x-www-form-urlencoded")):
        async with request.form() as form:
            body = {name: value for name, value in form.items() if isinstance(value, str)}
            given = form.get("file")
            file = await given.read() if isinstance(given, UploadFile) else None
    else:
        raw = await request.body()
        if kind.startswith("application/json") and raw:
            body = json.loads(raw)
    headers, query = dict(request.headers), dict(request.query_params)
    return _Arrived(request.method, path, headers, query, body, raw, file)


def _answer(world: World, arrived: _Arrived) -> JSONResponse:
    with world.lock:
        try:
            data = _handled(world, arrived)
        except _No as error:
            return JSONResponse(
                {"code": error.code, "message": error.message, "ttl": 1, "request_id": "5d1c"}
            )
        return JSONResponse({"code": 0, "message": "0", "ttl": 1, "request_id": "5d1c", "data": data})


def _handled(world: World, arrived: _Arrived) -> dict[str, Any]:
    handler = _ROUTES.get((arrived.method, arrived.path))
    if handler is None:
        raise _No(4000, "接口不存在")
    account = _account(world, arrived)
    forced = account.switches.get("error_code", {}).get(arrived.path)
    if forced is not None:
        raise _No(int(forced), f"错误 {account.credentials['client_secret']}")
    ensure_history(world, account)
    return handler(_Call(world, account, arrived.query, arrived.body, arrived.raw, arrived.file))


def _account(world: World, arrived: _Arrived) -> SandboxAccount:
    if arrived.path.startswith("/arcopen/"):
        return _signer(world, arrived)
    for account in world.accounts_of(_PLATFORM):
        token = arrived.query.get("upload_token", "")
        if token in account.state.get("uploads", {}):
            return account
        if arrived.body.get("client_id") == account.credentials["client_id"]:
            return account
    raise _No(-400, "请求错误")


def _signer(world: World, arrived: _Arrived) -> SandboxAccount:
    signed = {f"x-bili-{name}": arrived.headers.get(f"x-bili-{name}", "") for name in _SIGNED}
    account = next(
        (
            one
            for one in world.accounts_of(_PLATFORM)
            if one.credentials["client_id"] == signed["x-bili-accesskeyid"]
        ),
        None,
    )
    if account is None:
        raise _No(4002, "签名错误")
    if arrived.headers.get("authorization") != _authorization(account, signed):
        raise _No(4002, "签名错误")
    if signed["x-bili-content-md5"] != hashlib.md5(arrived.raw, usedforsecurity=False).hexdigest():
        raise _No(4002, "签名错误")
    if abs(int(signed["x-bili-timestamp"]) - world.now().timestamp()) > _SKEW:
        raise _No(4003, "时间戳错误")
    nonces = account.state.setdefault("nonces", set())
    if signed["x-bili-signature-nonce"] in nonces:
        raise _No(4003, "nonce 重复")
    nonces.add(signed["x-bili-signature-nonce"])
    if arrived.headers.get("access-token") != account.state.get("token", account.credentials["access_token"]):
        raise _No(127000, "access_token 无效")
    if (ends := account.switches.get("token_ends")) and ends <= world.now():
        raise _No(127001, "access_token 过期")
    return account


def _authorization(account: SandboxAccount, signed: Mapping[str, str]) -> str:
    lines = "\n".join(f"{name}:{value}" for name, value in sorted(signed.items()))
    secret = account.credentials["client_secret"].encode()
    return hmac.new(secret, lines.encode(), hashlib.sha256).hexdigest()


def webhook_of(account: SandboxAccount, event: dict[str, Any], stamp: int) -> tuple[dict[str, str], bytes]:
    """Headers and body of an event as the platform posts it."""
    body = json.dumps(event, ensure_ascii=False).encode()
    signed = {
        "x-bili-accesskeyid": account.credentials["client_id"],
        "x-bili-content-md5": hashlib.md5(body, usedforsecurity=False).hexdigest(),
        "x-bili-signature-method": "HMAC-SHA256",
        "x-bili-signature-nonce": "7d1a0b52",
        "x-bili-signature-version": "2.0",
        "x-bili-timestamp": str(stamp),
    }
    return {**signed, "authorization": _authorization(account, signed)}, body


# Tokens.


def _refresh(call: _Call) -> dict[str, Any]:
    state, credentials = call.account.state, call.account.credentials
    if call.body.get("client_secret") != credentials["client_secret"]:
        raise _No(-400, "请求错误")
    if call.body.get("refresh_token") != state.get("renewing", credentials["refresh_token"]):
        raise _No(122007, "refresh_token 无效")
    number = state["renewals"] = state.get("renewals", 0) + 1
    state["token"], state["renewing"] = f"token-renewed{number:06}", f"renewing{number:06}"
    call.account.switches.pop("token_ends", None)
    return {"access_token": state["token"], "refresh_token": state["renewing"], "expires_in": 2_592_000}


# Submission.


def _init(call: _Call) -> dict[str, Any]:
    call.need("name"), call.need("utype")
    uploads = call.account.state.setdefault("uploads", {})
    token = f"ut{call.account.account}{len(uploads):06}"
    uploads[token] = {"parts": {}, "whole": None}
    return {"upload_token": token}


def _part(call: _Call) -> dict[str, Any]:
    upload = _upload(call)
    if not call.raw:
        raise _No(4000, "空分片")
    upload["parts"][int(call.need("part_number"))] = call.raw
    return {}


def _complete(call: _Call) -> dict[str, Any]:
    upload = _upload(call)
    parts: dict[int, bytes] = upload["parts"]
    if not parts or sorted(parts) != list(range(1, len(parts) + 1)):
        raise _No(4000, "分片不全")
    upload["whole"] = b"".join(parts[number] for number in sorted(parts))
    return {}


def _upload(call: _Call) -> dict[str, Any]:
    found: dict[str, Any] | None = call.account.state.get("uploads", {}).get(call.need("upload_token"))
    if found is None:
        raise _No(123004, "upload_token 不存在")
    return found


def _cover(call: _Call) -> dict[str, Any]:
    if not call.file or len(call.file) > 5 * 1024 * 1024:
        raise _No(123006, "封面不对")
    return {"url": f"https://archive.biliimg.com/{hashlib.sha256(call.file).hexdigest()[:16]}.png"}


def _add(call: _Call) -> dict[str, Any]:
    upload, title = _upload(call), call.need("title")
    if upload["whole"] is None:
        raise _No(123028, "视频未上传完")
    if upload.get("used"):
        raise _No(123007, "稿件已存在")
    if len(title) >= 80 or len(str(call.body.get("desc", ""))) >= 250:
        raise _No(123010, "标题或简介过长")
    call.need("tid")
    if len(call.need("tag")) >= _TAGS:
        raise _No(123012, "标签过长")
    if str(call.body.get("copyright")) == "2" and not call.body.get("source"):
        raise _No(123013, "缺少来源")
    _count_post(call)
    upload["used"] = True
    number = zlib.crc32(f"{call.account.account}{len(call.world.published)}".encode())
    item = call.world.publish(
        _PLATFORM,
        call.account.account,
        remote_id=f"BV{number:010}",
        title=title,
        text=str(call.body.get("desc", "")),
        url=f"https://www.bilibili.com/video/BV{number:010}",
        sha256=hashlib.sha256(upload["whole"]).hexdigest(),
        form=dict(call.body),
    )
    return {"resource_id": item.remote_id}


def _count_post(call: _Call) -> None:
    today = call.world.now().astimezone(BEIJING).date().isoformat()
    day, made = call.account.state.get("posts", (today, 0))
    made = made if day == today else 0
    if made >= call.account.switches.get("daily_posts", 50):
        raise _No(123036, "今日投稿数已达上限")
    call.account.state["posts"] = (today, made + 1)


# Reading.


def _view(call: _Call) -> dict[str, Any]:
    return _archive(call, _found(call))


def _viewlist(call: _Call) -> dict[str, Any]:
    found = list(reversed(call.world.of(_PLATFORM, call.account.account)))
    size, page = int(call.query.get("ps", 20)), int(call.query.get("pn", 1))
    rows = found[(page - 1) * size : page * size]
    return {
        "list": [_archive(call, item) for item in rows],
        "page": {"pn": page, "ps": size, "total": len(found)},
    }


def _found(call: _Call) -> Published:
    wanted = call.need("resource_id")
    for item in call.world.of(_PLATFORM, call.account.account):
        if item.remote_id == wanted:
            return item
    raise _No(123004, "稿件不存在")


def _archive(call: _Call, item: Published) -> dict[str, Any]:
    switches, age = call.account.switches, call.world.now() - item.at
    waits = not item.extra.get("by_hand") and age < timedelta(seconds=switches.get("review_seconds", 60))
    reason = "" if waits else switches.get("refused", "")
    state = -1 if waits else (-2 if reason else 0)
    at = int(item.at.timestamp())
    return {
        "resource_id": item.remote_id,
        "title": item.title,
        "desc": item.text,
        "copyright": item.extra.get("form", {}).get("copyright", 1),
        "ctime": at,
        "ptime": 0 if waits else at,
        "addit_info": {
            "state": state,
            "state_desc": "开放浏览" if state == 0 else "审核",
            "reject_reason": reason,
        },
    }


def _user(call: _Call) -> dict[str, Any]:
    return {"openid": "op1", "name": f"青年{call.account.account}", "face": ""}


def _user_stat(call: _Call) -> dict[str, Any]:
    today = call.world.now().astimezone(BEIJING).date()
    fans = followers(call.world, call.account, today)
    passed = len(call.world.of(_PLATFORM, call.account.account))
    return {"following": 3, "follower": str(fans), "arc_passed_total": passed}


def _arc_stat(call: _Call) -> dict[str, Any]:
    item = _found(call)
    readers = readership(call.world, call.account, item, call.world.now())
    return {
        "title": item.title,
        "ptime": int(item.at.timestamp()),
        "view": readers.reads,
        "danmaku": readers.hearts,
        "reply": str(readers.comments),
        "favorite": readers.favourites,
        "coin": str(readers.follows),
        "share": readers.shares,
        "like": readers.likes,
    }


_ROUTES: dict[tuple[str, str], Callable[[_Call], dict[str, Any]]] = {
    ("POST", "/x/account-oauth2/v1/refresh_token"): _refresh,
    ("POST", f"{_ARCHIVE}/video/init"): _init,
    ("POST", "/video/v2/part/upload"): _part,
    ("POST", f"{_ARCHIVE}/video/complete"): _complete,
    ("POST", f"{_ARCHIVE}/cover/upload"): _cover,
    ("POST", f"{_ARCHIVE}/add-by-utoken"): _add,
    ("GET", f"{_ARCHIVE}/view"): _view,
    ("GET", f"{_ARCHIVE}/viewlist"): _viewlist,
    ("GET", "/arcopen/fn/user/account/info"): _user,
    ("GET", "/arcopen/fn/data/user/stat"): _user_stat,
    ("GET", "/arcopen/fn/data/arc/stat"): _arc_stat,
}
