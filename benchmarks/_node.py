"""A publishing node as a process of its own: `python -m benchmarks._node DATABASE FOLDER SENDERS`.

It imports what a worker imports and no more, and ends when idle or stopped.
"""

import sys
from pathlib import Path

from benchmarks._process import run
from config.clock import SystemClock
from config.database import connect
from config.logging import configure_logging
from config.process import live_long
from config.secrets import load_key_file
from config.settings import load_settings
from scheduler import Dispatcher, Pace
from scheduler.opening import OpenedAccounts


def main(address: str, folder: Path, senders: int) -> None:
    configure_logging("error")
    settings = load_settings({"MEIZHEN_HOME": str(folder), "MEIZHEN_PRIVATE_NETWORKS": "127.0.0.0/8"})
    keys = load_key_file(folder / "keys.json")
    database, clock = connect(address), SystemClock()
    accounts = OpenedAccounts(database, keys, clock, settings)
    node = Dispatcher(database, clock, accounts, folder / "media", Pace(senders=senders))
    live_long()
    run(lambda stop: node.run(stop, until_idle=True))
    database.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
