"""A measured process: it imports and prepares, waits to be let go, works, and tells what that took.

Both sides of every comparison run in such a process, so that neither pays for the other's imports, start or
memory. It is talked to over its pipes: `ready` comes up, a line lets it go, an end of input stops it, one
line of JSON tells how it went. This file imports nothing of ours: it would count as the process's own.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).parent.parent
_READY = "ready"
_LONGEST = 900.0  # seconds


@dataclass(frozen=True)
class Told:
    """What a process took: wall and CPU seconds from being let go to its end, and memory in MB.

    `peak_mb` is the peak resident size of its whole life, `start_mb` what it was before it was let go;
    `private_mb` is what it holds at its end that no other process shares: libraries' pages are left out. None
    where the system does not tell.
    """

    seconds: float
    cpu_seconds: float
    start_mb: float | None
    peak_mb: float | None
    private_mb: float | None


def cpu_seconds(process: int) -> float:
    """What a process has computed so far; not a number where the system does not tell."""
    try:
        told = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


class Measured:
    """A process from the outside."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def await_ready(self) -> None:
        """Blocks until it waits. Raises RuntimeError where it died before."""
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != _READY:
            raise RuntimeError(f"the process ended before it was let go: {self._process.args!r}")

    def go(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def stop(self) -> None:
        """Asks it to finish what is under way."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def is_running(self) -> bool:
        return self._process.poll() is None

    def told(self) -> Told:
        """Waits for the end. Raises RuntimeError where it failed."""
        assert self._process.stdout is not None
        lines = self._process.stdout.read().splitlines()
        if self._process.wait(_LONGEST) or not lines:
            raise RuntimeError(f"the process failed: {self._process.args!r}")
        return Told(**json.loads(lines[-1]))

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


@contextmanager
def measured(module: str, *arguments: object) -> Iterator[Measured]:
    """Starts `python -m module` and waits until it is ready; ends it on the way out."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    started = Measured(process)
    try:
        started.await_ready()
        yield started
    finally:
        started.end()


def together(module: str, each: list[tuple[object, ...]]) -> list[Told]:
    """Runs one process for each tuple of arguments, lets them go at one moment, waits for all."""
    with ExitStack() as stack:
        processes = [stack.enter_context(measured(module, *arguments)) for arguments in each]
        for process in processes:
            process.go()
        return [process.told() for process in processes]


# --- inside the process -----------------------------------------------------------------------------------


def run(work: Callable[[threading.Event], None]) -> None:
    """Waits to be let go, works, tells. The event is set when the process is asked to stop."""
    stop = threading.Event()
    start_mb = _resident("VmRSS")
    print(_READY, flush=True)
    sys.stdin.readline()
    threading.Thread(target=_listen, args=(stop,), daemon=True).start()
    began, cpu = time.perf_counter(), time.process_time()
    work(stop)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    told = {
        "seconds": seconds,
        "cpu_seconds": cpu,
        "start_mb": start_mb,
        "peak_mb": _resident("VmHWM"),
        "private_mb": _resident("RssAnon"),
    }
    print(json.dumps(told), flush=True)


def _listen(stop: threading.Event) -> None:
    sys.stdin.read()
    stop.set()


def _resident(name: str) -> float | None:
    """A line of /proc/self/status in MB."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    kilobytes = next(line.split()[1] for line in lines if line.startswith(f"{name}:"))
    return round(int(kilobytes) / 1024, 1)
