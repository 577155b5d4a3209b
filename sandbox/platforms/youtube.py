"""The double of YouTube's Data API with its resumable uploads.

| switch | meaning | default |
|---|---|---|
| answer | {"GET channels": [status, body, headers]}: its answer ("POST videos": a session) | none |
| work_seconds, failed | how long a video is worked on; it ends rejected with this reason | 60, none |
| locked | the app is not verified: uploads are private | no |
| keeps | of a part sent only so many bytes are kept, as on a bad line | all |
| sessions_gone | upload sessions are forgotten (404) | no |
| hidden | subscribers and likes are not told | no |
| token_ends | when the account's token ends | never |

Units are counted (10,000 a day until midnight Pacific; an upload 1,600). Counts are texts.
"""

import hashlib
import json
import re
import zlib
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from sandbox.readers import ensure_history, followers, readership
from sandbox.world import BEIJING, Published, SandboxAccount, World

_PLATFORM = "youtube"
_PACIFIC = ZoneInfo("America/Los_Angeles")
_UNITS, _INSERT = 10_000, 1_600
_RANGE = re.compile(r"bytes (?:\*|(\d+)-(\d+))/(\d+)")


class _No(Exception):
    def __init__(self, status: int, reason: str, message: str = "Problem") -> None:
        super().__init__(message)
        self.status, self.headers = status, dict[str, str]()
        errors = [{"reason": reason, "domain": "youtube", "message": message}]
        self.body: Any = {"error": {"code": status, "message": message, "errors": errors}}


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
    def __init__(self, world: World, account: SandboxAccount, request: Request, body: bytes) -> None:
        self.world, self.account, self.body = world, account, body
        self.query, self.headers = request.query_params, request.headers
        self.base = str(request.base_url).rstrip("/")

    def videos(self) -> list[Published]:
        return self.world.of(_PLATFORM, self.account.account)


def router(world: World) -> APIRouter:
    router = APIRouter()

    @router.api_route("/{path:path}", methods=["GET", "POST", "PUT"])
    async def serve(request: Request, path: str) -> Response:
        body = await request.body()
        with world.lock:
            try:
                if path == "token":
                    return JSONResponse(_refresh(world, body))
                call = _Call(world, _owner(world, request), request, body)
                return _handled(call, request.method, path)
            except _No as error:
                return JSONResponse(error.body, error.status, error.headers)

    return router


def _owner(world: World, request: Request) -> SandboxAccount:
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    for account in world.accounts_of(_PLATFORM):
        if token == account.state.get("token", account.credentials["access_token"]):
            if (ends := account.switches.get("token_ends")) and ends <= world.now():
                break
            return account
    raise _No(401, "authError", "Invalid Credentials")


