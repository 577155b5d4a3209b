"""The desk of WeChat's double: one call as the platform sees it, and how the platform says no."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox.world import BEIJING, SandboxAccount, World

PLATFORM = "wechat"

_WORDS = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40007: "invalid media_id",
    40013: "invalid appid",
    40033: "invalid charset, please use utf-8",
    40125: "invalid appsecret",
    42001: "access_token expired",
    45009: "reach max api daily quota limit",
    45028: "has no masssend quota",
    45065: "clientmsgid exist",
    47009: "this interface is offline, use the new one",
    48001: "api unauthorized",
    61503: "data not ready",
    88000: "without comment privilege",
}


class No(Exception):
    """An errcode. `extra` stands beside it in the answer."""

    def __init__(self, code: int, words: str = "", **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.words = words or _WORDS.get(code, "refused")
        self.extra = extra


@dataclass(frozen=True)
class Part:
    """The file of an upload."""

    name: str
    content: bytes
    content_type: str


@dataclass(frozen=True)
class Call:
    """One call of one account, its token checked."""

    world: World
    account: SandboxAccount
    path: str
    query: dict[str, str]
    body: dict[str, Any] = field(default_factory=dict)
    raw: bytes = b""
    part: Part | None = None

    @property
    def now(self) -> datetime:
        return self.world.now()

    @property
    def seconds(self) -> int:
        return int(self.now.timestamp())

    def switch(self, name: str, otherwise: Any) -> Any:
        return self.account.switches.get(name, otherwise)

    def page(self, items: list[dict[str, Any]]) -> dict[str, Any]:
        """What a list interface gives: `count` is 1 to 20."""
        offset, count = self.body.get("offset", 0), self.body.get("count", 20)
        if not isinstance(offset, int) or not isinstance(count, int) or not 1 <= count <= 20:
            raise No(40035, "invalid args")
        shown = items[offset : offset + count]
        return {"total_count": len(items), "item_count": len(shown), "item": shown}


def memory(account: SandboxAccount, name: str) -> dict[str, Any]:
    """A table of the account's that the double keeps."""
    table: dict[str, Any] = account.state.setdefault(name, {})
    return table


def serial(account: SandboxAccount) -> int:
    """The account's next number, from 1."""
    account.state["serial"] = int(account.state.get("serial", 0)) + 1
    return int(account.state["serial"])


def new_id(world: World, account: SandboxAccount, kind: str) -> str:
    """A media_id or article_id: text, the same in every run of the same steps."""
    draw = world.draw("id", kind, account.account, serial(account))
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return "".join(draw.choices(letters, k=43))


def beijing_day(at: datetime) -> str:
    return at.astimezone(BEIJING).date().isoformat()
