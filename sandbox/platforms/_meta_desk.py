"""What the doubles of Meta's graph share: the token, errors, the limits' headers, containers and insights.

| switch | meaning | default |
|---|---|---|
| error | "METHOD path-ending" → members of the `error` that it always answers with | none |
| usage | headers of the limits that every answer carries | none |
| working_seconds | how long a container is worked on | 0 |
| state | the state of every container from now on | what it is |
| unlisted_seconds | how long a post is not in the list yet | 0 |
| gone, no_data | names of insights that are no more, that have no data | none |
| quota | how many containers a day may be published | 50 |
"""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from sandbox.readers import ensure_history, readership
from sandbox.world import Published, SandboxAccount, World

_CONTAINER_LIFE = timedelta(hours=24)
_DAY = timedelta(days=1)


class GraphError(Exception):
    def __init__(self, code: int, message: str = "", status: int = 400, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "A1b2"} | more


@dataclass(frozen=True)
class Call:
    world: World
    account: SandboxAccount
    path: str  # behind the version
    query: Mapping[str, str]
    form: Mapping[str, str]
    file: bytes | None = None

    @property
    def own(self) -> str:
        return number_of(self.account)

    def need(self, name: str) -> str:
        value = self.form.get(name)
        if not value:
            raise GraphError(100, f"(#100) The parameter {name} is required")
        return value


Handler = Callable[[Call], dict[str, Any]]


@dataclass(frozen=True)
class Desk:
    """One platform: what it answers by the path's ending behind the account, and to one object's id."""

    platform: str
    routes: Mapping[tuple[str, str], Handler]
    account: Handler
    one: Callable[[Call, Published], dict[str, Any]]
    containers: str = ""  # the field of a container's state
    extra: Mapping[str, str] = field(default_factory=dict)


def number_of(account: SandboxAccount) -> str:
    return str(17_841_400_000_000_000 + zlib.crc32(account.account.encode()))


def token_of(handle: str) -> str:
    return f"madeUpTokenOf-{handle}-0123456789"


def router_of(world: World, desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.api_route("/{version}/{path:path}", methods=["GET", "POST"])
    async def serve(request: Request, path: str) -> JSONResponse:
        form: dict[str, str] = {}
        file: bytes | None = None
        if request.method == "POST":
            async with request.form() as given:
                form = {name: value for name, value in given.items() if isinstance(value, str)}
                uploads = [value for value in given.values() if isinstance(value, UploadFile)]
                file = await uploads[0].read() if uploads else None
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        given_by = (dict(request.query_params), form, file)
        return await run_in_threadpool(_answer, world, desk, token, request.method, path, given_by)

    return router


def _answer(
    world: World,
    desk: Desk,
    token: str,
    method: str,
    path: str,
    given: tuple[dict[str, str], dict[str, str], bytes | None],
) -> JSONResponse:
    with world.lock:
        known = {found.credentials["access_token"]: found for found in world.accounts_of(desk.platform)}
        account = known.get(token)
        headers = account.switches.get("usage", {}) if account is not None else {}
        try:
            if account is None:
                raise GraphError(190, "Invalid OAuth access token.", 401, error_subcode=460)
            ensure_history(world, account)
            told = _handled(desk, Call(world, account, path, *given), method)
        except GraphError as error:
            return JSONResponse({"error": error.body}, error.status, headers)
        return JSONResponse(told, headers=headers)


def _handled(desk: Desk, call: Call, method: str) -> dict[str, Any]:
    for where, error in call.account.switches.get("error", {}).items():
        wanted, _, ending = where.partition(" ")
        if method == wanted and call.path.endswith(ending):
            raise GraphError(**error)
    first, _, rest = call.path.partition("/")
    if first == call.own:
        handler = desk.account if not rest and method == "GET" else desk.routes.get((method, rest))
        if handler is not None:
            return handler(call)
    container = call.account.state.get("containers", {}).get(first)
    if container is not None and not rest and desk.containers:
        return {"id": first, desk.containers: _state(call, container)}
    item = next((item for item in listed(call) if item.remote_id == first), None)
    if item is not None and method == "GET":
        return _insights(desk, call, item) if rest == "insights" else desk.one(call, item)
    raise GraphError(100, f"Unsupported request. Object with ID '{first}' does not exist", error_subcode=33)


def listed(call: Call) -> list[Published]:
    """The account's posts, newest first."""
    late = timedelta(seconds=call.account.switches.get("unlisted_seconds", 0))
    found = call.world.of(call.account.platform, call.account.account)
    return [item for item in reversed(found) if call.world.now() >= item.at + late]


def page(call: Call, told: Callable[[Call, Published], dict[str, Any]]) -> dict[str, Any]:
    """One page of the list, with the cursor behind it."""
    since = datetime.fromtimestamp(int(call.query.get("since", "0")), UTC)
    found = [item for item in listed(call) if item.at >= since]
    begin, limit = int(call.query.get("after", "0")), int(call.query.get("limit", "25"))
    body: dict[str, Any] = {"data": [told(call, item) for item in found[begin : begin + limit]]}
    if begin + limit < len(found):
        after = str(begin + limit)
        body["paging"] = {"cursors": {"after": after}, "next": f"https://graph.example/?after={after}"}
    return body


def stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}+0000"


