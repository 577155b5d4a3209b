"""The double of Facebook pages; switches: `_meta_desk`, and `visitors` (texts that others wrote there)."""

import json
from typing import Any

from fastapi import APIRouter

from sandbox.platforms._meta_desk import (
    Call,
    Desk,
    GraphError,
    number_of,
    page,
    router_of,
    stamp,
    token_of,
)
from sandbox.readers import followers, readership
from sandbox.world import BEIJING, Published, SandboxAccount, World

_PLATFORM = "facebook"


def example(world: World, handle: str) -> SandboxAccount:
    """A working account; what its connector needs is in `credentials`."""
    account = SandboxAccount(_PLATFORM, handle, posts_per_week=7.0)
    account.credentials = {"page_id": number_of(account), "access_token": token_of(handle)}
    return world.add_account(account)


def router(world: World) -> APIRouter:
    return router_of(world, _DESK)


def _photo(call: Call) -> dict[str, Any]:
    if not call.file or call.form.get("published") != "false":
        raise GraphError(100, "(#100) No permission to publish the photo")
    photos = call.account.state.setdefault("photos", {})
    number = str(15_000_000_000_000 + len(photos))
    photos[number] = {"bytes": call.file, "alt": call.form.get("alt_text_custom", "")}
    return {"id": number}


def _feed(call: Call) -> dict[str, Any]:
    photos = [json.loads(value)["media_fbid"] for name, value in call.form.items() if "attached" in name]
    text = call.form.get("message", "")
    if any(number not in call.account.state.get("photos", {}) for number in photos):
        raise GraphError(100, "(#100) attached_media is unknown")
    if not text and not photos:
        raise GraphError(100, "(#100) message is required")
    number = f"{call.own}_{12_000_000_000 + len(call.world.published)}"
    call.world.publish(
        _PLATFORM,
        call.account.account,
        remote_id=number,
        title="",
        text=text,
        url=f"https://www.facebook.com/{number}",
        photos=photos,
        link=call.form.get("link", ""),
    )
    return {"id": number}


def _post(call: Call, item: Published) -> dict[str, Any]:
    readers = readership(call.world, call.account, item, call.world.now())
    writer = "999" if item.text in call.account.switches.get("visitors", ()) else call.own
    told = {
        "id": item.remote_id,
        "message": item.text,
        "created_time": stamp(item.at),
        "permalink_url": item.url or f"https://www.facebook.com/{item.remote_id}",
        "from": {"id": writer},
        "reactions": {"data": [], "summary": {"total_count": readers.likes}},
        "comments": {"data": [], "summary": {"total_count": readers.comments}},
    }
    return told | ({"shares": {"count": readers.shares}} if readers.shares else {})


def _list(call: Call) -> dict[str, Any]:
    return page(call, _post)


def _account(call: Call) -> dict[str, Any]:
    today = call.world.now().astimezone(BEIJING).date()
    return {
        "id": call.own,
        "name": f"青年{call.account.account}",
        "followers_count": followers(call.world, call.account, today),
    }


_DESK = Desk(
    _PLATFORM,
    {("POST", "photos"): _photo, ("POST", "feed"): _feed, ("GET", "feed"): _list},
    _account,
    _post,
    extra={"post_media_view": "reads"},
)
