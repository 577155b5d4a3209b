"""The double of X's API v2.

| switch | meaning | default |
|---|---|---|
| answer | {"POST /2/tweets": [status, body, headers]}: what that call always answers | none |
| names | which names of fields it knows: tweet or post | tweet |
| media_seconds | how long a picture is worked on | 0 |
| token_ends | when the account's token ends | never |
| hidden | posts of the account are not on its timeline | no |

The same text again within a day is refused without the first post's id; links come back as t.co.
"""

import json
import re
import zlib
from collections.abc import Callable
from datetime import datetime, timedelta
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.datastructures import UploadFile

from sandbox.readers import ensure_history, followers, readership
from sandbox.world import BEIJING, Published, SandboxAccount, World

_PLATFORM = "twitter"
_LINK = re.compile(r"https?://[!-~]+")
_FIRST = 1_900_000_000_000_000_000
_CALLS, _CALL_SECONDS = 300, 900
_Told = tuple[int, dict[str, Any]]


class _No(Exception):
    def __init__(
        self, status: int, detail: str, kind: str = "about:blank", headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status, self.headers = status, headers or {}
        self.body: Any = {"type": kind, "title": "Problem", "detail": detail, "status": status}


def example(world: World, handle: str) -> SandboxAccount:
    """A working account; what its connector needs is in `credentials`."""
    number = zlib.crc32(handle.encode())
    credentials = {
        "client_id": f"app{number:010}",
        "client_secret": f"sec-{number:010}",
        "access_token": f"access-{number:010}",
        "refresh_token": f"renew-{number:010}",
    }
    return world.add_account(SandboxAccount(_PLATFORM, handle, credentials=credentials, posts_per_week=7.0))


class _Call:
    def __init__(self, world: World, account: SandboxAccount, request: Request, body: dict[str, Any]) -> None:
        self.world, self.account, self.query, self.body = world, account, request.query_params, body


def router(world: World) -> APIRouter:
    router = APIRouter()

    @router.api_route("/2/{path:path}", methods=["GET", "POST"])
    async def serve(request: Request, path: str) -> JSONResponse:
        body = await _arrived(request)
        with world.lock:
            try:
                status, told, headers = _handled(world, request, f"/2/{path}", body)
            except _No as error:
                return JSONResponse(error.body, error.status, error.headers, "application/problem+json")
        return JSONResponse(told, status, headers)

    return router


async def _arrived(request: Request) -> dict[str, Any]:
    kind = request.headers.get("content-type", "")
    if kind.startswith(("multipart/", "application/x-www-form-urlencoded")):
        async with request.form() as form:
            file = form.get("media")
            told: dict[str, Any] = {name: value for name, value in form.items() if isinstance(value, str)}
            return told | {"file": await file.read() if isinstance(file, UploadFile) else b""}
    return dict(json.loads(await request.body() or b"{}"))


def _handled(
    world: World, request: Request, path: str, body: dict[str, Any]
) -> tuple[int, dict[str, Any], dict[str, str]]:
    if path == "/2/oauth2/token":
        return 200, _refresh(world, request, body), {}
    account = _owner(world, request)
    if forced := account.switches.get("answer", {}).get(f"{request.method} {path}"):
        status, told, headers = forced
        error = _No(status, "", headers=headers)
        error.body = told
        raise error
    headers = _counted(world, account)
    call = _Call(world, account, request, body)
    if request.method == "GET" and path == f"/2/users/{_id(account)}/tweets":
        return 200, _timeline(call), headers
    handler = _ROUTES.get((request.method, path))
    if handler is None:
        raise _No(404, "Not Found")
    status, told = handler(call)
    return status, told, headers


def _owner(world: World, request: Request) -> SandboxAccount:
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    for account in world.accounts_of(_PLATFORM):
        if token == account.state.get("token", account.credentials["access_token"]):
            if (ends := account.switches.get("token_ends")) and ends <= world.now():
                break
            return account
    raise _No(401, "Unauthorized")


def _refresh(world: World, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    for account in world.accounts_of(_PLATFORM):
        state = account.state
        if body.get("refresh_token") == state.get("renewing", account.credentials["refresh_token"]):
            if not request.headers.get("authorization", "").startswith("Basic "):
                break
            number = state["renewals"] = state.get("renewals", 0) + 1
            state["token"], state["renewing"] = f"renewed-{number:06}", f"renewing-{number:06}"
            account.switches.pop("token_ends", None)
            return {"access_token": state["token"], "refresh_token": state["renewing"], "expires_in": 7200}
    error = _No(400, "")
    error.body = {"error": "invalid_request", "error_description": f"{body.get('refresh_token')} is invalid"}
    raise error


def _counted(world: World, account: SandboxAccount) -> dict[str, str]:
    start = int(world.now().timestamp()) // _CALL_SECONDS * _CALL_SECONDS
    known, used = account.state.get("calls", (0, 0))
    used = used + 1 if known == start else 1
    account.state["calls"] = (start, used)
    headers = {
        "x-rate-limit-limit": str(_CALLS),
        "x-rate-limit-remaining": str(max(0, _CALLS - used)),
        "x-rate-limit-reset": str(start + _CALL_SECONDS),
    }
    if used > _CALLS:
        raise _No(429, "Too Many Requests", headers=headers)
    return headers


def _id(account: SandboxAccount) -> str:
    return str(10**17 + zlib.crc32(account.account.encode()))


def _is_new(account: SandboxAccount) -> bool:
    return account.switches.get("names") == "post"


def _me(call: _Call) -> _Told:
    ensure_history(call.world, call.account)
    today = call.world.now().astimezone(BEIJING).date()
    posts = len(call.world.of(_PLATFORM, call.account.account))
    counts = {
        "followers_count": followers(call.world, call.account, today),
        "following_count": 3,
        "listed_count": 1,
        "post_count" if _is_new(call.account) else "tweet_count": posts,
    }
    return 200, {
        "data": {"id": _id(call.account), "username": call.account.account, "public_metrics": counts}
    }


def _upload(call: _Call) -> _Told:
    if not call.body.get("file") or call.body.get("media_category") not in ("tweet_image", "tweet_gif"):
        raise _No(400, "media is invalid")
    media = call.account.state.setdefault("media", {})
    number = str(_FIRST + 500 + len(media))
    ready = call.world.now() + timedelta(seconds=call.account.switches.get("media_seconds", 0))
    media[number] = {"ready": ready, "alt": None, "file": call.body["file"]}
    return 200, {"data": _media(call, number)}


def _media(call: _Call, number: str) -> dict[str, Any]:
    ready = call.account.state.get("media", {})[number]["ready"]
    if call.world.now() >= ready:
        return {"id": number, "expires_after_secs": 86_400}
    return {"id": number, "processing_info": {"state": "in_progress", "check_after_secs": 5}}


def _status(call: _Call) -> _Told:
    number = call.query.get("media_id", "")
    if number not in call.account.state.get("media", {}):
        raise _No(404, "Not Found")
    return 200, {"data": _media(call, number)}


def _metadata(call: _Call) -> _Told:
    found = call.account.state.get("media", {}).get(call.body.get("id"))
    if found is None:
        raise _No(404, "Not Found")
    found["alt"] = call.body["metadata"]["alt_text"]["text"]
    return 200, {"data": {"id": call.body["id"]}}


def _create(call: _Call) -> _Told:
    text, media = str(call.body.get("text") or ""), (call.body.get("media") or {}).get("media_ids", [])
    if not text and not media:
        raise _No(400, "text is missing")
    known = call.account.state.get("media", {})
    if any(number not in known or call.world.now() < known[number]["ready"] for number in media):
        raise _No(400, "Your media IDs are invalid.")
    dawn = call.world.now() - timedelta(days=1)
    if text and any(
        item.text == text and item.at > dawn for item in call.world.of(_PLATFORM, call.account.account)
    ):
        raise _No(403, "You are not allowed to create a Tweet with duplicate content.")
    number = str(_FIRST + len(call.world.published) + 1)
    call.world.publish(
        _PLATFORM,
        call.account.account,
        remote_id=number,
        title="",
        text=text,
        url=f"https://x.com/i/web/status/{number}",
        media=media,
        body=call.body,
    )
    return 201, {"data": {"id": number, "text": _shown(text), "edit_history_post_ids": [number]}}


def _timeline(call: _Call) -> dict[str, Any]:
    account, query = call.account, call.query
    wanted, other = ("post", "tweet") if _is_new(account) else ("tweet", "post")
    if f"{other}.fields" in query or f"{wanted}.fields" not in query:
        raise _No(400, f"The query parameter [{other}.fields] is not valid")
    ensure_history(call.world, account)
    found = list(reversed(call.world.of(_PLATFORM, account.account)))
    found = [] if account.switches.get("hidden") else found
    since = datetime.fromisoformat(query["start_time"])
    until = datetime.fromisoformat(query["end_time"]) if "end_time" in query else call.world.now()
    found = [item for item in found if since <= item.at.replace(microsecond=0) <= until]
    begin, size = int(query.get("pagination_token", "0")), int(query["max_results"])
    page = found[begin : begin + size]
    meta: dict[str, Any] = {"result_count": len(page)}
    if begin + size < len(found):
        meta["next_token"] = str(begin + size)
    call.account.state["read"] = call.account.state.get("read", 0) + len(page)
    return {"meta": meta} | ({"data": [_told(call, item) for item in page]} if page else {})


def _told(call: _Call, item: Published) -> dict[str, Any]:
    readers = readership(call.world, call.account, item, call.world.now())
    counts = {
        "impression_count": readers.reads,
        "like_count": readers.likes,
        "reply_count": readers.comments,
        "quote_count": readers.shares // 4,
        "bookmark_count": readers.favourites,
        "repost_count" if _is_new(call.account) else "retweet_count": readers.reposts,
    }
    at = f"{item.at:%Y-%m-%dT%H:%M:%S}.000Z"
    return {"id": item.remote_id, "text": _shown(item.text), "created_at": at, "public_metrics": counts}


def _shown(text: str) -> str:
    return escape(_LINK.sub("https://t.co/Ab1Cd2Ef3G", text), quote=False)


_ROUTES: dict[tuple[str, str], Callable[[_Call], _Told]] = {
    ("GET", "/2/users/me"): _me,
    ("POST", "/2/media/upload"): _upload,
    ("GET", "/2/media/upload"): _status,
    ("POST", "/2/media/metadata"): _metadata,
    ("POST", "/2/tweets"): _create,
}
