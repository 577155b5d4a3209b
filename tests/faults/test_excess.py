"""Answers without end: cut at 2 MB and at the total deadline, and the post is out once all the same."""

import gzip
import random
import socket
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from oracle import Trial, assert_oracle
from raw_site import Accept, Behaviour, raw_site
from scenery import attempts, make_account, make_node, queue_posts, run_until_idle

from config import Database, ManualClock
from config.secrets import KeyRing
from sandbox.world import Fault
from scheduler.deliveries import State

MEGABYTE = 1024 * 1024
PIECE = b" " * 65_536


def pour(head: bytes, piece: bytes) -> Behaviour:
    """Takes the post, then pours out 200 MB; stops when the client has left."""

    def behaviour(connection: socket.socket, accept: Accept) -> None:
        accept()
        connection.sendall(head)
        for _ in range(200 * MEGABYTE // len(piece)):
            connection.sendall(piece)

    return behaviour


@cache
def bomb() -> bytes:
    """200 MB of blanks in gzip: a thousand times smaller, in members so that little is held at once."""
    return gzip.compress(b" " * 10 * MEGABYTE, 9) * 20


def packed(connection: socket.socket, accept: Accept) -> None:
    accept()
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb())}\r\n\r\n"
    connection.sendall(head.encode() + bomb())


def growth(action: Callable[[], None]) -> int:
    """Bytes by which this process grew at its highest while `action` ran."""
    status = Path("/proc/self/status")

    def kilobytes(name: str) -> int:
        line = next(line for line in status.read_text("ascii").splitlines() if line.startswith(name))
        return int(line.split()[1])

    Path("/proc/self/clear_refs").write_text("5", "ascii")  # the highest counts from now
    before = kilobytes("VmRSS:")
    action()
    return (kilobytes("VmHWM:") - before) * 1024


@pytest.mark.fault(33, 34)
@pytest.mark.parametrize(
    "behaviour",
    [
        pour(b"HTTP/1.1 200 OK\r\nContent-Length: 209715200\r\n\r\n", PIECE),
        pour(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + PIECE + b"\r\n"),
        pour(b"HTTP/1.1 200 OK\r\n", b"X-Filler: x\r\n" * 5_000),
        packed,
    ],
    ids=["length", "chunks", "headers", "gzip"],
)
def test_200_megabytes_cost_no_memory_and_the_post_is_looked_up(
    behaviour: Behaviour, sqlite: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path
) -> None:
    bomb()  # made before anything is measured
    with raw_site() as (site, address):
        account = make_account(sqlite, keys, "webhook", "raw", api_base=address)
        queue_posts(sqlite, account, ["热身"], due=clock.now())
        run_until_idle(make_node(sqlite, keys, clock, tmp_path))
        (id_, _) = queue_posts(sqlite, account, ["一", "二"], due=clock.now())
        site.misbehave(behaviour)
        grown = growth(lambda: run_until_idle(make_node(sqlite, keys, clock, tmp_path)))
    assert assert_oracle(sqlite, site.received, clock.now()) == {State.PUBLISHED: 3}
    assert [call.purpose for call in attempts(sqlite, id_)] == ["publish", "find"]
    assert grown <= 20 * MEGABYTE


@pytest.mark.fault(35)
def test_a_byte_at_a_time_does_not_outlive_the_total_deadline(
    trial: Trial, deadline: float, chance: random.Random
) -> None:
    trial.call = deadline
    (id_, _) = trial.queue(trial.account(), 2)
    every = chance.uniform(deadline / 10, deadline / 3)
    trial.strike(Fault("slow_bytes", path="/publish", times=1, value=str(every)))
    began = time.monotonic()
    trial.run()
    assert deadline * 0.9 < time.monotonic() - began < 2 * deadline + 5
    assert trial.judge() == {State.PUBLISHED: 2}
    assert attempts(trial.database, id_)[0].outcome == "uncertain"


@pytest.mark.fault(35)
def test_a_look_up_that_drips_is_a_look_up_without_an_answer(trial: Trial) -> None:
    trial.call = 0.3
    (id_,) = trial.queue(trial.account())
    trial.strike(
        Fault("cut_after", path="/publish", times=1),
        Fault("slow_bytes", path="/lookup", times=1, value="0.1"),
    )
    trial.run()
    assert trial.judge() == {State.PUBLISHED: 1}
    assert [call.outcome for call in attempts(trial.database, id_)] == [
        "uncertain",
        "unreachable",
        "published",
    ]
