"""`meizhen queue status|notices` and a worker that answers HTTP, in this process and as processes."""

import json
import os
import re
import select as selecting
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
import requests
from command import Said, command
from rich.console import Console
from scenery import make_account, queue_posts
from sqlalchemy import text, update
from web_node import eventually

from config.database import Database, connect
from config.secrets import KeyRing, load_key_file
from meizhen.cli import _standing
from scheduler.deliveries import Delivery, State
from scheduler.notices import of_missed
from scheduler.status import PlatformStatus, QueueStatus

MEIZHEN = str(Path(sys.executable).with_name("meizhen"))
Run = Callable[..., Said]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """The command against a new home folder."""
    monkeypatch.setenv("MEIZHEN_HOME", str(tmp_path / "home"))
    run = command(monkeypatch, capsys)
    run("init")
    return run


@pytest.fixture
def home(run: Run, tmp_path: Path) -> tuple[Database, KeyRing]:
    """That home's database and keys."""
    database = connect(f"sqlite:///{tmp_path / 'home' / 'meizhen.sqlite'}")
    return database, load_key_file(tmp_path / "home" / "keys.json")


def test_what_comes_next_is_told_as_the_digest_tells_it(run: Run, home: tuple[Database, KeyRing]) -> None:
    make_account(*home, "webhook", "site", api_base="http://127.0.0.1:9")
    due = (datetime.now(UTC) + timedelta(hours=40)).isoformat()
    words = ("--title", "五四", "--text", "正文", "--due", due, "--important")
    run("post", "add", "--account", "webhook:site", *words)
    assert run("queue", "next").out.startswith("Nothing goes out within 36 hours")
    told = run("queue", "next", "--hours", 48, "--unit", "NM", "--json").json()
    assert [(one["account"], one["important"], one["state"]) for one in told["coming"]] == [
        ("webhook:site", True, "ready")
    ]
    assert "webhook:site 五四 · ready" in run("queue", "next", "--hours", 48).out
    assert "not important" in run("post", "important", 1, "--off").out
    assert "★" not in run("queue", "next", "--hours", 48).out
    assert "is important" in run("post", "important", 1).out
    run("post", "important", 2, code=1)
    run("queue", "next", "--unit", "nowhere", code=1)


def test_the_status_tells_by_platform_and_keeps_its_keys(run: Run, home: tuple[Database, KeyRing]) -> None:
    database, keys = home
    now = datetime.now(UTC)
    site = make_account(database, keys, "webhook", "site")
    queue_posts(database, site, ["一", "二"], due=now - timedelta(seconds=30), now=now)
    told = run("queue", "status", "--json").json()
    assert {"states", "due", "oldest_due", "needs_person", "paused_accounts", "stopped"} <= told.keys()
    assert (told["due"], told["states"]["queued"], told["idle_since"]) == (2, 2, None)
    assert told["platforms"]["webhook"]["states"] == {"queued": 2}
    assert told["notices"] == {} and told["nodes"] == {}
    shown = run("queue", "status").out
    assert "2 due" in shown and "webhook" in shown and "ALARM" not in shown


def test_what_is_due_and_idle_is_an_alarm_in_the_status(run: Run, home: tuple[Database, KeyRing]) -> None:
    database, keys = home
    due = datetime.now(UTC) - timedelta(minutes=5)
    queue_posts(database, make_account(database, keys, "webhook", "site"), ["一"], due=due)
    assert "ALARM" in run("queue", "status").out
    assert run("queue", "status", "--json").json()["idle_since"] is not None


def test_notices_name_the_account_and_what_to_do(run: Run, home: tuple[Database, KeyRing]) -> None:
    database, keys = home
    assert "Nothing that a person must know" in run("queue", "notices").out
    assert run("queue", "notices", "--json").json() == []
    now = datetime.now(UTC)
    ids = queue_posts(database, make_account(database, keys, "webhook", "site"), ["一"], due=now)
    with database.write() as session:
        session.execute(update(Delivery).values(state=State.MISSED, needs_person=True))
        of_missed(session, ids, now)
    [notice] = run("queue", "notices", "--json").json()
    assert (notice["kind"], notice["subject"], notice["code"]) == ("missed", "webhook:site", "late")
    shown = " ".join(run("queue", "notices").out.split())
    assert "missed" in shown and "reschedule" in shown
    assert "1 open notices (missed 1)" in run("queue", "status").out


# --- the live view -----------------------------------------------------------------------------------------


def standing(**changed: object) -> QueueStatus:
    facts: dict[str, object] = {
        "states": {str(state): 0 for state in State} | {"queued": 5, "published": 9},
        "due": 2,
        "oldest_due": datetime(2026, 3, 2, 1, 0, tzinfo=UTC),
        "needs_person": 1,
        "paused_accounts": 1,
        "stopped": False,
        "idle_since": None,
        "platforms": {"wechat": PlatformStatus({"queued": 5, "published": 9}, 2)},
        "nodes": {"host:[b]:1": 3},
        "notices": {"account_paused": 1},
    }
    return QueueStatus(**{**facts, **changed})  # type: ignore[arg-type]


