"""The bulletin's double for the sandbox: what the real one answers, on this machine."""

from fastapi import APIRouter, Header, HTTPException
from pydantic import BaseModel

from sandbox.world import SandboxAccount, World

PLATFORM = "campus_bulletin"


class Notice(BaseModel):
    title: str
    text: str


def example(world: World, handle: str) -> SandboxAccount:
    """A working account."""
    return world.add_account(SandboxAccount(PLATFORM, handle, credentials={"token": f"token-of-{handle}"}))


def router(world: World) -> APIRouter:
    router = APIRouter()

    def owner(authorization: str) -> str:
        for account in world.accounts_of(PLATFORM):
            if authorization == f"Bearer {account.credentials['token']}":
                return account.account
        raise HTTPException(401, "unknown token")

    @router.put("/notices/{key}")
    async def put(key: str, notice: Notice, authorization: str = Header("")) -> dict[str, str]:
        account = owner(authorization)
        with world.lock:
            known = world.by_key(PLATFORM, account, key)
            if known is None:
                number = str(len(world.published) + 1)
                known = world.publish(
                    PLATFORM, account, remote_id=number, title=notice.title, text=notice.text, key=key
                )
        return {"id": known.remote_id}

    @router.get("/notices/{key}")
    async def get(key: str, authorization: str = Header("")) -> dict[str, str]:
        known = world.by_key(PLATFORM, owner(authorization), key)
        if known is None:
            raise HTTPException(404, "no such notice")
        return {"id": known.remote_id}

    return router
