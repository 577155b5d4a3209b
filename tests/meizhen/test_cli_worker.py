"""The installed command as processes: a week of posts, lost answers, and nodes killed in the middle."""

import csv
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from json_schemas import require_schema

from sandbox.platforms import webhook
from sandbox.world import Fault

if TYPE_CHECKING:
    from conftest import RunningSandbox

ACCOUNTS, POSTS = 6, 60
MEIZHEN = str(Path(sys.executable).with_name("meizhen"))


class Installation:
    """A home folder, and the command run against it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "MEIZHEN_HOME": str(folder / "home"),
            "MEIZHEN_LANGUAGE": "en",
            "MEIZHEN_TICK_SECONDS": "0.2",
            "MEIZHEN_CALL_SECONDS": "5",  # what a killed node left open is looked at after it
            "MEIZHEN_PORT": "0",
            "MEIZHEN_PRIVATE_NETWORKS": "127.0.0.0/8",  # where the sandbox is
        }

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [MEIZHEN, *arguments],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        require_schema(arguments, done.returncode, done.stdout)
        return done.stdout

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [MEIZHEN, *arguments], env=self.environment, cwd=self.folder, text=True, stdout=subprocess.PIPE
        )

    def write(self, name: str, rows: list[list[str]]) -> None:
        with (self.folder / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)

    def states(self) -> dict[str, int]:
        states: dict[str, int] = json.loads(self.run("queue", "status", "--json"))["states"]
        return {state: count for state, count in states.items() if count}


@pytest.fixture
def installation(tmp_path: Path, sandbox: "RunningSandbox") -> Installation:
    """A home with six webhook accounts and sixty posts due now."""
    sandbox.world.move_to(datetime.now(UTC))
    here = Installation(tmp_path)
    here.run("init")
    here.write(
        "units.csv", [["code", "parent", "kind", "name_zh", "name_en"], ["NM", "", "region", "区", "R"]]
    )
    here.run("org", "import", "units.csv")
    head = ["handle", "platform", "unit", "name", "track", "filed", "verified", "api_base", "token"]
    rows = []
    for number in range(ACCOUNTS):
        token = webhook.example(sandbox.world, f"s{number}").credentials["token"]
        base = f"{sandbox.url}/webhook"
        rows.append([f"s{number}", "webhook", "NM", f"站{number}", "", "2025-01-01", "yes", base, token])
    here.write("accounts.csv", [head, *rows])
    here.run("account", "import", "accounts.csv")
    posts = [[f"webhook:s{n % ACCOUNTS}", "now", f"题{n}", f"{n:03}", ""] for n in range(POSTS)]
    here.write("posts.csv", [["account", "due", "title", "text", "media"], *posts])
    here.run("post", "import", "posts.csv")
    return here


def assert_once_and_in_order(sandbox: "RunningSandbox") -> None:
    assert sorted(item.text for item in sandbox.world.published) == [f"{n:03}" for n in range(POSTS)]
    for number in range(ACCOUNTS):
        texts = [item.text for item in sandbox.world.of("webhook", f"s{number}")]
        assert texts == sorted(texts)


def test_lost_answers_are_settled_and_every_post_is_out_once(
    installation: Installation, sandbox: "RunningSandbox"
) -> None:
    sandbox.world.set_faults(Fault("cut_after", path="/publish", probability=0.2))
    installation.run("worker", "--until-idle")
    assert_once_and_in_order(sandbox)
    assert installation.states() == {"published": POSTS}
    assert all(item.received == 1 for item in sandbox.world.published)


class Watch:
    """Sets an event once the sandbox has published so many posts."""

    def __init__(self, sandbox: "RunningSandbox") -> None:
        self._world = sandbox.world

    def wait_for(self, count: int) -> None:
        pause = threading.Event()
        for _ in range(6000):
            if len(self._world.published) >= count:
                return
            pause.wait(0.01)
        raise AssertionError(f"only {len(self._world.published)} of {count} posts arrived")


@pytest.fixture
def watch(sandbox: "RunningSandbox") -> Iterator[Watch]:
    yield Watch(sandbox)


def test_a_node_killed_twice_loses_nothing_and_doubles_nothing(
    installation: Installation, sandbox: "RunningSandbox", watch: Watch
) -> None:
    for killed_at in (15, 35):
        node = installation.start("worker")
        watch.wait_for(killed_at)
        node.send_signal(signal.SIGKILL)
        node.communicate(timeout=10)
    installation.run("worker", "--until-idle")
    assert_once_and_in_order(sandbox)
    assert installation.states() == {"published": POSTS}


def test_a_node_that_is_told_to_stop_finishes_and_gives_its_lanes_back(
    installation: Installation, sandbox: "RunningSandbox", watch: Watch
) -> None:
    node = installation.start("serve")
    watch.wait_for(10)
    node.send_signal(signal.SIGTERM)
    node.communicate(timeout=30)
    assert node.returncode == 0
    assert "sending" not in installation.states()
    installation.run("worker", "--until-idle")
    assert_once_and_in_order(sandbox)


def test_a_stopped_queue_sends_nothing_until_it_is_opened(
    installation: Installation, sandbox: "RunningSandbox"
) -> None:
    installation.run("queue", "pause")
    installation.run("worker", "--until-idle", "--patience", "1")
    assert sandbox.world.published == []
    installation.run("queue", "resume")
    installation.run("queue", "pause", "--account", "webhook:s0")
    installation.run("queue", "pause", "--post", "2")
    installation.run("worker", "--until-idle", "--patience", "1")
    assert len(sandbox.world.published) == POSTS - POSTS // ACCOUNTS - 1
    installation.run("queue", "resume", "--account", "webhook:s0")
    installation.run("queue", "resume", "--post", "2")
    installation.run("worker", "--until-idle")
    assert len(sandbox.world.published) == POSTS


def test_a_paused_account_goes_on_once_it_is_resumed(
    installation: Installation, sandbox: "RunningSandbox"
) -> None:
    installation.run("account", "pause", "webhook:s1")
    installation.run("worker", "--until-idle", "--patience", "1")
    assert sandbox.world.of("webhook", "s1") == []
    installation.run("account", "resume", "webhook:s1")
    installation.run("worker", "--until-idle", "--patience", "1")
    assert len(sandbox.world.of("webhook", "s1")) == POSTS // ACCOUNTS