def watched(console: Console, *looks: QueueStatus | None) -> str:
    """What the view shows of these looks, until Ctrl-C."""
    coming, stop = list(looks), threading.Event()

    def look() -> tuple[datetime, QueueStatus | None]:
        standing = coming.pop(0)
        if not coming:
            stop.set()
        return datetime(2026, 3, 2, 1, 0, 5, tzinfo=UTC), standing

    _standing.watch(look, 0.001, console, stop)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_a_terminal_gets_a_live_view_in_beijing_time() -> None:
    console = Console(file=StringIO(), force_terminal=True, width=120, height=24)
    shown = watched(console, standing(), standing(idle_since=datetime(2026, 3, 2, tzinfo=UTC)), None)
    for told in ("03-02 09:00:05", "wechat", "host:[b]:1", "account paused 1", "ALARM", "does not answer"):
        assert told in shown, told
    assert "\x1b[1;31m" in shown, "the alarm is red"


def test_anything_else_gets_a_line_a_look() -> None:
    shown = watched(Console(file=StringIO(), width=40), standing(), None, standing(stopped=True))
    lines = shown.splitlines()
    assert [line[:14] for line in lines[:3]] == ["03-02 09:00:05"] * 3
    assert "queued 5, published 9" in lines[0] and "1 nodes hold 3 accounts" in lines[0]
    assert "does not answer" in lines[1]
    assert "stopped" in lines[2]
    assert "\x1b" not in shown


# --- as processes ------------------------------------------------------------------------------------------


class Process:
    """A `meizhen` process whose lines can be waited for; killed at the test's end if it still runs."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "MEIZHEN_HOME": str(folder / "home"),
            "MEIZHEN_LANGUAGE": "en",
            "MEIZHEN_TICK_SECONDS": "0.2",
        }
        self._process = subprocess.Popen(
            [MEIZHEN, *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate(timeout=30)

    def address(self) -> str:
        """Where it says that it answers."""
        found = re.search(r"http://127\.0\.0\.1:\d+", self.line())
        assert found is not None
        return found[0]

    def line(self) -> str:
        assert self._process.stdout is not None
        ready, _, _ = selecting.select([self._process.stdout], [], [], 30)
        assert ready, "no line within 30 seconds"
        return self._process.stdout.readline()

    def end(self, number: signal.Signals | None = None) -> tuple[int, str]:
        """Waits for its end, after that signal; gives exit code and standard error."""
        if number is not None:
            self._process.send_signal(number)
        _, err = self._process.communicate(timeout=30)
        return self._process.returncode, err


def code(address: str) -> int:
    return requests.get(address, timeout=5).status_code


def test_a_worker_with_a_port_answers_and_stops_cleanly(run: Run, tmp_path: Path) -> None:
    with Process(tmp_path, "worker", "--port", "0") as node:
        address = node.address()
        eventually(lambda: code(f"{address}/healthz") == 200)
        assert requests.get(f"{address}/readyz", timeout=5).json() == {"status": "ok"}
        assert "meizhen_node_healthy 1.0" in requests.get(f"{address}/metrics", timeout=5).text
        taken = address.rpartition(":")[2]
        with Process(tmp_path, "serve", "--port", taken) as other:
            ended, told = other.end()
        assert ended == 1
        assert f"Port {taken} of 127.0.0.1 cannot be used" in told and "Traceback" not in told
        assert node.end(signal.SIGTERM) == (0, "")


def test_a_locked_database_is_red_within_ten_seconds_and_heals(run: Run, tmp_path: Path) -> None:
    with Process(tmp_path, "worker", "--port", "0") as node:
        address = f"{node.address()}/healthz"
        eventually(lambda: code(address) == 200)
        database = connect(f"sqlite:///{tmp_path / 'home' / 'meizhen.sqlite'}")
        with database.write() as session:
            session.execute(text("SELECT 1"))  # now the lock is held, as by another process
            eventually(lambda: code(address) == 503, seconds=10)
            assert requests.get(address, timeout=5).json()["failing"] == ["dispatcher"]
        database.close()
        eventually(lambda: code(address) == 200, seconds=30)


def test_watching_ends_with_ctrl_c(run: Run, tmp_path: Path) -> None:
    with Process(tmp_path, "queue", "status", "--watch", "--every", "0.1") as watching:
        assert "0 due" in watching.line()
        assert "0 due" in watching.line()
        assert watching.end(signal.SIGINT) == (0, "")


def test_a_worker_without_a_port_imports_nothing_of_the_web(run: Run, tmp_path: Path) -> None:
    program = (
        "import sys, json\nfrom meizhen.cli import main\n"
        "sys.argv = ['meizhen', 'worker', '--until-idle']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "MEIZHEN_HOME": str(tmp_path / "home")},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    modules = set(json.loads(done.stdout.splitlines()[-1]))
    assert not modules & {"fastapi", "starlette", "uvicorn", "prometheus_client", "web"}
