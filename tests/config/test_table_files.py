"""Files with rows: read whatever Excel and people make of them, refused whole where they are hostile."""

import hashlib
import io
import zipfile
from datetime import date
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from config import InputError, table_files
from config.errors import Problem
from config.table_files import Table, open_table, read_table

TEXT = "handle,name\nnm,内蒙古\n"


def written(folder: Path, content: bytes, name: str = "in.csv") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def refused(path: Path) -> tuple[str, int | None]:
    with pytest.raises(InputError) as caught:
        read_table(path)
    assert path.name in str(caught.value)
    problem = caught.value.problems[0]
    assert problem.told("zh") and problem.told("en")
    return problem.code, problem.row


def cells(table: Table) -> list[tuple[int, dict[str, str]]]:
    return [(row.number, row.cells) for row in table.rows]


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("gbk"),
        TEXT.encode("gb18030"),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.rstrip("\n").encode(),
        b"handle,name,,\nnm,\xe5\x86\x85\xe8\x92\x99\xe5\x8f\xa4,,\n,,,\n",
        b" handle , name \n nm ,\xe5\x86\x85\xe8\x92\x99\xe5\x8f\xa4 \n\n",
    ],
    ids=["utf-8", "bom", "gbk", "gb18030", "crlf", "no last newline", "empty cells of excel", "blanks"],
)
def test_what_excel_and_people_write_is_read_alike(tmp_path: Path, content: bytes) -> None:
    table = read_table(written(tmp_path, content))
    assert table.columns == ("handle", "name")
    assert cells(table) == [(2, {"handle": "nm", "name": "内蒙古"})]


def test_row_numbers_are_those_an_editor_shows(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, b'a,b\n1,2\n\n"x\ny",3\n4\n'))
    assert [row.number for row in table.rows] == [2, 5, 6]
    assert table.rows[1]["a"] == "x\ny"
    assert table.rows[2]["b"] == "" and table.rows[2]["none"] == ""


@pytest.mark.parametrize(
    ("content", "code", "row"),
    [
        (b"", "input.empty", None),
        (b"a,b\n", "input.empty", None),
        (b"\xef\xbb\xbf", "input.empty", None),
        (b"a,b\n,\n", "input.empty", None),
        (b"a,b\n1,2,3\n", "input.too_many_cells", 2),
        (b"a,a\n1,2\n", "input.duplicate_column", 1),
        (b"a,b\n1,\x00\n", "input.control_character", None),
        (b'a,b\n1,"2\n', "input.not_csv", 2),
        (b"a,b\n1,\xff\xff\xff\n", "input.encoding", None),
        (b"PK\x03\x04 no zip", "input.not_readable", None),
    ],
)
def test_a_broken_file_is_refused(tmp_path: Path, content: bytes, code: str, row: int | None) -> None:
    assert refused(written(tmp_path, content)) == (code, row)


def test_a_file_that_is_not_there_or_a_folder_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path / "none.csv")[0] == "input.not_readable"
    assert refused(tmp_path)[0] == "input.not_readable"


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.truncate(table_files.MAX_BYTES + 1)  # sparse: takes no room
    assert refused(path)[0] == "input.too_large"


def test_too_many_rows_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_files, "MAX_ROWS", 3)
    assert len(read_table(written(tmp_path, b"a\n1\n2\n3\n")).rows) == 3
    assert refused(written(tmp_path, b"a\n1\n2\n3\n4\n"))[0] == "input.too_large"
    assert refused(workbook(tmp_path, [["a"], [1], [2], [3], [4]]))[0] == "input.too_large"


def workbook(folder: Path, rows: list[list[object]]) -> Path:
    path = folder / "in.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        for y, row in enumerate(rows):
            for x, cell in enumerate(row):
                if isinstance(cell, date):
                    sheet.write_datetime(y, x, cell, day)  # type: ignore[arg-type]
                elif isinstance(cell, str):
                    sheet.write_string(y, x, cell)
                elif cell is not None:
                    sheet.write(y, x, cell)
    return path


def test_a_workbook_is_read_as_people_see_it(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        ["handle", "uid", "filed", "verified", "share"],
        ["内蒙古", 12345678901234, date(2026, 3, 2), True, 0.5],
        [None, None, None, None, None],
        ["=1+1", None, None, False, None],
    ]
    assert cells(read_table(workbook(tmp_path, rows))) == [
        (
            2,
            {
                "handle": "内蒙古",
                "uid": "12345678901234",
                "filed": "2026-03-02",
                "verified": "true",
                "share": "0.5",
            },
        ),
        (4, {"handle": "=1+1", "uid": "", "filed": "", "verified": "false", "share": ""}),
    ]


def test_a_zip_bomb_is_refused_without_unpacking(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as entry,
    ):
        for _ in range(120):
            entry.write(b"\0" * 1024 * 1024)
    assert len(packed.getvalue()) < 1024 * 1024
    assert refused(written(tmp_path, packed.getvalue(), "bomb.xlsx"))[0] == "input.zip_bomb"


