"""The limit as a process of its own: `python -m benchmarks._bare ADDRESS FIRST POSTS THREADS`.

Bare `requests.Session`s, one a thread, posting the bodies that the webhook connector posts; nothing is
stored, nothing is decided.
"""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import requests

from benchmarks._process import run


def main(address: str, first: int, posts: int, threads: int) -> None:
    local = threading.local()

    def send(number: int) -> None:
        session: requests.Session | None = getattr(local, "session", None)
        if session is None:
            session = local.session = requests.Session()
        body = {
            "id": f"bare-{number}",
            "account": f"bare-{number}",
            "seq": 1,
            "title": "t",
            "text": "x" * 200,
            "media": [],
        }
        session.post(f"{address}/publish", json=body, timeout=30).raise_for_status()

    def work(_stop: threading.Event) -> None:
        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(send, range(first, first + posts)):
                pass

    run(work)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:5]))
