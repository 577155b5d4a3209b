"""Posts due at one moment through the webhook platform, against bare requests sessions in the same run.

Ours and the limit take turns, each in processes of its own with 32 threads; a ratio is our median rate over
the limit's. A rate is posts over the seconds from the first receipt to the last, counted by the receiver, so
start and imports count on neither side; `ratio_until_idle` has the seconds from being let go until all is
done and written. Promised: `PROMISES`.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks._process import Told
from benchmarks._receiver import counts, forget, receiver
from benchmarks._stage import databases, fill, home, opened, run_limit, run_nodes
from config.database import Database


@dataclass(frozen=True)
class Case:
    """What is measured, and the least ratio and greatest memory of a node's own that are promised."""

    kind: str
    nodes: int
    posts: int
    rounds: int
    ratio: float
    private_mb: float | None = None
    accounts: int = 200


CASES = {
    "sqlite": Case("sqlite", 1, 5_000, 5, 0.95),
    "postgresql": Case("postgresql", 1, 5_000, 5, 0.92),
    "two-nodes": Case("postgresql", 2, 5_000, 5, 0.92),
    "many": Case("sqlite", 1, 50_000, 1, 0.85, 80.0),
}
QUICK = {
    name: Case(case.kind, case.nodes, 300, 1, 0.0, accounts=30)
    for name, case in CASES.items()
    if name != "many"
}
_LIMIT_POSTS = 10_000  # at most: the limit's rate does not depend on how many there are


@dataclass(frozen=True)
class Round:
    """Rates in posts a second, by the receiver and until idle; CPU in ms a post; what was received."""

    per_second: float
    until_idle: float
    cpu_ms: float
    peak_mb: float | None
    private_mb: float | None
    lost: int
    doubled: int
    ordered: bool


def limit(address: str, posts: int, processes: int = 1) -> Round:
    """Bare sessions, one a thread, against the receiver at `address`."""
    return _round(address, posts, lambda: run_limit(f"{address}/bare", posts, processes))


def ours(database: Database, address: str, folder: Path, posts: int, nodes: int = 1) -> Round:
    """Nodes that publish what `fill` left due, until idle; `folder` holds `keys.json`."""
    place = database.engine.url.render_as_string(hide_password=False)
    return _round(address, posts, lambda: run_nodes(place, folder, nodes))


def _round(address: str, posts: int, work: Callable[[], list[Told]]) -> Round:
    forget(address)
    told = work()
    after = counts(address)
    return Round(
        per_second=after["posts"] / max(after["seconds"], 0.001),
        until_idle=after["posts"] / max(one.seconds for one in told),
        cpu_ms=1000 * sum(one.cpu_seconds for one in told) / posts,
        peak_mb=_largest(one.peak_mb for one in told),
        private_mb=_largest(one.private_mb for one in told),
        lost=posts - after["posts"],
        doubled=after["doubled"],
        ordered=after["ordered"],
    )


def measure(name: str, case: Case) -> dict[str, object]:
    """The limit, ours, the limit, ours, … the limit."""
    bare_posts = min(case.posts, _LIMIT_POSTS)
    with home() as folder, databases(case.kind, folder) as fresh, receiver() as address:
        bare, own = [limit(address, bare_posts, case.nodes)], []
        for _ in range(case.rounds):
            with opened(fresh()) as database:
                fill(database, address, case.posts, case.accounts, datetime.now(UTC))
                own.append(ours(database, address, folder, case.posts, case.nodes))
            bare.append(limit(address, bare_posts, case.nodes))
    return {
        "name": f"publishing, {name}",
        "posts": case.posts,
        "accounts": case.accounts,
        "nodes": case.nodes,
        "ratio": _ratio(own, bare, lambda one: one.per_second),
        "promise_ratio": case.ratio,
        "ratio_until_idle": _ratio(own, bare, lambda one: one.until_idle),
        "per_second": [round(one.per_second) for one in own],
        "limit_per_second": [round(one.per_second) for one in bare],
        "cpu_ms_a_post": round(statistics.median(one.cpu_ms for one in own), 3),
        "limit_cpu_ms_a_post": round(statistics.median(one.cpu_ms for one in bare), 3),
        "peak_mb": _largest(one.peak_mb for one in own),
        "private_mb": _largest(one.private_mb for one in own),
        "promise_private_mb": case.private_mb,
        "lost": sum(one.lost for one in own),
        "doubled": sum(one.doubled for one in own),
        "ordered": all(one.ordered for one in own),
    }


def _largest(sizes: Iterable[float | None]) -> float | None:
    return max((size for size in sizes if size is not None), default=None)


def _ratio(own: list[Round], bare: list[Round], rate: Callable[[Round], float]) -> float:
    return round(statistics.median(map(rate, own)) / statistics.median(map(rate, bare)), 3)


def main() -> int:
    """Exit code 1 for a post lost, doubled or out of order, and for a promise that a full run misses."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="300 posts, one round; judges no speed")
    parser.add_argument("--case", choices=CASES, action="append", help="only this case; may be repeated")
    arguments = parser.parse_args()
    failed = False
    for name, case in (QUICK if arguments.quick else CASES).items():
        if arguments.case and name not in arguments.case:
            continue
        found = measure(name, case)
        print(json.dumps(found), flush=True)
        failed = failed or not _keeps(found, case)
    return 1 if failed else 0


def _keeps(found: dict[str, object], case: Case) -> bool:
    private = found["private_mb"]
    fits = case.private_mb is None or not isinstance(private, float) or private <= case.private_mb
    whole = found["lost"] == 0 and found["doubled"] == 0 and found["ordered"] is True
    return whole and fits and float(str(found["ratio"])) >= case.ratio


if __name__ == "__main__":
    sys.exit(main())
