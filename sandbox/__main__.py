"""`python -m sandbox --port 8787`: the world of platforms, on this machine only."""

import argparse
import ipaddress
import socket
import sys
from datetime import datetime
from pathlib import Path

import uvicorn

from sandbox.app import create_app
from sandbox.world import World


class _Server(uvicorn.Server):
    """Says where it listens once it answers."""

    ready_file: Path | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        print(f"sandbox {address}", flush=True)  # noqa: T201  # the one line that callers wait for
        if self.ready_file is not None:
            unfinished = self.ready_file.with_suffix(".part")
            unfinished.write_text(f"{address}\n", encoding="utf-8")
            unfinished.replace(self.ready_file)


def main(arguments: list[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    world = World(seed=given.seed, now=given.now, real_time=given.now is None)
    config = uvicorn.Config(
        create_app(world), host=given.host, port=given.port, log_level="error", lifespan="off", ws="none"
    )
    server = _Server(config)
    server.ready_file = given.ready_file
    server.run()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=8787, help="0 takes a free one")
    parser.add_argument("--host", type=_loopback, default="127.0.0.1", help="of this machine only")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--now", type=_aware, help="ISO time with zone: the clock stands there until moved; else real time"
    )
    parser.add_argument("--ready-file", type=Path, help="gets the address when the sandbox answers")
    return parser


def _loopback(host: str) -> str:
    """The doubles take any token and show everything: never for a network."""
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise argparse.ArgumentTypeError(f"{host} is not a loopback address")
    return host


def _aware(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text} has no time zone")
    return moment


if __name__ == "__main__":
    sys.exit(main())
