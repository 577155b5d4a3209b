"""A whole award run of a province, from freeze to final list, and whether its bytes are alike anywhere.

    python -m benchmarks.award_scale [--quick] [--keep FOLDER]

Prints one JSON document. The promises: 11,000 accounts, 3 million posts with figures at five ages and 3.5
million units in 60 s and 2 GiB on two cores, on SQLite; the same folder from both databases, in two locales,
two time zones and two orders of rows (a tenth of the size). `--keep` keeps the filled database and uses
it. Exit code 1 where a promise does not hold; `--quick` looks only whether it still runs.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks._award_world import fill, write_rule
from benchmarks._process import measured
from benchmarks._stage import databases

ACCOUNTS, POSTS, UNITS = 11_000, 3_000_000, 3_500_000
MOST_SECONDS, MOST_MB = 60.0, 2048.0
_QUICK = 500  # the divisor of a quick look
_PLACES: tuple[Mapping[str, str], ...] = (
    {"LC_ALL": "C", "TZ": "UTC"},
    {"LC_ALL": "C.UTF-8", "TZ": "America/St_Johns"},
)


def scale(folder: Path, part: int, kept: Path | None) -> dict[str, object]:
    """One run on SQLite, in a process of its own."""
    path = (kept or folder) / "province.sqlite"
    if not path.exists():
        fill(
            f"sqlite:///{path}",
            accounts=ACCOUNTS // part,
            posts=POSTS // part,
            units=max(UNITS // part, 1000),
        )
    out = folder / "award"
    with measured("benchmarks._awarder", f"sqlite:///{path}", write_rule(folder), out) as process:
        process.go()
        told = process.told()
    return {
        "accounts": ACCOUNTS // part,
        "posts": POSTS // part,
        "seconds": round(told.seconds, 1),
        "cpu_seconds": round(told.cpu_seconds, 1),
        "peak_mb": told.peak_mb,
        "stages": json.loads(Path(f"{out}.json").read_text("utf-8")),
    }


def identity(folder: Path, part: int) -> dict[str, object]:
    """The same facts in both databases, two orders, two locales and time zones: how many folders differ."""
    found: dict[str, str] = {}
    rule = write_rule(folder)
    for kind in ("sqlite", "postgresql"):
        place = folder / kind
        place.mkdir()
        with databases(kind, place) as fresh:
            for turned in (False, True):
                address = fresh()
                fill(
                    address,
                    accounts=ACCOUNTS // part,
                    posts=POSTS // part,
                    units=max(UNITS // part, 1000),
                    turned=turned,
                )
                name = f"{kind}, {'turned' if turned else 'straight'}"
                out = folder / name.replace(", ", "-")
                _run(address, rule, out, _PLACES[turned])
                found[name] = _digest(out)
    return {"posts": POSTS // part, "runs": len(found), "different": len(set(found.values()))}


def _run(address: str, rule: Path, out: Path, place: Mapping[str, str]) -> None:
    subprocess.run(
        [sys.executable, "-m", "benchmarks._awarder", address, str(rule), str(out)],
        env={**os.environ, **place},
        input="go\n",
        text=True,
        stdout=subprocess.DEVNULL,
        check=True,
    )


def _digest(folder: Path) -> str:
    """One hash over every file's name and bytes."""
    whole = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            whole.update(
                f"{file.relative_to(folder)} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode()
            )
    return whole.hexdigest()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small: does it still run?")
    parser.add_argument("--keep", type=Path, help="keep the filled database in this folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="meizhen-award-") as name:
        folder = Path(name)
        run = scale(folder, _QUICK if arguments.quick else 1, arguments.keep)
        same = identity(folder, _QUICK if arguments.quick else 10)
    kept = arguments.quick or (run["seconds"] <= MOST_SECONDS and (run["peak_mb"] or 0) <= MOST_MB)
    print(json.dumps({"run": run, "identity": same, "limits": {"seconds": MOST_SECONDS, "mb": MOST_MB}}))
    return 0 if kept and same["different"] == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
