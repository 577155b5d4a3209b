"""A Ghost site as its Admin API shows it: one integration and one site an account.

An integration is known by the `kid` of its token, which is checked as the server does: signature, audience,
age. Switches: `answer` ({"POST /posts/": [status, type, code, message]}): what that call always answers, as
an HTML page where the type is ''; `statuses` ({slug: status}): what somebody made of a post.
"""

import hmac
import json
import re
from base64 import urlsafe_b64decode
from datetime import datetime, timedelta
from hashlib import blake2b, sha256
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.datastructures import UploadFile

from sandbox.readers import ensure_history, followers, readership
from sandbox.world import BEIJING, Published, SandboxAccount, World

_PLATFORM = "ghost"
_SITE = "https://news.example.edu"
_OLDEST = timedelta(minutes=5)


class _No(Exception):
    def __init__(self, status: int, kind: str, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind = status, kind
        self.body = {"errors": [{"message": message, "context": None, "type": kind, "code": code or None}]}


def example(world: World, handle: str) -> SandboxAccount:
    """A working account; what its connector needs is in `credentials`."""
    digest = blake2b(handle.encode(), digest_size=44).hexdigest()
    key = {"admin_key": f"{digest[:24]}:{digest[24:]}"}
    return world.add_account(SandboxAccount(_PLATFORM, handle, credentials=key, posts_per_week=7.0))


def router(world: World) -> APIRouter:
    router = APIRouter()

    @router.api_route("/ghost/api/admin/{path:path}", methods=["GET", "POST"])
    async def serve(request: Request, path: str) -> Response:
        body, file = await _arrived(request)
        with world.lock:
            try:
                account = _owner(world, request)
                forced = account.switches.get("answer", {}).get(f"{request.method} /{path}")
                if forced:
                    raise _No(*forced)
                status, told = _handled(world, account, request, f"/{path}", body, file)
            except _No as error:
                if not error.kind:
                    return HTMLResponse("<html><body>We'll be right back.</body></html>", error.status)
                return JSONResponse(error.body, error.status)
        return JSONResponse(told, status)

    return router


async def _arrived(request: Request) -> tuple[dict[str, Any], bytes]:
    if request.headers.get("content-type", "").startswith("multipart/"):
        async with request.form() as form:
            file = form.get("file")
            return {}, await file.read() if isinstance(file, UploadFile) else b""
    try:
        told = json.loads(await request.body() or b"{}")
    except ValueError:
        told = {}
    return told if isinstance(told, dict) else {}, b""


def _owner(world: World, request: Request) -> SandboxAccount:
    sent = request.headers.get("authorization", "")
    if not sent.startswith("Ghost "):
        raise _No(403, "NoPermissionError", "", "Authorization failed")
    try:
        head, claims, mac = sent.removeprefix("Ghost ").split(".")
        name, told = _decoded(head)["kid"], _decoded(claims)
        given = urlsafe_b64decode(mac + "==")
    except (ValueError, KeyError):
        raise _No(400, "BadRequestError", "INVALID_JWT", "Invalid token") from None
    for account in world.accounts_of(_PLATFORM):
        known, secret = account.credentials["admin_key"].split(":")
        if name == known:
            wanted = hmac.new(bytes.fromhex(secret), f"{head}.{claims}".encode(), sha256).digest()
            if not hmac.compare_digest(given, wanted) or told.get("aud") != "/admin/":
                raise _No(400, "BadRequestError", "INVALID_JWT", "Invalid token: invalid signature")
            if world.now().timestamp() - float(told["iat"]) > _OLDEST.total_seconds():
                raise _No(401, "UnauthorizedError", "INVALID_JWT", "Invalid token: maxAge exceeded")
            return account
    raise _No(401, "UnauthorizedError", "UNKNOWN_ADMIN_API_KEY", "Unknown Admin API Key")


def _decoded(part: str) -> dict[str, Any]:
    told = json.loads(urlsafe_b64decode(part + "=="))
    return told if isinstance(told, dict) else {}


def _handled(
    world: World, account: SandboxAccount, request: Request, path: str, body: dict[str, Any], file: bytes
) -> tuple[int, Any]:
    if (request.method, path) == ("POST", "/images/upload/"):
        if not file.startswith((b"\x89PNG", b"\xff\xd8", b"GIF8", b"RIFF")):
            raise _No(415, "UnsupportedMediaTypeError", "", "Please select a valid image.")
        pictures = account.state.setdefault("pictures", [])
        pictures.append(len(file))
        address = f"{_SITE}/content/images/2026/03/{len(pictures)}.png"
        return 201, {"images": [{"url": address, "ref": None}]}
    if (request.method, path) == ("POST", "/posts/"):
        return 201, {"posts": [_told(world, account, _create(world, account, body))]}
    if (request.method, path) == ("GET", "/posts/"):
        return 200, _list(world, account, request)
    if (request.method, path) == ("GET", "/members/"):
        total = followers(world, account, world.now().astimezone(BEIJING).date())
        return 200, {"members": [{"id": "1"}], "meta": {"pagination": {"total": total}}}
    raise _No(404, "NotFoundError", "", "Resource not found")


def _create(world: World, account: SandboxAccount, body: dict[str, Any]) -> Published:
    posts = body.get("posts")
    new = posts[0] if isinstance(posts, list) and posts and isinstance(posts[0], dict) else {}
    if not new.get("title"):
        raise _No(422, "ValidationError", "", "Validation (isEmpty) failed for title")
    if len(str(new["title"])) > 255:
        raise _No(422, "ValidationError", "", "Validation (isLength) failed for title")
    number = f"6b{len(world.published):022x}"
    taken = {item.extra.get("slug") for item in world.of(_PLATFORM, account.account)}
    wanted = str(new.get("slug") or number)
    slug, next_one = wanted, 2
    while slug in taken:  # and nobody is told (seen)
        slug, next_one = f"{wanted}-{next_one}", next_one + 1
    item = world.publish(
        _PLATFORM,
        account.account,
        remote_id=number,
        title=str(new["title"]),
        text=str(new.get("html") or ""),
        url=f"{_SITE}/{slug}/",
        slug=slug,
    )
    kept = ("status", "visibility", "feature_image", "custom_excerpt", "tags")
    item.extra.update({name: new.get(name) for name in kept})
    return item


def _list(world: World, account: SandboxAccount, request: Request) -> dict[str, Any]:
    ensure_history(world, account)
    wanted = request.query_params.get("filter", "")
    size, page = int(request.query_params.get("limit", "15")), int(request.query_params.get("page", "1"))
    size = min(size, 100)  # of Ghost 6
    found = [item for item in world.of(_PLATFORM, account.account) if _fits(account, item, wanted)]
    part = found[(page - 1) * size : page * size]
    pages = {"page": page, "limit": size, "pages": -(-len(found) // size), "total": len(found)}
    return {"posts": [_told(world, account, item) for item in part], "meta": {"pagination": pages}}


def _fits(account: SandboxAccount, item: Published, wanted: str) -> bool:
    """The filters that a connector sends: slug, status, from and until."""
    slug = re.search(r"slug:([\w-]+)", wanted)
    if slug and item.extra.get("slug") != slug[1]:
        return False
    if "status:published" in wanted and _status(account, item) != "published":
        return False
    for sign, said in re.findall(r"published_at:(>=|<)'([^']+)'", wanted):
        edge = datetime.fromisoformat(f"{said}+00:00")
        if (item.at < edge) == (sign == ">="):
            return False
    return True


def _status(account: SandboxAccount, item: Published) -> str:
    changed = account.switches.get("statuses", {}).get(item.extra.get("slug"))
    return str(changed or item.extra.get("status") or "published")


def _told(world: World, account: SandboxAccount, item: Published) -> dict[str, Any]:
    readers = readership(world, account, item, world.now())
    at = item.at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    slug = item.extra.get("slug") or item.remote_id
    return {
        "id": item.remote_id,
        "title": item.title,
        "slug": slug,
        "status": _status(account, item),
        "url": item.url or f"{_SITE}/{slug}/",
        "published_at": at,
        "updated_at": at,
        "count": {"positive_feedback": readers.likes},
    }
