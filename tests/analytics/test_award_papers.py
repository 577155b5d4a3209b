"""The papers of an award: the same bytes everywhere, text stays text, codes read back, final when final."""

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from award_papers import ACCOUNTS, FORMULA, HOSTILE, LONG, TITLE, a_run, world
from award_world import content, rows_of
from openpyxl import load_workbook

from analytics.awards.folder import RunFolder
from analytics.awards.papers.certificates import certificates, code_text
from analytics.awards.papers.facts import Run, read_run
from analytics.awards.papers.making import facts_of, make_papers
from analytics.awards.papers.method import method_facts
from analytics.awards.papers.people import minutes_facts
from analytics.awards.papers.press import press
from analytics.awards.papers.templates import PAPERS, templates, write_templates
from analytics.awards.verification import verify
from config.database import connect
from config.errors import MeizhenError
from config.paper import printable_facts

POSTERS = {
    f"poster-{number}-wechat-{track}.{form}"
    for number, track in (("101", "league"), ("102", "university"))
    for form in ("png", "svg")
}
FINAL = {"final.pdf", "certificates.pdf"}
EARLY = {"notice.pdf", "method.pdf", "minutes.pdf", "objections.pdf", "figures.xlsx", *POSTERS}


def _made(tmp_path_factory: pytest.TempPathFactory, template: Path, until: str) -> Path:
    folder = tmp_path_factory.mktemp(until)
    shutil.copy(template, folder / "world.sqlite")
    database = connect(f"sqlite:///{folder / 'world.sqlite'}")
    world()[0].store(database, 1)
    made = a_run(database, folder, until=until)
    database.close()
    return made


@pytest.fixture(scope="module")
def final(tmp_path_factory: pytest.TempPathFactory, _sqlite_template: Path) -> Path:
    """The folder of a run whose list is final; no test changes it."""
    return _made(tmp_path_factory, _sqlite_template, "final")


@pytest.fixture(scope="module")
def early(tmp_path_factory: pytest.TempPathFactory, _sqlite_template: Path) -> Path:
    """The folder of a run whose notice is not up yet; no test changes it."""
    return _made(tmp_path_factory, _sqlite_template, "notice")


@pytest.fixture(scope="module")
def run(final: Path) -> Run:
    return read_run(RunFolder(final))


def texts_of(fact: object) -> Iterator[str]:
    """Every text in facts."""
    if isinstance(fact, str):
        yield fact
    elif isinstance(fact, dict | list | tuple):
        for one in fact.values() if isinstance(fact, dict) else fact:
            yield from texts_of(one)


def code_of(attempt: object) -> MeizhenError:
    with pytest.raises(MeizhenError) as refused:
        attempt()  # type: ignore[operator]
    return refused.value


def test_a_final_run_gives_every_paper_alike_in_another_process_time_zone_and_locale(
    final: Path, tmp_path: Path
) -> None:
    made = make_papers(final, tmp_path / "here")
    here = content(tmp_path / "here")
    assert set(here) == EARLY | FINAL
    assert made.left_out == {}
    assert {str(path) for paths in made.paths.values() for path in paths} == {
        str(tmp_path / "here" / name) for name in here
    }
    assert all(here[name].startswith(b"%PDF") for name in here if name.endswith(".pdf"))
    program = (
        "import sys; from pathlib import Path; from analytics.awards.papers.making import make_papers; "
        "make_papers(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    other = {
        "TZ": "America/New_York",
        "LC_ALL": "tr_TR.UTF-8",
        "MEIZHEN_LANGUAGE": "en",
        "PYTHONHASHSEED": "7",
    }
    subprocess.run(
        [sys.executable, "-c", program, str(final), str(tmp_path / "there")],
        env={**os.environ, **other},
        check=True,
        timeout=120,
    )
    there = content(tmp_path / "there")
    assert [name for name in here if here[name] != there.get(name)] == []