def _refresh(world: World, body: bytes) -> dict[str, Any]:
    form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    for account in world.accounts_of(_PLATFORM):
        expected = account.state.get("renewing", account.credentials["refresh_token"])
        secret = account.credentials["client_secret"]
        if form.get("refresh_token") == expected and form.get("client_secret") == secret:
            number = account.state["renewals"] = account.state.get("renewals", 0) + 1
            account.state["token"] = f"renewed-{number:06}"
            account.switches.pop("token_ends", None)
            return {"access_token": account.state["token"], "expires_in": 3599, "token_type": "Bearer"}
    error = _No(400, "")
    error.body = {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
    raise error


def _handled(call: _Call, method: str, path: str) -> Response:
    if path.startswith("session/") and method == "PUT":
        return _put(call, path.removeprefix("session/"))
    name = path.rsplit("/", 1)[-1]
    if forced := call.account.switches.get("answer", {}).get(f"{method} {name}"):
        error = _No(forced[0], "")
        error.body, error.headers = forced[1], dict(forced[2]) if len(forced) > 2 else {}
        raise error
    if method == "POST" and path == "upload/youtube/v3/videos":
        return _start(call)
    reading = {"channels": _channels, "playlistItems": _playlist, "videos": _videos}.get(name)
    if method != "GET" or reading is None:
        raise _No(404, "notFound")
    _spend(call, 1)
    ensure_history(call.world, call.account)
    return JSONResponse({"kind": f"youtube#{name}ListResponse", **reading(call)})


def _spend(call: _Call, units: int) -> None:
    day = call.world.now().astimezone(_PACIFIC).date().isoformat()
    known, used = call.account.state.get("units", (day, 0))
    used = used if known == day else 0
    if used + units > _UNITS:
        raise _No(403, "quotaExceeded", "The request cannot be completed: you have exceeded your quota.")
    call.account.state["units"] = (day, used + units)


# Uploads.


def _start(call: _Call) -> Response:
    told = json.loads(call.body)
    title = told["snippet"]["title"]
    if not title or len(title) > 100 or set("<>") & set(title):
        raise _No(400, "invalidTitle", "The request metadata specifies an invalid video title.")
    _spend(call, _INSERT)
    sessions = call.account.state.setdefault("sessions", {})
    name = f"{zlib.crc32(call.account.account.encode()):x}-{len(sessions)}"
    total = int(call.headers["x-upload-content-length"])
    sessions[name] = {"told": told, "total": total, "content": b"", "video": None}
    return Response(status_code=200, headers={"Location": f"{call.base}/{_PLATFORM}/session/{name}"})


def _put(call: _Call, name: str) -> Response:
    session = call.account.state.get("sessions", {}).get(name)
    if session is None or call.account.switches.get("sessions_gone"):
        raise _No(404, "notFound")
    found = _RANGE.fullmatch(call.headers.get("content-range", ""))
    if found is None or int(found[3]) != session["total"]:
        raise _No(400, "badRequest", "Content-Range is wrong")
    if found[1] is not None and session["video"] is None:
        _take(call, session, int(found[1]), int(found[2]))
    content = session["content"]
    if len(content) < session["total"]:
        headers = {"Range": f"bytes=0-{len(content) - 1}"} if content else {}
        return Response(status_code=308, headers=headers)
    session["video"] = session["video"] or _publish(call, session)
    return JSONResponse(_resource(call, session["video"]))


def _take(call: _Call, session: dict[str, Any], begin: int, end: int) -> None:
    there = len(session["content"])
    last = end + 1 == session["total"]
    if begin > there or end - begin + 1 != len(call.body) or (not last and len(call.body) % 262_144):
        raise _No(400, "badRequest", "The part does not fit")
    kept = call.body[: call.account.switches.get("keeps", len(call.body))]
    session["content"] += kept[there - begin :]


def _publish(call: _Call, session: dict[str, Any]) -> Published:
    told = session["told"]
    number = zlib.crc32(f"{call.account.account}{len(call.world.published)}".encode())
    video_id = f"v{number:010}"
    return call.world.publish(
        _PLATFORM,
        call.account.account,
        remote_id=video_id,
        title=told["snippet"]["title"],
        text=told["snippet"]["description"],
        url=f"https://www.youtube.com/watch?v={video_id}",
        sha256=hashlib.sha256(session["content"]).hexdigest(),
        told=told,
    )


# Reading.


def _channels(call: _Call) -> dict[str, Any]:
    today = call.world.now().astimezone(BEIJING).date()
    hidden = bool(call.account.switches.get("hidden"))
    return {
        "items": [
            {
                "id": "UC1",
                "snippet": {"title": call.account.account},
                "contentDetails": {"relatedPlaylists": {"uploads": "UU1"}},
                "statistics": {
                    "viewCount": "90210",
                    "subscriberCount": str(followers(call.world, call.account, today)),
                    "hiddenSubscriberCount": hidden,
                    "videoCount": str(len(call.videos())),
                },
            }
        ]
    }


def _playlist(call: _Call) -> dict[str, Any]:
    if call.query.get("playlistId") != "UU1":
        raise _No(404, "playlistNotFound")
    found = list(reversed(call.videos()))
    begin, size = int(call.query.get("pageToken", "0")), int(call.query["maxResults"])
    told: dict[str, Any] = {"items": [_upload(item) for item in found[begin : begin + size]]}
    return told | ({"nextPageToken": str(begin + size)} if begin + size < len(found) else {})


def _upload(item: Published) -> dict[str, Any]:
    at = f"{item.at:%Y-%m-%dT%H:%M:%SZ}"
    snippet = {"title": item.title, "description": item.text, "publishedAt": at}
    return {"snippet": snippet, "contentDetails": {"videoId": item.remote_id, "videoPublishedAt": at}}


def _videos(call: _Call) -> dict[str, Any]:
    wanted = call.query.get("id", "").split(",")
    if len(wanted) > 50:
        raise _No(400, "invalidFilters")
    found = {item.remote_id: item for item in call.videos()}
    return {"items": [_resource(call, found[one]) for one in wanted if one in found]}


def _resource(call: _Call, item: Published) -> dict[str, Any]:
    switches = call.account.switches
    worked = call.world.now() - item.at >= timedelta(seconds=switches.get("work_seconds", 60))
    reason = switches.get("failed") if worked else None
    asked = item.extra.get("told", {}).get("status", {}).get("privacyStatus", "public")
    status = {
        "uploadStatus": "rejected" if reason else "processed" if worked else "uploaded",
        "privacyStatus": "private" if switches.get("locked") else asked,
    }
    readers = readership(call.world, call.account, item, call.world.now())
    counts = {"viewCount": str(readers.reads), "commentCount": str(readers.comments)}
    if not switches.get("hidden"):
        counts["likeCount"] = str(readers.likes)
    rejected = {"rejectionReason": reason} if reason else {}
    return {"id": item.remote_id, "status": {**status, **rejected}, "statistics": counts}
