"""One engine, one scenario, one run: an empty store, a receiver, a worker that can be killed and started."""

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks._receiver import Manner, counts, receiver
from benchmarks._stage import SENDERS
from benchmarks.peers._engines import ROOT, Engine
from benchmarks.peers._stores import Stores

ACCOUNTS = 200
QUIET_SECONDS = 2.0  # nothing to do and nothing received for so long: the engine is idle
FILL_SECONDS = 300
STOP_SECONDS = 10


class BrokenRun(Exception):
    """The harness or the engine's set-up is at fault: no finding comes of it."""


class Run:
    """The engine with its posts filled in, and its worker once started."""

    def __init__(self, engine: Engine, address: str, store: str, folder: Path, posts: int) -> None:
        self.address = address
        self.posts = posts
        self.folder = folder
        self._engine = engine
        self._store = store
        self._worker: subprocess.Popen[bytes] | None = None
        self._log = folder / "worker.log"
        self._variables = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PEERS_ADDRESS": address,
            "PEERS_STORE": store,
            "PEERS_POSTS": str(posts),
            "PEERS_ACCOUNTS": str(ACCOUNTS),
            "MEIZHEN_HOME": str(folder / "home"),
            "MEIZHEN_DATABASE_URL": store.replace("postgresql://", "postgresql+psycopg://", 1),
            "MEIZHEN_SENDERS": str(SENDERS),
            "MEIZHEN_LOG_LEVEL": "error",
        }
        if engine.store == "redis":
            del self._variables["MEIZHEN_DATABASE_URL"]

    def fill(self) -> None:
        """Has the engine take in the posts, due now."""
        run = subprocess.run(
            self._engine.command("fill"),
            cwd=ROOT,
            env=self._variables,
            capture_output=True,
            text=True,
            timeout=FILL_SECONDS,
            check=False,
        )
        if run.returncode:
            raise BrokenRun(f"{self._engine.name} could not be filled:\n{run.stderr[-3000:]}")
        if self.pending() != self.posts:
            raise BrokenRun(f"{self._engine.name} holds {self.pending()} posts, not {self.posts}")

    def start(self) -> None:
        """Starts the worker in a session of its own, so that a kill takes all of its processes."""
        with self._log.open("ab") as log:
            self._worker = subprocess.Popen(
                self._engine.command("work"),
                cwd=ROOT,
                env=self._variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """kill -9 of the worker and all its children."""
        worker = self._running()
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()

    def stop(self) -> None:
        """Ends the worker politely, and by force where that does not help."""
        if self._worker is None or self._worker.poll() is not None:
            return
        self._worker.terminate()
        try:
            self._worker.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def pending(self) -> int:
        """Posts that the engine itself still has to do."""
        return self._engine.pending(self._store)

    def counts(self) -> dict[str, Any]:
        """What the receiver counted."""
        return counts(self.address)

    def until_received(self, posts: int, seconds: float) -> bool:
        """Waits for so many different posts at the receiver; False when they do not come."""
        deadline = time.monotonic() + seconds
        pause = threading.Event()
        while self.counts()["posts"] < posts:
            self._running()
            if time.monotonic() > deadline:
                return False
            pause.wait(0.02)
        return True

    def until_idle(self, seconds: float) -> int:
        """Waits until nothing is left to do and nothing comes any more; gives what is left in the engine."""
        now = time.monotonic()
        deadline, quiet_since, received = now + seconds, now, -1
        pause = threading.Event()
        left = self.posts
        while (now := time.monotonic()) < deadline:
            self._running()
            told = self.counts()["requests"]
            if told != received:
                received, quiet_since = told, now
            elif now - quiet_since >= QUIET_SECONDS and (left := self.pending()) == 0:
                return 0
            pause.wait(0.2)
        return left

    def peak_mb(self) -> float:
        """Peak resident memory of the worker's largest process."""
        worker = self._running()
        peaks = [
            _peak_kb(process) for process in Path("/proc").glob("[0-9]*") if _session(process) == worker.pid
        ]
        return round(max(peaks, default=0) / 1024, 1)

    def log(self) -> str:
        """The end of what the worker printed."""
        return self._log.read_text("utf-8", "replace")[-3000:] if self._log.exists() else ""

    def _running(self) -> subprocess.Popen[bytes]:
        if self._worker is None or self._worker.poll() is not None:
            raise BrokenRun(f"the worker of {self._engine.name} is not running:\n{self.log()}")
        return self._worker


def _session(process: Path) -> int:
    try:
        return int((process / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[3])
    except (OSError, IndexError):
        return 0


def _peak_kb(process: Path) -> int:
    try:
        lines = (process / "status").read_text("utf-8", "replace").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


@contextmanager
def prepared(engine: Engine, stores: Stores, posts: int, manner: Manner | None = None) -> Iterator[Run]:
    """A run that is not filled yet. Raises MissingStore."""
    with tempfile.TemporaryDirectory(prefix="peers-") as name, receiver(manner) as address:
        folder = Path(name)
        with stores.fresh(engine.store, folder) as store:
            run = Run(engine, address, store, folder, posts)
            try:
                yield run
            finally:
                run.stop()
