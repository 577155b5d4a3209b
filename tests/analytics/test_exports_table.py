"""The table of figures as CSV: exact, readable by Excel, harmless in it."""

import csv
import tempfile
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook
from scenery import make_account

from analytics.exports import export_figures
from analytics.exports.cells import safe_cell
from analytics.exports.large_sheet import write_xlsx
from analytics.exports.table import COLUMNS
from analytics.figures import (
    AccountFigure,
    ArticleFact,
    ArticleFigure,
    Meaning,
    know_metrics,
    source_id,
    store_account_days,
    store_articles,
    store_snapshots,
)
from config import Database
from config.secrets import KeyRing

AT = datetime(2026, 3, 9, 0, 5, tzinfo=UTC)


@pytest.fixture
def filled(database: Database, keys: KeyRing) -> Database:
    account = make_account(database, keys, "wechat", "qnzs")
    with database.write() as session:
        know_metrics(session, "wechat", [Meaning("finish_rate", "rate", "cumulative")])
        know_metrics(session, "wechat", [Meaning("followers_total", "people", "snapshot", "account")])
        fact = ArticleFact(
            "100_1", "=HYPERLINK(1)", "", datetime(2026, 3, 2, 2, tzinfo=UTC), date(2026, 3, 2)
        )
        post = store_articles(session, account.known_id, [fact])["100_1"]
        source = source_id(session, "import", "+1.csv", AT, "ab")
        rate = ArticleFigure(post, "finish_rate", date(2026, 3, 3), Decimal("0.581603"), 4)
        store_snapshots(session, source, AT, [rate])
        followers = AccountFigure(account.known_id, "followers_total", date(2026, 3, 8), 48_000)
        store_account_days(session, source, AT, [followers])
    return database


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_figures_of_articles_and_accounts_stand_in_one_table(filled: Database, tmp_path: Path) -> None:
    out = tmp_path / "new" / "figures.csv"
    assert export_figures(filled, out) == 2
    assert out.read_bytes().startswith(b"\xef\xbb\xbf")
    first, second = read(out)
    assert tuple(first) == COLUMNS
    assert (first["value"], first["as_of"], first["source_row"]) == ("0.581603", "2026-03-03", "4")
    assert first["published_at"] == "2026-03-02T10:00:00+08:00"
    assert (second["value"], second["day"], second["title"]) == ("48000", "2026-03-08", "")
    assert list(out.parent.iterdir()) == [out]


def test_what_looks_like_a_formula_is_made_text(filled: Database, tmp_path: Path) -> None:
    export_figures(filled, tmp_path / "figures.csv")
    row = read(tmp_path / "figures.csv")[0]
    assert (row["title"], row["source"]) == ("'=HYPERLINK(1)", "'+1.csv")


def test_platform_and_days_bound_the_table(filled: Database, tmp_path: Path) -> None:
    out = tmp_path / "figures.csv"
    assert export_figures(filled, out, platform="weibo") == 0
    assert export_figures(filled, out, since=date(2026, 3, 8)) == 1
    assert export_figures(filled, out, until=date(2026, 3, 2)) == 1


@given(st.sampled_from("=+-@\t\r＝＋－＠"), st.text(max_size=20), st.sampled_from(["", " ", "  "]))
def test_no_cell_begins_like_a_formula(first: str, rest: str, blanks: str) -> None:
    assert safe_cell(blanks + first + rest).startswith("'")


@given(st.text(alphabet=st.characters(exclude_characters="=+-@\t\r＝＋－＠ "), max_size=20))
def test_other_cells_stay_as_they_are(told: str) -> None:
    assert safe_cell(told) == told


def test_a_name_that_ends_in_xlsx_makes_a_workbook(filled: Database, tmp_path: Path) -> None:
    out = tmp_path / "figures.xlsx"
    assert export_figures(filled, out) == 2
    page = openpyxl.load_workbook(out).worksheets[0]
    headings, first, second = ([cell.value for cell in row] for row in page.iter_rows())
    assert tuple(headings) == COLUMNS
    rate, followers = (dict(zip(COLUMNS, row, strict=True)) for row in (first, second))
    assert (rate["title"], rate["value"], rate["source"]) == ("=HYPERLINK(1)", 0.581603, "+1.csv")
    assert (rate["as_of"], rate["day"]) == (datetime(2026, 3, 3), None)  # noqa: DTZ001
    assert rate["published_at"] == "2026-03-02T10:00:00+08:00"
    assert (followers["value"], followers["title"]) == (48_000, None)
    assert {cell.data_type for row in page.iter_rows() for cell in row} <= {"s", "n", "d", "b", "inlineStr"}
    assert (page.freeze_panes, page.print_title_rows) == ("A2", "$1:$1")
    again = tmp_path / "again.xlsx"
    export_figures(filled, again)
    assert again.read_bytes() == out.read_bytes()


def test_what_is_more_than_a_sheet_holds_goes_on_on_the_next(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("analytics.exports.large_sheet._SHEET_ROWS", 3)
    path = tmp_path / "many.xlsx"
    assert write_xlsx(path, ["a", "b"], ((number, f"@{number}") for number in range(5))) == 5
    pages = openpyxl.load_workbook(path).worksheets
    assert [[[cell.value for cell in row] for row in page.iter_rows()] for page in pages] == [
        [["a", "b"], [0, "@0"], [1, "@1"]],
        [["a", "b"], [2, "@2"], [3, "@3"]],
        [["a", "b"], [4, "@4"]],
    ]


def test_text_like_mark_up_leaves_the_workbook_whole(tmp_path: Path) -> None:
    path = tmp_path / "r.xlsx"
    told = ["<r>&</r>", "<r><t>x</t></r>", "]]>", " a  b ", "\x01\ufffe_x0041_", "\r\n=1", "龘" * 40_000]
    write_xlsx(path, ["t<&"], [[one] for one in told])
    cells = [row[0].value for row in openpyxl.load_workbook(path).worksheets[0].iter_rows()]
    assert cells[:5] == ["t<&", *told[:4]]
    with zipfile.ZipFile(path) as archive:
        stored = archive.read("xl/worksheets/sheet1.xml").decode()
    assert '<t xml:space="preserve">_x0001__xFFFE__x005F_x0041_</t>' in stored
    assert '<t xml:space="preserve">_x000D_\n=1</t>' in stored
    assert "<f" not in stored
    assert len(cells[7]) == 32_767


def test_truth_is_truth_and_what_is_no_number_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "b.xlsx"
    write_xlsx(path, ["a", "b", "c"], [[True, Decimal("0.000001"), 2**53], [False, None, -0.5]])
    page = openpyxl.load_workbook(path).worksheets[0]
    assert [[cell.value for cell in row] for row in page.iter_rows(min_row=2)] == [
        [True, 0.000001, 2**53],
        [False, None, -0.5],
    ]
    assert page.auto_filter.ref == "A1:C3"
    with pytest.raises(ValueError, match="A2"):
        write_xlsx(path, ["a"], [[float("nan")]])


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=12), max_size=5))
def test_any_text_comes_back_as_it_was(told: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.xlsx"
        write_xlsx(path, ["n", "t"], [[number, one] for number, one in enumerate(told)])
        rows = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
    assert [str(row[1]).replace("\r\n", "\n") for row in rows[1:]] == [
        one.replace("\r\n", "\n") for one in told
    ]
