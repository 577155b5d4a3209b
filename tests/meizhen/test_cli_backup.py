"""`meizhen backup`, `backup verify`, `restore`: what they say, and that nobody but the house's owner may."""

import fcntl
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from command import Said, command
from people import make_person, make_tree
from scenery import make_account, queue_posts
from sqlalchemy import text

from config.clock import SystemClock
from meizhen.house import RESTORING_FILE, open_house
from scheduler.restored import paused_by_restore

Run = Callable[..., Said]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    monkeypatch.setenv("MEIZHEN_HOME", str(tmp_path / "home"))
    run = command(monkeypatch, capsys)
    run("init")
    return run


def test_from_a_backup_by_the_clock_to_a_house_that_publishes_again(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = SystemClock().now()
    with open_house() as house:
        account = make_account(house.database, house.keys, "webhook", "a")
        queue_posts(house.database, account, ["due"], due=now)
        queue_posts(house.database, account, ["later", "last"], due=now + timedelta(days=1))
    out = tmp_path / "out"
    out.mkdir()
    assert run("doctor", "--json").json()[-1] | {"told": "", "remedy": ""} == {
        "name": "backup", "grade": "warn", "told": "", "remedy": "",
    }  # fmt: skip
    told = run("backup", "--out", out, "--keep", 7, "--json")
    (file,) = out.iterdir()
    assert (told.json()["file"], told.json()["ledger"]["sound"]) == (str(file), True)
    assert "database" in told.err and "database" not in told.out
    assert run("doctor", "--json").json()[-1]["grade"] == "fine"
    assert "made with this house's keys" in run("backup", "verify", file).out
    assert run("backup", "verify", file, "--json").json()["seal_checked"] is True

    fresh = tmp_path / "fresh"
    fresh.mkdir(mode=0o700)
    monkeypatch.setenv("MEIZHEN_HOME", str(fresh))
    assert "keys.json" in run("restore", file, code=1).err
    assert "no keys.json here" in run("backup", "verify", file).out
    shutil.copy(tmp_path / "home/keys.json", fresh)
    said = run("restore", file).out
    assert "1 deliveries were due" in said and "2 deliveries are not due yet" in said
    assert "queue resume" in said and "nothing goes out" in said
    assert "is not empty" in run("restore", file, code=1).err
    assert run("queue", "resume", "--restored", "--post", 1, code=1).err
    assert "stopped" in run("queue", "resume", "--restored", "--account", "webhook:a").out
    with open_house() as house, house.database.read() as session:
        assert paused_by_restore(session) == []
    assert run("queue", "resume", "--restored").out.startswith("0 ")
    assert run("ledger", "verify", "--json").json()["sound"] is True


def test_an_old_backup_is_a_warning(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("backup", "--out", tmp_path / "b.tar")
    monkeypatch.setattr("meizhen.doctor._BACKUP_OLD", timedelta(0))
    found = run("doctor", "--json").json()[-1]
    assert (found["name"], found["grade"]) == ("backup", "warn") and "b.tar" in found["told"]


def test_only_who_runs_the_house_takes_it_away(run: Run, tmp_path: Path) -> None:
    now = SystemClock().now()
    with open_house() as house:
        unit = make_tree(house.database)["HH"]
        make_person(house.database, house.keys, "li", at=now, unit=unit)
    for words in (("backup", "--out", tmp_path / "b.tar"), ("backup", "verify", tmp_path / "b.tar")):
        assert run("--as", "li", *words, code=1).err
    assert not (tmp_path / "b.tar").exists()
    assert "--out" in run("backup", code=1).err


def test_what_was_not_restored_to_its_end_says_what_to_do(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("backup", "--out", tmp_path / "b.tar")
    fresh = tmp_path / "fresh"
    fresh.mkdir(mode=0o700)
    shutil.copy(tmp_path / "home/keys.json", fresh)
    monkeypatch.setenv("MEIZHEN_HOME", str(fresh))

    def away(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("meizhen.backup.rebuilding.migrate_within", away)
        assert "No space left" in run("restore", tmp_path / "b.tar", code=1).err
    for words in (("serve",), ("queue", "status"), ("init",), ("doctor",)):
        said = run(*words, code=1)
        assert f"meizhen restore {tmp_path / 'b.tar'}" in said.err + said.out, words
    with (fresh / RESTORING_FILE).open("rb") as marker:  # as if another shell were at it
        fcntl.flock(marker, fcntl.LOCK_EX)
        assert "under way" in run("restore", tmp_path / "b.tar", code=1).err
    assert run("restore", tmp_path / "b.tar", "--json").json()["held"]["uncertain"] == 0
    with open_house() as house, house.database.read() as session:
        assert session.execute(text("SELECT COUNT(*) FROM queue_switch WHERE stopped")).scalar() == 1
