"""`meizhen award`: new, check, run, in a home folder of its own."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from command import invoke

from analytics.articles import Article, FigureSource, Snapshot
from analytics.awards import load_rule, shipped_rule
from config.database import Database
from config.errors import InputError, MeizhenError
from config.secrets import create_key_file
from meizhen.house import KEY_FILE
from organisation import entries_of
from organisation.accounts import Account
from organisation.units import Unit


def run(*arguments: object) -> str:
    result = invoke("award", *arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def home(tmp_path: Path, database: Database, database_address: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A house with two WeChat accounts that posted every week of 2026."""
    folder = tmp_path / "home"
    folder.mkdir()
    create_key_file(folder / KEY_FILE)
    monkeypatch.setenv("MEIZHEN_HOME", str(folder))
    monkeypatch.setenv("MEIZHEN_DATABASE_URL", database_address)
    noon = datetime(2026, 6, 1, 4, 0, tzinfo=UTC)
    with database.write() as session:
        session.add(Unit(id=1, code="NM", kind="region", name_zh="区团委", path="1/"))
        session.add(FigureSource(id=1, kind="api", name="wechat", first_at=noon))
        session.flush()
        for number, reads in ((1, 900), (2, 4000)):
            session.add(
                Account(
                    id=number,
                    unit_id=1,
                    platform="wechat",
                    handle=f"demo-{number}",
                    name=f"青年{number}",
                    track="league",
                    filed=date(2025, 1, 1),
                    verified=number == 2,
                )
            )
            session.flush()
            for week in range(50):
                day = date(2026, 1, 5) + timedelta(days=7 * week)
                article = Article(
                    account_id=number,
                    remote_id=f"{number}-{week}",
                    title="t",
                    published_at=noon,
                    published_day=day,
                    position=1,
                )
                session.add(article)
                session.flush()
                for metric in ("read_people", "recommend_heart", "like", "share"):
                    session.add(
                        Snapshot(
                            article_id=article.id,
                            metric=metric,
                            as_of=day + timedelta(days=7),
                            source_id=1,
                            value=Decimal(reads),
                            collected_at=noon,
                        )
                    )
    return folder


def only_wechat(folder: Path, more: str = "") -> Path:
    """The shipped rule without the other two categories."""
    head, first, *_, last = shipped_rule().read_text("utf-8").split("[[category]]")
    path = folder / "wechat.toml"
    path.write_text(f"{head}[[category]]{first}{last[last.index('[robustness]') :]}\n{more}", "utf-8")
    return path


def test_new_writes_a_rule_that_is_valid_and_keeps_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "rule.toml"
    assert "award check" in run("new", path)
    assert load_rule(path).digest == load_rule(shipped_rule()).digest
    path.write_text("mine", "utf-8")
    with pytest.raises(MeizhenError) as error:
        run("new", path)
    assert error.value.code == "award.rule_exists"
    assert path.read_text("utf-8") == "mine"
    with pytest.raises(MeizhenError) as error:
        run("new", tmp_path / "none" / "rule.toml")
    assert error.value.code == "index.not_written"


def test_check_tells_how_many_are_eligible_and_why_others_are_not(home: Path, tmp_path: Path) -> None:
    rule = only_wechat(tmp_path)
    told = json.loads(run("check", rule, "--json"))
    wechat = told["categories"][0]
    assert (wechat["accounts"], wechat["eligible"]["league"], wechat["refused"]) == (2, 1, {"verified": 1})
    shown = run("check", rule)
    assert "verified 1" in shown
    assert "青年1 (demo-1): verified: no" in shown
    assert "1 eligible for 3 place(s)" in shown
    assert "rule is fine" in shown


