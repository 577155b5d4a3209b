"""The measured process of `benchmarks.imports`: one import of one file into one database.

`python -m benchmarks._importer ADDRESS KEYS FILE [dry]`
"""

import sys
import threading
from pathlib import Path

from analytics.imports import import_figures
from benchmarks._process import run
from config.clock import SystemClock
from config.database import connect
from config.secrets import load_key_file


def main(address: str, keys: str, file: str, dry: bool) -> None:
    database, ring = connect(address), load_key_file(Path(keys))

    def work(_: threading.Event) -> None:
        report = import_figures(database, ring, SystemClock(), Path(file), actor="bench", dry_run=dry)
        assert report.already is None and report.figures, report

    run(work)
    database.close()


if __name__ == "__main__":
    main(*sys.argv[1:4], dry="dry" in sys.argv[4:])
