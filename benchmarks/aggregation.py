"""A year of figures asked at once: ours against hand-written DuckDB SQL and plain pandas over the same files.

    python -m benchmarks.aggregation [--quick] [--rows N] [--keep FOLDER]

20,000 accounts, 50 million figures in the archive's layout; each side in a process of its own, in turn,
medians. The promise is at most 1.15 × the hand-written SQL, at most 400 MB, at least 3 × as fast as pandas.
`--keep` makes the archive in that folder and finds it there the next time. Prints one JSON document.
"""

import argparse
import json
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks._archive import write_year
from benchmarks._process import Told, measured

ACCOUNTS, ROWS, ROUNDS, PANDAS_ROUNDS = 20_000, 50_000_000, 5, 1
QUICK_ACCOUNTS, QUICK_ROWS = 200, 60_000


def ask(side: str, folder: Path, scratch: Path) -> tuple[Told, object]:
    """One process answers once; what it took and what it said."""
    out = scratch / f"{side}.json"
    with measured("benchmarks._asker", side, folder, out) as process:
        process.go()
        told = process.told()
    return told, json.loads(out.read_text("utf-8"))


def measure(folder: Path, accounts: int, rows: int, rounds: int) -> dict[str, object]:
    """All sides in turn; their answers must be equal."""
    began = perf_counter()
    count = write_year(folder, accounts, rows)
    made = perf_counter() - began
    told: dict[str, list[Told]] = {"sql": [], "ours": [], "pandas": []}
    answers = []
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(rounds):
            sides = ["sql", "ours"] if number % 2 == 0 else ["ours", "sql"]
            for side in sides + (["pandas"] if number < PANDAS_ROUNDS else []):
                took, answer = ask(side, folder, Path(scratch))
                told[side].append(took)
                answers.append(answer)
    assert answers[0], "an answer of nothing compares nothing"
    assert all(answer == answers[0] for answer in answers), "the sides disagree"
    seconds = {side: median(took.seconds for took in every) for side, every in told.items()}
    return {
        "name": "aggregation",
        "accounts": accounts,
        "figures": count,
        "archive_mb": round(sum(file.stat().st_size for file in folder.rglob("*.parquet")) / 1e6, 1),
        "made_seconds": round(made, 1),
        "seconds": {side: round(value, 3) for side, value in seconds.items()},
        "cpu_seconds": {
            side: round(median(took.cpu_seconds for took in every), 3) for side, every in told.items()
        },
        "ratio_to_sql": round(seconds["ours"] / seconds["sql"], 3),
        "times_pandas": round(seconds["pandas"] / seconds["ours"], 1),
        "peak_mb": {side: max((took.peak_mb or 0) for took in every) for side, every in told.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="once, small: does it still run?")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--keep", type=Path, help="make the archive here, or find it here")
    wanted = parser.parse_args()
    size = (QUICK_ACCOUNTS, QUICK_ROWS, 1) if wanted.quick else (ACCOUNTS, wanted.rows, ROUNDS)
    with tempfile.TemporaryDirectory() as scratch:
        print(json.dumps(measure(wanted.keep or Path(scratch), *size)))


if __name__ == "__main__":
    main()
