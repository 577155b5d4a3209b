"""Publishing nodes as real processes, started quickly: one warm parent has imported everything and forks.

A node is the command `meizhen worker` with a home folder of its own or a shared one; only its imports are
done before. The parent has opened no database and started no thread: its fork is as good as a new process.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

_ROOT = Path(__file__).parent.parent
_PAUSE = 0.01
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Node:
    """One running node; what it logs is in `log`."""

    pid: int
    log: Path
    nursery: "Nursery"

    def kill(self) -> None:
        """SIGKILL, and waits until the process is gone."""
        self.signal(signal.SIGKILL)
        self.signal(signal.SIGCONT)
        self.ended()

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def freeze(self) -> None:
        """SIGSTOP, and waits until every thread stands still."""
        self.signal(signal.SIGSTOP)
        wait_until(self._stands, "the node stands still", seconds=20)

    def thaw(self) -> None:
        self.signal(signal.SIGCONT)

    def ended(self, seconds: float = 30) -> int:
        """Its exit code (below 0: the signal); AssertionError when it runs on."""
        codes: list[int] = []

        def gone() -> bool:
            code = self.nursery.exit_code(self.pid)
            codes.extend([] if code is None else [code])
            return bool(codes)

        wait_until(gone, f"node {self.pid} ended", seconds=seconds)
        return codes[0]

    @property
    def alive(self) -> bool:
        return self.nursery.exit_code(self.pid) is None

    def _stands(self) -> bool:
        states = {
            (task / "stat").read_text("ascii", "replace").rpartition(")")[2].split()[0]
            for task in Path(f"/proc/{self.pid}/task").iterdir()
        }
        return states == {"T"}


class Nursery:
    """The warm parent, seen from outside. Its nodes die with it."""

    def __init__(self, process: "subprocess.Popen[str]", folder: Path) -> None:
        self._process = process
        self._folder = folder
        self._lock = threading.Lock()
        self._started = 0
        self._codes: dict[int, int] = {}

    def start(
        self,
        home: Path,
        variables: Mapping[str, str] | None = None,
        arguments: Sequence[str] = ("worker",),
        looks: Sequence[int] = (),
    ) -> Node:
        """A node of that home; `variables` are settings (`MEIZHEN_…`).

        `looks` stands in for the webhook's own plan of when to look up a doubt, in seconds.
        """
        self._started += 1
        log = self._folder / f"node-{self._started}.log"
        environ = {
            "MEIZHEN_HOME": str(home),
            "MEIZHEN_LANGUAGE": "en",
            "MEIZHEN_PRIVATE_NETWORKS": "127.0.0.0/8",  # where the platforms' doubles are
            **(variables or {}),
        }
        log.touch()
        wish = {"environ": environ, "arguments": [*arguments], "looks": [*looks], "log": str(log)}
        return Node(self._ask(wish)["pid"], log, self)

    def exit_code(self, pid: int) -> int | None:
        """How the node ended; None while it runs (or stands still)."""
        if pid not in self._codes:
            code = self._ask({"poll": pid})["code"]
            if code is None:
                return None
            self._codes[pid] = code
        return self._codes[pid]

    def _ask(self, wish: Mapping[str, object]) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps(wish) + "\n")
            self._process.stdin.flush()
            told: dict[str, Any] = json.loads(self._process.stdout.readline())
        return told


@contextmanager
def nursery(folder: Path, variables: Mapping[str, str] | None = None) -> Iterator[Nursery]:
    """A running nursery; logs go to `folder`. `variables` are the process's own (a library to preload)."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MEIZHEN_")}
    command = [sys.executable, "-m", "benchmarks._nodes"]
    with (folder / "nursery.log").open("w") as log:
        process = subprocess.Popen(
            command,
            cwd=_ROOT,
            # Libraries of numbers start threads of their own at import; nothing forks well with threads.
            env={**kept, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", **(variables or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
        try:
            yield Nursery(process, folder)
        finally:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.close()
            try:
                process.wait(10)
            finally:
                process.kill()
                process.wait()
                process.stdout.close()


def wait_until(holds: Callable[[], object], what: str, *, seconds: float = 60, pause: float = _PAUSE) -> None:
    """Waits for `holds()` to be true; AssertionError naming `what` when it is not in time."""
    tick = threading.Event()
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            break
        tick.wait(pause)
    else:
        return
    raise AssertionError(f"not within {seconds} s: {what}")


# --- the parent itself ------------------------------------------------------------------------------------


def _serve(wishes: IO[str], answers: IO[str]) -> None:
    _warm()
    assert threading.active_count() == 1, threading.enumerate()
    children: set[int] = set()
    for line in wishes:
        wish = json.loads(line)
        if "poll" in wish:
            answer: dict[str, object] = {"code": _poll(wish["poll"], children)}
        else:
            child = os.fork()
            if child == 0:
                _become_node(wish)
            children.add(child)
            answer = {"pid": child}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    for child in children:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    for child in children:
        os.waitpid(child, 0)


def _warm() -> None:
    """Imports what a node needs, and what it would import in its first seconds."""
    from importlib import import_module

    for name in (
        "meizhen.cli.worker",
        "meizhen.service",
        "connectors.webhook",
        "sqlalchemy.dialects.sqlite.pysqlite",
        "sqlalchemy.dialects.postgresql.psycopg",
        "psycopg",
        "pydantic_settings",
        "scheduler.queue",
        "tzdata",
        "organisation.access",
    ):
        import_module(name)


def _poll(pid: int, children: set[int]) -> int | None:
    ended, status = os.waitpid(pid, os.WNOHANG)
    if not ended:
        return None
    children.discard(pid)
    return os.waitstatus_to_exitcode(status)


def _become_node(wish: Mapping[str, Any]) -> None:
    code = 70
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        log = os.open(wish["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for number, source in enumerate((nothing, log, log)):
            os.dup2(source, number)
        os.environ.update(wish["environ"])
        sys.argv = ["meizhen", *wish["arguments"]]
        if wish["looks"]:
            from connectors.webhook import Webhook

            Webhook.looks = tuple(wish["looks"])
        from meizhen.cli import main

        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve(sys.stdin, sys.stdout)
