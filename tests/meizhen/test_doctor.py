"""`meizhen doctor` names what is missing and its cure, works where nothing else does, and changes nothing."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from command import Said, command
from scenery import make_account
from sqlalchemy import text

from config.clock import SystemClock
from config.settings import load_settings
from meizhen.house import make_house, open_house
from organisation import add_person
from scheduler.periodic import PeriodicRun

Run = Callable[..., Said]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return command(monkeypatch, capsys)


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("MEIZHEN_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def grades(run: Run, code: int = 0) -> dict[str, str]:
    return {one["name"]: one["grade"] for one in run("doctor", "--json", code=code).json()}


def test_before_init_it_says_what_to_run(run: Run, home: Path) -> None:
    assert grades(run, code=1)["home"] == "bad"
    assert "meizhen init" in run("doctor", code=1).out
    assert not home.exists()


def test_a_house_without_people_or_a_service_works_and_says_how_to_go_on(run: Run, home: Path) -> None:
    run("init")
    found = grades(run)
    assert {found[name] for name in ("settings", "home", "keys", "database", "clock")} == {"fine"}
    assert (found["people"], found["service"], found["mail"]) == ("warn", "warn", "warn")
    with open_house() as house:
        with house.database.write() as session:
            add_person(session, house.keys, "zhu", "主任", at=house.clock.now(), actor="test")
        assert grades(run)["people"] == "warn"
        make_account(house.database, house.keys, "webhook", "a")
        now = SystemClock().now()
        with house.database.write() as session:
            session.add(PeriodicRun(name="sweep", fire_at=now, node="n", started_at=now - timedelta(hours=1)))
    found = grades(run)
    assert (found["people"], found["service"]) == ("fine", "fine")


@pytest.mark.parametrize(
    ("harm", "name", "grade", "cure"),
    [
        (lambda home: (home / "settings.toml").write_text("sender = 3\n"), "settings", "bad", "senders"),
        (lambda home: (home / "keys.json").write_text("{}"), "keys", "bad", "keys.json"),
        (lambda home: (home / "keys.json").chmod(0o644), "keys", "bad", "chmod"),
        (lambda home: home.chmod(0o755), "home", "warn", "chmod 700"),
        (lambda home: (home / "meizhen.sqlite").write_bytes(b"x" * 4096), "database", "bad", ""),
        (lambda home: (home / "media").rmdir(), "home", "bad", ""),
    ],
    ids=["settings", "keys", "open_keys", "open_home", "no_database", "no_media"],
)
def test_each_harm_is_named_with_its_cure(
    run: Run, home: Path, harm: Callable[[Path], object], name: str, grade: str, cure: str
) -> None:
    run("init")
    harm(home)
    said = run("doctor", "--json", code=1 if grade == "bad" else 0)
    (found,) = [one for one in said.json() if one["name"] == name]
    assert found["grade"] == grade and found["told"]
    assert found["remedy"] and cure in found["told"] + found["remedy"]


def test_older_tables_are_bad_and_little_room_is_a_warning(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_house(load_settings())
    monkeypatch.setattr("meizhen.doctor._ROOM_BYTES", 1 << 60)
    assert grades(run)["room"] == "warn"
    with open_house() as house, house.database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    assert grades(run, code=1)["database"] == "bad"
