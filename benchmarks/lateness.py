"""How late posts arrive: in a steady stream, and when some accounts of the same platform are very slow.

`stream`: 900 posts due over 30 seconds over 60 accounts; lateness is from due to the platform's receipt, and
nothing may leave early. `slow accounts`: 5,000 posts due at one moment over 200 accounts, five of which take
5 seconds an answer; how long the other 195 take, over what they take alone. Promised: 0.1 s and a ratio.
"""

import json
import statistics
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks._process import measured
from benchmarks._receiver import DUE, Manner, counts, receiver
from benchmarks._stage import LATENESS, SENDERS, add_accounts, add_posts, databases, home, opened
from config.database import Database
from scheduler import Enqueued, enqueue

PROMISE_P99_SECONDS = 0.1
PROMISE_RATIO = 1.15
SLOW_SECONDS = 5.0
_AHEAD = timedelta(seconds=4)  # the node is up before the first post is due
_PATIENCE = 300.0  # seconds until what has not arrived is lost
_LOOK = 0.25  # seconds between two looks at the receiver


def stream(posts: int, seconds: float, accounts: int) -> dict[str, object]:
    """Posts spread evenly, each with its moment in its title."""
    with home() as folder, databases("sqlite", folder) as fresh, receiver() as address:
        place = fresh()
        with measured("benchmarks._node", place, folder, SENDERS) as node, opened(place) as database:
            _fill_stream(database, address, posts, seconds, accounts)
            node.go()
            node.told()
        found = counts(address)
    return {
        "name": "lateness, a steady stream",
        "posts": posts,
        "accounts": accounts,
        "over_seconds": seconds,
        "p50_seconds": found["lateness_p50"],
        "p99_seconds": found["lateness_p99"],
        "promise_p99_seconds": PROMISE_P99_SECONDS,
        "early": found["early"],
        "lost": posts - found["posts"],
        "doubled": found["doubled"],
    }


def _fill_stream(database: Database, address: str, posts: int, seconds: float, accounts: int) -> None:
    now = datetime.now(UTC)
    moments = [now + _AHEAD + timedelta(seconds=seconds * number / posts) for number in range(posts)]
    with database.write() as session:
        account_ids = add_accounts(session, {f"a{number}": address for number in range(accounts)})
        post_ids = add_posts(session, [f"{DUE}{at.timestamp()}" for at in moments], now)
        items = [
            Enqueued(post, account_ids[number % accounts], at, LATENESS)
            for number, (post, at) in enumerate(zip(post_ids, moments, strict=True))
        ]
        enqueue(session, items, now=now, actor="bench")


def slow_accounts(posts: int, accounts: int, slow: int, rounds: int) -> dict[str, object]:
    """The quick accounts' time with and without slow ones, in turns."""
    each = posts // accounts
    quick = accounts - slow
    alone, beside = [], []
    lost = doubled = 0
    with home() as folder, databases("sqlite", folder) as fresh:
        for _ in range(rounds):
            for times, others in ((alone, 0), (beside, slow)):
                found = _run(fresh(), folder, each, quick, others)
                times.append(found["quick_seconds"])
                lost += each * quick - int(found["quick_posts"])
                doubled += found["doubled"]
    ratio = statistics.median(beside) / statistics.median(alone)
    return {
        "name": "lateness, slow accounts beside others",
        "posts": posts,
        "accounts": accounts,
        "slow_accounts": slow,
        "ratio": round(ratio, 3),
        "promise_ratio": PROMISE_RATIO,
        "seconds": beside,
        "seconds_alone": alone,
        "lost": lost,
        "doubled": doubled,
    }


def _run(place: str, folder: Path, each: int, quick: int, slow: int) -> dict[str, float]:
    """What the receiver counted; the node is stopped once the quick accounts' posts are out."""
    handles = [*(f"a{number}" for number in range(quick)), *(f"slow{number}" for number in range(slow))]
    with receiver(Manner(slow_delay=SLOW_SECONDS)) as address:
        with opened(place) as database, database.write() as session:
            now = datetime.now(UTC)
            account_ids = add_accounts(session, dict.fromkeys(handles, address))
            post_ids = add_posts(session, [f"t{number}" for number in range(each)], now)
            items = [Enqueued(post, account, now, LATENESS) for post in post_ids for account in account_ids]
            enqueue(session, items, now=now, actor="bench")
        with measured("benchmarks._node", place, folder, SENDERS) as node:
            node.go()
            _await_quick(address, each * quick)
            node.stop()
            node.told()
        return counts(address)


def _await_quick(address: str, posts: int) -> None:
    """Returns when so many posts of quick accounts arrived, or when they no longer can have."""
    looking = threading.Event()
    for _ in range(int(_PATIENCE / _LOOK)):
        if counts(address)["quick_posts"] >= posts:
            return
        looking.wait(_LOOK)


def main() -> int:
    """Exit code 1 for a post lost, doubled or early, and for a promise that a full run misses."""
    quick = "--quick" in sys.argv[1:]
    steady = stream(60, 2.0, 20) if quick else stream(900, 30.0, 60)
    print(json.dumps(steady), flush=True)
    beside = slow_accounts(200, 40, 2, 1) if quick else slow_accounts(5_000, 200, 5, 3)
    print(json.dumps(beside), flush=True)
    broken = any(found["lost"] or found["doubled"] for found in (steady, beside)) or steady["early"]
    late = float(str(steady["p99_seconds"])) > PROMISE_P99_SECONDS
    held_up = float(str(beside["ratio"])) > PROMISE_RATIO
    return 1 if broken or (not quick and (late or held_up)) else 0


if __name__ == "__main__":
    sys.exit(main())
