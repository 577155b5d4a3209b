"""What every engine's task does, told by variables: one post, one request, on a session kept per thread."""

import os
import random
import threading
from collections.abc import Iterator, Mapping

import requests

ADDRESS = os.environ["PEERS_ADDRESS"]
STORE = os.environ["PEERS_STORE"]
POSTS = int(os.environ["PEERS_POSTS"])
ACCOUNTS = int(os.environ["PEERS_ACCOUNTS"])
THREADS = 32
CALL_SECONDS = 30
MAX_BACKOFF = 16.0  # seconds

Task = Mapping[str, str | int]

_local = threading.local()


class SlowDown(Exception):
    """The platform said 429, and how long to wait."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"429, Retry-After {seconds}")
        self.seconds = seconds


RETRIED = (SlowDown, requests.RequestException)


def tasks() -> Iterator[dict[str, str | int]]:
    """The posts of this run, those of one account in the order in which they are to appear."""
    for number in range(POSTS):
        yield {
            "id": f"p{number}",
            "account": f"a{number % ACCOUNTS}",
            "seq": number // ACCOUNTS,
            "title": f"t{number}",
            "text": "x" * 200,
        }


def publish(task: Task) -> None:
    """Posts one. Raises one of RETRIED when it is to be tried again."""
    session: requests.Session | None = getattr(_local, "session", None)
    if session is None:
        session = _local.session = requests.Session()
    answer = session.post(f"{ADDRESS}/publish", json=task, timeout=CALL_SECONDS)
    if answer.status_code == 429:
        raise SlowDown(float(answer.headers["Retry-After"]))
    answer.raise_for_status()


def pause(error: BaseException, retries: int) -> float:
    """Seconds until the next try: what the platform asked for, and back-off with full jitter."""
    told = error.seconds if isinstance(error, SlowDown) else 0.0
    return told + random.uniform(0, min(MAX_BACKOFF, 2.0**retries))
