"""`meizhen ledger`: sound or not, by exit code too."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from command import Said, command

Run = Callable[..., Said]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: Path) -> Run:
    monkeypatch.setenv("MEIZHEN_HOME", str(home))
    run = command(monkeypatch, capsys)
    run("init")
    return run


def forge(home: Path, statement: str) -> None:
    connection = sqlite3.connect(home / "meizhen.sqlite")
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_a_sound_ledger_gives_its_head_to_note_elsewhere(run: Run) -> None:
    report = run("ledger", "verify", "--json").json()
    assert (report["sound"], report["entries"], report["fault"]) == (True, 1, None)
    assert report["head"] in run("ledger", "verify").out


@pytest.mark.parametrize(
    ("statement", "kind", "told"),
    [
        ("UPDATE ledger_entry SET actor = 'x'", "changed", "entry 1 does not match"),
        ("DELETE FROM ledger_entry", "truncated", "from entry 1 on is missing"),
        ("UPDATE ledger_head SET count = 0", "head", "after entry 1"),
        ("UPDATE ledger_entry SET seq = 2", "deleted", "entry 1 is missing"),
        (
            "INSERT INTO ledger_entry SELECT 2, at, actor, act, subject, details, mac FROM ledger_entry",
            "inserted",
            "entry 2 was not written",
        ),
    ],
)
def test_a_changed_ledger_ends_with_1_and_names_the_row(
    run: Run, home: Path, statement: str, kind: str, told: str
) -> None:
    forge(home, statement)
    said = run("ledger", "verify", code=1)
    assert told in said.err and "compare it with your backups" in said.err
    assert run("ledger", "verify", "--json", code=1).json()["fault"]["kind"] == kind


def test_the_list_is_newest_first_and_by_subject(run: Run, tmp_path: Path) -> None:
    units = tmp_path / "units.csv"
    units.write_text("code,parent,kind,name_zh\nNM,,region,x\n", "utf-8")
    run("org", "import", units)
    assert [row["act"] for row in run("ledger", "list", "--json").json()] == ["unit.import", "house.init"]
    (row,) = run("ledger", "list", "--subject", "file:units.csv", "--json").json()
    assert row["details"] == {"added": 1, "changed": 0, "moved": 0}
    assert "house.init" in run("ledger", "list").out
    assert len(run("ledger", "list", "--limit", "1", "--json").json()) == 1