def test_check_names_the_files_that_a_run_will_need(home: Path, tmp_path: Path) -> None:
    rule = only_wechat(tmp_path)
    text = rule.read_text("utf-8").replace('data = { weight = "1.00"', 'data = { weight = "0.70"', 1)
    rule.write_text(text.replace("# jury ", "jury ", 1), "utf-8")
    assert "--jury" in run("check", rule)
    with pytest.raises(InputError, match="--jury"):
        run("run", rule, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_run_writes_the_folder_and_prints_the_list(home: Path, tmp_path: Path) -> None:
    rule, signed = only_wechat(tmp_path), ("--sign", "李敏", "--reason", "试评")
    shown = run("run", rule, "--out", tmp_path / "out", *signed)
    assert "青年2" in shown
    told = json.loads(run("run", rule, "--out", tmp_path / "again", *signed, "--json"))
    assert told["run_id"][:16] in shown
    (placed,) = told["categories"][0]["tracks"][0]["places"]
    assert (placed["handle"], placed["place"], placed["awarded"]) == ("demo-2", 1, True)
    assert told["categories"][0]["ineligible"] == ["demo-1"]
    assert all(Path(path).is_file() for path in told["paths"].values())
    names = sorted(file.name for file in (tmp_path / "out").iterdir())
    assert names == sorted(file.name for file in (tmp_path / "again").iterdir())


def test_an_out_that_is_a_file_says_so(home: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x", "utf-8")
    with pytest.raises(MeizhenError) as error:
        run("run", only_wechat(tmp_path), "--out", tmp_path / "out", "--sign", "李敏", "--reason", "试评")
    assert error.value.code == "index.not_written"


SIGNED = ("--sign", "李敏", "--reason", "试评")
NOTICE = "[notice]\npublic_days = 5\nobjection = { named = true, answer_days = 3 }\n"


def failed(*arguments: object) -> tuple[int, str]:
    result = invoke("award", *arguments)
    return result.exit_code, result.output


def test_a_run_is_verified_compared_and_explained(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run("run", only_wechat(tmp_path), "--out", out, *SIGNED)
    assert "every byte is the same" in run("verify", out)
    assert "The same run" in run("diff", out, out)
    assert json.loads(run("diff", out, out, "--json"))["same"] is True
    assert "Place 1 of 1" in run("explain", out, "demo-2")
    assert "第 1 名,共 1 个" in run("explain", out, "demo-2", "--language", "zh")
    assert json.loads(run("explain", out, "wechat:demo-1", "--json"))["placed"] is None
    assert json.loads(run("explain", out, "demo-2", "--json"))["placed"]["place"] == 1
    assert "page.html" in run("explain", out, "demo-2", "--html", tmp_path / "page.html")
    assert "Place 1 of 1" in (tmp_path / "page.html").read_text("utf-8")
    assert "index.html" in run("pages", out, "--out", tmp_path / "pages", "--language", "en")
    assert 'href="wechat/demo-2.html"' in (tmp_path / "pages" / "index.html").read_text("utf-8")
    score = out / "wechat" / "score.csv"
    score.write_text(score.read_text("utf-8").replace("league", "elsewhere"), "utf-8")
    code, told = failed("verify", out)
    assert code == 1
    assert "wechat/score.csv" in told and "column “track”" in told
    assert [one["file"] for one in json.loads(failed("verify", out, "--json")[1])["differences"]] == [
        "wechat/score.csv"
    ]


def test_a_signature_and_an_exclusion_stand_in_the_ledger(
    home: Path, database: Database, tmp_path: Path
) -> None:
    first, second = tmp_path / "out", tmp_path / "again"
    run("run", only_wechat(tmp_path), "--out", first, *SIGNED)
    told = run("exclude", first, "demo-2", "--out", second, "--by", "李敏", "--reason", "刷量", "--json")
    assert json.loads(told)["number"] == 2
    code, told = failed("diff", first, second)
    assert code == 1
    assert "1 → –" in told and "inputs/exclusions.csv" in told
    (move,) = json.loads(failed("diff", first, second, "--json")[1])["moves"]
    assert move["places"] == [1, None]
    with database.read() as session:
        acts = {entry.act: entry.details for entry in entries_of(session)}
    assert acts["award.sign"]["name"] == "李敏"
    assert acts["award.exclude"]["reason"] == "刷量"
    assert acts["award.exclude"]["number"] == 2


def test_a_dry_run_prints_the_list_and_writes_nothing(home: Path, tmp_path: Path) -> None:
    shown = run("run", only_wechat(tmp_path), "--dry-run")
    assert "青年2" in shown
    assert "nothing was written" in shown
    assert not list(tmp_path.rglob("*.csv"))


def test_options_that_do_not_fit_are_told(home: Path, tmp_path: Path) -> None:
    rule = only_wechat(tmp_path)
    for arguments, code in (
        (("run", rule), "award.out_needed"),
        (("run", rule, "--out", tmp_path / "out", "--sign", "李敏"), "award.sign_incomplete"),
        (("run", rule, "--out", tmp_path / "out", "--until", "index2", *SIGNED), "award.no_such_stage"),
        (("notice", tmp_path), "award.not_frozen"),
    ):
        with pytest.raises(MeizhenError) as error:
            run(*arguments)
        assert error.value.code == code
    run("run", rule, "--out", tmp_path / "out", *SIGNED)
    for arguments, code in (
        (("explain", tmp_path / "out", "demo-2", "--language", "fr"), "award.no_such_language"),
        (("notice", tmp_path / "out"), "award.rule_without_notice"),
        (("jury", "status", tmp_path / "out"), "award.no_judges"),
    ):
        with pytest.raises(MeizhenError) as error:
            run(*arguments)
        assert error.value.code == code


def test_a_notice_an_objection_and_its_answer(home: Path, database: Database, tmp_path: Path) -> None:
    out, rule = tmp_path / "out", only_wechat(tmp_path, NOTICE)
    assert "Not final yet" in run("run", rule, "--out", out, *SIGNED)
    with pytest.raises(MeizhenError) as error:
        run("notice", out, "--on", "昨天")
    assert error.value.code == "award.not_a_day"
    assert "notice.csv" in run("notice", out)
    filed = ("objection", "file", out, "--by", "某大学", "--text", "阅读有误", "--account", "demo-2")
    assert "Objection 1" in run(*filed)
    assert json.loads(run("objection", "list", out, "--json"))[0]["answer"] is None
    assert "answered" in run("objection", "answer", out, 1, "--by", "评审组", "--text", "已核对")
    assert "已核对" in run("objection", "list", out)
    with database.read() as session:
        acts = [entry.act for entry in entries_of(session)]
    assert {"award.notice", "award.objection", "award.answer"} <= set(acts)


def test_score_sheets_go_out_and_come_back(home: Path, database: Database, tmp_path: Path) -> None:
    out, rule = tmp_path / "out", only_wechat(tmp_path)
    text = rule.read_text("utf-8").replace('data = { weight = "1.00"', 'data = { weight = "0.70"', 1)
    text = text.replace("# jury ", "jury ", 1).replace("data   =", "data =")
    rule.write_text(text.replace("min_judges = 5, trim = 1", "min_judges = 2, trim = 0"), "utf-8")
    run("run", rule, "--out", out, "--until", "index", *SIGNED)
    (tmp_path / "judges.csv").write_text("judge,unit\nAda,\nBo,\n", "utf-8")
    shown = run("jury", "sheets", out, "--judges", tmp_path / "judges.csv", "--out", tmp_path / "sheets")
    assert len(shown.split()) == 2
    assert "still missing: Ada, Bo" in run("jury", "status", out)
    for judge, score in (("Ada", 70), ("Bo", 80)):
        sheet = tmp_path / f"{judge}.csv"
        sheet.write_text(f"category,handle,judge,score\nwechat,demo-2,{judge},{score}\n", "utf-8")
        assert judge in run("jury", "file", out, sheet)
    assert json.loads(run("jury", "status", out, "--json")) == {"filed": ["Ada", "Bo"], "missing": []}
    run("jury", "open", out)
    run("run", rule, "--out", out)
    assert "jury  0.30 × 75.000000 = 22.5" in run("explain", out, "demo-2")
    with database.read() as session:
        acts = [entry.act for entry in entries_of(session)]
    assert acts.count("award.sheet") == 2 and "award.open" in acts


@pytest.mark.parametrize(("shape", "files"), [("points", 2), ("jury", 1), ("most-influential", 1)])
def test_each_shape_of_rule_is_valid_as_written(tmp_path: Path, shape: str, files: int) -> None:
    run("new", tmp_path / "rule.toml", "--shape", shape)
    assert len(list(tmp_path.glob("*.toml"))) == files
    assert load_rule(tmp_path / "rule.toml").categories
    with pytest.raises(MeizhenError) as error:
        run("new", tmp_path / "rule.toml", "--shape", shape)
    assert error.value.code == "award.rule_exists"


def test_an_unknown_shape_is_told_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean “points”"):
        run("new", tmp_path / "rule.toml", "--shape", "point")
