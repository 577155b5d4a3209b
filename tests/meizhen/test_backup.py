"""A backup put back is the house as it was, on both databases; what does not fit is refused before a byte."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from backups import (
    Home,
    bare_home,
    content_of,
    empty_database,
    entries_of,
    entry,
    home_at,
    made_home,
    path_with_programs,
    rows_of,
    sealed,
)
from people import make_person, make_tree
from scenery import make_account, queue_posts

from config import ManualClock, MeizhenError, load_settings, open_database
from config.database import newest_revision
from config.secrets import add_master_key, create_key_file
from meizhen.backup import check_backup, restore, take_backup
from meizhen.backup.tables import find_program
from meizhen.house import House
from organisation import entries_of as acts_of
from organisation import open_credentials, read_heads, record, verify
from organisation.accounts import Account
from organisation.ledger_export import HEADS_FILE

MIGRATIONS = Path(__file__).parents[2] / "migrations"
PIECE = b"a picture, or so"


@pytest.fixture(autouse=True)
def _programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", path_with_programs())


def furnish(made: Home, clock: ManualClock) -> Home:
    """Puts something of everything that is backed up into a house, and of what is not."""
    (made.folder / "settings.toml").write_text(
        'lateness_hours = 3.0\nsmtp_password = "do-not-take-me"\noidc_label = "统一\\"登录\\""\n'
    )
    with made.opened(clock) as house:
        units = make_tree(house.database)
        make_person(house.database, house.keys, "li", at=clock.now(), unit=units["HH"])
        account = make_account(house.database, house.keys, "webhook", "a", credentials={"token": "t"})
        queue_posts(house.database, account, ["one", "two"], due=clock.now() + timedelta(days=1))
    name = sha256(PIECE).hexdigest()
    files = {
        f"media/{name[:2]}/{name}": PIECE,
        "archive/articles/month=2026-01/platform=wechat/part.parquet": b"PAR1",
        "archive/articles/month=2026-01/platform=wechat/part.parquet.partial": b"half",
        f"awards/2026/certificates/{'很长的名字' * 14}.pdf": b"%PDF",
        "awards/2026/.work/left": b"under way",
        "jobs/token/made/x": b"expires",
    }
    for place, content in files.items():
        (made.folder / place).parent.mkdir(parents=True, exist_ok=True)
        (made.folder / place).write_bytes(content)
    (made.folder / "awards/link").symlink_to("/etc/passwd")
    return made


@pytest.fixture
def home(tmp_path: Path, _sqlite_template: Path, clock: ManualClock) -> Home:
    """A house on SQLite."""
    return furnish(made_home(tmp_path / "home", "", clock, template=_sqlite_template), clock)


@pytest.fixture
def target(home: Home, tmp_path: Path) -> Home:
    """An empty house with its key."""
    return bare_home(tmp_path / "target", "", home)


Homes = tuple[Home, Home]


@pytest.fixture
def on_both(
    request: pytest.FixtureRequest, tmp_path: Path, database_address: str, clock: ManualClock
) -> Iterator[Homes]:
    """The same two, on SQLite and on PostgreSQL."""
    home = furnish(made_home(tmp_path / "home", database_address, clock), clock)
    server = None if database_address.startswith("sqlite") else request.getfixturevalue("_postgres")
    with empty_database(database_address, server) as address:
        yield home, bare_home(tmp_path / "target", address, home)


def taken(home: Home, out: Path, clock: ManualClock) -> Path:
    with home.opened(clock) as house:
        return take_backup(house, out).file


def test_what_is_put_back_is_what_there_was(on_both: Homes, tmp_path: Path, clock: ManualClock) -> None:
    home, target = on_both
    with home.opened(clock) as house:
        before, at_first = rows_of(house.database), take_backup(house, tmp_path)
    assert at_first.file.name == "meizhen-20260302-090000.tar"
    assert at_first.file.stat().st_mode & 0o777 == 0o600
    assert at_first.manifest.folders["awards"].left_out == 1
    clock.advance(3600)
    done = restore(at_first.file, target.variables, clock)
    with target.opened(clock) as house:
        after = rows_of(house.database)
        changed = {name for name in before if before[name] != after[name]}
        assert changed == {"ledger_entry", "delivery_event", "queue_switch"}
        with house.database.read() as session:
            assert verify(session, house.keys, read_heads(target.folder / HEADS_FILE)).sound
            assert open_credentials(session, house.keys, session.get_one(Account, 1)) == {"token": "t"}
            (act,) = acts_of(session, act="house.restore")
            assert act.details["backup"]["id"] == at_first.manifest.id  # type: ignore[index]
        assert house.settings.lateness_hours == 3.0
    assert done.held["paused"] == 2
    expected = content_of(home.folder)
    found = content_of(target.folder)
    for name in expected.keys() - {"meizhen.sqlite", "settings.toml", HEADS_FILE}:
        kept = name.split("/")[0] in ("media", "archive", "awards", "keys.json")
        hidden = "/." in name or name.endswith((".partial", "awards/link"))
        assert (found.get(name) == expected[name]) is (kept and not hidden), name
    assert not list(target.folder.rglob("*restoring*"))


def test_other_programs_read_it_and_no_key_or_password_is_in_it(
    home: Home, tmp_path: Path, clock: ManualClock
) -> None:
    backup = taken(home, tmp_path / "b.tar", clock)
    names = {info.name: content for info, content in entries_of(backup)}
    for line in names["SHA256SUMS"].decode().splitlines():
        digest, name = line.split("  ")
        assert sha256(names[name]).hexdigest() == digest
    assert names["settings.toml"].decode().splitlines()[1:] == [
        "lateness_hours = 3.0",
        'private_networks = "127.0.0.0/8"',
        "# smtp_password = (secret)",
        'oidc_label = "统一\\"登录\\""',
    ]
    whole = backup.read_bytes()
    assert b"do-not-take-me" not in whole
    for key in (home.keys.ledger, home.keys.ledger.hex().encode()):
        assert key not in whole


def test_a_backup_is_noted_in_the_ledger_and_the_newest_are_kept(
    home: Home, tmp_path: Path, clock: ManualClock
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "meizhen-2026.tar").write_bytes(b"not ours to remove")
    names = []
    with home.opened(clock) as house:
        for _ in range(3):
            clock.advance(60)
            names.append(take_backup(house, folder, keep=2).file.name)
        with house.database.read() as session:
            acts = acts_of(session, act="house.backup")
        with pytest.raises(MeizhenError) as refused:
            take_backup(house, folder / names[-1])
        with pytest.raises(MeizhenError) as no_folder:
            take_backup(house, folder / "one.tar", keep=2)
    assert [act.details["file"] for act in reversed(acts)] == names
    assert sorted(one.name for one in folder.iterdir()) == ["meizhen-2026.tar", *names[1:]]
    assert (refused.value.code, no_folder.value.code) == ("backup.there_already", "backup.keep_needs_folder")


def test_a_full_disk_leaves_nothing_behind_and_says_so(
    home: Home, tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    out = tmp_path / "out"
    out.mkdir()
    with home.opened(clock) as house, monkeypatch.context() as patched:
        patched.setattr("meizhen.backup.taking.os.fsync", full)
        with pytest.raises(MeizhenError) as refused:
            take_backup(house, out)
        with house.database.read() as session:
            assert acts_of(session, act="house.backup") == []
    assert refused.value.code == "backup.not_written" and "No space left" in str(refused.value)
    assert list(out.iterdir()) == []


def refusal(file: Path, home: Home, clock: ManualClock) -> str:
    """The code of the refusal, which leaves the home folder as it was."""
    before = content_of(home.folder)
    with pytest.raises(MeizhenError) as refused:
        restore(file, home.variables, clock)
    assert content_of(home.folder) == before
    assert str(refused.value)
    return refused.value.code


def test_another_key_no_key_and_a_house_in_use_are_refused(
    home: Home, target: Home, tmp_path: Path, clock: ManualClock, _sqlite_template: Path
) -> None:
    backup = taken(home, tmp_path / "b.tar", clock)
    stranger = made_home(tmp_path / "stranger", "", clock, template=_sqlite_template)
    other = bare_home(tmp_path / "other", "", stranger)
    assert refusal(backup, other, clock) == "backup.other_key"
    assert refusal(backup, home, clock) == "backup.not_empty"
    (target.folder / "media").mkdir()
    (target.folder / "media/x").write_bytes(b"mine")
    assert refusal(backup, target, clock) == "backup.not_empty"
    (target.folder / "keys.json").unlink()
    assert refusal(backup, target, clock) == "backup.no_key"


def test_newer_keys_beside_those_of_the_backup_are_the_same_house(
    home: Home, target: Home, tmp_path: Path, clock: ManualClock
) -> None:
    backup = taken(home, tmp_path / "b.tar", clock)
    add_master_key(target.folder / "keys.json")
    assert restore(backup, target.variables, clock).held["paused"] == 2


def test_newer_tables_and_another_kind_of_database_are_refused(
    home: Home, target: Home, tmp_path: Path, clock: ManualClock
) -> None:
    parts = entries_of(taken(home, tmp_path / "b.tar", clock))
    newer = sealed(tmp_path / "newer.tar", parts, home.keys, revision="9999")
    assert refusal(newer, target, clock) == "backup.newer_tables"
    place = next(at for at, (info, _) in enumerate(parts) if info.name == "database.sqlite")
    dump = [*parts[:place], entry("database.dump"), *parts[place + 1 :]]
    other = sealed(tmp_path / "other.tar", dump, home.keys, kind="postgresql")
    assert refusal(other, target, clock) == "backup.other_database"


def test_older_tables_are_brought_forward(
    request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock, database_address: str
) -> None:
    """A backup of the revision before: made by the migrations that there were then."""
    server = None if database_address.startswith("sqlite") else request.getfixturevalue("_postgres")
    before = f"{int(newest_revision()) - 1:04}"
    with empty_database(database_address, server) as old, empty_database(database_address, server) as new:
        home = home_at(tmp_path / "old", old)
        home.folder.mkdir(mode=0o700)
        create_key_file(home.folder / "keys.json")
        database = open_database(load_settings(home.variables))
        configuration = Config()
        configuration.set_main_option("script_location", str(MIGRATIONS))
        configuration.set_main_option("path_separator", "os")
        with database.engine.begin() as connection:
            configuration.attributes["connection"] = connection
            command.upgrade(configuration, before)
        with database.write() as session:
            record(session, home.keys, at=clock.now(), actor="t", act="house.init", subject="house")
        house = House(load_settings(home.variables), database, home.keys, clock, "t")
        backup = take_backup(house, tmp_path / "b.tar").file
        database.close()
        assert check_backup(backup, home.keys).revision == before
        target = bare_home(tmp_path / "target", new, home)
        assert restore(backup, target.variables, clock).revision == newest_revision()
        with target.opened(clock) as opened, opened.database.read() as session:
            assert verify(session, opened.keys).sound


def test_a_ledger_that_was_changed_before_is_put_back_and_told_and_one_changed_after_is_refused(
    home: Home, target: Home, tmp_path: Path, clock: ManualClock
) -> None:
    backup = taken(home, tmp_path / "sound.tar", clock)
    lying = check_backup(backup).ledger.model_copy(update={"mac": "0" * 64})
    forged = sealed(tmp_path / "f.tar", entries_of(backup), home.keys, ledger=lying.model_dump(), id="f" * 32)
    with pytest.raises(MeizhenError) as refused:
        restore(forged, target.variables, clock)
    assert refused.value.code == "backup.ledger_differs"
    with pytest.raises(MeizhenError) as unfinished, target.opened(clock):
        pass
    assert unfinished.value.code == "house.restoring"
    assert refusal(backup, target, clock) == "backup.other_unfinished"


def test_there_must_be_room(
    home: Home, target: Home, tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = taken(home, tmp_path / "b.tar", clock)
    nearly_full = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr("meizhen.backup.places.shutil.disk_usage", lambda _path: nearly_full)
    assert refusal(backup, target, clock) == "backup.no_room"


def test_the_programs_of_a_server_are_looked_for_and_missing_ones_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("meizhen.backup.tables._PROGRAM_FOLDERS", ())
    found = {}
    for major in (14, 18):
        folder = tmp_path / str(major)
        folder.mkdir()
        (folder / "pg_dump").write_text(f"#!/bin/sh\necho 'pg_dump (PostgreSQL) {major}.3 (Debian)'\n")
        (folder / "pg_dump").chmod(0o755)
        found[major] = folder / "pg_dump"
    monkeypatch.setenv("PATH", f"{tmp_path / '18'}:{tmp_path / '14'}")
    assert [find_program("pg_dump", major) for major in (14, 15, 18)] == [found[14], found[18], found[18]]
    with pytest.raises(MeizhenError) as missing:
        find_program("pg_dump", 19)
    assert "postgresql-client-19" in str(missing.value)
