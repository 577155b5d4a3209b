"""A real AT Protocol network: PDS, PLC, AppView, on Debian's PostgreSQL and Redis."""

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import requests
from kits import ATPROTO, node, packages
from programs import free_port, running

_START = """import net from 'node:net'
const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (first, ...rest) {  // the test network would listen everywhere
  if (typeof first === 'number' || /^\\d+$/.test(first)) {
    return listen.call(this, Number(first), '127.0.0.1', ...rest.filter(x => typeof x === 'function'))
  }
  if (first && typeof first === 'object' && first.port !== undefined) first.host = '127.0.0.1'
  return listen.call(this, first, ...rest)
}
const { TestNetwork } = await import('@atproto/dev-env')
const [plc, pds, bsky, ozone] = process.argv.slice(2).map(Number)
const network = await TestNetwork.create({
  dbPostgresSchema: 'js',
  plc: { port: plc },
  pds: { port: pds, hostname: 'localhost' },
  bsky: { port: bsky, dbPostgresSchema: 'bsky', publicUrl: `http://localhost:${bsky}` },
  ozone: { port: ozone, dbPostgresSchema: 'ozone' },
})
process.on('SIGTERM', async () => { await network.close(); process.exit(0) })
console.log('NETWORK READY')
"""
_POST = "app.bsky.feed.post"


class Person:
    """Somebody at the network, acting by their own session."""

    def __init__(self, url: str, name: str) -> None:
        self._url, self.handle = url, f"{name}.test"
        made = self._call(
            "com.atproto.server.createAccount",
            {"handle": self.handle, "email": f"{name}@example.org", "password": f"made-up-{name}"},
        )
        self.did: str = made["did"]
        self._token: str = made["accessJwt"]

    def app_password(self) -> str:
        told = self._call("com.atproto.server.createAppPassword", {"name": secrets.token_hex(4)})
        return str(told["password"])

    def write(self, collection: str, **record: object) -> dict[str, Any]:
        """A record of theirs: a like, a repost, a follow, a post."""
        now = {"$type": collection, "createdAt": "2026-03-02T01:00:00.000Z"}
        body = {"repo": self.did, "collection": collection, "record": {**now, **record}}
        return self._call("com.atproto.repo.createRecord", body)

    def posts(self, text: str) -> list[tuple[str, str]]:
        """Address and content hash of every post of theirs with this text, as their own server keeps them."""
        params = {"repo": self.did, "collection": _POST, "limit": "100"}
        url = f"{self._url}/xrpc/com.atproto.repo.listRecords"
        records: list[dict[str, Any]] = requests.get(url, params=params, timeout=30).json()["records"]
        return [(record["uri"], record["cid"]) for record in records if record["value"]["text"] == text]

    def _call(self, name: str, body: dict[str, object]) -> dict[str, Any]:
        token = getattr(self, "_token", "")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = requests.post(f"{self._url}/xrpc/{name}", json=body, headers=headers, timeout=60)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told


class Network:
    def __init__(self, port: int) -> None:
        self.port, self.url = port, f"http://127.0.0.1:{port}"

    def join(self, name: str) -> Person:
        return Person(self.url, name)


@contextmanager
def atproto_network() -> Iterator[Network]:
    """Runs the network. Raises Missing."""
    kit = ATPROTO.ready()
    program = node()
    with TemporaryDirectory(prefix="run-", dir=kit) as name, _postgres() as database, _redis() as redis:
        folder = Path(name)
        (folder / "start.mjs").write_text(_START)
        ports = [free_port() for _ in range(4)]
        variables = {
            "DB_POSTGRES_URL": database,
            "DB_POSTGRES_SCHEMA": "js",
            "REDIS_HOST": redis,
            "LOG_ENABLED": "false",
            "TMPDIR": str(folder),
        }

        def ready() -> bool:
            return any("NETWORK READY" in log.read_text("utf-8", "replace") for log in folder.glob("*.log"))

        command = [program, folder / "start.mjs", *map(str, ports)]
        with running(command, folder, ready, seconds=180, variables=variables):
            yield Network(ports[1])


@contextmanager
def _redis() -> Iterator[str]:
    packages("redis-server", lambda: shutil.which("redis-server") is not None)
    port = free_port()
    with TemporaryDirectory(prefix="meizhen-redis-") as name:
        command = [
            "redis-server",
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]
        ask = ["redis-cli", "-p", str(port), "ping"]

        def ready() -> bool:
            return b"PONG" in subprocess.run(ask, capture_output=True, check=False, timeout=10).stdout

        with running(command, Path(name), ready):
            yield f"127.0.0.1:{port}"


@contextmanager
def _postgres() -> Iterator[str]:
    """Debian's server: the one that brings pg_trgm, which the AppView's tables need."""
    packages("postgresql", lambda: bool(_servers()))
    programs, port = _servers()[-1], free_port()
    with TemporaryDirectory(prefix="meizhen-pg-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        data = folder / "data"
        init = [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(_as_postgres(init), cwd=folder, capture_output=True, check=True, timeout=120)
        server = [programs / "postgres", "-D", data, "-p", str(port), "-k", folder, "-c", "fsync=off"]
        server += ["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200"]
        ask = [str(programs / "pg_isready"), "-h", "127.0.0.1", "-p", str(port)]

        def ready() -> bool:
            return subprocess.run(ask, capture_output=True, check=False, timeout=10).returncode == 0

        with running(_as_postgres(server), folder, ready):
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"


def _servers() -> list[Path]:
    return sorted(
        path.parent
        for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")
        if list(Path("/usr/share/postgresql").glob(f"{path.parts[-3]}/extension/pg_trgm.control"))
    )


def _as_postgres(command: Sequence[str | Path]) -> list[str]:
    """The server refuses to run as root."""
    words = [str(part) for part in command]
    if os.geteuid() != 0:
        return words
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *words]
