"""The double of Instagram's publishing and insights; switches: `_meta_desk`."""

from typing import Any

from fastapi import APIRouter

from sandbox.platforms._meta_desk import (
    Call,
    Desk,
    create,
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

_PLATFORM = "instagram"


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


def _publish(call: Call) -> dict[str, Any]:
    return publish(call, "caption", "https://www.instagram.com/p")


def _post(call: Call, item: Published) -> dict[str, Any]:
    return {
        "id": item.remote_id,
        "caption": item.text,
        "timestamp": stamp(item.at),
        "permalink": item.url or f"https://www.instagram.com/p/{item.remote_id}",
    }


def _list(call: Call) -> dict[str, Any]:
    return page(call, _post)


def _account(call: Call) -> dict[str, Any]:
    today = call.world.now().astimezone(BEIJING).date()
    return {
        "id": call.own,
        "username": call.account.account,
        "followers_count": followers(call.world, call.account, today),
        "media_count": len(call.world.of(_PLATFORM, call.account.account)),
    }


_DESK = Desk(
    _PLATFORM,
    {
        ("POST", "media"): create,
        ("POST", "media_publish"): _publish,
        ("GET", "media"): _list,
        ("GET", "content_publishing_limit"): limit,
    },
    _account,
    _post,
    "status_code",
    {
        "views": "reads",
        "reach": "read_users",
        "likes": "likes",
        "comments": "comments",
        "shares": "shares",
        "saved": "favourites",
    },
)
