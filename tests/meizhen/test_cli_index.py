"""`meizhen index`, without any home folder: rows in, the same rows out with their value."""

import csv
import io
import json
from pathlib import Path

import pytest
from command import invoke

from config.errors import InputError, MeizhenError

VECTORS = Path(__file__).parents[1] / "analytics" / "data" / "index_vectors.csv"


@pytest.fixture(autouse=True)
def _no_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MEIZHEN_HOME", str(tmp_path / "none"))


def run(*arguments: object) -> str:
    result = invoke("index", *arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "in.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refused(folder: Path, content: str | bytes) -> list[tuple[str, int | None, str | None]]:
    with pytest.raises(InputError) as error:
        run("compute", "--definition", "er_by_reach", "--inputs", written(folder, content))
    return [(problem.code, problem.row, problem.column) for problem in error.value.problems]


def test_list_names_every_shipped_index() -> None:
    rows = json.loads(run("list", "--json"))
    assert {"wci_v14_2b_share", "bci_7", "nri_newrank_old"} <= {row["name"] for row in rows}
    keys = {"name", "id", "version", "label", "platform", "standing", "formula", "variables", "path"}
    assert all(set(row) == keys for row in rows)
    assert all(Path(row["path"]).is_file() for row in rows)
    assert "wci_v13" in run("list")


def test_show_gives_the_formula_and_the_variables() -> None:
    shown = run("show", "wci_v13")
    assert "0.85 ln(R/n + 1) + 0.15 ln(10·Z/n + 1)" in shown
    assert "reads of all articles" in shown
    facts = json.loads(run("show", "nri_newrank_old", "--json"))
    assert facts["levels"][0]["terms"][0]["ceiling_times"] == "days"


def test_show_tells_caps_and_ceilings() -> None:
    assert "min(round(0.01 votes, 0), 25)" in run("show", "points_with_caps_hebei")
    assert "ln(like_sum + 1) / ln(80000·days + 1)" in run("show", "nri_newrank_old")


def test_every_vector_passes_through_the_command(tmp_path: Path) -> None:
    with VECTORS.open(encoding="utf-8", newline="") as file:
        vectors = [row for row in csv.DictReader(file) if row["index_id"].startswith("wci_v12")]
    out = io.StringIO(newline="")
    columns = ["id", "R", "Rmax", "Z", "Zmax", "n", "d", "avg_decimals"]
    writer = csv.DictWriter(out, columns, restval="")
    writer.writeheader()
    for row in vectors:
        writer.writerow({"id": row["vector_id"], **json.loads(row["inputs_json"])})
    result = run("compute", "--definition", "wci_v12", "--inputs", written(tmp_path, out.getvalue()))
    rows = list(csv.DictReader(io.StringIO(result)))
    assert [row["value"] for row in rows] == [row["expected"] for row in vectors]


def test_nothing_of_the_input_is_lost_or_changed(tmp_path: Path) -> None:
    content = 'name, reach ,note,engagements\r\n"甲,""乙""",12000," =1+1 ",420\r\n\r\n'
    content += '丙,0100,"two\nlines",007\r\n丁,8,,1\r\n'
    output = tmp_path / "out.csv"
    run("compute", "--definition", "er_by_reach", "--inputs", written(tmp_path, content), "--output", output)
    before = [row for row in csv.reader(io.StringIO(content, newline="")) if row]
    after = list(csv.reader(io.StringIO(output.read_text("utf-8"), newline="")))
    assert [row[:-1] for row in after] == before
    assert [row[-1] for row in after] == ["value", "3.500000", "7.000000", "12.500000"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_files_of_excel_are_read(tmp_path: Path, encoding: str) -> None:
    path = written(tmp_path, "名称,engagements,reach\n甲,1,8\n".encode(encoding))
    assert (
        run("compute", "--definition", "er_by_reach", "--inputs", path).splitlines()[1] == "甲,1,8,12.500000"
    )


def test_bad_cells_are_named_by_row_and_column_and_nothing_is_written(tmp_path: Path) -> None:
    content = "engagements,reach\n1,8\n1万,8\n3,\n"
    assert refused(tmp_path, content) == [
        ("index.not_a_number", 3, "engagements"),
        ("index.blank_variable", 4, "reach"),
    ]


def test_a_table_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, "engagements,value\n1,2\n") == [
        ("input.missing_column", 1, None),
        ("index.value_column", 1, "value"),
    ]
    assert refused(tmp_path, "engagements,reach,reach\n1,2,3\n") == [("input.duplicate_column", 1, None)]
    assert refused(tmp_path, "engagements,reach\n1,2,3\n") == [("input.too_many_cells", 2, None)]
    assert refused(tmp_path, 'engagements,reach\n"1"2,3\n') == [("input.not_csv", 2, None)]
    assert refused(tmp_path, "engagements,reach\n1\x00,3\n") == [("input.control_character", None, None)]
    assert refused(tmp_path, "") == [("input.empty", None, None)]
    assert refused(tmp_path, b"engagements,\xff\xff\n") == [("input.encoding", None, None)]


def test_a_header_without_rows_gives_a_header(tmp_path: Path) -> None:
    path = written(tmp_path, "engagements,reach\n")
    assert run("compute", "--definition", "er_by_reach", "--inputs", path) == "engagements,reach,value\n"


def test_an_output_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    path = written(tmp_path, "engagements,reach\n1,2\n")
    with pytest.raises(MeizhenError) as error:
        run("compute", "--definition", "er_by_reach", "--inputs", path, "--output", tmp_path / "no" / "o.csv")
    assert error.value.code == "index.not_written"


def test_an_input_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        run("compute", "--definition", "er_by_reach", "--inputs", tmp_path / "none.csv")
