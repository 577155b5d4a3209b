"""`meizhen queue pause` and `resume`: whole, unit, account, post; and what is asked about late posts."""

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from command import Said, command
from scenery import make_account, queue_posts

from config import Database, SystemClock
from config.database import connect
from config.secrets import load_key_file
from scheduler.queue import stop_of

Run = Callable[..., Said]
MEIZHEN = str(Path(sys.executable).with_name("meizhen"))
HOUR = timedelta(hours=1)


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    database_address: str,
    tmp_path: Path,
) -> Run:
    """Two accounts with one late post and one to come each, everything stopped."""
    monkeypatch.setenv("MEIZHEN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MEIZHEN_DATABASE_URL", database_address)
    monkeypatch.setenv("MEIZHEN_ACTOR", "li")
    run = command(monkeypatch, capsys)
    run("init")
    keys = load_key_file(tmp_path / "home" / "keys.json")
    database: Database = connect(database_address)
    now = SystemClock().now()
    for handle in ("a", "b"):
        account = make_account(database, keys, "webhook", handle)
        queue_posts(database, account, ["旧"], due=now - 3 * HOUR)
        queue_posts(database, account, ["新"], due=now + HOUR, now=now)
    database.close()
    run("queue", "pause")
    return run


def states(run: Run) -> list[tuple[str, str]]:
    rows = run("post", "list", "--json").json()
    return sorted((row["account"], row["state"]) for row in rows)


def all_of(state: str) -> list[tuple[str, str]]:
    return sorted((f"webhook:{handle}", each) for handle in "ab" for each in ("queued", state))


def test_without_a_terminal_and_an_answer_late_posts_are_held(run: Run) -> None:
    said = run("queue", "resume").out
    assert "open again" in said and "2 were past their limit and are missed" in said
    assert "meizhen post list --state missed" in said
    assert states(run) == all_of("missed")
    assert run("queue", "status", "--json").json()["stopped"] is False


def test_the_answer_may_stand_in_the_command(run: Run) -> None:
    assert "2 were past their limit and go out from now on" in run("queue", "resume", "--late", "send").out
    assert states(run) == all_of("queued")
    run("queue", "pause")
    assert "past their limit" not in run("queue", "resume", "--late", "cancel").out


def test_a_unit_without_accounts_has_nothing_to_stop(run: Run, tmp_path: Path) -> None:
    units = tmp_path / "units.csv"
    units.write_text("code,parent,kind,name_zh\nEMPTY,,league,无账号\n", "utf-8")
    run("org", "import", units)
    assert "0 account" in run("queue", "pause", "--unit", "EMPTY").out
    assert "0 account" in run("queue", "resume", "--unit", "EMPTY").out


def test_called_off_is_called_off(run: Run) -> None:
    assert "2 were past their limit and are called off" in run("queue", "resume", "--late", "CANCEL").out
    assert states(run) == all_of("cancelled")


def test_another_answer_is_refused_and_nothing_opens(run: Run) -> None:
    assert "hold, send, cancel" in run("queue", "resume", "--late", "perhaps", code=1).err
    assert run("queue", "status", "--json").json()["stopped"] is True
    assert states(run) == all_of("queued")


def test_an_account_or_a_unit_is_decided_alone_and_the_stopped_queue_is_named(run: Run) -> None:
    said = run("queue", "resume", "--account", "a", "--late", "cancel").out
    assert "1 accounts resumed" in said and "1 were past" in said
    assert "the whole queue is still stopped" in said
    assert ("webhook:b", "cancelled") not in states(run)
    assert "1 were past" in run("queue", "resume", "--unit", "NM", "--late", "cancel").out
    assert states(run) == all_of("cancelled")


def test_one_post_is_held_back_and_let_go_with_its_answer(run: Run) -> None:
    assert "held back at 1 account" in run("queue", "pause", "--post", "1").out
    assert states(run).count(("webhook:a", "paused")) == 1
    said = run("queue", "resume", "--post", "1", "--late", "hold").out
    assert "let go at 1 account" in said and "1 were past their limit and are missed" in said
    assert states(run).count(("webhook:a", "missed")) == 1
    assert "missed" in run("queue", "resume", "--post", "1", code=1).err


def test_at_a_terminal_it_asks_and_asks_again(run: Run) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [MEIZHEN, "queue", "resume"], stdin=theirs, stdout=theirs, stderr=theirs, env=dict(os.environ)
    )
    os.close(theirs)
    os.write(ours, b"perhaps\nsend\n")
    heard = b""
    try:
        while piece := os.read(ours, 4096):
            heard += piece
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(ours)
    assert process.wait(60) == 0
    told = heard.decode()
    assert "2 are past their limit (2 account(s)" in told
    assert told.count("Choose") == 2, "an answer that is none is asked for again"
    assert all(f"\n  {choice} " in told for choice in ("hold", "send", "cancel"))
    assert "2 were past their limit and go out from now on" in told
    assert states(run) == all_of("queued")


def test_at_a_terminal_nothing_is_asked_where_nothing_is_late(run: Run) -> None:
    run("queue", "resume", "--late", "cancel")
    run("queue", "pause")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [MEIZHEN, "queue", "resume"], stdin=theirs, stdout=theirs, stderr=theirs, env=dict(os.environ)
    )
    os.close(theirs)
    assert process.wait(60) == 0
    assert b"Choose" not in os.read(ours, 4096)
    os.close(ours)


def test_a_units_lateness_holds_for_what_is_queued_from_then_on(run: Run) -> None:
    run("org", "set", "NM", "--lateness-hours", "6")
    add = ("post", "add", "--account", "a", "--due", "2099-06-01T09:00", "--text", "x")
    unit, own = (
        run("post", "show", run(*add, *more, "--json").json()["post"], "--json").json()["deliveries"][0]
        for more in ((), ("--lateness-hours", "0.5"))
    )
    assert (unit["late_after"], own["late_after"]) == (
        "2099-06-01T07:00:00+00:00",
        "2099-06-01T01:30:00+00:00",
    )


def test_a_units_lateness_holds_for_imported_posts(run: Run, tmp_path: Path) -> None:
    run("org", "set", "NM", "--lateness-hours", "24")
    (tmp_path / "posts.csv").write_text("account,due,text\nwebhook:a,2099-06-01T09:00,甲\n", "utf-8")
    [post] = run("post", "import", tmp_path / "posts.csv", "--json").json()["posts"]
    [one] = run("post", "show", post, "--json").json()["deliveries"]
    assert one["late_after"] == "2099-06-02T01:00:00+00:00"


def test_the_reason_of_a_stop_is_kept_and_a_single_post_takes_none(run: Run, database_address: str) -> None:
    refused = run("queue", "pause", "--post", "1", "--reason", "台风", code=1)
    assert "Pausing one post keeps no reason" in refused.err
    run("queue", "pause", "--reason", " 台风 ")
    database: Database = connect(database_address)
    with database.read() as session:
        stop = stop_of(session)
    database.close()
    assert stop is not None and stop.reason == "台风"
