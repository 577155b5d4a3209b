"""How fast deliveries are queued in bulk, on both databases; the promise is 10,000 posts a second.

A line a database: the best of several calls of `scheduler.enqueue`, with commit, each on a fresh database.
The best, because a loaded machine only ever adds.
"""

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks._stage import KINDS, LATENESS, add_accounts, add_posts, databases, home, opened
from config.database import Database
from scheduler import Enqueued, enqueue

PROMISE_PER_SECOND = 10_000
DELIVERIES, QUICK, ACCOUNTS, ROUNDS = 20_000, 1_000, 200, 5


def seconds(database: Database, deliveries: int) -> float:
    """One call for posts to all accounts, in one transaction."""
    now = datetime.now(UTC)
    with database.write() as session:
        accounts = add_accounts(session, {f"a{number}": "http://127.0.0.1:9" for number in range(ACCOUNTS)})
        posts = add_posts(session, [f"t{number}" for number in range(deliveries // ACCOUNTS)], now)
    items = [Enqueued(post, account, now, LATENESS) for post in posts for account in accounts]
    began = time.perf_counter()
    with database.write() as session:
        queued = enqueue(session, items, now=now, actor="bench")
    taken = time.perf_counter() - began
    assert len(set(queued)) == len(items) == deliveries
    return taken


def measure(kind: str, folder: Path, deliveries: int, rounds: int) -> dict[str, object]:
    rates = []
    with databases(kind, folder) as fresh:
        for _ in range(rounds):
            with opened(fresh()) as database:
                rates.append(round(deliveries / seconds(database, deliveries)))
    return {
        "name": f"enqueue in bulk, {kind}",
        "deliveries": deliveries,
        "best_per_second": max(rates),
        "per_second": rates,
        "promise_per_second": PROMISE_PER_SECOND,
    }


def main() -> int:
    """Exit code 1 when a full run misses the promise on either database; --quick judges nothing."""
    quick = "--quick" in sys.argv[1:]
    kept = True
    for kind in KINDS:
        with home() as folder:
            found = measure(kind, folder, *((QUICK, 1) if quick else (DELIVERIES, ROUNDS)))
        print(json.dumps(found), flush=True)
        kept = kept and int(str(found["best_per_second"])) >= PROMISE_PER_SECOND
    return 0 if kept or quick else 1


if __name__ == "__main__":
    sys.exit(main())
