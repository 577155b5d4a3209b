"""A process that runs an award: `python -m benchmarks._awarder ADDRESS RULE FOLDER`; see `award_scale`.

Beside the folder it leaves `FOLDER.json`: the seconds of every stage, of all categories together.
"""

import json
import sys
import threading
import time
from pathlib import Path

from benchmarks._process import run


def main() -> None:
    address, rule, folder = sys.argv[1:]

    def work(_stop: threading.Event) -> None:
        from analytics.awards import run_award
        from config.database import connect

        seconds: dict[str, float] = {}
        present, since = "", time.perf_counter()

        def told(step: str, _done: int, _steps: int) -> None:
            nonlocal present, since
            now = time.perf_counter()
            if present:
                seconds[present] = round(seconds.get(present, 0.0) + now - since, 2)
            present, since = step.partition(" ")[0], now

        run_award(connect(address), Path(rule), Path(folder), progress=told)
        Path(f"{folder}.json").write_text(json.dumps(seconds), "utf-8")

    run(work)


if __name__ == "__main__":
    main()
