"""The engines: how each is started, where it keeps its posts, and how many of them it still has to do."""

import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

import psycopg

from benchmarks.peers._stores import ask_redis
from meizhen import __version__

ROOT = Path(__file__).parents[2]
PEERS = ROOT / ".peers"  # the peers' own environment, made by `make bench-peers`


@dataclass(frozen=True)
class Engine:
    """`side` is the module with its `fill`, and `work` where no `command` starts its worker."""

    name: str
    side: str
    store: str
    pending: Callable[[str], int]
    package: str = ""

    @property
    def is_ours(self) -> bool:
        return not self.package

    @property
    def version(self) -> str:
        if self.is_ours:
            return __version__
        folders = [str(folder) for folder in PEERS.glob("lib/python*/site-packages")]
        return next((one.version for one in distributions(name=self.package, path=folders)), "")

    def command(self, act: str) -> list[str]:
        """What runs `fill`, or the worker by `work`."""
        if self.is_ours and act == "work":
            return [sys.executable, "-m", "meizhen", "worker"]
        python = sys.executable if self.is_ours else str(PEERS / "bin" / "python")
        return [python, "-c", f"from benchmarks.peers import {self.side} as side; side.{act}()"]


def _rows(address: str, question: str) -> int:
    """The one number that a question to SQLite or PostgreSQL gives."""
    if address.startswith("sqlite:///"):
        path = address.removeprefix("sqlite:///")
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
        try:
            return int(connection.execute(question).fetchone()[0])
        finally:
            connection.close()
    with psycopg.connect(address) as asked:
        row = asked.execute(question.encode()).fetchone()
    return int(row[0]) if row else 0


def _keys(*commands: str) -> Callable[[str], int]:
    return lambda address: sum(int(answer) for answer in ask_redis(address, *commands))


def _table(question: str) -> Callable[[str], int]:
    return lambda address: _rows(address, question)


_OPEN = "SELECT count(*) FROM delivery WHERE state IN ('queued', 'sending', 'accepted', 'uncertain')"
_JOBS = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'publish' AND status IN ('todo', 'doing')"

ENGINES = (
    Engine("Meizhen, SQLite", "_meizhen_node", "sqlite", _table(_OPEN)),
    Engine("Meizhen, PostgreSQL", "_meizhen_node", "postgresql", _table(_OPEN)),
    Engine("Celery", "_celery_tasks", "redis", _keys("LLEN celery", "HLEN unacked"), "celery"),
    Engine(
        "Dramatiq",
        "_dramatiq_tasks",
        "redis",
        _keys("HLEN dramatiq:default.msgs", "HLEN dramatiq:default.DQ.msgs"),
        "dramatiq",
    ),
    Engine(
        "Huey", "_huey_tasks", "redis", _keys("LLEN huey.redis.posts", "ZCARD huey.schedule.posts"), "huey"
    ),
    Engine("Procrastinate", "_procrastinate_tasks", "postgresql", _table(_JOBS), "procrastinate"),
    Engine(
        "APScheduler",
        "_apscheduler_jobs",
        "sqlite",
        _table("SELECT count(*) FROM apscheduler_jobs"),
        "apscheduler",
    ),
)
