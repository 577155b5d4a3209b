"""How long 10,000 draws of weights over 1,000 accounts of one track take, from their levels to intervals.

`python benchmarks/award_draws.py [--quick]` prints one line of JSON.
"""

import json
import random
import sys
import time
from decimal import Decimal

from analytics.awards import load_rule, shipped_rule
from analytics.awards.robustness import shake
from analytics.awards.rule import Robustness

ACCOUNTS, DRAWS = 1_000, 10_000
QUICK_ACCOUNTS, QUICK_DRAWS = 100, 500
MOST_SECONDS = 5.0
SEED = 20261231


def main() -> None:
    quick = "--quick" in sys.argv[1:]
    number, draws = (QUICK_ACCOUNTS, QUICK_DRAWS) if quick else (ACCOUNTS, DRAWS)
    chance = random.Random(SEED)
    levels = [
        [Decimal(f"{max(0.0, chance.gauss(size, 0.3)):.12f}") for _ in range(4)]
        for size in (chance.gauss(6, 1) for _ in range(number))
    ]
    parts = [[Decimal(0), Decimal(0)]] * number
    category = load_rule(shipped_rule()).categories[0]
    import numpy  # noqa: F401 - its import is not what is measured

    start, cpu = time.perf_counter(), time.process_time()
    found = shake(category, Robustness(draws=draws), levels, parts, 10, "benchmark")
    seconds = time.perf_counter() - start
    assert len(found) == number
    told = {
        "name": "award_draws",
        "accounts": number,
        "draws": draws,
        "seconds": round(seconds, 3),
        "cpu_seconds": round(time.process_time() - cpu, 3),
        "limit_seconds": MOST_SECONDS,
        "median_width": sorted(one.high - one.low for one in found)[number // 2],
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
