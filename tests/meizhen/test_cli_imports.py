"""`meizhen figures` about files as a person calls it: looked at, imported, listed, undone, compared."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from command import Said, command
from scenery import make_account

from analytics.figures import (
    ArticleFact,
    ArticleFigure,
    Meaning,
    know_metrics,
    source_id,
    store_articles,
    store_snapshots,
)
from config import Database, load_settings, migrate, open_database
from config.secrets import create_key_file, load_key_file
from config.table_files import open_table
from meizhen.house import KEY_FILE
from organisation.accounts import Account

SAMPLE = Path(__file__).parents[1] / "analytics" / "data" / "wechat-export-sample.csv"
AT = datetime(2026, 3, 9, 1, tzinfo=UTC)
FIRST = "西部计划志愿者招募开始啦"


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Database]:
    """The database of a made house with one WeChat account."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("MEIZHEN_HOME", str(folder))
    monkeypatch.setenv("MEIZHEN_ACTOR", "cli:li")
    create_key_file(folder / KEY_FILE)
    database = open_database(load_settings())
    migrate(database)
    yield database
    database.close()


@pytest.fixture
def account(database: Database, tmp_path: Path) -> Account:
    return make_account(database, load_key_file(tmp_path / "home" / KEY_FILE), "wechat", "qnzs")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], account: Account):  # type: ignore[no-untyped-def]
    asked = command(monkeypatch, capsys)

    def figures(*arguments: object, code: int = 0) -> Said:
        return asked("figures", *arguments, code=code)

    return figures


def tell(database: Database, account: Account, reads: int) -> None:
    """What the platform told of the sample's first article on the day of the import."""
    with database.write() as session:
        know_metrics(session, "wechat", [Meaning("read_people", "people", "cumulative")])
        fact = ArticleFact("100_1", FIRST, "", AT, date(2026, 3, 2))
        ids = store_articles(session, account.known_id, [fact])
        source = source_id(session, "api", "wechat articles", AT)
        figure = ArticleFigure(ids["100_1"], "read_people", date(2026, 3, 9), reads)
        store_snapshots(session, source, AT, [figure])


def test_a_preview_shows_rows_and_what_differs(run, database: Database, account: Account) -> None:  # type: ignore[no-untyped-def]
    tell(database, account, 1700)
    told = run("import", SAMPLE, "--as-of", "2026-03-09", "--dry-run").out
    assert "nothing was changed" in told
    assert f"Row 2 wechat:qnzs “{FIRST}”, published 2026-03-02, as of 2026-03-09, a known article" in told
    assert "a new article" in told and "read_people=1832" in told
    assert "1 figure(s) differ" in told and "1700" in told
    report = run("import", SAMPLE, "--as-of", "2026-03-09", "--dry-run", "--json").json()
    assert [(one["row"], float(one["told"])) for one in report["first_conflicts"]] == [(2, 1700)]
    assert "No file was imported" in run("imports").out


def test_an_import_is_listed_compared_and_undone(run, database: Database, account: Account) -> None:  # type: ignore[no-untyped-def]
    tell(database, account, 1700)
    assert "agree" in run("conflicts").out
    assert "`meizhen figures undo 1`" in run("import", SAMPLE, "--as-of", "2026-03-09").out
    (listed,) = run("imports", "--json").json()
    assert (listed["id"], listed["actor"], listed["state"], listed["figures"]) == (1, "cli:li", "applied", 48)
    (conflict,) = run("conflicts", "--json").json()
    told = (conflict["title"], conflict["imported"], conflict["told_by_platform"])
    assert told == (FIRST, "1832", "1700")
    assert "1700" in run("conflicts", "--since", "2026-03-09", "--until", "2026-03-09").out
    assert run("conflicts", "--since", "2026-03-10", "--json").json() == []
    assert run("undo", 1, "--json").json()["state"] == "undone"
    assert "undone" in run("imports").out
    assert run("conflicts", "--json").json() == []
    assert "was undone before" in run("undo", 1, code=1).err
    assert "There is no import" in run("undo", 2, "--json", code=1).err


def bad_file(tmp_path: Path, rows: int) -> Path:
    path = tmp_path / "bad.csv"
    lines = [f"第{number}期,2026-03-02,10万+" for number in range(rows)]
    path.write_text("\n".join(["内容标题,发表时间,总阅读人数", "好,2026-03-02,1", *lines]), encoding="utf-8")
    return path


def test_every_bad_cell_comes_as_json_and_the_first_ones_for_people(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = bad_file(tmp_path, 30)
    refused = run("import", path, code=2)
    assert "30 problem(s); nothing of it was applied" in refused.err
    assert refused.err.count("10万+”. Leave") == 20 and "… and 10 more" in refused.err
    told = run("import", path, "--json", code=2).json()
    assert (told["code"], told["count"], "problems" in told) == ("input.refused", 30, False)
    assert [cell["row"] for cell in told["bad_cells"]] == list(range(3, 33))
    assert {cell["column"] for cell in told["bad_cells"]} == {"总阅读人数"}


def test_bad_rows_are_left_out_if_asked_and_named(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = bad_file(tmp_path, 2)
    dry = run("import", path, "--skip-bad-rows", "--dry-run", "--json").json()
    assert (dry["rows"], dry["skipped"], len(dry["bad_cells"])) == (1, 2, 2)
    done = run("import", path, "--skip-bad-rows")
    assert "2 row(s) were left out" in done.err and "row 4" in done.err
    assert "1 rows, 1 figures" in done.out


def test_a_refusal_before_any_row_is_json_too(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    told = run("import", path, "--json", code=2).json()
    assert [problem["code"] for problem in told["problems"]] == ["figures.no_mapping"]


def test_the_template_is_written_once_under_a_name_or_a_given_one(
    run,  # type: ignore[no-untyped-def]
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "1 active accounts" in run("template", "--unit", "NM").out
    (path,) = tmp_path.glob("figures-*.xlsx")
    with open_table(path) as table:
        assert table.columns[:3] == ("Account", "Day", "Title")
    assert "not overwritten" in run("template", "--out", path, code=1).err


def test_who_has_not_reported_is_told_by_week(run) -> None:  # type: ignore[no-untyped-def]
    told = run("missing", "--week", "2026-W10").out
    assert "2026-W10: of 1 active accounts 1 have no figures" in told
    assert "Units without figures of any account: NM" in told
    run("import", SAMPLE)
    assert "all 1 active accounts have figures" in run("missing", "--week", "2026-W10").out
    report = run("missing", "--week", "2026-W09", "--unit", "NM", "--json").json()
    assert (report["expected"], [one["account"] for one in report["accounts"]]) == (1, ["wechat:qnzs"])
    assert json.dumps(report["units"]) == '["NM"]'
