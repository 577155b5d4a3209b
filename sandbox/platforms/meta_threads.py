"""The double of Threads' publishing and insights; switches: `_meta_desk`."""

from typing import Any

from fastapi import APIRouter

from sandbox.platforms._meta_desk import (
    Call,
    Desk,
    GraphError,
    create,
    insight_rows,
    limit,
    number_of,
    page,
    publish,
    router_of,
    stamp,
    token_of,
)
from sandbox.readers import followers
from sandbox.world import BEIJING, Published, SandboxAccount, World

_PLATFORM = "meta_threads"
_LENGTH = 500


def example(world: World, handle: str) -> SandboxAccount:
    """A working account; what its connector needs is in `credentials`."""
    account = SandboxAccount(_PLATFORM, handle, posts_per_week=7.0)
    account.credentials = {
        "user_id": number_of(account),
        "access_token": token_of(handle),
        "media_base": "https://media.example.org/m",
    }
    return world.add_account(account)


def router(world: World) -> APIRouter:
    return router_of(world, _DESK)


def _create(call: Call) -> dict[str, Any]:
    kind = call.need("media_type")
    if kind not in ("TEXT", "IMAGE", "VIDEO", "CAROUSEL"):
        raise GraphError(100, "(#100) Param media_type is wrong")
    if kind == "TEXT":
        call.need("text")
    if len(call.form.get("text", "")) > _LENGTH:
        raise GraphError(100, "(#100) Param text must be at most 500 characters long.")
    return create(call)


def _publish(call: Call) -> dict[str, Any]:
    return publish(call, "text", "https://www.threads.net/t")


def _post(call: Call, item: Published) -> dict[str, Any]:
    return {
        "id": item.remote_id,
        "text": item.text,
        "timestamp": stamp(item.at),
        "permalink": item.url or f"https://www.threads.net/t/{item.remote_id}",
    }


def _list(call: Call) -> dict[str, Any]:
    return page(call, _post)


def _insights(call: Call) -> dict[str, Any]:
    today = call.world.now().astimezone(BEIJING).date()
    (row,) = insight_rows(call, {"followers_count": followers(call.world, call.account, today)})
    return {"data": [{"name": row["name"], "period": "day", "total_value": row["values"][0]}]}


def _account(call: Call) -> dict[str, Any]:
    return {"id": call.own, "username": call.account.account}


_DESK = Desk(
    _PLATFORM,
    {
        ("POST", "threads"): _create,
        ("POST", "threads_publish"): _publish,
        ("GET", "threads"): _list,
        ("GET", "threads_insights"): _insights,
        ("GET", "threads_publishing_limit"): limit,
    },
    _account,
    _post,
    "status",
    {
        "views": "reads",
        "likes": "likes",
        "replies": "comments",
        "reposts": "reposts",
        "quotes": "follows",
        "shares": "shares",
    },
)
