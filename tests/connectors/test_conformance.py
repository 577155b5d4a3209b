"""What every platform must do, whatever it is: the suite of `connectors._conformance` over all of them.

A platform's double, `sandbox/platforms/<platform>.py`, gives `example(world, handle) -> SandboxAccount`: a
working account whose `credentials` are those of its connector.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from access import make_access

from config import ManualClock
from connectors import Access, Connector, connector_for, platforms
from connectors import _conformance as suite
from connectors._conformance import Skipped, Stage
from sandbox.faults import KINDS
from sandbox.world import Fault, SandboxAccount, World

_BY_HAND = [name for name in platforms() if suite.by_hand(connector_for(name))]
# What only leads to other accounts is played with them (`test_wechat_delegated`).
_CALLED = [name for name in platforms() if name not in _BY_HAND and not suite.authorises(connector_for(name))]
every_platform = pytest.mark.parametrize("platform", platforms())
every_platform_by_hand = pytest.mark.parametrize("platform", _BY_HAND)
every_called_platform = pytest.mark.parametrize("platform", _CALLED)


@pytest.fixture
def connector(platform: str) -> Connector:
    return connector_for(platform)


class _WorldDouble:
    """One platform's double in this process."""

    def __init__(self, platform: str, sandbox: Any, clock: ManualClock) -> None:
        self.platform, self.address, self.kinds = platform, f"{sandbox.url}/{platform}", KINDS
        self._world: World = sandbox.world
        self._clock = clock
        self._account: SandboxAccount | None = None

    def begin(self) -> Mapping[str, str]:
        self._world.reset(now=self._clock.now())
        double = import_module(f"sandbox.platforms.{self.platform}")
        if not hasattr(double, "example"):
            pytest.fail(
                f"sandbox/platforms/{self.platform}.py gives no example(world, handle) -> SandboxAccount"
            )
        account: SandboxAccount = double.example(self._world, "league")
        self._account = account
        return account.credentials

    def busy(self) -> None:
        assert self._account is not None
        self._account.posts_per_week = self._account.posts_per_week or 7.0

    def move(self, step: timedelta) -> None:
        self._clock.move_to(self._clock.now() + step)
        self._world.move_to(self._clock.now())

    def strike(self, kind: str, *, value: str = "", after: int = 0, times: int | None = None) -> None:
        self._world.set_faults(Fault(kind, value=value, after=after, times=times))

    def calls(self) -> int:
        return sum(self._world.calls.values())

    def publications(self) -> int:
        found = self._world.of(self.platform, "league")
        return len([item for item in found if not item.extra.get("by_hand")])


@pytest.fixture
def stage(platform: str, sandbox: Any, clock: ManualClock, tmp_path: Path) -> Stage:
    double = _WorldDouble(platform, sandbox, clock)

    def access_of(credentials: Mapping[str, str], seconds: float) -> Access:
        return make_access(
            platform,
            "league",
            credentials=credentials,
            api_base=double.address,
            now=clock.now,
            seconds=seconds,
        )

    return Stage(connector_for(platform), double, access_of, clock.now, tmp_path)


@every_platform
@pytest.mark.parametrize("demand", suite.DECLARATIONS, ids=lambda demand: demand.__name__)
def test_it_is_declared_as_it_must_be(connector: Connector, demand: Callable[[Connector], None]) -> None:
    demand(connector)


@every_platform_by_hand
def test_handing_over_calls_nobody(connector: Connector, clock: ManualClock, tmp_path: Path) -> None:
    access = make_access(
        connector.platform, "league", credentials={}, api_base="http://127.0.0.1:9", now=clock.now
    )
    suite.handing_over_calls_nobody(connector, access, tmp_path)


@every_called_platform
@pytest.mark.parametrize("demand", suite.PLAYS, ids=lambda demand: demand.__name__)
def test_it_does_what_it_must(stage: Stage, demand: Callable[[Stage], None]) -> None:
    try:
        demand(stage)
    except Skipped as reason:
        pytest.skip(str(reason))


@every_called_platform
@pytest.mark.parametrize("kind", sorted(KINDS - suite.HARMLESS))
def test_a_fault_is_one_of_the_six_errors_and_shows_no_secret(stage: Stage, kind: str) -> None:
    suite.a_fault_is_one_of_the_six_errors_and_shows_no_secret(stage, kind)
