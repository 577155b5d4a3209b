"""The notebook of the docs runs as written against a tiny house; the reference names the true columns."""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import jupytext
import pytest
from archived import Told, write_archive
from scenery import make_account

from analytics import frames, weeks
from analytics.engines import top
from analytics.figures import (
    ArticleFact,
    ArticleFigure,
    Meaning,
    know_metrics,
    source_id,
    store_articles,
    store_snapshots,
)
from config import load_settings, migrate, open_database
from config.secrets import create_key_file, load_key_file

DOCS = Path(__file__).parents[1] / "docs"
NOTEBOOK = DOCS / "tutorials" / "figures-in-python.ipynb"
AT = datetime(2026, 3, 9, tzinfo=UTC)


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Two accounts with an article each in the last week; one had another in the archived week before."""
    monkeypatch.setenv("MEIZHEN_HOME", str(tmp_path))
    create_key_file(tmp_path / "keys.json")
    keys = load_key_file(tmp_path / "keys.json")
    database = open_database(load_settings())
    migrate(database)
    for handle, reads in (("a", 300), ("b", 200)):
        account = make_account(database, keys, "wechat", handle)
        with database.write() as session:
            know_metrics(session, "wechat", [Meaning("read_people", "people", "cumulative")])
            day = date(2026, 3, 3)
            fact = ArticleFact(f"{handle}_1", "学雷锋", "", AT, day)
            article = store_articles(session, account.known_id, [fact])[fact.remote_id]
            figure = ArticleFigure(article, "read_people", day + timedelta(days=3), reads)
            store_snapshots(session, source_id(session, "api", "wechat", AT), AT, [figure])
    database.close()
    old = Told(
        "wechat", "b", "NM", "b_0", date(2026, 2, 24), "read_people", "people", "cumulative", 3, 100 * 10**6
    )
    write_archive(tmp_path / "archive", [old])
    return tmp_path


def test_the_notebook_is_committed_without_outputs_and_runs(home: Path) -> None:
    notebook = jupytext.read(NOTEBOOK)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.get("outputs") for cell in code] == [[]] * len(code)
    names: dict[str, Any] = {}
    exec(compile(jupytext.writes(notebook, fmt="py:percent"), str(NOTEBOOK), "exec"), names)  # noqa: S102
    assert list(zip(names["weeks"]["account"], names["weeks"]["value"], strict=True)) == [
        ("wechat:a", 300.0),
        ("wechat:b", 100.0),
        ("wechat:b", 200.0),
    ]
    assert list(names["weeks"]["change"].fillna(0)) == [0, 0, 1]
    assert list(names["places"]["place"]) == [1, 1]
    assert list(names["best"]["value"]) == [300.0, 300.0]
    assert len(names["figures"]) >= 2


@pytest.mark.parametrize(
    ("name", "columns"),
    [("load", frames.COLUMNS["articles"]), ("weekly", weeks.COLUMNS), ("top", top.COLUMNS)],
)
def test_the_reference_has_the_columns_and_dtypes_of_each_frame(name: str, columns: dict[str, str]) -> None:
    page = (DOCS / "reference" / "python.md").read_text("utf-8")
    table = page.partition(f"<!-- {name} -->")[2].partition("\n\n")[0]
    assert dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", table, re.MULTILINE)) == columns