def test_a_zip_of_very_many_files_is_refused(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(table_files.MAX_ENTRIES + 1):
            archive.writestr(str(number), "")
    assert refused(written(tmp_path, packed.getvalue(), "many.xlsx"))[0] == "input.zip_bomb"


def test_a_zip_that_declares_less_than_it_holds_is_refused(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"\0" * 1024 * 1024)
    lying = packed.getvalue().replace((1024 * 1024).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert refused(written(tmp_path, lying, "liar.xlsx"))[0] == "input.not_readable"


@given(content=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = written(tmp_path_factory.getbasetemp(), content, "any.csv")
    try:
        table = read_table(path)
    except InputError as error:
        assert error.problems
    else:
        assert table.rows and all(set(row.cells) <= set(table.columns) for row in table.rows)


def test_a_file_is_read_row_by_row_and_bad_rows_are_told(tmp_path: Path) -> None:
    told: list[Problem] = []
    content = b"a,b\n1,2\n3,4,5\n6,7\n"
    with open_table(written(tmp_path, content)) as table:
        assert (table.columns, table.sha256) == (("a", "b"), hashlib.sha256(content).hexdigest())
        assert [row.number for row in table.rows(told.append)] == [2, 4]
    assert [(problem.code, problem.row) for problem in told] == [("input.too_many_cells", 3)]


@pytest.mark.parametrize(
    "content",
    [
        ",".join(f"c{number}" for number in range(10_000)).encode() + b"\n1\n",
        b"a,b\n" + b"," * (table_files.MAX_ROW_CHARACTERS + 1),
        # One row over very many lines: each cell is short, and none ends it.
        b"a,b\n" + b'"\n",' * (table_files.MAX_ROW_CHARACTERS // 4 + 1),
    ],
    ids=["10,000 columns", "a line without end", "a row without end"],
)
def test_rows_without_end_are_refused_before_they_fill_the_memory(tmp_path: Path, content: bytes) -> None:
    assert refused(written(tmp_path, content))[0] == "input.too_large"


def test_a_character_cut_by_the_reading_in_pieces_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_files, "_PIECE", 1)
    for encoding in ("utf-8", "gbk"):
        table = read_table(written(tmp_path, TEXT.encode(encoding)))
        assert cells(table) == [(2, {"handle": "nm", "name": "内蒙古"})]


def test_empty_rows_and_columns_before_the_data_keep_their_numbers(tmp_path: Path) -> None:
    path = workbook(tmp_path, [["a", "b"], [None, None], [None, 1]])
    assert cells(read_table(path)) == [(3, {"a": "", "b": "1"})]


@pytest.mark.parametrize(("row", "column"), [(1_048_575, 16_383), (200_000, 900), (1, 1_500), (1_048_575, 0)])
def test_a_sheet_with_a_cell_far_away_is_refused_before_room_is_made_for_it(
    tmp_path: Path, row: int, column: int
) -> None:
    path = tmp_path / "far.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet().write(0, 0, "a")
        book.add_worksheet().write(row, column, 1)
    assert refused(path)[0] == "input.too_large"


def test_cells_that_are_only_coloured_reach_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "in.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["a"])
        sheet.write_row(1, 0, [1])
        sheet.write_blank(1_048_575, 16_383, None, book.add_format({"bg_color": "red"}))
    assert cells(read_table(path)) == [(2, {"a": "1"})]


def rewritten(path: Path, name: str, content: bytes) -> Path:
    """The workbook with another content of one part."""
    with zipfile.ZipFile(path) as archive:
        parts = {entry: archive.read(entry) for entry in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, told in (parts | {name: content}).items():
            archive.writestr(entry, told)
    return path


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("<row><c><v>1</v>", "input.not_readable"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><worksheet><sheetData/></worksheet>", "input.not_readable"),
        ("<x:row r='9999999'><x:c><x:v>1</x:v></x:c></x:row></x:sheetData>", "input.too_large"),
        ("<row>" + "<c/>" * 1_001 + "<c><v>1</v></c></row></sheetData>", "input.too_large"),
    ],
    ids=["cut off", "entities", "a prefix", "cells without places"],
)
def test_a_hostile_sheet_is_refused(tmp_path: Path, content: str, code: str) -> None:
    path = workbook(tmp_path, [["a"], [1]])
    if not content.startswith("<!"):
        prefix = "x:" if "x:" in content else ""
        content = f"<{prefix}sheetData xmlns:x='x'>{content}"
    assert refused(rewritten(path, "xl/worksheets/sheet1.xml", content.encode()))[0] == code


def test_parts_that_are_no_sheets_may_be_what_they_like(tmp_path: Path) -> None:
    path = rewritten(workbook(tmp_path, [["a"], [1]]), "xl/drawings/vmlDrawing1.vml", b"<xml><br></xml>")
    assert cells(read_table(path)) == [(2, {"a": "1"})]
