"""An award run that is killed (SIGKILL) again and again at moments of chance, then left in peace.

    python -m benchmarks.award_kills [--quick]

Every kill hits a real process somewhere in its work; the next one carries the folder on. At the end it must
hold the bytes of a run that nobody disturbed. Prints one JSON document; exit code 1 where it differs.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks._award_world import fill, write_rule

KILLS, ACCOUNTS, POSTS = 20, 220, 60_000
QUICK_KILLS, QUICK_ACCOUNTS, QUICK_POSTS = 3, 22, 3_000
SEED = 5


def start(address: str, rule: Path, out: Path) -> "subprocess.Popen[str]":
    """A run that has begun."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks._awarder", address, str(rule), str(out)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    process.stdout.readline()
    process.stdin.write("go\n")
    process.stdin.flush()
    return process


def ended(process: "subprocess.Popen[str]") -> None:
    process.communicate()
    if process.returncode:
        raise RuntimeError(f"the run failed: {process.args!r}")


def content(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def measure(folder: Path, kills: int, accounts: int, posts: int) -> dict[str, object]:
    """Kills it `kills` times, at moments spread over the length of a run, later ones at later stages."""
    address = f"sqlite:///{folder / 'world.sqlite'}"
    fill(address, accounts=accounts, posts=posts, units=1000)
    rule = write_rule(folder)
    since = time.monotonic()
    ended(start(address, rule, folder / "undisturbed"))
    length = time.monotonic() - since
    chance = random.Random(SEED)
    hit, stages = 0, []
    while hit < kills:
        process = start(address, rule, folder / "disturbed")
        try:
            process.wait(chance.uniform(0.05, 0.9) * length)
        except subprocess.TimeoutExpired:
            process.kill()
            hit += 1
        process.communicate()
        done = sorted(file.stem for file in (folder / "disturbed").glob("stages/*.json"))
        stages.append(len(done))
        if len(done) == _stages(folder / "undisturbed"):  # it came through: again from a stage of chance
            for file in sorted((folder / "disturbed").glob("stages/*.json"))[
                chance.randint(1, len(done) - 1) :
            ]:
                file.unlink()
    ended(start(address, rule, folder / "disturbed"))
    same = content(folder / "undisturbed") == content(folder / "disturbed")
    return {
        "kills": hit,
        "stages_done_when_killed": sorted(set(stages)),
        "seconds_undisturbed": round(length, 1),
        "same": same,
    }


def _stages(folder: Path) -> int:
    return sum(1 for _ in folder.glob("stages/*.json"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few kills, small: does it still run?")
    quick = parser.parse_args().quick
    size = (QUICK_KILLS, QUICK_ACCOUNTS, QUICK_POSTS) if quick else (KILLS, ACCOUNTS, POSTS)
    with tempfile.TemporaryDirectory(prefix="meizhen-award-") as name:
        told = measure(Path(name), *size)
    print(json.dumps(told))
    return 0 if told["same"] else 1


if __name__ == "__main__":
    sys.exit(main())
