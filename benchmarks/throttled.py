"""What a node wastes under a platform's limit: posts over 200 accounts to one that takes 200 a second.

It answers 429 with `Retry-After: 1` over that. A line each for one node on SQLite and for one and two on
PostgreSQL. Promised: at most 8 % of the requests wasted, no wait undercut, nothing lost or doubled.
"""

import json
import sys
from datetime import UTC, datetime

from benchmarks._receiver import Manner, counts, receiver
from benchmarks._stage import databases, fill, home, opened, run_nodes

PROMISE_WASTED = 0.08
LIMIT = 200
POSTS, QUICK, ACCOUNTS = 2_000, 400, 200
CASES = (("sqlite", 1), ("postgresql", 1), ("postgresql", 2))


def measure(kind: str, nodes: int, posts: int) -> dict[str, object]:
    """Until every node is idle."""
    with home() as folder, databases(kind, folder) as fresh, receiver(Manner(limit=LIMIT)) as address:
        place = fresh()
        with opened(place) as database:
            fill(database, address, posts, ACCOUNTS, datetime.now(UTC))
        run_nodes(place, folder, nodes)
        found = counts(address)
    return {
        "name": f"a limit of {LIMIT} a second, {kind}",
        "nodes": nodes,
        "posts": posts,
        "accounts": ACCOUNTS,
        "wasted": round(found["throttled"] / found["requests"], 4),
        "promise_wasted": PROMISE_WASTED,
        "undercut": found["undercut"],
        "seconds": found["seconds"],
        "per_second": round(found["posts"] / max(found["seconds"], 0.001), 1),
        "lost": posts - found["posts"],
        "doubled": found["doubled"],
        "ordered": found["ordered"],
    }


def main() -> int:
    """Exit code 1 for a post lost, doubled or out of order, and for a promise that a full run misses."""
    quick = "--quick" in sys.argv[1:]
    failed = False
    for kind, nodes in CASES:
        found = measure(kind, nodes, QUICK if quick else POSTS)
        print(json.dumps(found), flush=True)
        broken = found["lost"] or found["doubled"] or not found["ordered"]
        missed = found["undercut"] or float(str(found["wasted"])) > PROMISE_WASTED
        failed = failed or bool(broken or (missed and not quick))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
