"""`meizhen figures archive` and `archives` as a person calls them."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from archiving import store
from command import Said, command
from scenery import make_account

from analytics import load
from config import load_settings, migrate, open_database
from config.clock import shanghai_day
from config.secrets import create_key_file, load_key_file
from meizhen.house import KEY_FILE
from organisation import verify

LONG_AGO = date(2025, 3, 3)
YESTERDAY = shanghai_day(datetime.now(UTC)) - timedelta(days=1)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Any:
    """A house with an old month and yesterday's figures, and the command."""
    monkeypatch.setenv("MEIZHEN_HOME", str(tmp_path))
    create_key_file(tmp_path / KEY_FILE)
    keys = load_key_file(tmp_path / KEY_FILE)
    database = open_database(load_settings())
    migrate(database)
    account = make_account(database, keys, "wechat", "qnzs")
    for day in (LONG_AGO, YESTERDAY):
        store(database, account, day, {("like", 1): 5, ("like", 7): 6}, days={day: 3})
    database.close()
    return command(monkeypatch, capsys)


def figures() -> list[float]:
    database = open_database(load_settings())
    try:
        return [
            value for kind in ("articles", "account_days") for value in load(database, kind=kind)["value"]
        ]
    finally:
        database.close()


def test_a_month_is_archived_listed_and_verified(run: Any, tmp_path: Path) -> None:
    before = figures()
    assert (
        "2025-03 wechat articles: 2 figures can be archived. Nothing was changed."
        in run("figures", "archive", "--dry-run").out
    )
    assert "Nothing is archived" in run("figures", "archives").out
    said: Said = run("figures", "archive")
    assert "2025-03 wechat articles: 2 figures in the archive, 2 taken out" in said.out
    assert "2025-03 wechat account days: 1 figures in the archive, 1 taken out" in said.out
    assert "can still change, can be archived from" in said.out
    assert figures() == before == [5, 6, 5, 6, 3, 3]
    assert "No month to archive" in run("figures", "archive").out
    listed = run("figures", "archives", "--json").json()
    assert [(one["month"], one["platform"], one["kind"], one["rows"], one["state"]) for one in listed] == [
        ("2025-03", "wechat", "account_days", 1, "whole"),
        ("2025-03", "wechat", "articles", 2, "whole"),
    ]
    assert "2025-03" in run("figures", "archives").out
    assert "as recorded" in run("figures", "archive", "--verify").out
    assert (
        tmp_path / "archive" / "articles" / "month=2025-03" / "platform=wechat" / "part.parquet"
    ).is_file()
    assert list((tmp_path / "temporary").iterdir()) == []


def test_what_differs_is_told_with_an_exit_code(run: Any, tmp_path: Path) -> None:
    done = run("figures", "archive", "--month", "2025-03", "--json").json()["done"]
    assert [(one["partition"]["kind"], one["removed"], one["left"]) for one in done] == [
        ("account_days", 1, 0),
        ("articles", 2, 0),
    ]
    (tmp_path / "archive" / "articles" / "month=2025-03" / "platform=wechat" / "part.parquet").unlink()
    assert "missing" in run("figures", "archive", "--verify", code=1).out
    assert json.loads(run("figures", "archive", "--verify", "--json", code=1).out)[0]["state"] == "missing"
    assert "missing" in run("figures", "archives").out
    assert "Put it back from a backup" in run("figures", "export", "--out", tmp_path / "x.csv", code=1).err


def test_a_month_that_cannot_be_archived_is_told_why(run: Any) -> None:
    month = f"{YESTERDAY:%Y-%m}"
    assert (
        "can still change: it can be archived from" in run("figures", "archive", "--month", month, code=1).err
    )
    assert "Write it as 2026-03" in run("figures", "archive", "--month", "March", code=1).err


def test_the_settings_say_where_and_how(run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MEIZHEN_ARCHIVE", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("MEIZHEN_DUCKDB_MEMORY", "64MB")
    monkeypatch.setenv("MEIZHEN_DUCKDB_THREADS", "1")
    run("figures", "archive")
    assert (tmp_path / "elsewhere" / "articles").is_dir()
    assert "as recorded" in run("figures", "archive", "--verify").out
    database = open_database(load_settings())
    with database.read() as session:
        report = verify(session, load_key_file(tmp_path / KEY_FILE))
    database.close()
    assert report.fault is None and report.entries == 2
