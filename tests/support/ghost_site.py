"""A real Ghost on SQLite: an owner, an integration of ours, members."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import requests
from kits import GHOST, node
from programs import answers, free_port, running

_EMAIL, _PASSWORD = "owner@example.org", "correct-Horse-battery-42"


class GhostSite:
    """What its owner sees, asked past every connector."""

    def __init__(self, port: int, file: Path) -> None:
        self.port, self.url, self._file = port, f"http://127.0.0.1:{port}", file
        self._admin = requests.Session()
        self._admin.headers["Origin"] = self.url
        owner = {"name": "Owner", "email": _EMAIL, "password": _PASSWORD, "blogTitle": "媒阵测试站"}
        self._post("authentication/setup/", {"setup": [owner]})
        self._post("session/", {"username": _EMAIL, "password": _PASSWORD})
        made = self._post("integrations/?include=api_keys", {"integrations": [{"name": "meizhen"}]})
        (key,) = [key for key in made["integrations"][0]["api_keys"] if key["type"] == "admin"]
        self.credentials = {"admin_key": key["secret"]}

    def posts(self, title: str) -> list[list[str]]:
        """Number, state and slug of every post of that title, in any state."""
        return self.rows("SELECT id, status, slug FROM posts WHERE title = ? ORDER BY created_at", title)

    def rows(self, statement: str, *values: str) -> list[list[str]]:
        with closing(sqlite3.connect(f"file:{self._file}?mode=ro", uri=True, timeout=30)) as database:
            return [[str(value) for value in row] for row in database.execute(statement, values)]

    def join(self, name: str) -> str:
        """A new member; its id."""
        made = self._post("members/", {"members": [{"name": name, "email": f"{name}@example.org"}]})
        return str(made["members"][0]["id"])

    def _post(self, path: str, body: dict[str, object]) -> dict[str, Any]:
        url = f"{self.url}/ghost/api/admin/{path}"
        answer = self._admin.post(url, json=body, timeout=60)
        assert answer.status_code in (200, 201), f"{path}: {answer.status_code} {answer.text[:500]}"
        told: dict[str, Any] = answer.json() if answer.text.startswith("{") else {}
        return told


@contextmanager
def ghost_site() -> Iterator[GhostSite]:
    """Runs the site. Raises Missing."""
    kit, program = GHOST.ready(), node()
    with TemporaryDirectory(prefix="run-", dir=kit) as name:
        folder, port = Path(name), free_port()
        shutil.copytree(kit / "package/content", folder / "content")
        file = folder / "ghost.sqlite"
        command = [program, kit / "package/index.js"]
        variables = {"NODE_ENV": "production", "GHOST_NODE_VERSION_CHECK": "false"}
        variables |= _settings(folder, file, port)
        ready = answers(f"http://127.0.0.1:{port}/ghost/api/admin/site/")
        with running(command, folder, ready, seconds=240, variables=variables, at=kit / "package"):
            yield GhostSite(port, file)


def _settings(folder: Path, file: Path, port: int) -> dict[str, str]:
    return {
        "url": f"http://127.0.0.1:{port}",
        "server__host": "127.0.0.1",
        "server__port": str(port),
        "database__client": "better-sqlite3",
        "database__connection__filename": str(file),
        "database__useNullAsDefault": "true",
        "mail__transport": "stub",
        "logging__transports": '["stdout"]',
        "logging__level": "error",
        "paths__contentPath": str(folder / "content"),
        "security__staffDeviceVerification": "false",
        "privacy__useUpdateCheck": "false",
        "privacy__useGravatar": "false",
        "privacy__useRpcPing": "false",
    }
