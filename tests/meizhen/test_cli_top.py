"""`meizhen figures top` as a person calls it: table, JSON, and what it says of what cannot be."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from archived import Told, write_archive
from command import invoke
from scenery import make_account
from typer.testing import Result

from analytics.figures import (
    ArticleFact,
    ArticleFigure,
    Meaning,
    know_metrics,
    source_id,
    store_articles,
    store_snapshots,
)
from config import InputError, load_settings, migrate, open_database
from config.secrets import create_key_file, load_key_file
from meizhen.house import KEY_FILE

AT = datetime(2026, 2, 9, tzinfo=UTC)


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A house whose archive has December and whose database has January."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("MEIZHEN_HOME", str(folder))
    monkeypatch.setenv("COLUMNS", "160")
    create_key_file(folder / KEY_FILE)
    database = open_database(load_settings())
    migrate(database)
    account = make_account(database, load_key_file(folder / KEY_FILE), "wechat", "qnzs")
    with database.write() as session:
        know_metrics(session, "wechat", [Meaning("read_people", "people", "cumulative")])
        day = date(2026, 1, 6)
        article = store_articles(session, account.known_id, [ArticleFact("1_1", "题", "", AT, day)])["1_1"]
        figure = ArticleFigure(article, "read_people", day + timedelta(days=7), 1_200)
        store_snapshots(session, source_id(session, "api", "wechat", AT), AT, [figure])
    database.close()
    old = Told(
        "wechat",
        "qnzs",
        "NM",
        "0_1",
        date(2025, 12, 30),
        "read_people",
        "people",
        "cumulative",
        7,
        300 * 10**6,
    )
    write_archive(folder / "archive", [old])
    return folder


def call(*arguments: object) -> Result:
    days = ["--since", "2025-12-01", "--until", "2026-01-31"]
    return invoke("figures", "top", *days, *arguments)


def test_a_person_gets_a_table_and_how_the_values_came_about(home: Path) -> None:
    said = call("--metric", "read_people")
    assert said.exit_code == 0, (said.output, said.exception)
    assert "each article's newest figure, added up" in said.stdout
    assert "账号qnzs" in said.stdout and "1,500" in said.stdout and "people" in said.stdout
    assert "Engine duckdb: 1 files of the archive, 1 figures of the database" in said.stdout


def test_a_program_gets_one_json_document_with_exact_values(home: Path) -> None:
    told = json.loads(call("--metric", "read_people", "--by", "month", "--engine", "pandas", "--json").stdout)
    assert [(row["place"], row["month"], row["value"]) for row in told["rows"]] == [
        (1, "2026-01", "1200"),
        (2, "2025-12", "300"),
    ]
    assert (told["metric"], told["together"], told["engine"]) == ("read_people", "sum", "pandas")


def test_the_age_is_told(home: Path) -> None:
    assert "7 days after publishing" in call("--metric", "read_people", "--age", "7").stdout
    assert "no figures of this name" in call("--metric", "read_people", "--age", "30").stdout


_WRONG = [("--level", "x"), ("--by", "x"), ("--by", "week"), ("--engine", "x"), ("--until", "x")]


@pytest.mark.parametrize("wrong", _WRONG)
def test_a_wrong_option_is_refused(home: Path, wrong: tuple[str, str]) -> None:
    assert isinstance(call("--metric", "read_people", *wrong).exception, InputError)
