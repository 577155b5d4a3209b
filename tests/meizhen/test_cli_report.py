"""`meizhen report weekly`: the file is where it was asked for."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from analytics.exports.week import Week
from config import MeizhenError, load_settings, migrate, open_database
from config.secrets import create_key_file
from meizhen.cli import app
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


def test_the_report_of_a_week_is_written(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app, ["report", "weekly", "--week", "2026-W46", "--out", str(tmp_path / "out")]
    )
    path = tmp_path / "out" / "meizhen-weekly-2026-W46.xlsx"
    assert (result.exit_code, path.exists()) == (0, True)
    assert str(path) in result.stdout


def test_without_a_week_it_is_the_one_before_this(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["report", "weekly", "--out", str(tmp_path), "--json"])
    told = json.loads(result.stdout)
    assert Path(told["path"]).exists()
    today = datetime.now(UTC).date()
    assert told["week"] in {
        str(Week.of(day).before) for day in (today, date.fromordinal(today.toordinal() + 1))
    }


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--week", "46"], "report.not_a_week"), (["--week", "2026-W46", "--unit", "X"], "org.unknown_unit")],
)
def test_what_cannot_be_reported_is_told(tmp_path: Path, arguments: list[str], code: str) -> None:
    result = CliRunner().invoke(app, ["report", "weekly", "--out", str(tmp_path), *arguments])
    assert isinstance(result.exception, MeizhenError)
    assert result.exception.code == code
