"""Runs the award of a rule once a point, each run in a process that is killed there: for test_award.

Arguments: database file, rule, folder, and one or more `name=point`: the run goes into `folder/name`. A point
is `step:N` (the N-th step begins), `file:N` (the N-th file is written and not yet put in place) or `never`.
Prints how each process ended, as a negative signal or an exit code.
"""

import os
import signal
import sys
from pathlib import Path

from analytics.awards import folder, run_award
from config.database import connect


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def run_until(database: str, rule: Path, out: Path, point: str) -> None:
    kind, _, told = point.partition(":")
    number = int(told or 0)

    def at_step(stage: str, done: int, steps: int) -> None:
        if kind == "step" and done == number:
            die()

    put, placed = folder.put_in_place, 0

    def put_or_die(source: Path, target: Path) -> None:
        nonlocal placed
        placed += 1
        if kind == "file" and placed == number:
            die()
        put(source, target)

    folder.put_in_place = put_or_die
    run_award(connect(f"sqlite:///{database}"), rule, out, progress=at_step)


def main(database: str, rule: str, folder: str, *runs: str) -> None:
    for one in runs:
        name, point = one.split("=")
        if point == "never":  # in this process, whose imports the later ones find done
            run_until(database, Path(rule), Path(folder) / name, point)
            sys.stdout.write("0\n")
            continue
        sys.stdout.flush()
        child = os.fork()  # this process has no threads
        if child == 0:
            run_until(database, Path(rule), Path(folder) / name, point)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
