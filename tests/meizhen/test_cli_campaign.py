"""`meizhen campaign`, as people call it: from the plan to the closing report."""

from collections.abc import Callable
from pathlib import Path

import pytest
from campaigning import Field
from command import Said, command
from people import make_person

from config import Database, ManualClock
from config.secrets import KeyRing
from organisation import Role

Run = Callable[..., Said]
PLAN = ("--unit", "NM", "--title", "学雷锋", "--from", "2026-03-01", "--until", "2030-03-20")


@pytest.fixture(params=["sqlite"])
def database_address(request: pytest.FixtureRequest, tmp_path: Path, _sqlite_template: Path) -> str:
    """One database: the SQL is tested with the rooms."""
    path = tmp_path / "meizhen.sqlite"
    path.write_bytes(_sqlite_template.read_bytes())
    return f"sqlite:///{path}"


@pytest.fixture
def field(database: Database, keys: KeyRing, clock: ManualClock) -> Field:
    return Field(database, keys, clock)


@pytest.fixture
def run(
    field: Field,
    tmp_path: Path,
    database_address: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    monkeypatch.setenv("MEIZHEN_HOME", str(tmp_path))
    monkeypatch.setenv("MEIZHEN_DATABASE_URL", database_address)
    return command(monkeypatch, capsys)


def test_a_campaign_from_its_plan_to_its_report(run: Run, tmp_path: Path) -> None:
    assert run("campaign", "add", *PLAN, "--dry-run", "--json").json()["campaign"] is None
    assert run("campaign", "list", "--json").json() == []
    made = run("campaign", "add", *PLAN, "--json").json()
    assert made == {"campaign": 1, "unit": "NM", "units": ["HH", "BT"]}
    run("campaign", "item", "add", 1, "--title", "推送", "--due", "2030-03-03", "--wanted", 2)
    item = run("campaign", "item", "add", 1, "--title", "多余的", "--due", "2030-03-03", "--json").json()
    assert (item["number"], item["due"], item["wanted"]) == (2, "2030-03-03", 1)
    run("campaign", "item", "edit", 1, 2, "--due", "2030-03-04")
    run("campaign", "item", "remove", 1, 2)
    run("campaign", "edit", 1, "--goal", "都动起来", "--take-part", "HH-1", "--leave", "BT")
    post = ("--account", "webhook:HH", "--due", "2030-03-02T09:00", "--text", "正文", "--json")
    added = run("post", "add", *post, "--campaign", "1/1").json()["post"]
    draft = run("post", "draft", *post).json()["post"]
    run("campaign", "attach", "1/1", draft)
    run("campaign", "detach", 1, draft)
    work = run("campaign", "done", "1/1", "--unit", "HH-1", "--note", "清扫社区", "--json").json()["work"]
    shown = run("campaign", "show", 1, "--json").json()
    assert [(row["unit"], row["cells"][0]["done"], row["cells"][0]["coming"]) for row in shown["matrix"]] == [
        ("HH", 0, 1),
        ("HH-1", 1, 0),
    ]
    assert [one["post"] for one in shown["register"] if one["post"]] == [added]
    told = run("campaign", "show", 1).out
    assert "学雷锋" in told and "都动起来" in told and "0/2" in told
    assert run("campaign", "list", "--phase", "running").out.count("学雷锋") == 1
    run("campaign", "undone", 1, work)
    left = run("campaign", "close", 1, "--dry-run", "--json").json()
    assert left["closed"] is False and len(left["left"]) == 2
    closed = run("campaign", "close", 1, "--out", tmp_path / "out", "--json").json()
    assert [Path(one).name for one in closed["files"]] == [
        "meizhen-campaign-1.xlsx",
        "meizhen-campaign-1.pdf",
    ]
    assert "Nothing was closed" not in run("campaign", "show", 1).out
    run("campaign", "attach", "1/1", draft, code=1)
    run("campaign", "reopen", 1)
    written = run("campaign", "report", 1, "--out", tmp_path / "again", "--format", "xlsx", "--json").json()
    assert [Path(file).name for file in written["files"]] == ["meizhen-campaign-1.xlsx"]


def test_mistakes_are_told_and_change_nothing(run: Run) -> None:
    wrong = run("campaign", "add", *PLAN[:-1], "2020-01-01", "--take-part", "BJ", code=2).err
    assert "before it begins" in wrong and "BJ" in wrong
    run(
        "campaign",
        "add",
        "--unit",
        "NM",
        "--title",
        "x",
        "--from",
        "gestern",
        "--until",
        "2030-01-01",
        code=2,
    )
    run("campaign", "show", 1, code=1)
    run("campaign", "list", "--phase", "never", code=1)
    run("campaign", "add", *PLAN)
    run("campaign", "edit", 1, code=1)
    for told in ("x", "1/2/3", "1/9"):
        run("campaign", "attach", told, 1, code=1)
    run("campaign", "done", "1", "--unit", "HH", "--note", "x", code=1)
    post = ("--account", "webhook:HH", "--due", "2030-03-02T09:00", "--text", "正文")
    run("post", "add", *post, "--campaign", "1/9", code=1)
    assert run("post", "list", "--json").json() == []


def test_a_person_sees_and_changes_what_their_units_are_part_of(run: Run, field: Field) -> None:
    run("campaign", "add", *PLAN)
    run("campaign", "item", "add", 1, "--title", "推送", "--due", "2030-03-03")
    run("campaign", "add", *PLAN[:3], "只有包头", *PLAN[4:], "--take-part", "BT")
    make_person(
        field.database, field.keys, "ed", at=field.clock.now(), roles={Role.EDITOR: field.units["HH"]}
    )
    mine = run("--as", "ed", "campaign", "list", "--json").json()
    assert [one["campaign"] for one in mine] == [1]
    shown = run("--as", "ed", "campaign", "show", 1, "--json").json()
    assert [row["unit"] for row in shown["matrix"]] == ["HH"]
    run("--as", "ed", "campaign", "show", 2, code=1)
    run("--as", "ed", "campaign", "close", 1, code=1)
    run("--as", "ed", "campaign", "done", "1/1", "--unit", "BT", "--note", "x", code=1)
    run("--as", "ed", "campaign", "done", "1/1", "--unit", "HH", "--note", "清扫社区")
    post = field.post("HH")
    run("--as", "ed", "campaign", "attach", "2", post, code=1)
    run("--as", "ed", "campaign", "attach", "1/1", post)
