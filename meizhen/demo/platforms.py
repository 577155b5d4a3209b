"""The sandbox of platforms in a process of its own, and a clock that moves it along with ours."""

import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import requests

from config.clock import ManualClock, SystemClock
from config.errors import MeizhenError

_SECONDS = 30
_FOLLOWS_SECONDS = 1.0


class Platforms:
    """The running sandbox, arranged over its control routes."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._session = requests.Session()
        self._session.trust_env = False

    def put(self, path: str, body: object) -> Any:
        """One control call; raises MeizhenError `demo.sandbox` where the sandbox refuses."""
        answer = self._session.post(f"{self.address}/_control/{path}", json=body, timeout=_SECONDS)
        if not answer.ok:
            raise MeizhenError("demo.sandbox", reason=f"{answer.status_code} {answer.text[:200]}")
        return answer.json()

    def counts(self) -> list[dict[str, Any]]:
        """What was received, by platform, account and key."""
        counted: list[dict[str, Any]] = self.get("counts")
        return counted

    def get(self, path: str) -> Any:
        """What a control route tells; raises MeizhenError `demo.sandbox` where the sandbox refuses."""
        answer = self._session.get(f"{self.address}/_control/{path}", timeout=_SECONDS)
        if not answer.ok:
            raise MeizhenError("demo.sandbox", reason=f"{answer.status_code} {answer.text[:200]}")
        return answer.json()

    def add_accounts(self, accounts: Sequence[Mapping[str, object]]) -> None:
        self.put("accounts", list(accounts))

    def set_faults(self, faults: Sequence[Mapping[str, object]]) -> None:
        self.put("faults", list(faults))


class SharedClock(ManualClock):
    """One time for the service and the platforms: moving it moves both."""

    def __init__(self, at: datetime, platforms: Platforms) -> None:
        self._platforms = platforms
        super().__init__(at)

    def move_to(self, at: datetime) -> None:
        super().move_to(at)
        self._tell()

    def pass_time(self, pause: timedelta) -> None:
        """What the dispatcher does instead of waiting."""
        if pause > timedelta(0):
            self.move_to(self.now() + pause)

    @contextmanager
    def running(self) -> Iterator[None]:
        """From here on time passes as it does outside, on both sides."""
        started, real = self.now(), SystemClock()
        began = real.now()
        stop = threading.Event()

        def follow() -> None:
            while not stop.wait(_FOLLOWS_SECONDS):
                self.move_to(started + (real.now() - began))

        thread = threading.Thread(target=follow, name="demo-clock", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _tell(self) -> None:
        self._platforms.put("clock", {"now": self.now().isoformat()})


@contextmanager
def running_platforms(seed: int) -> Iterator[Platforms]:
    """Starts the sandbox on a free port of 127.0.0.1 and stops it at the end.

    Raises MeizhenError `demo.sandbox` where it does not come up.
    """
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--seed", str(seed)]
    # Fixed arguments of our own interpreter; nothing of them comes from outside.
    with subprocess.Popen(  # noqa: S603
        [*command, "--now", "2026-01-01T00:00:00+08:00"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            name, _, address = line.strip().partition(" ")
            if name != "sandbox":
                raise MeizhenError("demo.sandbox", reason=line.strip() or "no answer")
            yield Platforms(address)
        finally:
            process.terminate()
            process.wait(10)
