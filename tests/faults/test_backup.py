"""Backups under constant writes lose nothing; killed anywhere, neither a backup nor a restore looks whole."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from backups import Home, bare_home, content_of, empty_database, made_home, path_with_programs, rows_of
from scenery import make_account, queue_posts
from sqlmodel import Session, select

from config import MeizhenError
from config.clock import SystemClock
from meizhen.backup import check_backup, restore, take_backup
from meizhen.house import House
from organisation import record, verify
from organisation.ledger import LedgerEntry
from scheduler.periodic import PeriodicRun

SCRIPT = Path(__file__).with_name("backup_kill.py")
ROOT = Path(__file__).parents[2]
SQLITE_A_ROUND = 5  # backups: twenty rounds make a hundred


@pytest.fixture(autouse=True)
def _programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", path_with_programs())


class Writer:
    """Writes without a pause: a row in the ledger and one beside it, in one transaction."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.committed = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def _write(self) -> None:
        began = SystemClock().now()
        while not self._stop.is_set():
            number = self.committed + 1
            with self._house.database.write() as session:
                session.add(
                    PeriodicRun(
                        name="writer", fire_at=began + timedelta(seconds=number), node="n", started_at=began
                    )
                )
                record(session, self._house.keys, at=began, actor="t", act="test.write", subject=str(number))
            self.committed = number

    @contextmanager
    def writing(self) -> Iterator["Writer"]:
        self._thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            self._thread.join()


def test_a_backup_under_constant_writes_has_every_row_that_was_committed_and_no_half_of_any(
    request: pytest.FixtureRequest, tmp_path: Path, database_address: str, fault_round: int
) -> None:
    """Each backup is put back, and its ledger read from its first entry."""
    sqlite = database_address.startswith("sqlite")
    server = None if sqlite else request.getfixturevalue("_postgres")
    home = made_home(tmp_path / "home", database_address)
    floors: list[int] = []
    with home.opened() as house, Writer(house).writing() as writer:
        for number in range(SQLITE_A_ROUND if sqlite and fault_round else 1):
            while writer.committed <= (floors[-1] if floors else 0):
                threading.Event().wait(0.001)
            floors.append(writer.committed)
            take_backup(house, tmp_path / f"{number}.tar")
    for number, floor in enumerate(floors):
        with empty_database(database_address, server) as address:
            target = bare_home(tmp_path / f"t{number}", address, home)
            restore(tmp_path / f"{number}.tar", target.variables)
            with target.opened() as house, house.database.read() as session:
                assert verify(session, house.keys).sound
                entries = {int(one.subject) for one in _written(session)}
                beside = rows_of(house.database)["periodic_run"]
            assert entries == set(range(1, beside + 1))
            assert beside >= floor


def _written(session: Session) -> list[LedgerEntry]:
    return list(session.exec(select(LedgerEntry).where(LedgerEntry.act == "test.write")))


def run(what: str, home: Home, file: Path, *points: str) -> list[list[str]]:
    """Runs `backup_kill`; gives how each process ended, what lay there then, and what opening said."""
    done = subprocess.run(
        [sys.executable, SCRIPT, what, home.folder, file, *points],
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], **home.variables},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [line.split(" ") for line in done.stdout.splitlines()]


def furnish(made: Home) -> Home:
    with made.opened() as house:
        account = make_account(house.database, house.keys, "webhook", "a")
        queue_posts(house.database, account, ["x", "y"], due=house.clock.now() + timedelta(days=1))
    for number in range(20):
        place = made.folder / "media" / f"{number:02}" / str(number)
        place.parent.mkdir()
        place.write_bytes(str(number).encode() * 1000)
    return made


KILLED = f"-{int(signal.SIGKILL)}"


def test_a_backup_that_is_killed_leaves_nothing_that_looks_whole(
    tmp_path: Path, _sqlite_template: Path, chance: Random
) -> None:
    home = furnish(made_home(tmp_path / "home", "", template=_sqlite_template))
    out = tmp_path / "out"
    out.mkdir()
    points = ["step:1", "step:2", f"step:{chance.randint(3, 20)}", "rename"]
    ended = run("take", home, out, *points, "never")
    assert [one[0] for one in ended] == [KILLED] * 4 + ["0"]
    for _, names, _ in ended[:4]:  # each took away what the one before it had left
        assert names.startswith(".meizhen-backup-") and "," not in names
    (file,) = out.iterdir()
    assert check_backup(file, home.keys).folders["media"].files == 20


def test_a_restore_that_is_killed_is_no_house_and_is_finished_by_the_same_command(
    request: pytest.FixtureRequest, tmp_path: Path, database_address: str, chance: Random
) -> None:
    server = None if database_address.startswith("sqlite") else request.getfixturevalue("_postgres")
    home = furnish(made_home(tmp_path / "home", database_address))
    with home.opened() as house:
        backup = take_backup(house, tmp_path / "b.tar").file
        before = rows_of(house.database)
    with empty_database(database_address, server) as address:
        target = bare_home(tmp_path / "target", address, home)
        reading, writing = f"step:{chance.randint(1, 20)}", f"step:{chance.randint(28, 48)}"
        read, *begun = run("restore", target, backup, reading, writing, "files", "tables", "commit", "named")
        assert read == [KILLED, "keys.json", "database.old_tables"]  # it was only read so far
        assert [(ended, code) for ended, _, code in begun] == [(KILLED, "house.restoring")] * 5
        with pytest.raises(MeizhenError) as unfinished, target.opened():
            pass
        assert f"meizhen restore {backup}" in str(unfinished.value)
        assert restore(backup, target.variables).held["paused"] == 2
        with target.opened() as house, house.database.read() as session:
            assert verify(session, house.keys).sound
            after = rows_of(house.database)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"ledger_entry", "delivery_event", "queue_switch"}
    assert after["ledger_entry"] == before["ledger_entry"] - 1 + 2  # held once, however often it began
    for name, content in content_of(home.folder / "media").items():
        assert (target.folder / "media" / name).read_bytes() == content
    assert not [one for one in target.folder.rglob("*") if "restoring" in one.name]
