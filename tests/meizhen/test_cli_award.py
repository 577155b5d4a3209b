"""`meizhen award`: new, check, run, in a home folder of its own."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from analytics.articles import Article, FigureSource, Snapshot
from analytics.awards import load_rule, shipped_rule
from config.database import Database
from config.errors import InputError, MeizhenError
from config.secrets import create_key_file
from meizhen.cli import app
from meizhen.house import KEY_FILE
from organisation.accounts import Account
from organisation.units import Unit


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["award", *map(str, arguments)])
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
    assert "青年1 (demo-1): verified: false" in shown
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
