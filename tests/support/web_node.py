"""A publishing node that answers HTTP on a free port of 127.0.0.1, in this process."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import requests
from scenery import make_node

from config import Database
from config.clock import Clock
from config.secrets import KeyRing
from config.settings import load_settings
from scheduler import Dispatcher
from scheduler.watch import Watchman
from web import create_app
from web.serving import listen, serving

PATIENCE = timedelta(seconds=60)


class WebNode:
    """The node, its watchman and its address; the watchman looks when told."""

    def __init__(self, dispatcher: Dispatcher, watchman: Watchman, address: str) -> None:
        self.dispatcher = dispatcher
        self.watchman = watchman
        self.address = address
        self._session = requests.Session()
        self._session.trust_env = False

    def get(self, path: str, **options: object) -> requests.Response:
        return self._session.get(f"{self.address}{path}", timeout=10, **options)  # type: ignore[arg-type]

    def post(self, path: str, **options: object) -> requests.Response:
        return self._session.post(f"{self.address}{path}", timeout=10, **options)  # type: ignore[arg-type]

    def failing(self, path: str) -> list[str]:
        """What the page says does not live; asserts that the code fits."""
        answer = self.get(path)
        if answer.status_code == 200:
            return []
        assert answer.status_code == 503
        assert answer.headers["Content-Type"] == "application/problem+json"
        found: list[str] = answer.json()["failing"]
        return found


@contextmanager
def web_node(database: Database, keys: KeyRing, clock: Clock, folder: Path) -> Iterator[WebNode]:
    """One node with its web; nothing of it runs by itself but the web."""
    dispatcher = make_node(database, keys, clock, folder)
    settings = load_settings({"MEIZHEN_HOME": str(folder), "MEIZHEN_PRIVATE_NETWORKS": "127.0.0.0/8"})
    watchman = Watchman(database, clock, dispatcher.watch, patience=PATIENCE, tick=timedelta(seconds=1))
    app = create_app(
        settings=settings,
        database=database,
        keys=keys,
        clock=clock,
        watchman=watchman,
        wake=dispatcher.wake,
    )
    with serving(app, listen("127.0.0.1", 0)) as address:
        yield WebNode(dispatcher, watchman, address)


@contextmanager
def running(dispatcher: Dispatcher) -> Iterator[None]:
    """The dispatcher runs in a thread until the end."""
    stop = threading.Event()
    thread = threading.Thread(target=dispatcher.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        dispatcher.wake()
        thread.join(30)


def eventually(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Waits until `holds`; fails after so many seconds."""
    pause, deadline = threading.Event(), time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"did not come true within {seconds} seconds")
        pause.wait(0.02)
