"""`meizhen award papers`: what was made and what not, as text and as JSON; templates written out."""

import json
import shutil
from pathlib import Path

import pytest
from award_papers import a_run, world
from command import invoke

from config.database import connect
from config.errors import MeizhenError
from config.secrets import create_key_file
from meizhen.house import KEY_FILE


@pytest.fixture
def early(tmp_path: Path, _sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run whose list is not final, in a house of its own."""
    shutil.copy(_sqlite_template, tmp_path / "world.sqlite")
    address = f"sqlite:///{tmp_path / 'world.sqlite'}"
    (tmp_path / "home").mkdir()
    create_key_file(tmp_path / "home" / KEY_FILE)
    monkeypatch.setenv("MEIZHEN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MEIZHEN_DATABASE_URL", address)
    monkeypatch.setenv("MEIZHEN_LANGUAGE", "zh")
    database = connect(address)
    world()[0].store(database, 1)
    made = a_run(database, tmp_path, until="notice")
    database.close()
    return made


def papers(*arguments: object) -> tuple[str, str]:
    result = invoke("award", "papers", *arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout, result.stderr


def test_papers_are_named_with_those_that_have_to_wait(early: Path, tmp_path: Path) -> None:
    out, err = papers(early, "--out", tmp_path / "out")
    assert "公示名单" in out
    assert str(tmp_path / "out" / "notice.pdf") in out
    assert "不能出表彰名单" in err
    assert "不能出证书" in err
    told = json.loads(papers(early, "--out", tmp_path / "out", "--only", "notice", "--json")[0])
    assert told["papers"] == {"notice": [str(tmp_path / "out" / "notice.pdf")]}
    assert (told["final"], told["left_out"]) == (False, {})
    assert told["run_id"] == json.loads((early / "run.json").read_text("utf-8"))["run_id"]


def test_templates_are_written_out_changed_and_used(early: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    assert str(own / "notice.typ") in papers("--write-templates", own)[0]
    (own / "notice.typ").write_text("#nope", "utf-8")
    with pytest.raises(MeizhenError) as refused:
        papers(early, "--template", own)
    assert (refused.value.code, refused.value.params["file"]) == ("papers.template_wrong", "notice.typ")


def test_without_a_folder_there_is_nothing_to_make() -> None:
    with pytest.raises(MeizhenError) as refused:
        papers()
    assert refused.value.code == "papers.folder_needed"
