"""Takes a backup, or puts one back, in processes that are killed on the way: for test_backup.

Arguments: `take HOME OUT` or `restore HOME FILE`, then points, each in a process of its own. A point is
`step:N` (the N-th time that progress is told) or the name of what is never reached: `rename` (the finished
backup gets its name), `files` (all files are written), `tables` (the database is put back, no revision yet),
`commit` (everything is held, not committed), `named` (the database is the house's, the marker still there);
`never` runs to the end. Prints how each process ended, what lies in the folder (HOME; for `take` OUT) then,
and with which code the house refuses to be opened.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from config import MeizhenError, load_settings
from meizhen.backup import places, rebuilding, restore, take_backup, taking
from meizhen.house import open_house

POINTS: dict[str, tuple[object, str]] = {
    "rename": (taking.os, "rename"),
    "files": (places, "sync_disks"),
    "tables": (rebuilding, "migrate_within"),
    "commit": (rebuilding.Session, "flush"),
    "named": (rebuilding.Rebuilding, "_after"),
}


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dying_at(number: int) -> Callable[[str, int, int], None]:
    told = 0

    def tell(_step: str, _done: int, _total: int) -> None:
        nonlocal told
        told += 1
        if told == number:
            die()

    return tell


def act(what: str, file: str, point: str) -> None:
    kind, _, number = point.partition(":")
    if kind in POINTS:
        place, name = POINTS[kind]
        setattr(place, name, die)
    progress = dying_at(int(number or 0))
    if what == "take":
        with open_house(load_settings(os.environ)) as house:
            take_backup(house, Path(file), progress=progress)
    else:
        restore(Path(file), progress=progress)


def refusal() -> str:
    try:
        with open_house(load_settings(os.environ)):
            return "open"
    except MeizhenError as error:
        return error.code


def main(what: str, home: str, file: str, *points: str) -> None:
    for point in points:
        sys.stdout.flush()
        child = os.fork()  # this process has no threads
        if child == 0:
            act(what, file, point)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        names = ",".join(sorted(os.listdir(file if what == "take" else home)))
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)} {names} {refusal()}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
