"""Bluesky: a personal data server with its readers' view, under `/xrpc/`.

An account is known by its handle `NAME.test` and its app password. Switches: `active` (bool);
`answer` ({method: [status, error name, message, headers]}): what that method always answers;
`did_of` ({handle: did}): whom the server can resolve besides its own.
"""

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import regex
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from sandbox.readers import ensure_history, followers, readership
from sandbox.world import BEIJING, Published, SandboxAccount, World

_PLATFORM = "bluesky"
_POST = "app.bsky.feed.post"
_TID = re.compile("[234567abcdefghij][234567a-z]{12}")
_BLOB_LIMIT = 5_242_880
_PAGE = 100
_ACCESS_LIFE, _REFRESH_LIFE = timedelta(minutes=120), timedelta(days=90)
# What may be done: so many points in so many seconds.
_RATES = {"com.atproto.server.createSession": (30, 300, 1), "com.atproto.repo.putRecord": (5000, 3600, 2)}
_Told = tuple[int, dict[str, Any], dict[str, str]]


class _No(Exception):
    def __init__(self, status: int, error: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(error)
        self.status, self.body, self.headers = status, {"error": error, "message": message}, headers or {}


def example(world: World, handle: str) -> SandboxAccount:
    """A working account; what its connector needs is in `credentials`."""
    credentials = {"identifier": f"{handle}.test", "app_password": "abcd-2345-efgh-6723"}
    return world.add_account(SandboxAccount(_PLATFORM, handle, credentials=credentials, posts_per_week=7.0))


def did(account: str) -> str:
    return "did:plc:" + sha256(account.encode()).hexdigest()[:24].translate(str.maketrans("0189", "wxyz"))


class _Call:
    """One request, and whose it is."""

    def __init__(self, world: World, request: Request, method: str, body: bytes) -> None:
        self.world, self.method, self.body = world, method, body
        self.query = dict(request.query_params)
        self.kind = request.headers.get("content-type", "").split(";")[0]
        self.token = request.headers.get("authorization", "").removeprefix("Bearer ").strip()

    def json(self) -> dict[str, Any]:
        try:
            told = json.loads(self.body)
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise _No(400, "InvalidRequest", "Request body must be JSON")
        return told

    def account(self, kind: str = "access") -> SandboxAccount:
        if not self.token:
            raise _No(401, "AuthMissing", "Authentication Required")
        for account in self.world.accounts_of(_PLATFORM):
            ends = account.state.get("tokens", {}).get((kind, self.token))
            if ends is not None and self.world.now() >= ends:
                raise _No(400, "ExpiredToken", "Token has expired")
            if ends is not None:
                return account
        raise _No(400, "InvalidToken", "Token could not be verified")

    def named(self, name: str) -> SandboxAccount:
        for account in self.world.accounts_of(_PLATFORM):
            if name in (account.credentials["identifier"], did(account.account)):
                return account
        raise _No(400, "InvalidRequest", f"Could not find repo: {name}")


def _create_session(call: _Call) -> _Told:
    told = call.json()
    try:
        account = call.named(str(told.get("identifier")))
    except _No:
        raise _No(401, "AuthenticationRequired", "Invalid identifier or password") from None
    headers = _counted(call, account)
    if told.get("password") != account.credentials["app_password"]:
        raise _No(401, "AuthenticationRequired", "Invalid identifier or password")
    return 200, _tokens(call, account), headers


def _refresh_session(call: _Call) -> _Told:
    return 200, _tokens(call, call.account("refresh")), {}


def _tokens(call: _Call, account: SandboxAccount) -> dict[str, Any]:
    known = account.state.setdefault("tokens", {})
    number, now = len(known), call.world.now()
    access, refresh = f"access-jwt.{account.account}.{number}", f"refresh-jwt.{account.account}.{number}"
    known[("access", access)], known[("refresh", refresh)] = now + _ACCESS_LIFE, now + _REFRESH_LIFE
    return {"accessJwt": access, "refreshJwt": refresh, **_about(account)}


def _about(account: SandboxAccount) -> dict[str, Any]:
    return {
        "did": did(account.account),
        "handle": account.credentials["identifier"],
        "active": account.switches.get("active", True),
    }


def _get_session(call: _Call) -> _Told:
    return 200, _about(call.account()), {}


def _upload_blob(call: _Call) -> _Told:
    account = call.account()
    if len(call.body) > _BLOB_LIMIT:
        raise _No(413, "PayloadTooLarge", "request entity too large")
    link = "bafkrei" + sha256(call.body).hexdigest()[:52]
    blob = {"$type": "blob", "ref": {"$link": link}, "mimeType": call.kind, "size": len(call.body)}
    account.state.setdefault("blobs", {})[link] = blob
    return 200, {"blob": blob}, {}


def _put_record(call: _Call) -> _Told:
    account, told = call.account(), call.json()
    headers = _counted(call, account)
    if call.named(str(told.get("repo"))) is not account:
        raise _No(403, "Forbidden", "not your repo")
    rkey = str(told.get("rkey"))
    record = _validated(account, rkey, told.get("record"))
    cid = "bafyrei" + sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()[:52]
    known = account.state.setdefault("records", {})
    answer = {"uri": f"at://{did(account.account)}/{_POST}/{rkey}", "cid": cid, "validationStatus": "valid"}
    if rkey in known:
        if known[rkey]["cid"] == cid:
            _received_again(call, account, rkey)
            return 200, answer, headers
        if "swapRecord" in told and told["swapRecord"] != known[rkey]["cid"]:
            raise _No(400, "InvalidSwap", f"Record was at {known[rkey]['cid']}")
    known[rkey] = {"cid": cid, "record": record}
    if call.world.by_key(_PLATFORM, account.account, rkey) is None:
        handle = account.credentials["identifier"]
        call.world.publish(
            _PLATFORM,
            account.account,
            remote_id=rkey,
            title="",
            text=record["text"],
            url=f"https://bsky.app/profile/{handle}/post/{rkey}",
            key=rkey,
            record=record,
        )
    return 200, {**answer, "commit": {"cid": cid, "rev": rkey}}, headers


def _received_again(call: _Call, account: SandboxAccount, rkey: str) -> None:
    item = call.world.by_key(_PLATFORM, account.account, rkey)
    if item is not None:
        item.received += 1


def _validated(account: SandboxAccount, rkey: str, record: Any) -> dict[str, Any]:
    if not _TID.fullmatch(rkey):
        raise _No(400, "InvalidRequest", "Invalid record key: expected a TID")
    if not isinstance(record, dict) or record.get("$type") != _POST:
        raise _No(400, "InvalidRequest", "Invalid record")
    for name in ("text", "createdAt"):
        if not isinstance(record.get(name), str):
            raise _No(400, "InvalidRequest", f'Record must have the property "{name}"')
    count, size = len(regex.findall(r"\X", record["text"])), len(record["text"].encode())
    if count > 300 or size > 3000:
        raise _No(400, "InvalidRequest", f"Record/text must not be longer than 300 graphemes, got {count}")
    for facet in record.get("facets", []):
        index = facet["index"]
        if not 0 <= index["byteStart"] < index["byteEnd"] <= size:
            raise _No(400, "InvalidRequest", "Record/facets out of range")
    images = record.get("embed", {}).get("images", [])
    blobs = account.state.get("blobs", {})
    if len(images) > 4:
        raise _No(400, "InvalidRequest", "Record/embed/images must not have more than 4 elements")
    for image in images:
        if image["image"]["ref"]["$link"] not in blobs or not isinstance(image.get("alt"), str):
            raise _No(400, "InvalidRequest", "Could not find blob")
        if image["image"]["size"] > 2_000_000:
            raise _No(400, "BlobTooLarge", "This file is too large")
    return record


def _get_record(call: _Call) -> _Told:
    account, rkey = call.named(call.query.get("repo", "")), call.query.get("rkey", "")
    found = account.state.get("records", {}).get(rkey)
    uri = f"at://{did(account.account)}/{_POST}/{rkey}"
    if found is None or call.query.get("collection") != _POST:
        raise _No(400, "RecordNotFound", f"Could not locate record: {uri}")
    return 200, {"uri": uri, "cid": found["cid"], "value": found["record"]}, {}


def _resolve_handle(call: _Call) -> _Told:
    handle = call.query.get("handle", "")
    for account in call.world.accounts_of(_PLATFORM):
        others: dict[str, str] = account.switches.get("did_of", {})
        if handle in others:
            return 200, {"did": others[handle]}, {}
        if handle == account.credentials["identifier"]:
            return 200, {"did": did(account.account)}, {}
    raise _No(400, "InvalidRequest", "Unable to resolve handle")


def _author_feed(call: _Call) -> _Told:
    call.account()
    account = call.named(call.query.get("actor", ""))
    ensure_history(call.world, account)
    start, limit = int(call.query.get("cursor", "0")), int(call.query.get("limit", "50"))
    if limit > _PAGE:
        raise _No(400, "InvalidRequest", "Error: limit can not be greater than 100")
    found = list(reversed(call.world.of(_PLATFORM, account.account)))
    told: dict[str, Any] = {
        "feed": [{"post": _post(call.world, account, item)} for item in found[start : start + limit]]
    }
    if start + limit < len(found):
        told["cursor"] = str(start + limit)
    return 200, told, {}


def _post(world: World, account: SandboxAccount, item: Published) -> dict[str, Any]:
    readers = readership(world, account, item, world.now())
    record = item.extra.get("record") or {"$type": _POST, "text": item.text, "createdAt": _iso(item.at)}
    return {
        "uri": f"at://{did(account.account)}/{_POST}/{item.remote_id}",
        "cid": "bafyrei" + sha256(item.remote_id.encode()).hexdigest()[:52],
        "author": {"did": did(account.account), "handle": account.credentials["identifier"]},
        "record": record,
        "indexedAt": _iso(item.at),
        "likeCount": readers.likes,
        "repostCount": readers.reposts,
        "replyCount": readers.comments,
        "quoteCount": readers.shares // 4,
        "bookmarkCount": readers.favourites,
    }


def _profile(call: _Call) -> _Told:
    call.account()
    account = call.named(call.query.get("actor", ""))
    ensure_history(call.world, account)
    now = call.world.now()
    return (
        200,
        {
            **_about(account),
            "followersCount": followers(call.world, account, now.astimezone(BEIJING).date()),
            "followsCount": 12,
            "postsCount": len(call.world.of(_PLATFORM, account.account)),
        },
        {},
    )


def _iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def _counted(call: _Call, account: SandboxAccount) -> dict[str, str]:
    """Takes the call's points. The headers of its limit; 429 where nothing is left."""
    limit, seconds, points = _RATES[call.method]
    now = int(call.world.now().timestamp())
    rates = account.state.setdefault("rates", {})
    ends, used = rates.get(call.method, (0, 0))
    if now >= ends:
        ends, used = now + seconds, 0
    left = limit - used - points
    headers = {
        "RateLimit-Limit": str(limit),
        "RateLimit-Remaining": str(max(0, left)),
        "RateLimit-Reset": str(ends),
        "RateLimit-Policy": f"{limit};w={seconds}",
    }
    if left < 0:
        raise _No(
            429, "RateLimitExceeded", "Rate Limit Exceeded", {**headers, "Retry-After": str(ends - now)}
        )
    rates[call.method] = (ends, used + points)
    return headers


_METHODS: dict[str, tuple[str, Callable[[_Call], _Told]]] = {
    "com.atproto.server.createSession": ("POST", _create_session),
    "com.atproto.server.refreshSession": ("POST", _refresh_session),
    "com.atproto.server.getSession": ("GET", _get_session),
    "com.atproto.repo.uploadBlob": ("POST", _upload_blob),
    "com.atproto.repo.putRecord": ("POST", _put_record),
    "com.atproto.repo.getRecord": ("GET", _get_record),
    "com.atproto.identity.resolveHandle": ("GET", _resolve_handle),
    "app.bsky.feed.getAuthorFeed": ("GET", _author_feed),
    "app.bsky.actor.getProfile": ("GET", _profile),
}


def router(world: World) -> APIRouter:
    router = APIRouter()

    @router.api_route("/xrpc/{method}", methods=["GET", "POST"])
    async def serve(request: Request, method: str) -> JSONResponse:
        call = _Call(world, request, method, await request.body())
        with world.lock:
            try:
                status, body, headers = _handled(call, request.method)
            except _No as error:
                return JSONResponse(error.body, error.status, error.headers)
        return JSONResponse(body, status, headers)

    return router


def _handled(call: _Call, verb: str) -> _Told:
    for account in call.world.accounts_of(_PLATFORM):
        forced = account.switches.get("answer", {}).get(call.method)
        if forced:
            raise _No(*forced)
    expected, handle = _METHODS.get(call.method, ("", None))
    if handle is None:
        raise _No(501, "MethodNotImplemented", "Method Not Implemented")
    if verb != expected:
        raise _No(400, "InvalidRequest", f"Incorrect HTTP method ({verb}) expected {expected}")
    return handle(call)
