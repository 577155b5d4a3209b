"""The double of LinkedIn's interfaces for an organisation's page.

| switch | meaning | default |
|---|---|---|
| answer | {"POST /rest/posts": [status, body]}: what that call always answers | none |
| cut | a text is silently cut to so many characters | none |
| deleted | posts of the account are gone, and still block the same content | no |
| taken_back | likes and shares of its posts are negative | no |
| token_ends | when the account's token ends | never |

A made post answers 201 with an empty body; its name stands in `x-restli-id` only.
"""

import json
import re
import zlib
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, unquote

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from sandbox.readers import ensure_history, followers, readership
from sandbox.world import BEIJING, Published, SandboxAccount, World

_PLATFORM = "linkedin"
_FIRST = 7_140_000_000_000_000_000
_BLOCK = timedelta(days=2)


class _No(Exception):
    def __init__(self, status: int, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body: Any = {"status": status, "serviceErrorCode": 100, "message": message, **more}


def example(world: World, handle: str) -> SandboxAccount:
    """A working account; what its connector needs is in `credentials`."""
    number = zlib.crc32(handle.encode())
    credentials = {
        "organization": str(number),
        "access_token": f"access-{number:010}",
        "refresh_token": f"renew-{number:010}",
        "client_id": f"app{number:010}",
        "client_secret": f"sec-{number:010}",
    }
    return world.add_account(SandboxAccount(_PLATFORM, handle, credentials=credentials, posts_per_week=7.0))


class _Call:
    def __init__(self, world: World, account: SandboxAccount, request: Request, body: bytes) -> None:
        self.world, self.account, self.body = world, account, body
        raw = request.scope["query_string"].decode()
        self.query = {name: values[0] for name, values in parse_qs(raw).items()}
        self.base = str(request.base_url).rstrip("/")

    @property
    def owner(self) -> str:
        return f"urn:li:organization:{self.account.credentials['organization']}"

    def posts(self) -> list[Published]:
        return self.world.of(_PLATFORM, self.account.account)


def router(world: World) -> APIRouter:
    router = APIRouter()

    @router.api_route("/{path:path}", methods=["GET", "POST", "PUT"])
    async def serve(request: Request, path: str) -> Response:
        body = await request.body()
        form: dict[str, Any] = {}
        if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        with world.lock:
            try:
                if path == "oauth/v2/accessToken":
                    return JSONResponse(_refresh(world, form))
                call = _Call(world, _owner(world, request), request, body)
                return _handled(call, request, f"/{unquote(path)}")
            except _No as error:
                return JSONResponse(error.body, error.status)

    return router


def _owner(world: World, request: Request) -> SandboxAccount:
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    for account in world.accounts_of(_PLATFORM):
        if token == account.state.get("token", account.credentials["access_token"]):
            if (ends := account.switches.get("token_ends")) and ends <= world.now():
                break
            return account
    raise _No(401, "Invalid access token")


def _refresh(world: World, form: dict[str, Any]) -> dict[str, Any]:
    for account in world.accounts_of(_PLATFORM):
        fits = form.get("client_secret") == account.credentials["client_secret"]
        if fits and form.get("refresh_token") == account.credentials["refresh_token"]:
            number = account.state["renewals"] = account.state.get("renewals", 0) + 1
            account.state["token"] = f"renewed-{number:06}"
            account.switches.pop("token_ends", None)
            return {"access_token": account.state["token"], "expires_in": 5_184_000}
    error = _No(400, "")
    error.body = {"error": "invalid_grant", "error_description": "The token is revoked"}
    raise error


def _handled(call: _Call, request: Request, path: str) -> Response:
    if forced := call.account.switches.get("answer", {}).get(f"{request.method} {path}"):
        error = _No(forced[0], "")
        error.body = forced[1]
        raise error
    if path.startswith("/upload/") and request.method == "PUT":
        call.account.state["images"][path.removeprefix("/upload/")] = call.body
        return Response(status_code=201)
    if request.headers.get("x-restli-protocol-version") != "2.0.0":
        raise _No(400, "Restli protocol version is missing")
    if not re.fullmatch("20[0-9]{4}", request.headers.get("linkedin-version", "")):
        raise _No(400, "A version must be present")
    if request.headers["linkedin-version"] < "202512":
        raise _No(426, "Requested version is not active")
    if request.method == "POST":
        return _create(call) if path == "/rest/posts" else _initialize(call, path)
    ensure_history(call.world, call.account)
    return JSONResponse(_reading(call, path))


def _initialize(call: _Call, path: str) -> Response:
    if path != "/rest/images" or call.query.get("action") != "initializeUpload":
        raise _No(404, "No such resource")
    if json.loads(call.body)["initializeUploadRequest"]["owner"] != call.owner:
        raise _No(403, "Not enough permissions")
    images = call.account.state.setdefault("images", {})
    name = f"C55{len(images):04}"
    images[name] = b""
    urn, url = f"urn:li:image:{name}", f"{call.base}/{_PLATFORM}/upload/{name}"
    return JSONResponse({"value": {"uploadUrl": url, "image": urn}})


def _create(call: _Call) -> Response:
    body = json.loads(call.body)
    if body.get("author") != call.owner:
        raise _No(403, "Not enough permissions to access this resource")
    text = str(body.get("commentary", ""))
    if len(text) > 3000:
        raise _No(422, "commentary is too long")
    for image in _images(body):
        if not call.account.state.get("images", {}).get(image.removeprefix("urn:li:image:")):
            raise _No(400, f"{image} is not uploaded")
    _refuse_twice(call, text)
    urn = f"urn:li:share:{_FIRST + len(call.world.published) + 1}"
    shown = text[: call.account.switches.get("cut", len(text))]
    call.world.publish(
        _PLATFORM,
        call.account.account,
        remote_id=urn,
        title="",
        text=shown,
        url=f"https://www.linkedin.com/feed/update/{urn}/",
        body=body,
    )
    return Response(status_code=201, headers={"x-restli-id": urn})


def _images(body: dict[str, Any]) -> list[str]:
    content = body.get("content", {})
    one, many = content.get("media"), content.get("multiImage", {}).get("images", [])
    return [item["id"] for item in ([one] if one else []) + many]


def _refuse_twice(call: _Call, text: str) -> None:
    since = call.world.now() - _BLOCK
    for item in call.posts():
        if item.extra.get("body", {}).get("commentary") == text and item.at > since:
            code = {"code": "DUPLICATE_POST", "description": "Duplicate post is detected"}
            message = f"Content is a duplicate of {item.remote_id}"
            raise _No(422, message, errorDetails={"inputErrors": [code]})


def _reading(call: _Call, path: str) -> dict[str, Any]:
    if path == f"/rest/networkSizes/{call.owner}":
        today = call.world.now().astimezone(BEIJING).date()
        return {"firstDegreeSize": followers(call.world, call.account, today)}
    if path == "/rest/organizationalEntityShareStatistics":
        return _statistics(call)
    shown = [] if call.account.switches.get("deleted") else list(reversed(call.posts()))
    if path == "/rest/posts":
        start, size = int(call.query.get("start", "0")), int(call.query.get("count", "10"))
        return {"elements": [_told(item) for item in shown[start : start + size]]}
    for item in shown:
        if path == f"/rest/posts/{_urn(item)}":
            return _told(item)
    raise _No(404, "Could not find entity")


def _urn(item: Published) -> str:
    """What people post by hand is of the other kind."""
    return item.remote_id if item.remote_id.startswith("urn:") else f"urn:li:ugcPost:{item.remote_id}"


def _told(item: Published) -> dict[str, Any]:
    at = int(item.at.timestamp() * 1000)
    times = {"createdAt": at, "publishedAt": at, "lastModifiedAt": at}
    return {"id": _urn(item), "commentary": item.text, "lifecycleState": "PUBLISHED", **times}


def _statistics(call: _Call) -> dict[str, Any]:
    kind = "share" if "shares" in call.query else "ugcPost"
    names = call.query.get(f"{kind}s", "")
    if call.query.get("organizationalEntity") != call.owner or not names.startswith("List("):
        raise _No(400, "Invalid query parameters")
    wanted = names.removeprefix("List(").removesuffix(")").split(",")
    found = {_urn(item): item for item in call.posts()}
    rows = [(urn, found[urn]) for urn in wanted if urn in found]
    return {"elements": [{kind: urn, "totalShareStatistics": _counts(call, item)} for urn, item in rows]}


def _counts(call: _Call, item: Published) -> dict[str, Any]:
    readers = readership(call.world, call.account, item, call.world.now())
    back = bool(call.account.switches.get("taken_back"))
    return {
        "impressionCount": readers.reads,
        "uniqueImpressionsCount": readers.read_users,
        "clickCount": readers.follows,
        "likeCount": -1 if back else readers.likes,
        "commentCount": readers.comments,
        "shareCount": -1 if back else readers.shares,
        "engagement": 0.031,
    }
