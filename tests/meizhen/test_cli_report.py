"""`meizhen report`: files and pictures are where they were asked for."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from command import invoke

from analytics.exports.week import Week
from config import MeizhenError, load_settings, migrate, open_database
from config.secrets import create_key_file
from meizhen.house import KEY_FILE


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("MEIZHEN_HOME", str(folder))
    create_key_file(folder / KEY_FILE)
    database = open_database(load_settings())
    migrate(database)
    database.close()


def test_the_report_of_a_week_is_written_in_every_format(tmp_path: Path) -> None:
    result = invoke("report", "weekly", "--week", "2026-W46", "--out", str(tmp_path / "out"))
    assert result.exit_code == 0, result.output
    paths = [
        tmp_path / "out" / f"meizhen-weekly-2026-W46.{name}" for name in ("xlsx", "csv", "parquet", "pdf")
    ]
    assert sorted(paths) == sorted((tmp_path / "out").iterdir())
    assert all(str(path) in result.stdout for path in paths)


def test_only_the_formats_asked_for_are_written(tmp_path: Path) -> None:
    arguments = ["report", "weekly", "--week", "2026-W46", "--out", str(tmp_path / "out")]
    result = invoke(*arguments, "--format", "csv, xlsx")
    assert result.exit_code == 0, result.output
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".csv", ".xlsx"}


def test_without_a_week_it_is_the_one_before_this(tmp_path: Path) -> None:
    result = invoke("report", "weekly", "--out", str(tmp_path), "--format", "csv", "--json")
    told = json.loads(result.stdout)
    assert Path(told["files"]["csv"]).exists()
    today = datetime.now(UTC).date()
    assert told["week"] in {
        str(Week.of(day).before) for day in (today, date.fromordinal(today.toordinal() + 1))
    }


def test_the_pictures_of_a_week_are_drawn(tmp_path: Path) -> None:
    arguments = ["report", "pictures", "--week", "2026-W46", "--out", str(tmp_path / "out")]
    result = invoke(*arguments, "--json")
    files = json.loads(result.stdout)["files"]
    assert set(files) == {"trend", "hours", "units"}
    told = [Path(path) for pair in files.values() for path in pair]
    assert sorted(told) == sorted((tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--week", "46"], "report.not_a_week"),
        (["--week", "2026-W46", "--unit", "X"], "org.unknown_unit"),
        (["--week", "2026-W46", "--format", "docx"], "report.not_a_format"),
    ],
)
def test_what_cannot_be_reported_is_told(tmp_path: Path, arguments: list[str], code: str) -> None:
    result = invoke("report", "weekly", "--out", str(tmp_path), *arguments)
    assert isinstance(result.exception, MeizhenError)
    assert result.exception.code == code
