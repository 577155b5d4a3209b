"""A Mastodon instance with its accounts.

An account is known by its token. Switches: `answer` ({"POST /api/v1/statuses": [status, text, headers]}):
what that call always answers; `instance` ({max_characters, max_media_attachments, image_size_limit});
`media_seconds` (how long a picture is worked on; 0: ready at once); `quotes` (False: an instance before 4.5).
"""

import json
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any

import regex
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.datastructures import UploadFile

from sandbox.readers import ensure_history, followers, readership
from sandbox.world import BEIJING, Published, SandboxAccount, World

_PLATFORM = "mastodon"
_KEY_LIFE = timedelta(hours=1)
_LINK = regex.compile(r"https?://[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_FIRST = 117_000_000_000_000_000
_CALLS, _CALL_SECONDS = 300, 300
_INSTANCE = {"max_characters": 500, "max_media_attachments": 4, "image_size_limit": 16_777_216}
_Told = tuple[int, Any, dict[str, str]]


class _No(Exception):
    def __init__(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(text)
        self.status, self.text, self.headers = status, text, headers or {}


def example(world: World, handle: str) -> SandboxAccount:
    """A working account; what its connector needs is in `credentials`."""
    token = {"access_token": f"madeUpTokenOf-{handle}-0123456789"}
    return world.add_account(SandboxAccount(_PLATFORM, handle, credentials=token, posts_per_week=7.0))


class _Call:
    def __init__(self, world: World, account: SandboxAccount, request: Request) -> None:
        self.world, self.account, self.query = world, account, request.query_params
        self.headers = request.headers
        self.body: dict[str, Any] = {}
        self.file = b""


def router(world: World) -> APIRouter:
    router = APIRouter()

    @router.api_route("/api/{path:path}", methods=["GET", "POST"])
    async def serve(request: Request, path: str) -> JSONResponse:
        body, file = await _arrived(request)
        with world.lock:
            try:
                account = _owner(world, request)
                call = _Call(world, account, request)
                call.body, call.file = body, file
                headers = _counted(call)
                status, told, more = _handled(call, request.method, f"/api/{path}")
            except _No as error:
                return JSONResponse({"error": error.text}, error.status, error.headers)
        return JSONResponse(told, status, {**headers, **more})

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
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    for account in world.accounts_of(_PLATFORM):
        if token == account.credentials["access_token"]:
            return account
    raise _No(401, "The access token is invalid")


def _handled(call: _Call, method: str, path: str) -> _Told:
    forced = call.account.switches.get("answer", {}).get(f"{method} {path}")
    if forced:
        raise _No(*forced)
    if (method, path) in _ROUTES:
        return _ROUTES[method, path](call)
    if method == "GET" and path.startswith("/api/v1/media/"):
        return _media(call, path.rsplit("/", 1)[-1])
    if method == "GET" and path == f"/api/v1/accounts/{_id(call.account)}/statuses":
        return _statuses(call)
    raise _No(404, "Record not found")


def _counted(call: _Call) -> dict[str, str]:
    now = call.world.now()
    start = int(now.timestamp()) // _CALL_SECONDS * _CALL_SECONDS
    known, used = call.account.state.get("calls", (0, 0))
    used = used + 1 if known == start else 1
    call.account.state["calls"] = (start, used)
    reset = datetime.fromtimestamp(start + _CALL_SECONDS, UTC).replace(microsecond=627625)
    headers = {
        "X-RateLimit-Limit": str(_CALLS),
        "X-RateLimit-Remaining": str(max(0, _CALLS - used)),
        "X-RateLimit-Reset": f"{reset:%Y-%m-%dT%H:%M:%S.%fZ}",
    }
    if used > _CALLS:
        raise _No(429, "Too many requests", headers)
    return headers


def _id(account: SandboxAccount) -> str:
    return str(109_000_000_000_000_000 + zlib.crc32(account.account.encode()))


def _instance(call: _Call) -> _Told:
    limits = {**_INSTANCE, **call.account.switches.get("instance", {})}
    statuses = {name: limits[name] for name in ("max_characters", "max_media_attachments")}
    statuses["characters_reserved_per_url"] = 23
    media = {"image_size_limit": limits["image_size_limit"]}
    return 200, {"configuration": {"statuses": statuses, "media_attachments": media}}, {}


def _credentials(call: _Call) -> _Told:
    ensure_history(call.world, call.account)
    today = call.world.now().astimezone(BEIJING).date()
    told = {
        "id": _id(call.account),
        "username": call.account.account,
        "followers_count": followers(call.world, call.account, today),
        "following_count": 3,
        "statuses_count": len(call.world.of(_PLATFORM, call.account.account)),
    }
    return 200, told, {}


def _upload(call: _Call) -> _Told:
    limits = {**_INSTANCE, **call.account.switches.get("instance", {})}
    if not call.file or len(call.file) > limits["image_size_limit"]:
        raise _No(422, "Validation failed: File is too large")
    known = call.account.state.setdefault("media", {})
    number = str(_FIRST + 5000 + len(known))
    seconds = float(call.account.switches.get("media_seconds", 0))
    known[number] = {
        "ready": call.world.now() + timedelta(seconds=seconds),
        "description": call.body.get("description"),
        "used": False,
    }
    return (202 if seconds else 200), _told_media(number, ready=not seconds), {}


def _media(call: _Call, number: str) -> _Told:
    found = call.account.state.get("media", {}).get(number)
    if found is None:
        raise _No(404, "Record not found")
    ready = call.world.now() >= found["ready"]
    return (200 if ready else 206), _told_media(number, ready=ready), {}


def _told_media(number: str, *, ready: bool) -> dict[str, Any]:
    return {"id": number, "type": "image", "url": f"https://social.example/m/{number}.png" if ready else None}


def _post(call: _Call) -> _Told:
    account, world, key = call.account, call.world, call.headers.get("idempotency-key", "")
    kept = account.state.setdefault("keys", {})
    if key in kept and world.now() < kept[key][1]:
        item: Published = kept[key][0]
        item.received += 1
        return 200, _told(world, account, item), {}
    text, media = str(call.body.get("status") or ""), call.body.get("media_ids") or []
    limits = {**_INSTANCE, **account.switches.get("instance", {})}
    if not text and not media:
        raise _No(422, "Validation failed: Text can't be blank")
    if len(regex.findall(r"\X", _LINK.sub("x" * 23, text))) > limits["max_characters"]:
        raise _No(422, "バリデーションに失敗しました")
    if len(media) > limits["max_media_attachments"]:
        raise _No(422, "Cannot attach more than 4 files")
    for number in media:
        found = account.state.get("media", {}).get(number)
        if found is None or found["used"] or world.now() < found["ready"]:
            raise _No(422, "Cannot attach files that have not finished processing")
    for number in media:
        account.state["media"][number]["used"] = True
    number = str(_FIRST + len(world.published) + 1)
    item = world.publish(
        _PLATFORM,
        account.account,
        remote_id=number,
        title="",
        text=text,
        url=f"https://social.example/@{account.account}/{number}",
        key=key,
        visibility=call.body.get("visibility", "public"),
        language=call.body.get("language"),
        spoiler_text=call.body.get("spoiler_text", ""),
        media=media,
    )
    if key:
        kept[key] = (item, world.now() + _KEY_LIFE)
    return 200, _told(world, account, item), {}


def _statuses(call: _Call) -> _Told:
    ensure_history(call.world, call.account)
    found = list(reversed(call.world.of(_PLATFORM, call.account.account)))
    after = call.query.get("max_id")
    if after:
        ids = [item.remote_id for item in found]
        found = found[ids.index(after) + 1 :] if after in ids else []
    limit = min(40, int(call.query.get("limit", "20")))
    page = found[:limit]
    headers = {}
    if len(found) > limit:
        address = f"https://social.example/api/v1/accounts/{_id(call.account)}/statuses"
        headers["Link"] = f'<{address}?max_id={page[-1].remote_id}>; rel="next"'
    return 200, [_told(call.world, call.account, item) for item in page], headers


def _told(world: World, account: SandboxAccount, item: Published) -> dict[str, Any]:
    readers = readership(world, account, item, world.now())
    told = {
        "id": item.remote_id,
        "created_at": f"{item.at:%Y-%m-%dT%H:%M:%S}.{item.at.microsecond // 1000:03d}Z",
        "uri": f"https://social.example/users/{account.account}/statuses/{item.remote_id}",
        "url": item.url or f"https://social.example/@{account.account}/{item.remote_id}",
        "visibility": item.extra.get("visibility", "public"),
        "language": item.extra.get("language", "zh"),
        "content": _html(item.text),
        "replies_count": readers.comments,
        "reblogs_count": readers.reposts,
        "favourites_count": readers.likes,
        "quotes_count": readers.shares // 4,
        "edited_at": None,
        "scheduled_at": None,
        "media_attachments": [_told_media(number, ready=True) for number in item.extra.get("media", [])],
    }
    if account.switches.get("quotes") is False:
        del told["quotes_count"]
    return told


def _html(text: str) -> str:
    """As the server writes it: paragraphs, breaks, links with their beginning hidden."""

    def link(found: Any) -> str:
        scheme, _, rest = found[0].partition("://")
        return (
            f'<a href="{found[0]}" rel="nofollow noopener"><span class="invisible">{scheme}://</span>'
            f'<span class="ellipsis">{rest[:30]}</span><span class="invisible">{rest[30:]}</span></a>'
        )

    parts = [_LINK.sub(link, escape(part, quote=True)) for part in text.split("\n\n")]
    return "".join(f"<p>{part.replace(chr(10), '<br />')}</p>" for part in parts)


_ROUTES: dict[tuple[str, str], Callable[[_Call], _Told]] = {
    ("GET", "/api/v2/instance"): _instance,
    ("GET", "/api/v1/accounts/verify_credentials"): _credentials,
    ("POST", "/api/v2/media"): _upload,
    ("POST", "/api/v1/statuses"): _post,
}
