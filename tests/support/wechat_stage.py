"""One WeChat account at its double, with its drafts: `from wechat_stage import WechatStage`."""

from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from access import MemoryStore, make_access

from config import ManualClock
from connectors import Access, Media, Outgoing, Receipt
from connectors.wechat import connector
from sandbox.world import Published, SandboxAccount, World

APPID, SECRET = "wx9f2c61d0a7b3e845", "0123456789abcdef0123456789abcdef"
SUBMIT = "/cgi-bin/freepublish/submit"
TITLE = "“青春之声”志愿服务周启动"
PNG = b"\x89PNG\r\n\x1a\n"


class WechatStage:
    """One WeChat account in the world, and its access."""

    def __init__(self, world: World, clock: ManualClock, url: str, folder: Path) -> None:
        self.world, self.clock, self.url, self.folder = world, clock, url, folder
        self.account = world.add_account(
            SandboxAccount("wechat", "binhe", {"appid": APPID, "secret": SECRET})
        )
        self.memory = MemoryStore(clock.now)
        self.access = self.new_access()

    def new_access(self, *, verified: bool = True, kind: str = "subscription") -> Access:
        return make_access(
            "wechat",
            "binhe",
            credentials={"appid": APPID, "secret": SECRET, "kind": kind},
            api_base=f"{self.url}/wechat",
            verified=verified,
            now=self.clock.now,
            memory=self.memory,
        )

    def picture(self, name: str = "cover.png", size: int = 100, content_type: str = "image/png") -> Media:
        content = (PNG + name.encode()).ljust(size, b"\0")
        path = self.folder / name
        path.write_bytes(content)
        return Media(path, sha256(content).hexdigest(), content_type, name)

    def post(self, text: str = "十二所高校的志愿者走进社区。", key: str = "d1", **options: str) -> Outgoing:
        return Outgoing(key, 1, TITLE, text, (self.picture(),), options)

    def mass(self, key: str = "d1", **options: str) -> Outgoing:
        return self.post(key=key, mode="mass", **options)

    def publish(self, outgoing: Outgoing) -> Receipt:
        return connector.publish(self.access, outgoing)

    def settle(self, receipt: Receipt) -> Receipt:
        return connector.settle(self.access, receipt)

    def find(self, outgoing: Outgoing, seconds_ago: float = 120) -> Receipt | None:
        return connector.find(self.access, outgoing, self.clock.now() - timedelta(seconds=seconds_ago))

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.world.move_to(self.clock.now())

    def published(self) -> list[Published]:
        return self.world.of("wechat", "binhe")

    def drafts(self) -> dict[str, Any]:
        found: dict[str, Any] = self.account.state.get("drafts", {})
        return found

    def article(self) -> dict[str, Any]:
        """The one article of the one draft."""
        (draft,) = self.drafts().values()
        (article,) = draft["news_item"]
        found: dict[str, Any] = article
        return found

    def calls(self, path: str) -> int:
        return sum(count for name, count in self.world.calls.items() if name.endswith(f"/wechat{path}"))

    def answer_with(self, code: int, path: str = SUBMIT) -> None:
        """Forces this errcode on a path; 0 lets it answer by itself again."""
        self.account.switches["errcode"] = {path: code} if code else {}
