"""How long 20,000 accounts take from their counts to their places: WCI 14.2 exactly, then ranked.

`python benchmarks/ranking.py [--quick]` prints one line of JSON.
"""

import json
import random
import sys
import time

import pandas as pd

from analytics.awards.ranking import rank
from analytics.indices import compute, load_definition

ACCOUNTS = 20_000
QUICK_ACCOUNTS = 500
SEED = 20261231


def accounts(number: int) -> pd.DataFrame:
    """Made-up yearly counts, seeded: reads log-normal, the rest in plausible shares of them."""
    chance = random.Random(SEED)
    rows = []
    for place in range(number):
        row: dict[str, object] = {"handle": f"demo-{place}", "platform": "wechat", "d": 365}
        row["track"] = chance.choice(["league", "university", "enterprise"])
        row["n"] = chance.randint(20, 700)
        for name, share in (("R", 1.0), ("Z", 0.01), ("L", 0.012), ("RE", 0.03)):
            total = int(chance.lognormvariate(11, 1.5) * share)
            row |= {name: total, f"{name}max": total // 9, f"{name}t": total // 2}
        rows.append(row)
    return pd.DataFrame(rows)


def main() -> None:
    number = QUICK_ACCOUNTS if "--quick" in sys.argv[1:] else ACCOUNTS
    frame = accounts(number)
    definition = load_definition("wci_v14_2b_share")
    needed = list(definition.variables)
    start = time.perf_counter()
    columns = zip(*(frame[name].tolist() for name in needed), strict=True)
    frame["value"] = [compute(definition, dict(zip(needed, cells, strict=True))) for cells in columns]
    computed = time.perf_counter()
    ranked = rank(frame, tie_break=("RE", "n"))
    done = time.perf_counter()
    assert ranked["place"].notna().all()
    told = {
        "name": "ranking",
        "accounts": number,
        "seconds": round(done - start, 3),
        "compute_seconds": round(computed - start, 3),
        "rank_seconds": round(done - computed, 3),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
