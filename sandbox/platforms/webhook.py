"""A web site that speaks the webhook contract: `POST /publish`, `GET /lookup?id=`.

Switches: none. An account with the credential `token` asks for it as a bearer token.
"""

from hmac import compare_digest
from typing import Any

from fastapi import APIRouter, Header, HTTPException
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from sandbox.world import Published, SandboxAccount, World

_PLATFORM = "webhook"


class Post(BaseModel):
    """What arrives; media keep their names only."""

    id: str
    account: str
    seq: int
    title: str
    text: str
    media: list[dict[str, Any]] = []


def example(world: World, handle: str) -> SandboxAccount:
    """A working account; what its connector needs is in `credentials`."""
    return world.add_account(SandboxAccount(_PLATFORM, handle, credentials={"token": f"token-of-{handle}"}))


def router(world: World) -> APIRouter:
    router = APIRouter()

    @router.post("/publish", status_code=201)
    async def publish(
        post: Post, idempotency_key: str = Header(), authorization: str = Header("")
    ) -> JSONResponse:
        account = world.account(_PLATFORM, post.account)
        if account is None or not _may(account, authorization):
            raise HTTPException(401, "unknown account or token")
        if idempotency_key != post.id:
            raise HTTPException(422, "Idempotency-Key must be the post's id")
        with world.lock:
            known = world.by_key(_PLATFORM, post.account, post.id)
            if known is not None:
                known.received += 1
                return JSONResponse(_answer(known))
            return JSONResponse(_answer(_store(world, post)), 201)

    @router.get("/lookup")
    async def lookup(id: str, authorization: str = Header("")) -> JSONResponse:
        readable = [account for account in world.accounts_of(_PLATFORM) if _may(account, authorization)]
        if not readable:
            raise HTTPException(401, "unknown token")
        for account in readable:
            known = world.by_key(_PLATFORM, account.account, id)
            if known is not None:
                return JSONResponse(_answer(known))
        raise HTTPException(404, "no such post")

    return router


def _may(account: SandboxAccount, authorization: str) -> bool:
    token = account.credentials.get("token")
    return token is None or compare_digest(authorization.encode(), f"Bearer {token}".encode())


def _store(world: World, post: Post) -> Published:
    number = str(len(world.published) + 1)
    return world.publish(
        _PLATFORM,
        post.account,
        remote_id=number,
        title=post.title,
        text=post.text,
        url=f"https://www.example.org/{post.account}/{number}",
        key=post.id,
        seq=post.seq,
        media=[media.get("sha256") for media in post.media],
    )


def _answer(item: Published) -> dict[str, str]:
    return {"post_id": item.remote_id, "url": item.url}
