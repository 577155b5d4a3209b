"""The web of a node in a process of its own, for measuring: `python -m benchmarks._api_server HOME`.

Says its address on standard output and answers until its standard input ends.
"""

import os
import sys
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

from config.clock import SystemClock
from config.database import open_database
from config.process import live_long
from config.secrets import load_key_file
from config.settings import load_settings
from scheduler.watch import Watch, Watchman
from web import create_app
from web.serving import listen, serving


def main() -> None:
    settings = load_settings(os.environ | {"MEIZHEN_HOME": sys.argv[1]})
    database, clock = open_database(settings), SystemClock()
    keys = load_key_file(Path(sys.argv[1]) / "keys.json")
    watchman = Watchman(database, clock, Watch(), patience=timedelta(minutes=1), tick=timedelta(seconds=1))
    app = create_app(
        settings=settings,
        database=database,
        keys=keys,
        clock=clock,
        watchman=watchman,
        wake=lambda: None,
    )
    live_long()
    with ExitStack() as stack:
        print(stack.enter_context(serving(app, listen("127.0.0.1", 0))), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
