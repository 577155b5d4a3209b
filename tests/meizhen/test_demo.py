"""The demo, whole, as a user runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from json_schemas import require_schema

from config import MeizhenError
from meizhen.demo.run import demo


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    folder = tmp_path_factory.mktemp("demo") / "here"
    command = [Path(sys.executable).with_name("meizhen"), "demo", "--dir", folder, "--no-serve", "--json"]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)


def test_the_demo_publishes_once_collects_reports_and_ranks(
    finished: subprocess.CompletedProcess[str],
) -> None:
    assert finished.returncode == 0, finished.stderr[-2000:]
    require_schema(["demo", "--json"], finished.returncode, finished.stdout)
    summary = json.loads(finished.stdout)
    assert summary["shortfalls"] == []
    assert (summary["units"], summary["received_twice"]) == (27, 0)
    assert 55 <= summary["accounts"] <= 65
    assert set(summary["deliveries"]) == {"published", "handed_over"}
    assert sum(summary["deliveries"].values()) == summary["queued"] > 300
    assert summary["doubts_settled"] > 0
    for path in summary["files"].values():
        assert Path(path).stat().st_size > 0


def test_the_demo_ranks_three_categories_by_track(finished: subprocess.CompletedProcess[str]) -> None:
    winners = json.loads(finished.stdout)["winners"]
    first = {(winner["category"], winner["track"]) for winner in winners if winner["place"] == 1}
    assert len(first) == 9


def test_the_demo_leaves_a_folder_of_others_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x", "utf-8")
    with pytest.raises(MeizhenError, match="holds something else"), demo(tmp_path, lambda *_: None):
        pass
    assert (tmp_path / "mine.txt").read_text("utf-8") == "x"
