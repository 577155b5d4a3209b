"""A restore drill: a house of one gigabyte is backed up, checked and put back, each in a process of its own.

    python -m benchmarks.restore [--quick]

Half of it is media, half a database on SQLite full of figures. The promise: put back, with everything
compared and its ledger read, within 5 minutes; backing up and putting back take the memory of a tenth of it.
"""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks._process import Told, measured, run
from benchmarks.archive import fill
from config import load_settings
from meizhen.backup import check_backup, restore, take_backup
from meizhen.house import make_house, open_house

FULL_MB, QUICK_MB = 1_000, 20
FIGURES_A_MB = 14_300  # of the database, with its indices
PROMISE_SECONDS, PROMISE_MORE_MB = 300.0, 40.0
_MEDIA_BYTES = 2_000_000


def make(home: Path, megabytes: int) -> None:
    """A house of about that size."""
    fill(home, FIGURES_A_MB * megabytes // 2)
    make_house(load_settings({"MEIZHEN_HOME": str(home)}))
    for number in range(max(1, megabytes * 500_000 // _MEDIA_BYTES)):
        place = home / "media" / f"{number % 256:02x}" / f"{number:064x}"
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(os.urandom(_MEDIA_BYTES))


def work(act: str, home: Path, file: Path) -> None:
    """The measured work."""
    settings = load_settings({"MEIZHEN_HOME": str(home)})
    if act == "backup":
        with open_house(settings) as house:
            take_backup(house, file)
    elif act == "verify":
        check_backup(file)
    else:
        restore(file, {"MEIZHEN_HOME": str(home)})


def measure(folder: Path, megabytes: int) -> tuple[dict[str, Told], int]:
    """What each act took, and the size of the backup."""
    home, target, file = folder / "home", folder / "target", folder / "backup.tar"
    home.mkdir()
    make(home, megabytes)
    target.mkdir()
    shutil.copy(home / "keys.json", target)
    told = {}
    for act in ("backup", "verify", "restore"):
        with measured(
            "benchmarks.restore", "--work", act, target if act == "restore" else home, file
        ) as process:
            process.go()
            told[act] = process.told()
        if act == "verify":  # the drill begins on a machine that has nothing but the backup
            shutil.rmtree(home)
    return told, file.stat().st_size


def main() -> int:
    """Exit code 1 where the full drill takes longer, or memory grows with the house."""
    if sys.argv[1:2] == ["--work"]:
        act, home, file = sys.argv[2:5]
        run(lambda _stop: work(act, Path(home), Path(file)))
        return 0
    quick = "--quick" in sys.argv[1:]
    full, peaks, slow = QUICK_MB if quick else FULL_MB, {}, False
    for megabytes in (full // 10, full):
        with tempfile.TemporaryDirectory() as folder:
            told, size = measure(Path(folder), megabytes)
        for act, took in told.items():
            facts = {"name": act, "backup_mb": round(size / 1e6), "seconds": round(took.seconds, 1)}
            print(json.dumps(facts | {"start_mb": took.start_mb, "peak_mb": took.peak_mb}))
            peaks[act, megabytes] = took.peak_mb or 0.0
        slow = told["restore"].seconds > PROMISE_SECONDS
    more = {act: round(peaks[act, full] - peaks[act, full // 10], 1) for act in ("backup", "restore")}
    promises = {"promise_restore_seconds": PROMISE_SECONDS, "promise_more_mb": PROMISE_MORE_MB}
    print(json.dumps({"name": "more memory for ten times the house", **more, **promises}))
    return 1 if slow or max(more.values()) > PROMISE_MORE_MB else 0


if __name__ == "__main__":
    sys.exit(main())
