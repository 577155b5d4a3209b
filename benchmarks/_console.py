"""The console at a port of its own, as a process: `python -m benchmarks._console DATABASE FOLDER`.

It serves what `meizhen serve` serves, and `/bare` beside it: an empty Starlette program's answer at another
port, by the same server in the same process, to know what the machine gives at this moment. The first line on
standard output is JSON with both addresses; an end of standard input ends it.
"""

import json
import sys
from datetime import timedelta
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from config.clock import SystemClock
from config.database import connect
from config.logging import configure_logging
from config.process import live_long
from config.secrets import load_key_file
from config.settings import load_settings
from scheduler.watch import Watch, Watchman
from web import create_app
from web.serving import listen, serving


async def _bare(_request: Request) -> Response:
    return HTMLResponse("<!doctype html><title>bare</title>")


def main(address: str, folder: Path) -> None:
    configure_logging("error")
    database, clock = connect(address), SystemClock()
    watchman = Watchman(database, clock, Watch(), patience=timedelta(seconds=60), tick=timedelta(seconds=1))
    app = create_app(
        settings=load_settings({"MEIZHEN_HOME": str(folder)}),
        database=database,
        keys=load_key_file(folder / "keys.json"),
        clock=clock,
        watchman=watchman,
        wake=lambda: None,
    )
    live_long()
    bare = Starlette(routes=[Route("/", _bare)])
    with serving(app, listen("127.0.0.1", 0)) as console, serving(bare, listen("127.0.0.1", 0)) as plain:
        print(json.dumps({"console": console, "bare": plain}), flush=True)
        sys.stdin.read()
    database.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
