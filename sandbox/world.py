"""The world that all doubles share: its clock, its accounts, what they published, and its faults."""

import random
import threading
import zlib
from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

BEIJING = ZoneInfo("Asia/Shanghai")
_Made = TypeVar("_Made")


@dataclass
class Published:
    """One thing an account has published: what a reader would see.

    `sequence` counts over the world, so that order of arrival can be asked for.
    """

    platform: str
    account: str
    remote_id: str
    title: str
    text: str
    at: datetime
    sequence: int
    url: str = ""
    key: str = ""  # the caller's idempotency key, where the platform knows one
    received: int = 1  # how often the caller asked for it
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass
class SandboxAccount:
    """An account at a platform: its credentials and switches (verified, subject, domain, quotas …).

    `strength` (about 0.2 to 5) scales its readers; `switches` are read by its platform's double.
    """

    platform: str
    account: str
    credentials: dict[str, str] = field(default_factory=dict)
    switches: dict[str, Any] = field(default_factory=dict)
    strength: float = 1.0
    followers: int = 10_000
    founded: datetime = datetime(2025, 11, 1, tzinfo=UTC)
    posts_per_week: float = 0.0  # what its people publish by hand, seeded
    state: dict[str, Any] = field(default_factory=dict)  # the double's own memory: tokens, drafts, …


@dataclass(frozen=True)
class Fault:
    """What goes wrong, where, how often.

    `kind`: see `sandbox.faults`. `path` is a substring of the request path; `probability` draws from the
    world's seed; `times` is how often at most (None: always), once `after` such calls have been spared.
    `value` is the kind's argument: seconds, a status, an address.
    """

    kind: str
    path: str = ""
    probability: float = 1.0
    times: int | None = None
    value: str = ""
    method: str = ""
    after: int = 0


class World:
    """Everything there is. All access goes through `lock`; `seed` decides readers and faults."""

    def __init__(self, *, seed: int = 1, now: datetime | None = None, real_time: bool = False) -> None:
        self.lock = threading.RLock()
        self.seed = seed
        self.reset(now=now, real_time=real_time)

    def reset(self, *, now: datetime | None = None, real_time: bool = False, seed: int | None = None) -> None:
        """Forgets everything and starts anew."""
        moment = datetime.now(UTC)  # one for both: the world would lag behind the machine otherwise
        with self.lock:
            self.seed = self.seed if seed is None else seed
            self._at = (now or moment).astimezone(UTC)
            self._started = moment if real_time else None
            self.accounts: dict[tuple[str, str], SandboxAccount] = {}
            self.published: list[Published] = []
            self._by_account: dict[tuple[str, str], list[Published]] = {}
            self._by_key: dict[tuple[str, str, str], Published] = {}
            self.faults: list[tuple[Fault, list[int]]] = []  # each with its strikes; below 0: still spared
            self.random = random.Random(self.seed)
            self._sequence = 0
            self._made: dict[tuple[object, ...], Any] = {}
            self.calls: dict[str, int] = {}

    def now(self) -> datetime:
        """The world's time: stands still until moved, or runs with the machine's clock."""
        if self._started is None:
            return self._at
        return self._at + (datetime.now(UTC) - self._started)

    def move_to(self, at: datetime) -> None:
        with self.lock:
            self._at = at.astimezone(UTC)
            self._started = datetime.now(UTC) if self._started is not None else None

    def add_account(self, account: SandboxAccount) -> SandboxAccount:
        with self.lock:
            self.accounts[(account.platform, account.account)] = account
            self._made.clear()
            return account

    def account(self, platform: str, account: str) -> SandboxAccount | None:
        return self.accounts.get((platform, account))

    def accounts_of(self, platform: str) -> list[SandboxAccount]:
        with self.lock:
            return [account for account in self.accounts.values() if account.platform == platform]

    def publish(
        self,
        platform: str,
        account: str,
        *,
        remote_id: str,
        title: str,
        text: str,
        url: str = "",
        key: str = "",
        at: datetime | None = None,
        **extra: Any,
    ) -> Published:
        """Stores one publication; the double has already decided that it is a new one."""
        with self.lock:
            self._sequence += 1
            item = Published(
                platform, account, remote_id, title, text, at or self.now(), self._sequence, url, key
            )
            item.extra.update(extra)
            self.published.append(item)
            theirs = self._by_account.setdefault((platform, account), [])
            insort(theirs, item, key=lambda other: (other.at, other.sequence))
            if key:
                self._by_key.setdefault((platform, account, key), item)
            return item

    def by_key(self, platform: str, account: str, key: str) -> Published | None:
        """What the caller's key made, if anything: the first, where there are several."""
        return self._by_key.get((platform, account, key))

    def of(self, platform: str, account: str) -> list[Published]:
        """What an account has published, oldest first."""
        with self.lock:
            return [*self._by_account.get((platform, account), ())]

    def once(self, name: tuple[object, ...], make: Callable[[], _Made]) -> _Made:
        """What `make` gave the first time for this name in this world: figures that depend on the seed."""
        if name not in self._made:
            self._made[name] = make()
        made: _Made = self._made[name]
        return made

    def draw(self, *names: object) -> random.Random:
        """A generator that depends on the seed and the names only: the same figure at every asking."""
        return random.Random(zlib.crc32("|".join(map(str, (self.seed, *names))).encode()))

    def beijing_midnight(self) -> datetime:
        """The coming midnight in Beijing, when day quotas are new."""
        day = self.now().astimezone(BEIJING).date() + timedelta(days=1)
        return datetime(day.year, day.month, day.day, tzinfo=BEIJING)

    def set_faults(self, *faults: Fault) -> None:
        """From now on these go wrong, and no others."""
        with self.lock:
            self.faults = [(fault, [-fault.after]) for fault in faults]

    def has_fault(self, fault: Fault) -> bool:
        """Is this very fault still set?"""
        with self.lock:
            return any(fault is known for known, _ in self.faults)

    def count_call(self, method: str, path: str) -> None:
        with self.lock:
            name = f"{method} {path}"
            self.calls[name] = self.calls.get(name, 0) + 1

    def fault(self, method: str, path: str) -> Fault | None:
        """The fault that strikes this call, if any; drawn in order of definition, counted."""
        with self.lock:
            for fault, used in self.faults:
                if fault.path not in path or (fault.method and fault.method != method):
                    continue
                if used[0] < 0:
                    used[0] += 1
                    continue
                if fault.times is not None and used[0] >= fault.times:
                    continue
                if fault.probability < 1.0 and self.random.random() >= fault.probability:
                    continue
                used[0] += 1
                return fault
        return None
