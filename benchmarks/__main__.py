"""Runs every benchmark, each in a process of its own: `make bench`, or `make bench ARGS=--quick`."""

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> int:
    """Exit code 1 when any benchmark failed."""
    arguments = sys.argv[1:]
    failed = []
    for script in sorted(HERE.glob("[!_]*.py")):
        command = [sys.executable, "-m", f"benchmarks.{script.stem}", *arguments]
        run = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, check=False)
        if run.returncode:
            failed.append(script.stem)
            print(f"{script.stem}: FAILED\n{run.stdout}{run.stderr}")
            continue
        for line in run.stdout.splitlines():
            print(f"{script.stem:12} {json.dumps(json.loads(line), ensure_ascii=False)}")
    print(f"{'failed: ' + ', '.join(failed) if failed else 'all benchmarks ran'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