def create(call: Call) -> dict[str, Any]:
    """A container, which nobody sees."""
    known = call.account.state.setdefault("containers", {})
    if "image_url" in call.form and not call.form["image_url"].startswith("https://"):
        raise GraphError(9004, "Only photo or video can be accepted as media type.")
    for child in filter(None, call.form.get("children", "").split(",")):
        if child not in known or _state(call, known[child]) != "FINISHED":
            raise GraphError(100, "a child is not ready")
    number = str(17_900_000_000_000_000 + len(known))
    known[number] = {"at": call.world.now(), "form": dict(call.form), "published": False}
    return {"id": number}


def publish(call: Call, text: str, url: str) -> dict[str, Any]:
    """A container's post: one container becomes one post at most."""
    number = call.need("creation_id")
    container = call.account.state.get("containers", {}).get(number)
    if container is None or _state(call, container) != "FINISHED":
        raise GraphError(9007, "The media is not ready to be published", error_subcode=2207027)
    if used(call) >= call.account.switches.get("quota", 50):
        raise GraphError(9, "Application request limit reached", 403, error_subcode=2207042)
    container["published"] = True
    form = container["form"]
    post = str(18_000_000_000_000_000 + len(call.world.published))
    call.world.publish(
        call.account.platform,
        call.account.account,
        remote_id=post,
        title="",
        text=form.get(text, ""),
        url=f"{url}/{post}",
        form=form,
        children=[call.account.state["containers"][child]["form"] for child in _children(form)],
    )
    return {"id": post}


def _children(form: Mapping[str, str]) -> list[str]:
    return [child for child in form.get("children", "").split(",") if child]


def used(call: Call) -> int:
    """Posts of the last 24 hours through the interface."""
    return len([item for item in listed(call) if "form" in item.extra and call.world.now() < item.at + _DAY])


def limit(call: Call) -> dict[str, Any]:
    total = call.account.switches.get("quota", 50)
    return {"data": [{"quota_usage": used(call), "config": {"quota_total": total, "quota_duration": 86_400}}]}


def _state(call: Call, container: Mapping[str, Any]) -> str:
    forced = call.account.switches.get("state")
    if forced and not container["published"]:
        return str(forced)
    age = call.world.now() - container["at"]
    if container["published"]:
        return "PUBLISHED"
    if age >= _CONTAINER_LIFE:
        return "EXPIRED"
    working = timedelta(seconds=call.account.switches.get("working_seconds", 0))
    return "IN_PROGRESS" if age < working else "FINISHED"


def _insights(desk: Desk, call: Call, item: Published) -> dict[str, Any]:
    readers = readership(call.world, call.account, item, call.world.now())
    return {"data": insight_rows(call, {name: getattr(readers, of) for name, of in desk.extra.items()})}


def insight_rows(call: Call, values: Mapping[str, int]) -> list[dict[str, Any]]:
    """The rows of what was asked for; a name that is no more fails the whole question."""
    asked = [name for name in call.query.get("metric", "").split(",") if name]
    gone = call.account.switches.get("gone", ())
    if not asked:
        raise GraphError(3001, "(#3001) No metric was specified", error_subcode=1504028)
    for name in asked:
        if name in gone or name not in values:
            raise GraphError(100, "(#100) The value must be a valid insights metric")
    empty = call.account.switches.get("no_data", ())
    return [
        {"name": name, "period": "lifetime", "values": [{"value": values[name]}]}
        for name in asked
        if name not in empty
    ]
