"""`meizhen task`, as people call it: from the list to the pasted link; and the robot that reminds them."""

from collections.abc import Callable
from pathlib import Path

import pytest
import responses
from command import Said, command
from people import make_person
from PIL import Image
from scenery import make_account, make_node, queue_posts, run_until_idle

from analytics.reports.robots import Kind, RobotKey, add_robot
from config import Database, ManualClock
from config.database import clock_of
from config.secrets import KeyRing
from config.settings import load_settings
from meizhen.house import open_house
from meizhen.reminding import remind_of_tasks
from organisation import Role, Unit, find_unit
from scheduler.media import store_media

Run = Callable[..., Said]
LINK = "https://www.xiaohongshu.com/explore/65f0c0de000000001203a1b2"


@pytest.fixture(params=["sqlite"])
def database_address(request: pytest.FixtureRequest, tmp_path: Path, _sqlite_template: Path) -> str:
    """One database: the SQL is tested with the rooms."""
    path = tmp_path / "meizhen.sqlite"
    path.write_bytes(_sqlite_template.read_bytes())
    return f"sqlite:///{path}"


@pytest.fixture
def run(
    database: Database,
    keys: KeyRing,
    clock: ManualClock,
    tmp_path: Path,
    database_address: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    monkeypatch.setenv("MEIZHEN_HOME", str(tmp_path))
    monkeypatch.setenv("MEIZHEN_DATABASE_URL", database_address)
    account = make_account(database, keys, "xiaohongshu", "us")
    picture = tmp_path / "cover.png"
    Image.new("RGB", (3000, 4000)).save(picture)
    media = tmp_path / "media"
    with database.write() as session:
        kept = store_media(session, media, picture, now=clock.now())
    queue_posts(database, account, ["**青年**志愿周"], due=clock.now(), media=[kept.sha256],
                options={"format": "markdown"})  # fmt: skip
    run_until_idle(make_node(database, keys, clock, media))
    return command(monkeypatch, capsys)


def test_a_task_goes_from_the_list_to_its_link(run: Run, tmp_path: Path) -> None:
    run("person", "add", "li", "--name", "李", "--unit", "NM", code=0)
    run("person", "charge", "li", "--account", "xiaohongshu:us", "--deputy")
    (row,) = run("task", "list", "--json").json()
    assert (row["account"], row["state"]) == ("xiaohongshu:us", "waiting")
    out = tmp_path / "out"
    shown = run(
        "task", "show", row["task"], "--into", out, "--qr", tmp_path / "t.svg", "--site", "https://m.edu.cn"
    ).out
    assert "青年志愿周" in shown and "☐" in shown and "app or the creator" in shown
    assert (out / "text.txt").read_text("utf-8") == "青年志愿周"
    with Image.open(out / "01-cover.png") as made:
        assert made.size == (1920, 2560)
    assert (tmp_path / "t.svg").read_text().startswith("<svg")
    assert run("task", "show", row["task"], "--json").json()["checklist"]
    run("task", "open", row["task"])
    assert "opened" in run("task", "list").out
    assert "Nothing was changed" in run("task", "done", row["task"], "--link", "https://a.cn", code=1).err
    assert LINK in run("task", "done", row["task"], "--link", LINK).out
    assert run("task", "list", "--json").json() == []
    assert run("task", "list", "--state", "done", "--json").json()[0]["url"] == LINK
    assert run("post", "list", "--json").json()[0]["state"] == "published"


def test_mistakes_are_told_and_change_nothing(run: Run, tmp_path: Path) -> None:
    run("task", "show", 99, code=1)
    run("task", "list", "--state", "gone", code=1)
    run("task", "list", "--mine", code=1)
    run("task", "show", 1, "--qr", tmp_path / "t.svg", code=1)
    run("task", "show", 1, "--into", tmp_path / "cover.png", code=1)
    run("task", "refuse", 1, "--reason", " ", code=1)
    run("task", "robot", "NM", code=1)
    run("task", "robot", "NM", "--robot", "nowhere", code=1)
    assert run("task", "list", "--json").json()[0]["state"] == "waiting"
    run("task", "refuse", 1, "--reason", "活动取消")
    assert run("post", "list", "--json").json()[0]["state"] == "failed"


def test_whoever_answers_for_a_task_may_end_it_and_nobody_from_elsewhere(
    run: Run, database: Database, keys: KeyRing, clock: ManualClock
) -> None:
    with database.write() as session:
        elsewhere = Unit(code="BJ", kind="region", name_zh="x", path="999/")
        session.add(elsewhere)
    for login, code in (("li", "NM"), ("wang", "BJ")):
        with database.read() as session:
            unit = find_unit(session, code)
        make_person(database, keys, login, at=clock.now(), unit=unit, roles={Role.VIEWER: unit})
    assert "xiaohongshu" not in run("--as", "wang", "task", "list").out
    run("--as", "wang", "task", "show", 1, code=1)
    run("--as", "li", "task", "show", 1)
    run("--as", "li", "task", "done", 1, "--link", LINK, code=1)
    run("person", "charge", "li", "--account", "xiaohongshu:us")
    run("task", "refuse", 1, "--reason", "重发")
    run("post", "retry", 1, "--account", "xiaohongshu:us")
    run_until_idle(make_node(database, keys, clock_of(database), load_settings().home / "media"))
    assert [row["task"] for row in run("--as", "li", "task", "list", "--mine", "--json").json()] == [2]
    run("--as", "li", "task", "done", 2, "--link", LINK)


def test_the_units_robot_tells_of_it_once(run: Run, database: Database, keys: KeyRing) -> None:
    robot = RobotKey(Kind.WECOM, "k" * 32)
    with database.write() as session:
        add_robot(session, keys, "群", robot, now=clock_of(database).now(), actor="test")
    run("task", "robot", "NM", "--robot", "群")
    with responses.RequestsMock() as site, open_house() as house:
        site.post(robot.address.partition("?")[0], json={"errcode": 0, "errmsg": "ok"})
        remind_of_tasks(house)
        remind_of_tasks(house)
        (call,) = site.calls
    assert "xiaohongshu:us" in call.request.body.decode()  # type: ignore[union-attr]
    run("task", "robot", "NM", "--none")


def test_a_robot_that_takes_nothing_holds_nobody_up(run: Run, database: Database, keys: KeyRing) -> None:
    with database.write() as session:
        now = clock_of(database).now()
        add_robot(session, keys, "群", RobotKey(Kind.WECOM, "k" * 32), now=now, actor="test")
    run("task", "robot", "NM", "--robot", "群")
    with responses.RequestsMock() as site, open_house() as house:
        site.post("https://qyapi.weixin.qq.com/cgi-bin/webhook/send", status=500)
        remind_of_tasks(house)
    assert "task_late" in run("queue", "notices", "--json").out
