"""Posts due at one moment through the webhook platform, against bare requests sessions in the same run.

`ratio` is our rate over the limit's: the same number of threads posting the same bodies with nothing stored.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests

from benchmarks._receiver import counts, forget, receiver
from config import ManualClock, SystemClock, migrate
from config.database import Database, connect
from config.secrets import KeyRing, create_key_file, load_key_file
from config.settings import load_settings
from organisation.accounts import Account
from organisation.units import Unit
from scheduler import Dispatcher, Enqueued, Pace, enqueue
from scheduler.opening import OpenedAccounts
from scheduler.posts import Post

SENDERS = 32


def limit(address: str, posts: int) -> float:
    """Posts per second of bare sessions, one a thread."""
    local = threading.local()

    def send(number: int) -> None:
        session: requests.Session | None = getattr(local, "session", None)
        if session is None:
            session = local.session = requests.Session()
        body = {"id": f"bare-{number}", "account": "bare", "seq": number, "title": "t", "text": "x" * 200}
        session.post(f"{address}/publish", json=body, timeout=30).raise_for_status()

    with ThreadPoolExecutor(SENDERS) as pool:
        began = time.perf_counter()
        list(pool.map(send, range(posts)))
        return posts / (time.perf_counter() - began)


def fill(database: Database, address: str, posts: int, accounts: int, now: datetime) -> None:
    """An organisation with `accounts` webhook accounts and `posts` deliveries due now."""
    with database.write() as session:
        unit = Unit(code="B", kind="region", name_zh="基准", path="1/")
        session.add(unit)
        session.flush()
        made = [
            Account(unit_id=unit.id or 0, platform="webhook", handle=f"a{n}", name=f"a{n}", api_base=address)
            for n in range(accounts)
        ]
        session.add_all(made)
        stories = [
            Post(title=f"t{n}", text="x" * 200, created_at=now, created_by="bench")
            for n in range(-(-posts // accounts))
        ]
        session.add_all(stories)
        session.flush()
        items = [
            Enqueued(stories[n // accounts].id or 0, made[n % accounts].known_id, now, timedelta(hours=2))
            for n in range(posts)
        ]
        enqueue(session, items, now=now, actor="bench")


def ours(database: Database, keys: KeyRing, folder: Path, posts: int) -> float:
    """Posts per second of one node until it is idle."""
    clock = SystemClock()
    settings = load_settings({"MEIZHEN_HOME": str(folder)})
    accounts = OpenedAccounts(database, keys, clock, settings)
    node = Dispatcher(database, clock, accounts, folder / "media", Pace(senders=SENDERS))
    began = time.perf_counter()
    node.run(threading.Event(), until_idle=True)
    return posts / (time.perf_counter() - began)


def measure(posts: int, accounts: int, open_address: Callable[[Path], str]) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as name, receiver() as address:
        folder = Path(name)
        create_key_file(folder / "keys.json")
        keys = load_key_file(folder / "keys.json")
        database = connect(open_address(folder))
        migrate(database)
        clock = ManualClock(datetime.now(UTC))
        fill(database, address, posts, accounts, clock.now())
        bare = limit(f"{address}/bare", posts)
        forget(address)
        rate = ours(database, keys, folder, posts)
        after = counts(address)
        database.close()
    return {
        "posts": posts,
        "accounts": accounts,
        "per_second": round(rate, 1),
        "limit_per_second": round(bare, 1),
        "ratio": round(rate / bare, 3),
        "lost": posts - after["posts"],
        "doubled": after["doubled"],
        "ordered": after["ordered"],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="300 posts")
    arguments = parser.parse_args()
    posts, accounts = (300, 30) if arguments.quick else (5_000, 200)
    found = measure(posts, accounts, lambda folder: f"sqlite:///{folder / 'bench.sqlite'}")
    print(json.dumps({"name": "publishing, SQLite"} | found))
    return 1 if found["lost"] or found["doubled"] else 0


if __name__ == "__main__":
    sys.exit(main())
