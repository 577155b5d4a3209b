"""The envelope that 抖音 and 头条 answer in, and whose call it is (the sheet's sections 1 and 7).

Numbers are text in half of the answers; an error stands in `data`, in `extra` or as `err_no`, drawn by the
world's chance.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from sandbox.readers import ensure_history
from sandbox.world import BEIJING, SandboxAccount, World

_RENEWING_LIFE = timedelta(days=30)  # from the first call on
_LOG_ID = "2026030209301100AA"


class ByteError(Exception):
    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


@dataclass(frozen=True)
class Arrived:
    """A request before anyone knows whose it is; `file` is the one file of a form."""

    method: str
    path: str
    token: str
    query: Mapping[str, str]
    body: Mapping[str, Any]
    file: bytes | None


@dataclass(frozen=True)
class Call:
    world: World
    account: SandboxAccount
    arrived: Arrived
    given: Mapping[str, Any] = field(default_factory=dict)

    def need(self, name: str) -> str:
        value = self.given.get(name)
        if value in (None, ""):
            raise ByteError(10005, f"缺少参数 {name}")
        return str(value)


Handler = Callable[[Call], dict[str, Any]]
Routes = Mapping[tuple[str, str], Handler]


def router_of(world: World, platform: str, routes: Routes, for_app: frozenset[str]) -> APIRouter:
    """All interfaces; those in `for_app` are called with the app's token or none."""
    router = APIRouter()

    @router.api_route("/{path:path}", methods=["GET", "POST"])
    async def serve(request: Request, path: str) -> JSONResponse:
        return await run_in_threadpool(
            _answer, world, platform, routes, for_app, await _arrive(request, path)
        )

    return router


async def _arrive(request: Request, path: str) -> Arrived:
    kind = request.headers.get("content-type", "")
    body: Mapping[str, Any] = {}
    file: bytes | None = None
    if kind.startswith("application/json"):
        told = await request.json()
        body = told if isinstance(told, dict) else {}
    elif request.method == "POST":
        async with request.form() as form:
            body = {name: value for name, value in form.items() if isinstance(value, str)}
            uploads = [value for value in form.values() if isinstance(value, UploadFile)]
            file = await uploads[0].read() if uploads else None
    token = request.headers.get("access-token", "")
    return Arrived(request.method, f"/{path}", token, dict(request.query_params), body, file)


def _answer(
    world: World, platform: str, routes: Routes, for_app: frozenset[str], arrived: Arrived
) -> JSONResponse:
    with world.lock:
        try:
            data = _handled(world, platform, routes, for_app, arrived)
        except ByteError as error:
            return JSONResponse(_failed(world, error))
        extra = {
            "error_code": 0,
            "sub_error_code": 0,
            "logid": _LOG_ID,
            "now": int(world.now().timestamp()) * 1000,
        }
        body: Any = {
            "data": {**data, "error_code": 0, "description": ""},
            "extra": extra,
            "message": "success",
        }
        return JSONResponse(numbers_as_text(body) if world.random.random() < 0.5 else body)


def _handled(
    world: World, platform: str, routes: Routes, for_app: frozenset[str], arrived: Arrived
) -> dict[str, Any]:
    handler = routes.get((arrived.method, arrived.path))
    if handler is None:
        raise ByteError(16, "应用没有权限")
    given = {**arrived.query, **arrived.body}
    find = _of_app if arrived.path in for_app else _of_account
    account = find(world, platform, arrived, given)
    forced = account.switches.get("error_code", {}).get(arrived.path)
    if forced is not None:
        raise ByteError(int(forced), f"错误 {account.credentials['client_secret']}")
    ensure_history(world, account)
    account.state.setdefault("renewing_ends", world.now() + _RENEWING_LIFE)
    return handler(Call(world, account, arrived, given))


def _of_app(world: World, platform: str, arrived: Arrived, given: Mapping[str, Any]) -> SandboxAccount:
    for account in world.accounts_of(platform):
        app_token = f"clt.{account.credentials['client_key']}{account.state.get('app_tokens', 0)}"
        if given.get("client_key") == account.credentials["client_key"] or arrived.token == app_token:
            return account
        if given.get("open_id") == account.credentials["open_id"]:
            return account
    raise ByteError(10003 if "client_key" in given else 2190008, "client_key 或令牌不对")


def _of_account(world: World, platform: str, arrived: Arrived, given: Mapping[str, Any]) -> SandboxAccount:
    for account in world.accounts_of(platform):
        wanted = account.state.get("biz_token") if account.switches.get("biz") else account_token(account)
        if arrived.token and arrived.token == wanted:
            if given.get("open_id") != account.credentials["open_id"]:
                raise ByteError(2190015, "open_id 与令牌不符")
            if (ends := account.switches.get("token_ends")) and ends <= world.now():
                raise ByteError(2190008, "access_token 过期")
            return account
    raise ByteError(2190002, "access_token 无效")


