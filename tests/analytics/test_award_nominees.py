"""Works and people are nominated: the same engine ranks them, of people only the nomination is kept."""

import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from award_world import SIGNED, World, content, rows_of, wechat

from analytics.awards import check_award, dry_run, load_rule, run_award
from analytics.awards.explanation import explain
from analytics.awards.explanation_text import as_text
from analytics.awards.folder import RunFolder
from analytics.awards.intake import Given
from analytics.awards.notice import put_up
from analytics.awards.papers.facts import common_facts, read_run
from analytics.awards.papers.making import facts_of, make_papers
from analytics.awards.papers.templates import PAPERS, templates
from analytics.awards.ranking_page import write_pages
from analytics.awards.run import rule_of
from analytics.awards.sheets import read_sheet, write_sheets
from analytics.awards.verification import verify
from analytics.indices import load_definition
from analytics.indices.table import compute_table
from config.database import Database, connect, migrate
from config.errors import InputError, MeizhenError
from config.table_files import read_table

RULE = """
schema = 1
[award]
id = "works"
title = "优秀网络文化作品"
period = { start = 2026-01-01, end = 2026-12-31 }
read_age_days = 7
[[category]]
id = "article"
of = "works"
platform = "wechat"
tracks = [{ id = "league", label = "盟市", places = 1 }, { id = "essay", label = "征文", places = 1 }]
eligibility = [{ rule = "no_veto" }]
[category.index]
definition = "work.toml"
variables = { R = "read_user", RE = "share_user" }
[category.score]
data = { weight = "0.60", scale = "fixed_anchor", anchor = 10 }
jury = { weight = "0.40", min_judges = 1 }
[[category]]
id = "editor"
of = "people"
tracks = [{ id = "all", label = "全区", places = 1 }]
eligibility = [{ rule = "no_veto" }]
[category.score]
jury = { weight = "1", min_judges = 1 }
[robustness]
alternatives = ["mean_of_weeks", "drop_top_post", "geometric"]
draws = 200
"""
INDEX = """
schema = 1
id = "work"
version = "1"
formula = "levels"
[[level]]
id = "spread"
weight = "1"
terms = [{ variable = "R", weight = "0.7" }, { variable = "RE", weight = "0.3" }]
"""
HEAD = "category,id,name,account,work,unit,track,evidence"
NOMINATED = (
    "article,,,wechat:w1,r0,,,选题来自基层",
    "article,,,w2,https://x.test/1,,essay,",
    "editor,01,王芳,,,U-league,all,从业三年",
    "editor,02,李明,,,U-league,all,原创二百篇",
)
SCORES = """category,handle,judge,score
article,w1/r0,甲,80
article,w2/r1,甲,70
editor,01,甲,90
editor,02,甲,85
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = connect(f"sqlite:///{tmp_path_factory.mktemp('works') / 'world.sqlite'}")
    migrate(database)
    world = World()
    for number, reads in ((1, 4000), (2, 900)):
        key = world.account("wechat", f"w{number}", "league")
        told = {"url": f"https://x.test/{number - 1}", "title": f"作品{number}"}
        world.article(key, date(2026, 3, number), wechat(reads), **told)
        world.article(key, date(2025, 12, 31), wechat(99999))
    # Ids on the platform follow the order of articles: r0 and r2 are of 2026.
    world.articles[1]["remote_id"], world.articles[2]["remote_id"] = "old1", "r1"
    world.store(database, 2)
    yield database
    database.close()


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., dict[str, Path]]:
    """Writes the rule, its index, the nominations and the scores; gives where they are."""

    def write(*rows: str, rule: str = RULE) -> dict[str, Path]:
        (tmp_path / "rule.toml").write_text(rule, "utf-8")
        (tmp_path / "work.toml").write_text(INDEX, "utf-8")
        (tmp_path / "nominees.csv").write_text("\n".join([HEAD, *rows]), "utf-8")
        (tmp_path / "jury.csv").write_text(SCORES, "utf-8")
        return {name.partition(".")[0]: tmp_path / name for name in ("rule.toml", "nominees.csv", "jury.csv")}

    return write


def test_works_and_people_are_ranked_by_the_same_engine(
    data: Database, files: Callable[..., dict[str, Path]], tmp_path: Path
) -> None:
    told = files(*NOMINATED)
    given = {"nominees": told["nominees"], "jury": told["jury"]}
    result = run_award(data, told["rule"], tmp_path / "out", **given)
    places = [
        (track.track.id, placed.handle, placed.name, placed.unit)
        for category in result.categories
        for track in category.tracks
        for placed in track.places
    ]
    assert places == [
        ("league", "w1/r0", "作品1", "单位 U-league"),
        ("essay", "w2/r1", "作品2", "单位 U-league"),
        ("all", "01", "王芳", "单位 U-league"),
        ("all", "02", "李明", "单位 U-league"),
    ]
    assert rows_of(tmp_path / "out" / "article" / "articles.csv")[0]["read_people"] == "4000"
    # An index that is only a file beside the rule gives what `meizhen index compute` gives.
    counted = rows_of(tmp_path / "out" / "article" / "variables.csv")
    own = load_definition(tmp_path / "work.toml")
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["R,RE", *(f"{row['R']},{row['RE']}" for row in counted)]), "utf-8")
    values = [line.rpartition(",")[2] for line in compute_table(own, table).splitlines()[1:]]
    assert values == [row["index"] for row in rows_of(tmp_path / "out" / "article" / "index.csv")]
    assert len(values) == 2
    # Windows and the best article say nothing of a single one.
    columns = set(rows_of(tmp_path / "out" / "article" / "robustness.csv")[0])
    assert "place_geometric" in columns and not {"place_mean_of_weeks", "place_drop_top_post"} & columns
    assert verify(tmp_path / "out").differences == ()
    # The same nominations in another order: the same bytes.
    again = files(*reversed(NOMINATED))
    run_award(data, again["rule"], tmp_path / "again", **given)
    assert content(tmp_path / "again") == content(tmp_path / "out")


def test_of_people_nothing_but_the_nomination_is_kept(
    data: Database, files: Callable[..., dict[str, Path]], tmp_path: Path
) -> None:
    told = files(*NOMINATED)
    run_award(data, told["rule"], tmp_path / "out", nominees=told["nominees"], jury=told["jury"])
    assert rows_of(tmp_path / "out" / "editor" / "articles.csv") == []
    assert {row["evidence"] for row in rows_of(tmp_path / "out" / "editor" / "nominees.csv")} == {
        "从业三年",
        "原创二百篇",
    }
    text = as_text(explain(tmp_path / "out", "01"), "zh")
    assert "从业三年" in text
    assert "https://x.test/0" in as_text(explain(tmp_path / "out", "w1/r0"), "en")


def test_judges_read_what_speaks_for_a_nominee(
    data: Database, files: Callable[..., dict[str, Path]], tmp_path: Path
) -> None:
    told = files(*NOMINATED)
    out = tmp_path / "out"
    run_award(data, told["rule"], out, nominees=told["nominees"], until="index")
    (tmp_path / "judges.csv").write_text("judge,unit\n甲,\n", "utf-8")
    (sheet,) = write_sheets(RunFolder(out), tmp_path / "judges.csv", tmp_path / "sheets")
    evidence = {row["handle"]: row["evidence"] for row in read_sheet(sheet).rows}
    assert evidence["01"] == "从业三年"
    assert evidence["w1/r0"].splitlines() == ["选题来自基层", "https://x.test/0"]


def test_a_run_goes_on_with_the_same_nominees_and_with_no_others(
    data: Database, files: Callable[..., dict[str, Path]], tmp_path: Path
) -> None:
    told = files(*NOMINATED)
    given = {"nominees": told["nominees"], "jury": told["jury"]}
    run_award(data, told["rule"], tmp_path / "out", until="index", nominees=told["nominees"])
    run_award(data, told["rule"], tmp_path / "out", **given)
    files(*NOMINATED[:3])
    with pytest.raises(MeizhenError) as raised:
        run_award(data, told["rule"], tmp_path / "out", **given)
    assert raised.value.code == "award.other_input"


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("article,,,wechat:w1,r77,,,", "award.no_such_work"),
        ("article,,,wechat:w1,old1,,,", "award.work_outside"),
        ("article,,,wechat:w1,,,,", "input.required"),
        ("article,,,wechat:w1,r0,,nowhere,", "award.no_such_track"),
        (NOMINATED[0], "index.key_repeated"),
        ("article,,,wechat:w1,https://x.test/0,,,", "index.key_repeated"),
        ("editor,03,赵敏,,,U-none,all,材料", "award.no_such_unit"),
        ("editor,03,赵敏,,,U-league,all,", "input.required"),
        ("video,,,wechat:w1,r0,,,", "award.no_nominee_category"),
    ],
)
def test_a_wrong_nomination_is_named_and_nothing_is_frozen(
    data: Database, files: Callable[..., dict[str, Path]], tmp_path: Path, row: str, code: str
) -> None:
    told = files(*NOMINATED, row)
    with pytest.raises(InputError) as raised:
        run_award(data, told["rule"], tmp_path / "out", nominees=told["nominees"], jury=told["jury"])
    assert code in {problem.code for problem in raised.value.problems}
    assert not (tmp_path / "out").exists()


def test_a_category_of_nominees_needs_some(
    data: Database, files: Callable[..., dict[str, Path]], tmp_path: Path
) -> None:
    told = files(*NOMINATED)
    with pytest.raises(InputError) as raised:
        run_award(data, told["rule"], tmp_path / "out", jury=told["jury"])
    assert [problem.code for problem in raised.value.problems] == ["award.nominees_needed"] * 2
    checked = check_award(data, told["rule"], nominees=told["nominees"])
    assert [one.accounts for one in checked.categories] == [2, 2]
    dry = dry_run(data, told["rule"], Given(nominees=told["nominees"], signature=SIGNED))
    assert [one.category.id for one in dry.categories] == ["article"]


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        (
            'of = "people"',
            'of = "people"\nindex = { formula = "wci", version = "14.2b" }',
            "award.people_have_no_index",
        ),
        (
            'variables = { R = "read_user"',
            'variables = { R = "account:followers_total"',
            "award.work_has_no_account",
        ),
        (
            'eligibility = [{ rule = "no_veto" }]\n[category.index]',
            'eligibility = [{ rule = "min_posts", value = 1 }]\n[category.index]',
            "award.gate_not_of",
        ),
        ('of = "works"', 'of = "articles"', "index.key_choice"),
    ],
)
def test_a_rule_that_asks_for_what_nominees_lack_is_refused(
    files: Callable[..., dict[str, Path]], before: str, after: str, code: str
) -> None:
    assert before in RULE
    told = files(rule=RULE.replace(before, after, 1))
    with pytest.raises(InputError) as raised:
        load_rule(told["rule"])
    codes = {problem.code for problem in raised.value.problems}
    assert code in codes or (code == "index.key_choice" and codes)


def test_no_paper_page_or_sheet_calls_a_work_or_a_person_an_account(
    data: Database, files: Callable[..., dict[str, Path]], tmp_path: Path
) -> None:
    told = files(*NOMINATED, rule=f"{RULE}\n[notice]\npublic_days = 5\n")
    out = tmp_path / "out"
    run_award(data, told["rule"], out, nominees=told["nominees"], until="index")
    (tmp_path / "judges.csv").write_text("judge,unit\n甲,\n", "utf-8")
    (sheet,) = write_sheets(RunFolder(out), tmp_path / "judges.csv", tmp_path / "sheets")
    assert read_table(sheet).columns[1] == "作品、人选 handle"
    given = {"nominees": told["nominees"], "jury": told["jury"]}
    run_award(data, told["rule"], out, **given)
    put_up(RunFolder(out), rule_of(RunFolder(out)), date(2027, 1, 20))
    assert run_award(data, told["rule"], out, today=date(2027, 1, 26)).waiting is None
    run = read_run(RunFolder(out))
    assert make_papers(out).left_out == {}
    for kind in PAPERS:
        facts = facts_of(run, kind)
        assert facts["ranked"] == "作品、人选"
        assert "账号" not in json.dumps(facts, ensure_ascii=False), kind
        # What stands in the templates themselves: nothing but what the command of the method note takes.
        words = templates(None)[f"{kind}.typ"].decode().replace("账号写账号 ID", "").partition("\n")[2]
        assert "账号" not in words, kind
    nouns = [category["noun"] for category in common_facts(run)["categories"]]  # type: ignore[attr-defined]
    assert nouns == ["作品", "人选"]
    for handle, own in (("w1/r0", ("作品", "work")), ("02", ("人选", "nominee"))):
        one = explain(out, handle)
        for language, name in zip(("zh", "en"), own, strict=True):
            told_ = as_text(one, language)
            assert "账号" not in told_ and "account" not in told_
            assert one.above is None or name in told_
    write_pages(out, tmp_path / "pages", "en")
    index = (tmp_path / "pages" / "index.html").read_text("utf-8")
    assert "<th>work</th>" in index and "<th>nominee</th>" in index and "account" not in index
    told_in_json = json.loads((out / "ranking.json").read_text("utf-8"))
    assert [category["of"] for category in told_in_json["categories"]] == ["works", "people"]
