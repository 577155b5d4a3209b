"""Real servers as child processes on 127.0.0.1: started, awaited, ended by their own process id."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import requests

_END = 20  # seconds to end in peace


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def running(
    command: Sequence[str | Path],
    folder: Path,
    ready: Callable[[], bool],
    *,
    seconds: float = 120,
    variables: Mapping[str, str] | None = None,
    at: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a server until the block ends, `at` a folder; what it says is in a log in `folder`.

    Raises AssertionError with the end of that where it is not ready in time.
    """
    log = folder / f"{Path(command[0]).name}-{time.monotonic_ns()}.log"
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with log.open("wb") as said:
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=at or folder,
            env={**environ, **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _await(process, ready, seconds, log)
            yield process
        finally:
            _end(process)


def answers(url: str) -> Callable[[], bool]:
    """Ready when anything below 500 comes from this address."""

    def ready() -> bool:
        try:
            return requests.get(url, timeout=10, allow_redirects=False).status_code < 500
        except requests.RequestException:
            return False

    return ready


def until(holds: Callable[[], bool], what: str, *, seconds: float = 60) -> None:
    """Asks a real server again and again. AssertionError naming `what` where it does not hold in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.2)


def _await(process: subprocess.Popen[bytes], ready: Callable[[], bool], seconds: float, log: Path) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        ended = process.poll()
        if ended is not None or time.monotonic() > deadline:
            told = log.read_bytes().decode("utf-8", "replace")[-2000:]
            raise AssertionError(f"{log.name}: exit {ended}, not ready in {seconds} s\n{told}")
        time.sleep(0.1)


def _end(process: subprocess.Popen[bytes]) -> None:
    """The process and what it started in its own group."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_END)
            break
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # workers that outlived it
    process.wait()
