"""The conformance suite over one connector: at the sandbox, or reading a real account. Wiring only."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from config.clock import Clock
from config.errors import MeizhenError
from connectors import Access, Connector, ConnectorError, Http, ReceiptState
from connectors import _conformance as suite
from connectors._conformance import Broken, Reading, Skipped, Stage
from meizhen.demo.platforms import Platforms, SharedClock, running_platforms

HANDLE = "conformance"
_START = "2026-03-02T09:00:00+08:00"


@dataclass(frozen=True)
class Verdict:
    """One demand: met, skipped (`told` says why), or broken."""

    demand: str
    state: str  # met | skipped | broken
    told: str = ""


def at_the_sandbox(connector: Connector) -> Iterator[Verdict]:
    """Every demand, at the platform's double. Raises MeizhenError `connector.no_double`."""
    yield from declarations(connector)
    with TemporaryDirectory() as folder:
        if suite.by_hand(connector):
            access = _access(connector, {}, 0.5, "http://127.0.0.1:9", _never)
            demand = suite.handing_over_calls_nobody
            yield _asked(partial(demand, connector, access, Path(folder)), demand.__name__)
            return
        with running_platforms(seed=1) as platforms:
            yield from _plays(connector, platforms, Path(folder))


def at_an_account(connector: Connector, access: Access, clock: Clock, *, write: bool) -> Iterator[Verdict]:
    """What can be asked of a real account: reading; with `write` one post is published there as well."""
    yield from declarations(connector)
    reading = Reading(connector, access, clock.now)
    if not suite.by_hand(connector):
        for read in suite.READS:
            yield _asked(partial(read, reading), read.__name__)
    if write:
        with TemporaryDirectory() as folder:
            yield _asked(lambda: _publish_once(reading, Path(folder)), "a_post_is_published_and_found")


def declarations(connector: Connector) -> Iterator[Verdict]:
    for demand in suite.DECLARATIONS:
        yield _asked(partial(demand, connector), demand.__name__)


def _plays(connector: Connector, platforms: Platforms, folder: Path) -> Iterator[Verdict]:
    clock = SharedClock(datetime.fromisoformat(_START), platforms)
    double = _SandboxDouble(connector.platform, platforms, clock)

    def access_of(credentials: Mapping[str, str], seconds: float) -> Access:
        return _access(connector, credentials, seconds, double.address, clock.now)

    def stage() -> Stage:
        return Stage(connector, double, access_of, clock.now, folder)

    for play in suite.PLAYS:
        yield _asked(partial(_at, stage, play), play.__name__)
    for kind in sorted(double.kinds - suite.HARMLESS):
        fault = suite.a_fault_is_one_of_the_six_errors_and_shows_no_secret
        yield _asked(partial(_at, stage, partial(fault, kind=kind)), f"{fault.__name__}[{kind}]")


def _at(stage: Callable[[], Stage], play: Callable[[Stage], None]) -> None:
    play(stage())


def _publish_once(reading: Reading, folder: Path) -> None:
    connector, access = reading.connector, reading.access
    since, post = reading.now(), suite.post_of(connector.limits, folder)
    receipt = connector.publish(access, post)
    suite.expect(receipt.remote_id or receipt.state is ReceiptState.HANDED_OVER, "no remote_id")
    if "find" in connector.capabilities and receipt.state is ReceiptState.PUBLISHED:
        suite.expect(connector.find(access, post, since) is not None, "what is there is not found")


def _asked(ask: Callable[[], None], name: str) -> Verdict:
    """How one demand came out; whatever a stranger's connector raises is an answer too."""
    try:
        ask()
    except Skipped as reason:
        return Verdict(name, "skipped", str(reason))
    except Broken as broken:
        return Verdict(name, "broken", str(broken))
    except ConnectorError as error:
        return Verdict(name, "broken", f"{type(error).__name__}: {error}")
    except MeizhenError:
        raise
    except Exception as error:
        return Verdict(name, "broken", f"{type(error).__name__} in the connector")
    return Verdict(name, "met")


def _access(
    connector: Connector,
    credentials: Mapping[str, str],
    seconds: float,
    address: str,
    now: Callable[[], datetime],
) -> Access:
    return Access(
        account=f"{connector.platform}:{HANDLE}",
        handle=HANDLE,
        credentials=dict(credentials),
        verified=True,
        http=Http(connector.platform, seconds=seconds),
        memory=_Memory(now),
        now=now,
        api_base=address,
    )


def _never() -> datetime:
    return datetime.fromisoformat(_START)


class _SandboxDouble:
    """The double over the sandbox's control routes."""

    def __init__(self, platform: str, platforms: Platforms, clock: SharedClock) -> None:
        self._platform, self._platforms, self._clock = platform, platforms, clock
        self.address = f"{platforms.address}/{platform}"
        self.kinds = frozenset(platforms.get("kinds"))

    def begin(self) -> Mapping[str, str]:
        self._platforms.put("reset", {"seed": 1, "now": self._clock.now().isoformat()})
        return self._example(0.0)

    def busy(self) -> None:
        self._example(7.0)

    def move(self, step: timedelta) -> None:
        self._clock.move_to(self._clock.now() + step)

    def strike(self, kind: str, *, value: str = "", after: int = 0, times: int | None = None) -> None:
        self._platforms.set_faults([{"kind": kind, "value": value, "after": after, "times": times}])

    def calls(self) -> int:
        return sum(self._platforms.get("calls").values())

    def publications(self) -> int:
        return sum(row["publications"] for row in self._platforms.counts())

    def _example(self, posts_per_week: float) -> Mapping[str, str]:
        wanted = {"platform": self._platform, "handle": HANDLE, "posts_per_week": posts_per_week}
        given: dict[str, dict[str, str]] = self._platforms.put("example", wanted)
        return given["credentials"]


class _Memory:
    """What a connector remembers, for as long as one access lives."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._values: dict[str, tuple[str, datetime | None]] = {}
        self._spent: dict[str, tuple[int, datetime]] = {}

    def get(self, key: str) -> str | None:
        value, until = self._values.get(key, (None, None))
        return None if until is not None and self._now() >= until else value

    def put(self, key: str, value: str, *, until: datetime | None = None) -> None:
        self._values[key] = (value, until)

    def forget(self, key: str) -> None:
        self._values.pop(key, None)

    def single_flight(self, key: str) -> AbstractContextManager[None]:
        return nullcontext()

    def spend(self, key: str, amount: int, limit: int, until: datetime) -> bool:
        spent, ends = self._spent.get(key, (0, until))
        if self._now() >= ends:
            spent, ends = 0, until
        if spent + amount > limit:
            return False
        self._spent[key] = (spent + amount, ends)
        return True
