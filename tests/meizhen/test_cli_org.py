"""`meizhen org`: units in from a file, lists and trees out."""

from collections.abc import Callable
from pathlib import Path

import pytest
from command import Said, command

UNITS = """\
code,parent,kind,name_zh,name_en
NM,,region,内蒙古,Inner Mongolia
HH,NM,league,呼和浩特,Hohhot
HH-1,HH,department,工作站,
"""
Run = Callable[..., Said]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    monkeypatch.setenv("MEIZHEN_HOME", str(tmp_path / "home"))
    run = command(monkeypatch, capsys)
    run("init")
    return run


def written(folder: Path, content: str, encoding: str = "utf-8") -> Path:
    path = folder / "units.csv"
    path.write_bytes(content.encode(encoding))
    return path


def test_import_says_what_it_did(run: Run, tmp_path: Path) -> None:
    file = written(tmp_path, UNITS, "gb18030")
    assert run("org", "import", file).out == "3 added, 0 changed, 0 moved.\n"
    assert run("org", "import", file, "--json").json() == {"added": 0, "changed": 0, "moved": 0}


def test_a_bad_file_ends_with_2_and_names_the_place(run: Run, tmp_path: Path) -> None:
    file = written(tmp_path, UNITS.replace("HH,NM,", "HH,HH-1,"))
    said = run("org", "import", file, code=2)
    assert "units.csv" in said.err and "row 3" in said.err and "HH → HH-1 → HH" in said.err
    assert run("org", "list", "--json").json() == []


def test_a_file_that_is_not_there_is_told(run: Run, tmp_path: Path) -> None:
    assert "No such file" in run("org", "import", tmp_path / "none.csv", code=2).err


def test_list_tree_and_show(run: Run, tmp_path: Path) -> None:
    run("org", "import", written(tmp_path, UNITS))
    rows = run("org", "list", "--unit", "HH", "--json").json()
    assert [(row["code"], row["parent"]) for row in rows] == [("HH", "NM"), ("HH-1", "HH")]
    assert "Inner Mongolia" in run("org", "list").out
    assert run("org", "tree").out.splitlines() == ["内蒙古  NM", "  呼和浩特  HH", "    工作站  HH-1"]
    assert run("org", "tree", "--unit", "HH-1").out.splitlines() == ["工作站  HH-1"]
    shown = run("org", "show", "HH", "--json").json()
    assert (shown["above"], shown["below"], shown["accounts"]) == (["NM"], 1, [])
    assert "Units below: 1" in run("org", "show", "HH").out


def test_an_unknown_unit_is_told(run: Run) -> None:
    for arguments in (("show", "X"), ("list", "--unit", "X"), ("tree", "--unit", "X")):
        assert "no unit with the code “X”" in run("org", *arguments, code=1).err


def test_a_units_lateness_is_set_shown_and_inherited(run: Run, tmp_path: Path) -> None:
    run("org", "import", written(tmp_path, UNITS))
    assert run("org", "show", "HH-1", "--json").json()["lateness"] == {"hours": 2.0, "unit": None}
    assert "6 h late (says HH)" in run("org", "set", "HH", "--lateness-hours", "6").out
    assert run("org", "show", "HH-1", "--json").json()["lateness"] == {"hours": 6.0, "unit": "HH"}
    assert "Lateness: 6 h (says HH)" in run("org", "show", "HH-1").out
    hours = {row["code"]: row["lateness_hours"] for row in run("org", "list", "--json").json()}
    assert hours == {"NM": None, "HH": 6.0, "HH-1": None}
    assert "6.0" in run("org", "list").out
    assert "2 h late (says the setting)" in run("org", "set", "HH", "--lateness-hours", "inherit").out
    assert "over 0 and at most 720" in run("org", "set", "HH", "--lateness-hours", "0", code=1).err
    assert "no unit" in run("org", "set", "X", "--lateness-hours", "1", code=1).err
    acts = [entry["act"] for entry in run("ledger", "list", "--json").json()]
    assert acts.count("unit.lateness") == 2
