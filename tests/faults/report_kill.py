"""Sends report deliveries in processes that are killed while they hand over: for test_reports.

Arguments: database address, home folder with its keys and settings, the present moment, and `delivery=point`
once or more. A point is `before` (claimed, nothing has left), `half` (part of a file is written) or `after`
(the other side has it, nothing is noted). Prints how each process ended.
"""

import os
import signal
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from analytics.reports import Office, folder, run, run_round
from config import ManualClock, load_settings
from config.database import connect
from config.secrets import load_key_file
from connectors import Http
from meizhen.reporting import make_digest
from scheduler.notices import ReportNotices


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def then_die(hand: Callable[..., object]) -> Callable[..., object]:
    def handed(*arguments: object, **options: object) -> object:
        hand(*arguments, **options)
        die()
        return None

    return handed


def send(address: str, home: Path, now: datetime, delivery: int, point: str) -> None:
    if point == "before":
        run.hand_over = run.put_files = die  # type: ignore[assignment]
    elif point == "half":
        folder.os.fsync = die  # type: ignore[assignment]
    else:
        run.hand_over, run.put_files = then_die(run.hand_over), then_die(run.put_files)  # type: ignore[assignment]
    settings = load_settings({"MEIZHEN_HOME": str(home), "MEIZHEN_PRIVATE_NETWORKS": "127.0.0.0/8"})
    keys = load_key_file(home / "keys.json")
    office = Office(
        connect(address),
        keys,
        ManualClock(now),
        settings,
        "dead",
        ReportNotices(),
        lambda kind: Http(kind),
        lambda session, unit, at: make_digest(session, unit, at, settings.site),
    )
    run_round(office, [delivery])


def main(address: str, home: str, now: str, *sends: str) -> None:
    for one in sends:
        delivery, point = one.split("=")
        child = os.fork()  # this process has no threads
        if child == 0:
            send(address, Path(home), datetime.fromisoformat(now), int(delivery), point)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
