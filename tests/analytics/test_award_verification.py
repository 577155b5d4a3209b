"""A run can be checked by anybody: computed again from its frozen inputs, compared with another one."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from award_world import Store, World, a_year, content, small_rule, wechat

from analytics.awards import run_award, shipped_rule
from analytics.awards.comparison import compare
from analytics.awards.folder import ENGINE
from analytics.awards.verification import verify
from config.database import Database
from config.errors import MeizhenError

ROOT = Path(__file__).parents[2]
MONDAY = date(2026, 1, 5)
ELSEWHERE = """
import sys
from pathlib import Path
from analytics.awards import run_award
from config.database import connect
run_award(connect(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, _sqlite_template: Path) -> Path:
    """The folder of a small finished run; tests copy it."""
    from config.database import connect

    folder = tmp_path_factory.mktemp("run")
    shutil.copy(_sqlite_template, folder / "db.sqlite")
    database = connect(f"sqlite:///{folder / 'db.sqlite'}")
    world = World()
    for number in range(4):
        key = world.account("wechat", f"demo-{number}", "league" if number < 3 else "university")
        for week in range(5):
            world.article(key, MONDAY + timedelta(days=7 * week), wechat(400 + 90 * number + week))
    world.store(database, 1)
    run_award(database, small_rule(folder), folder / "out")
    database.close()
    return folder / "out"


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return shutil.copytree(finished, tmp_path / "run")


def test_databases_locales_time_zones_and_row_orders_give_identical_folders(
    database: Database, database_address: str, store: Store, tmp_path: Path
) -> None:
    world = a_year()
    world.store(database, seed=1)
    run_award(store(world, 2), shipped_rule(), tmp_path / "here")
    # One zone and locale a database: each run of another process takes seconds.
    on_sqlite = database_address.startswith("sqlite")
    locale, zone = ("C", "America/New_York") if on_sqlite else ("zh_CN.GB18030", "Asia/Kolkata")
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, database_address, shipped_rule(), tmp_path / "there"],
        env={"LC_ALL": locale, "TZ": zone, "PYTHONPATH": str(ROOT), "MEIZHEN_LANGUAGE": "zh"},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    assert content(tmp_path / "there") == content(tmp_path / "here")


def test_a_sound_run_is_computed_again_to_the_same_bytes(run: Path) -> None:
    before = content(run)
    found = verify(run)
    assert found.differences == ()
    assert found.run_id == json.loads((run / "run.json").read_text("utf-8"))["run_id"]
    assert found.files == len(before)
    assert content(run) == before


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), "utf-8")


@pytest.mark.parametrize(
    ("change", "file", "kind"),
    [
        (
            lambda run: edit(run / "wechat/score.csv", ",league,", ",university,"),
            "wechat/score.csv",
            "changed",
        ),
        (lambda run: edit(run / "ranking.csv", "true", "false"), "ranking.csv", "changed"),
        (lambda run: edit(run / "wechat/articles.csv", ",673,", ",911,"), "wechat/articles.csv", "input"),
        (lambda run: edit(run / "rule.toml", "anchor = 1000", "anchor = 1001"), "rule.toml", "input"),
        (lambda run: edit(run / "rule.toml", 'weight = "1"', 'weight = "2"'), "rule.toml", "input"),
        (lambda run: (run / "wechat/places.csv").unlink(), "wechat/places.csv", "missing"),
        (lambda run: (run / "ranking.svg").write_bytes(b"<svg/>"), "ranking.svg", "changed"),
        (lambda run: (run / "other.csv").write_bytes(b"x"), "other.csv", "unknown"),
        (
            lambda run: edit(run / "stages/05-aggregate.json", f'"{ENGINE}"', '"1"'),
            "stages/05-aggregate.json",
            "changed",
        ),
    ],
)
def test_whatever_was_changed_is_named(
    run: Path, change: Callable[[Path], object], file: str, kind: str
) -> None:
    change(run)
    told = {(one.file, one.kind) for one in verify(run).differences}
    assert (file, kind) in told


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("wechat/accounts.csv", b"handle\nx\n"),
        ("wechat/articles.csv", b""),
        ("wechat/articles.csv", b"\xff\xfe"),
        ("rule.toml", b"schema = "),
        ("stages/01-freeze.json", b"{}"),
    ],
)
def test_a_mangled_input_is_a_difference_and_no_crash(run: Path, file: str, content: bytes) -> None:
    (run / file).write_bytes(content)
    try:
        assert verify(run).differences
    except MeizhenError as error:
        assert error.code == "award.not_frozen"


def test_the_cell_that_differs_is_told(run: Path) -> None:
    edit(run / "wechat/index.csv", "demo-1,", "demo-1,9")
    (one,) = (one for one in verify(run).differences if one.file == "wechat/index.csv")
    assert (one.row, one.column) == (3, "index")
    assert one.received == f"9{one.expected}"


def test_a_folder_without_a_run_or_of_another_engine_is_told(run: Path, tmp_path: Path) -> None:
    with pytest.raises(MeizhenError) as refused:
        verify(tmp_path)
    assert refused.value.code == "award.no_run"
    edit(run / "run.json", f'"engine": "{ENGINE}"', '"engine": "1"')
    with pytest.raises(MeizhenError) as refused:
        verify(run)
    assert refused.value.code == "award.other_engine"


def test_a_run_is_the_same_as_its_copy(run: Path, finished: Path) -> None:
    found = compare(run, finished)
    assert found.same
    assert (found.inputs, found.moves) == ((), ())


def test_two_runs_differ_by_input_place_and_reason(run: Path, store: Store, tmp_path: Path) -> None:
    world = World()
    for number in range(4):
        key = world.account("wechat", f"demo-{number}", "league" if number < 3 else "university")
        for week in range(5 if number else 0):
            size = 400 + 90 * number + week + (900 if number == 1 else 0)
            world.article(key, MONDAY + timedelta(days=7 * week), wechat(size))
    run_award(store(world), small_rule(tmp_path), tmp_path / "other")
    found = compare(run, tmp_path / "other")
    assert found.inputs == ("wechat/articles.csv",)
    told = {move.handle: (move.places, move.reasons) for move in found.moves}
    assert told["demo-1"][0] == (2, 1)
    assert told["demo-2"][0] == (1, 2)
    places, (reason,) = told["demo-0"]
    assert places == (3, None)
    assert reason["rule"] == "min_posts"
    assert "demo-3" not in told