def test_papers_lie_beside_the_run_and_leave_it_sound(final: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(final, tmp_path / "run")
    made = make_papers(copy, only=["notice"])
    assert made.paths["notice"] == (copy / "papers" / "notice.pdf",)
    assert verify(copy).differences == ()


def test_a_final_paper_is_refused_before_the_list_is_final(early: Path, tmp_path: Path) -> None:
    made = make_papers(early, tmp_path / "all")
    assert set(content(tmp_path / "all")) == EARLY
    assert made.left_out == {"final": "not_final", "certificate": "not_final"}
    for kind in ("final", "certificate"):
        assert code_of(lambda kind=kind: make_papers(early, tmp_path / kind, only=[kind])).code == (
            "papers.not_final"
        )
        assert not (tmp_path / kind).exists()


def test_there_is_nothing_to_print_before_the_list_or_when_a_file_was_changed(
    early: Path, tmp_path: Path
) -> None:
    changed = shutil.copytree(early, tmp_path / "changed")
    (changed / "ranking.csv").write_bytes((changed / "ranking.csv").read_bytes() + b"\n")
    assert code_of(lambda: make_papers(changed)).code == "papers.changed"
    unready = shutil.copytree(early, tmp_path / "unready")
    (unready / "stages" / "09-notice.json").unlink()
    assert code_of(lambda: make_papers(unready)).code == "papers.too_early"
    assert code_of(lambda: make_papers(early, only=["postcard"])).code == "papers.no_such_paper"


def test_every_awarded_account_has_a_page_whose_code_reads_back(run: Run) -> None:
    import zxingcpp
    from matplotlib.image import imread

    found = run.certificates
    assert [one.placed.name for one in found] == [HOSTILE, LONG, "青年五"]
    pages = press(templates(), "certificate", facts_of(run, "certificate"), run.rule.end, form="png")
    assert len(pages) == len(found)
    for page, one in zip(pages, found, strict=True):
        picture = (imread(io.BytesIO(page))[:, :, :3].mean(axis=2) * 255).astype("uint8")
        (code,) = zxingcpp.read_barcodes(picture)
        assert code.text == one.told
    told = json.loads(found[0].told)
    assert told == {
        "award": "small",
        "run": run.run_id,
        "category": "wechat",
        "track": "league",
        "place": 1,
        "account": "wechat:league-0",
        "number": f"2026-{run.run_id[:8].upper()}-101-001",
    }


def test_those_who_share_a_place_have_numbers_of_their_own(run: Run) -> None:
    result = run.results[0]
    track = result.tracks[0]
    shared = replace(track, places=tuple(replace(one, place=1, awarded=True) for one in track.places))
    found = certificates(run.rule, [replace(result, tracks=(shared,))], "ab" * 32)
    numbers = [one.number for one in found]
    assert numbers == [f"2026-ABABABAB-101-001{end}" for end in ("", "-2", "-3", "-4")]
    assert len({one.told for one in found}) == len(found)


def test_a_code_is_plain_ascii_whatever_an_account_is_called(run: Run) -> None:
    result = run.results[0]
    placed = replace(result.tracks[0].places[0], handle='青年"\n\\')
    told = code_text(run.rule, result.category, result.tracks[0].track, placed, run.run_id, "1")
    assert told.isascii()
    assert "\n" not in told
    assert json.loads(told)["account"] == 'wechat:青年"\n\\'


@pytest.mark.parametrize("paper", PAPERS)
def test_what_people_wrote_is_printed_as_text(run: Run, paper: str) -> None:
    facts = facts_of(run, paper)
    told = list(texts_of(facts))
    assert any(TITLE in one for one in told)
    assert any(HOSTILE in one for one in told)
    assert press(templates(), paper, facts, run.rule.end)[0].startswith(b"%PDF")
    # The same text read as markup stops: the line above could fail.
    wrong = templates() | {
        f"{paper}.typ": b'#import "page.typ": data\n#eval(data.award.title, mode: "markup")'
    }
    refused = code_of(lambda: press(wrong, paper, facts, run.rule.end))
    assert (refused.code, refused.params["file"]) == ("papers.template_wrong", f"{paper}.typ")


def test_texts_are_made_printable_and_drawings_left_alone() -> None:
    told = {"name": "第一行\n第二行 \ue000", "rows": (("<svg>\n", 3, None, True),), "code": "<svg>\n</svg>"}
    assert printable_facts(told) == {
        "name": "第一行 第二行 □",
        "rows": [["<svg>", 3, None, True]],
        "code": "<svg>\n</svg>",
    }


@pytest.mark.parametrize(
    ("file", "template", "line", "said"),
    [
        ("notice.typ", "#set page(width: 5cm)\n\n#nope", "3", "unknown variable: nope"),
        ("method.typ", "#let x = (", "1", "unclosed delimiter"),
        ("page.typ", "#let data = json(bytes(sys.inputs.data))\n#data.award.budget", "2", "budget"),
        ("final.typ", '#read("/etc/hostname")', "1", "file not found"),
    ],
)
def test_a_wrong_template_is_named_with_its_line_and_nothing_is_written(
    final: Path, tmp_path: Path, file: str, template: str, line: str, said: str
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / file).write_text(template, "utf-8")
    refused = code_of(lambda: make_papers(final, tmp_path / "out", template=own))
    assert refused.code == "papers.template_wrong"
    assert (refused.params["file"], refused.params["line"]) == (file, line)
    assert said in str(refused)
    assert not (tmp_path / "out").exists()


def test_packages_from_the_network_and_a_folder_without_templates_are_refused(
    early: Path, tmp_path: Path
) -> None:
    assert (
        code_of(lambda: make_papers(early, tmp_path / "out", template=tmp_path)).code == "papers.no_template"
    )
    (tmp_path / "notice.typ").write_text('#import "@preview/tiaoma:0.3.0": qrcode', "utf-8")
    assert code_of(lambda: make_papers(early, tmp_path / "out", template=tmp_path)).code == (
        "papers.template_package"
    )


def test_our_templates_written_out_give_the_same_papers_and_changed_ones_others(
    final: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    assert {path.name for path in write_templates(own)} == {"page.typ", *(f"{kind}.typ" for kind in PAPERS)}
    assert code_of(lambda: write_templates(own)).code == "papers.template_exists"
    kinds = ["notice", "objections"]
    make_papers(final, tmp_path / "ours", only=kinds)
    make_papers(final, tmp_path / "same", only=kinds, template=own)
    assert content(tmp_path / "ours") == content(tmp_path / "same")
    emblem = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'
    (own / "emblem.svg").write_text(emblem, "utf-8")
    notice = (own / "notice.typ").read_text("utf-8")
    (own / "notice.typ").write_text(notice + '\n#image("emblem.svg")\n', "utf-8")
    make_papers(final, tmp_path / "other", only=kinds, template=own)
    ours, other = content(tmp_path / "ours"), content(tmp_path / "other")
    assert ours["notice.pdf"] != other["notice.pdf"]
    assert ours["objections.pdf"] == other["objections.pdf"]


def test_the_method_note_tells_counts_reasons_sources_and_that_reads_are_people(run: Run) -> None:
    facts = json.loads(json.dumps(method_facts(run)["method"]))
    articles = 4 * ACCOUNTS
    assert facts["counts"] == [["wechat", str(ACCOUNTS + 1), str(ACCOUNTS), "1", str(articles), "0"]]
    assert facts["refused"] == [["wechat", "未满足“作品不少于 1 篇”", "1"]]
    assert facts["sources"] == [f"wechat：平台接口 {articles} 篇"]
    (category,) = facts["categories"]
    assert category["by_people"] is True
    assert "WCI 14.2b（按人数）" in category["lines"][0]
    (volume,) = [line for line in category["lines"] if "数量的作用" in line]
    assert "篇均的 24 %" in volume
    assert "得分构成：数据 60 %、评委 30 %、公众投票 10 %" in " ".join(category["lines"])
    assert {"R", "Rt", "REmax"} <= {row[0] for row in category["variables"]}
    assert [row[2] for row in facts["cuts"]] == ["2", "3", "1", "2"]
    assert [row[1] for row in facts["alternatives"]] == ["每周指数的平均", "去掉最好的一篇"]


def test_the_minutes_tell_the_mean_that_counted(run: Run) -> None:
    facts = json.loads(json.dumps(minutes_facts(run)["minutes"]))
    assert sorted(facts["judges"]) == sorted("甲乙丙丁")
    assert facts["sealed"] is False
    (category,) = facts["categories"]
    assert (category["weight"], category["min_judges"], category["trim"]) == ("30 %", 3, 1)
    assert ["甲", "外单位", str(ACCOUNTS), "90", "90"] in category["judges"]
    for track, rows in zip(run.results[0].tracks, category["tracks"], strict=True):
        for placed, row in zip(track.places, rows["rows"], strict=True):
            assert row[2:] == ["4", "60", "90", "75.00"]
            assert placed.jury == Decimal(75)


def test_the_log_tells_every_objection_with_days_and_answer(run: Run) -> None:
    first, second = facts_of(run, "objections")["objections"]  # type: ignore[misc]
    assert (first["day"], first["due"]) == ("2027 年 1 月 20 日", "2027 年 1 月 23 日")
    assert (first["by"], first["account"]) == ("某大学团委", "wechat:league-3")
    assert first["answer"] == {
        "day": "2027 年 1 月 21 日",
        "by": "评审组",
        "text": "已核对",
        "result": "不成立",
    }
    assert second["account"] == "整个名单"


def test_the_workbook_holds_the_list_as_numbers_and_names_as_text(final: Path, tmp_path: Path) -> None:
    make_papers(final, tmp_path, only=["sheet"])
    book = load_workbook(tmp_path / "figures.xlsx")
    assert book.sheetnames == ["排名", "数据 wechat", "资格", "评委评分", "异常提示", "证书", "运行"]
    rows = list(book["排名"].iter_rows(min_row=4))
    listed = rows_of(final / "ranking.csv")
    assert len(rows) == len(listed) == ACCOUNTS
    for cells, row in zip(rows, listed, strict=True):
        assert [cells[column].value for column in (2, 4, 5)] == [
            int(row["place"]),
            row["handle"],
            row["name"],
        ]
        assert cells[5].data_type == "s"
        for column, name in ((8, "score"), (10, "index"), (11, "data"), (12, "jury"), (16, "inside")):
            assert Decimal(str(cells[column].value)) == Decimal(row[name])
    assert FORMULA in {cells[5].value for cells in rows}
    figures = [[cell.value for cell in row] for row in book["数据 wechat"].iter_rows()]
    reads = figures[0].index("R")
    known = {row["handle"]: row["R"] for row in rows_of(final / "wechat" / "variables.csv")}
    assert {str(row[0]): str(row[reads] or "") for row in figures[1:]} == {
        handle: "" if value in ("", "0") else value for handle, value in known.items()
    }
