"""A house of ours before a real server: one account, SQLite, and the dispatcher that publishes for it.

Its clock starts at the true time and is moved where a node would wait: a doubt is looked at a minute later
without a minute's waiting.
"""

import zlib
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from scenery import attempts, delivery, make_account, make_node, queue_posts, run_until_idle, story

from analytics import load
from analytics.collection import CollectionReport, collect
from config import Database, ManualClock
from config.clock import shanghai_day
from config.secrets import KeyRing
from connectors import Access, Connector, Http, Outgoing, Receipt, connector_for
from organisation.access import access_for
from organisation.accounts import Account
from scheduler.deliveries import State


def _chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)


# A whole grey PNG of eight points by eight.
PNG = b"".join(
    [
        b"\x89PNG\r\n\x1a\n",
        _chunk(b"IHDR", bytes.fromhex("00000008000000080802000000")),
        _chunk(b"IDAT", zlib.compress((b"\0" + b"\x80" * 24) * 8)),
        _chunk(b"IEND", b""),
    ]
)
_CALL = 60.0  # seconds: two cores that others work on


class RealHouse:
    """Publishes to `api_base` as the node of a house would."""

    def __init__(self, database: Database, keys: KeyRing, folder: Path) -> None:
        self.database, self._keys, self._folder = database, keys, folder
        self.clock = ManualClock(datetime.now(UTC))
        self._accounts: dict[str, Account] = {}

    def add(self, platform: str, handle: str, api_base: str, credentials: Mapping[str, str]) -> None:
        self._accounts[platform] = make_account(
            self.database, self._keys, platform, handle, api_base=api_base, credentials=credentials
        )

    def publish(
        self, platform: str, text: str, *, title: str = "标题", options: Mapping[str, str] | None = None
    ) -> "Sent":
        """Queues one post and lets a node run until it has nothing to do."""
        account, now = self._accounts[platform], self.clock.now()
        (number,) = queue_posts(
            self.database, account, [text], due=now, now=now, title=title, options=options
        )
        node = make_node(self.database, self._keys, self.clock, self._folder, call=_CALL)
        run_until_idle(node, timedelta(minutes=30))
        return Sent(self, number)

    def connector(self, platform: str) -> Connector:
        return connector_for(platform)

    def access(self, platform: str) -> Access:
        """The account as its connector sees it."""
        return self._opened(self._accounts[platform])

    @property
    def today(self) -> date:
        """The Beijing day of its clock."""
        return shanghai_day(self.clock.now())

    def collect(self) -> CollectionReport:
        """A day's collection over all accounts, from two days ago on."""
        since = self.today - timedelta(days=2)
        return collect(self.database, self.clock, access_for=self._opened, since=since)

    def figures(self, remote_id: str) -> dict[str, float]:
        """What is stored of an article, by name."""
        frame = load(self.database, newest=True)
        found = frame[frame["remote_id"] == remote_id]
        return dict(zip(map(str, found["metric"]), map(float, found["value"]), strict=True))

    def account_figures(self) -> dict[str, float]:
        """What is stored of the account as of now, by name."""
        frame = load(self.database, kind="account_days").sort_values("day")
        return dict(zip(map(str, frame["metric"]), map(float, frame["value"]), strict=True))

    def _opened(self, account: Account) -> Access:
        http = Http(account.platform, seconds=_CALL)
        return access_for(self.database, self._keys, account, clock=self.clock, http=http)


class Sent:
    """What became of one queued post."""

    def __init__(self, house: RealHouse, number: int) -> None:
        self._house, self._number = house, number

    @property
    def state(self) -> State:
        return State(delivery(self._house.database, self._number).state)

    @property
    def remote_id(self) -> str:
        return str(delivery(self._house.database, self._number).remote_id)

    @property
    def url(self) -> str:
        return str(delivery(self._house.database, self._number).url)

    @property
    def purposes(self) -> list[str]:
        """What each call to the platform was for, in order."""
        return [str(attempt.purpose) for attempt in attempts(self._house.database, self._number)]

    @property
    def states(self) -> list[str]:
        """Where it went, in order."""
        return [after for _, after, _ in story(self._house.database, self._number)]

    def repeated(self, platform: str, text: str, *, title: str = "标题") -> Receipt:
        """The same post sent once more past the house, under the same key."""
        stored = delivery(self._house.database, self._number)
        outgoing = Outgoing(stored.key, stored.seq, title, text)
        return self._house.connector(platform).publish(self._house.access(platform), outgoing)
