"""The double of Weibo's open platform (`../shared/platforms/weibo.md`, section 8).

An account's credentials: `access_token`, `uid`, optionally `app_key`. Its switches:

| switch | meaning | default |
|---|---|---|
| safe_domain | comma list; a share needs a link there | needed |
| daily_calls, hourly_posts | quotas, by the world's clock | 100, 30 |
| expires_at | when the token ends | never |
| sensitive | list of words (20021), or word → code | none |
| removes_topics | takes `#...#` out of share texts | True |
| article | has the 头条文章 interface | True |
| error_code | path → code that it always answers with | none |
| numbers_as_text | share of answers whose numbers are text | 0.0 |
| error_code_as_text | error codes are text | False |
| first_id | where ids begin | 5271000000004411 |

A post's `extra["deleted"]` takes it out of timeline and counts.
"""

import zlib
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from sandbox.platforms import _weibo_reading as reading
from sandbox.platforms import _weibo_writing as writing
from sandbox.platforms._weibo_calls import ARTICLE, Arrived, Call, admit, arrive, owner
from sandbox.platforms._weibo_errors import ArticleError, WeiboError
from sandbox.readers import ensure_history
from sandbox.world import SandboxAccount, World

_Handler = Callable[[Call], object]
_INTERFACES: dict[str, tuple[frozenset[str], _Handler]] = {
    "/2/statuses/share.json": (frozenset({"POST"}), writing.share),
    ARTICLE: (frozenset({"POST"}), writing.publish_article),
    "/2/statuses/user_timeline.json": (frozenset({"GET"}), reading.user_timeline),
    "/2/statuses/user_timeline/ids.json": (frozenset({"GET"}), reading.user_timeline_ids),
    "/2/statuses/show.json": (frozenset({"GET"}), reading.show),
    "/2/statuses/count.json": (frozenset({"GET"}), reading.status_counts),
    "/2/users/counts.json": (frozenset({"GET"}), reading.user_counts),
    "/2/users/show.json": (frozenset({"GET"}), reading.show_user),
    "/2/account/get_uid.json": (frozenset({"GET"}), reading.uid),
    "/2/account/rate_limit_status.json": (frozenset({"GET"}), reading.rate_limit_status),
    "/oauth2/get_token_info": (frozenset({"POST"}), reading.token_info),
    "/oauth2/revokeoauth2": (frozenset({"GET", "POST"}), reading.revoke),
}


def example(world: World, handle: str) -> SandboxAccount:
    """A working account; what its connector needs is in `credentials`."""
    number = zlib.crc32(handle.encode())
    credentials = {
        "access_token": f"2.00{number:010}{handle}",
        "uid": str(5_500_000_000 + number),
        "app_key": "1234500000",
        "safe_domain": "www.example.org",
        "rip": "203.0.113.9",
    }
    switches = {"safe_domain": "www.example.org"}
    return world.add_account(
        SandboxAccount("weibo", handle, credentials=credentials, switches=switches, posts_per_week=7.0)
    )


def router(world: World) -> APIRouter:
    """Every interface, and 10020 for what Weibo does not have (a refresh, statuses/update, …)."""
    weibo = APIRouter()

    @weibo.api_route("/{path:path}", methods=["GET", "POST"])
    async def serve(request: Request, path: str) -> JSONResponse:
        return await run_in_threadpool(_answer, world, await arrive(request, f"/{path}"))

    return weibo


def _answer(world: World, arrived: Arrived) -> JSONResponse:
    with world.lock:
        account = owner(world, arrived.token)
        switches = account.switches if account else {}
        try:
            body = _handled(world, arrived)
        except ArticleError as error:
            body = {"code": error.code, "msg": error.text, "data": []}
        except WeiboError as error:
            code_as_text = bool(switches.get("error_code_as_text"))
            return JSONResponse(error.body(arrived.path, code_as_text=code_as_text), error.status)
        share = float(switches.get("numbers_as_text", 0.0))
        if share > 0 and world.random.random() < share:
            body = _numbers_as_text(body)
        return JSONResponse(body)


def _handled(world: World, arrived: Arrived) -> object:
    if arrived.path not in _INTERFACES:
        raise WeiboError(10020)
    methods, handler = _INTERFACES[arrived.path]
    if arrived.method not in methods:
        raise WeiboError(10021)
    call = admit(world, arrived)
    ensure_history(world, call.account)
    return handler(call)


def _numbers_as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _numbers_as_text(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_numbers_as_text(item) for item in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