def account_token(account: SandboxAccount) -> str:
    return str(account.state.get("token", account.credentials["access_token"]))


def client_token(call: Call) -> dict[str, Any]:
    if call.given.get("client_secret") != call.account.credentials["client_secret"]:
        raise ByteError(10013, "client_secret 不对")
    number = call.account.state.get("app_tokens", 0)
    return {"access_token": f"clt.{call.account.credentials['client_key']}{number}", "expires_in": 7200}


def refresh_token(call: Call) -> dict[str, Any]:
    state, credentials = call.account.state, call.account.credentials
    if call.given.get("refresh_token") != state.get("renewing", credentials["refresh_token"]):
        raise ByteError(10010, "refresh_token 无效")
    rest: timedelta = state["renewing_ends"] - call.world.now()
    if rest <= timedelta(0):
        raise ByteError(10010, "refresh_token 过期")
    number = state["renewals"] = state.get("renewals", 0) + 1
    state["token"] = f"act.renewed{number:06}"
    call.account.switches.pop("token_ends", None)
    return {
        "access_token": state["token"],
        "expires_in": 1_296_000,
        "refresh_token": state.get("renewing", credentials["refresh_token"]),
        "refresh_expires_in": int(rest.total_seconds()),
        "open_id": credentials["open_id"],
        "scope": "user_info",
    }


def renew_refresh_token(call: Call) -> dict[str, Any]:
    """A new renewing token for thirty days; so often as the switch `prolongs` says (5)."""
    state, credentials = call.account.state, call.account.credentials
    if call.given.get("refresh_token") != state.get("renewing", credentials["refresh_token"]):
        raise ByteError(10010, "refresh_token 无效")
    number = state["prolonged"] = state.get("prolonged", 0) + 1
    if number > call.account.switches.get("prolongs", 5):
        raise ByteError(10020, "续期次数已用完")
    state["renewing"] = f"rft.renewed{number:06}"
    state["renewing_ends"] = call.world.now() + _RENEWING_LIFE
    return {"refresh_token": state["renewing"], "expires_in": 2_592_000}


def user_info(call: Call) -> dict[str, Any]:
    if call.given.get("access_token") != account_token(call.account):
        raise ByteError(2190008, "access_token 无效")
    return {"open_id": call.account.credentials["open_id"], "nickname": f"青年{call.account.account}"}


def uploaded(call: Call) -> bytes:
    if not call.arrived.file:
        raise ByteError(10005, "缺少文件")
    return call.arrived.file


def new_video(call: Call, content: bytes) -> dict[str, Any]:
    """A finished upload: its video_id can be used once."""
    videos = call.account.state.setdefault("videos", {})
    video_id = f"v0300f{len(videos):08}"
    videos[video_id] = {"sha256": sha256(content).hexdigest(), "size": len(content), "used": False}
    return {"video": {"video_id": video_id, "width": 720, "height": 1280}}


def use_video(call: Call) -> dict[str, Any]:
    found: dict[str, Any] | None = call.account.state.get("videos", {}).get(call.need("video_id"))
    if found is None or found["used"] or call.account.switches.get("spoils", 0) > 0:
        call.account.switches["spoils"] = call.account.switches.get("spoils", 0) - 1
        raise ByteError(2190007, "video_id 不可用")
    found["used"] = True
    return found


def count_post(call: Call) -> None:
    """Refuses a post over the day's ceiling, or with a word of the switch `sensitive`."""
    text = str(call.given.get("text", ""))
    if any(word in text for word in call.account.switches.get("sensitive", ())):
        raise ByteError(2111001, "内容含敏感词")
    today = call.world.now().astimezone(BEIJING).date().isoformat()
    day, made = call.account.state.get("posts", (today, 0))
    made = made if day == today else 0
    if made >= call.account.switches.get("daily_posts", 50):
        raise ByteError(2114007, "今日发布次数已达上限")
    call.account.state["posts"] = (today, made + 1)


def numbers_as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: numbers_as_text(item) for name, item in value.items()}
    if isinstance(value, list):
        return [numbers_as_text(item) for item in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _failed(world: World, error: ByteError) -> dict[str, Any]:
    place = world.random.randrange(3)
    code: int | str = error.code if world.random.random() < 0.5 else str(error.code)
    if place == 0:
        return {"data": {"error_code": code, "description": error.text}, "message": "error"}
    if place == 1:
        extra = {"error_code": code, "description": error.text, "logid": _LOG_ID}
        return {"data": {"error_code": 0}, "extra": extra, "message": "error"}
    return {"err_no": code, "err_msg": error.text, "log_id": _LOG_ID}
