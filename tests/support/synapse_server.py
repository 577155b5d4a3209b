"""A real Matrix server on SQLite: robots, their rooms, and what stands in them."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import requests
from kits import SYNAPSE
from programs import answers, free_port, running

_MODULE = ["-m", "synapse.app.homeserver"]


class Room:
    """A robot of its own (the server's limits are per user), and its room."""

    def __init__(self, url: str, user: str) -> None:
        self._url = f"{url}/_matrix/client/v3"
        login = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": user},
            "password": "made-up",
        }
        self.token: str = self._call("POST", "login", login)["access_token"]
        self.id: str = self._call("POST", "createRoom", {"name": "团委群"})["room_id"]

    def messages(self) -> list[str]:
        """What stands in the room, oldest first."""
        path = f"rooms/{quote(self.id, safe='')}/messages?dir=b&limit=200"
        found = self._call("GET", path)["chunk"]
        return [event["content"]["body"] for event in reversed(found) if event["type"] == "m.room.message"]

    def _call(self, method: str, path: str, body: dict[str, object] | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token}"} if hasattr(self, "token") else {}
        answer = requests.request(method, f"{self._url}/{path}", json=body, headers=headers, timeout=60)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told


class SynapseServer:
    def __init__(self, port: int, folder: Path, kit: Path) -> None:
        self.port, self.url, self._folder, self._kit = port, f"http://127.0.0.1:{port}", folder, kit

    def room(self, user: str) -> Room:
        """A new robot and its room."""
        person = ["-u", user, "-p", "made-up", "--no-admin", "-c", "homeserver.yaml"]
        _run(self._folder, self._kit / "bin/register_new_matrix_user", *person, self.url)
        return Room(self.url, user)


@contextmanager
def synapse_server() -> Iterator[SynapseServer]:
    """Runs the server. Raises Missing."""
    kit = SYNAPSE.ready()
    python = kit / "bin/python"
    with TemporaryDirectory(prefix="run-", dir=kit) as name:
        folder, port = Path(name), free_port()
        choices = ["--server-name", "meizhen.test", "--config-path", "homeserver.yaml", "--generate-config"]
        choices += ["--report-stats=no", "--data-directory", name]
        _run(folder, python, *_MODULE, *choices)
        config = folder / "homeserver.yaml"
        text = config.read_text("utf-8")
        assert "port: 8008" in text
        # No keys are asked of other servers: this one talks to nobody.
        config.write_text(
            text.replace("port: 8008", f"port: {port}") + "\ntrusted_key_servers: []\n", "utf-8"
        )
        command = [python, *_MODULE, "--config-path", "homeserver.yaml"]
        with running(command, folder, answers(f"http://127.0.0.1:{port}/_matrix/client/versions")):
            yield SynapseServer(port, folder, kit)


def _run(folder: Path, *command: str | Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-2000:]
