"""The documentation holds: its commands are there, its links lead somewhere, its versions agree.

That the commands do what the pages say is in `test_docs_run.py`.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from config.messages import catalogue
from meizhen import __version__
from meizhen.cli import NOUNS, app

ROOT = Path(__file__).parents[1]
PAGES = sorted(page for page in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")))
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text("utf-8"))
    missing = [link for link in links if not (page.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_no_page_names_this_machine(page: Path) -> None:
    assert not re.search(r"/work/|/root/|/home/\w", page.read_text("utf-8"))


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_both_readmes_begin_with_a_picture_and_the_two_commands(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    picture, commands = text.index("!["), text.index("```sh")
    assert picture < commands < 1500
    shown = re.findall(r"^make (\w+)", text, re.MULTILINE)
    assert shown == ["demo", "test"]


def test_the_newest_change_is_of_this_version() -> None:
    newest = re.search(r"^## \[(\d[^\]]*)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert newest is not None and newest[1] == __version__


def test_the_readme_shows_a_command_of_every_noun_or_says_what_it_is_for() -> None:
    text = (ROOT / "README.md").read_text("utf-8") + (ROOT / "docs/how-to/install-and-run.md").read_text(
        "utf-8"
    )
    assert [one for one in NOUNS if not re.search(rf"(meizhen|make) (--as \w+ )?{one}\b", text)] == []
    assert set(NOUNS) < set(catalogue("cli"))


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_command_that_is_told_is_there_and_has_its_options(page: Path) -> None:
    told = re.findall(r"(?:^|[`\s(/])meizhen ((?:--as \w+ )?[a-z-]+(?: [^`\n]*)?)", page.read_text("utf-8"))
    if page.parent.name == "decisions" or page.name == "CHANGELOG.md":  # they tell of former days
        return
    assert [line for line in told if _unknown(re.split(r" #|[|`;]|&&| > ", line)[0])] == []


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_no_command_that_is_told_in_a_sentence_has_a_word_too_many(page: Path) -> None:
    told = re.findall(r"`meizhen ([^`\n]*)`", page.read_text("utf-8"))
    if page.parent.name == "decisions" or page.name == "CHANGELOG.md":
        return
    # What may be left out stands in brackets; a dot-dot-dot is whatever belongs there.
    whole = [re.split(r" \[| > ", line)[0] for line in told if "…" not in line]
    assert [line for line in whole if _left_over(line)] == []


def _left_over(line: str) -> list[str]:
    command, words = _found(shlex.split(re.sub("^--as \\w+ ", "", line)))
    if hasattr(command, "get_command"):
        return []  # a noun alone, or several of its commands at once
    left: list[str] = command.make_parser(typer.Context(command)).parse_args(list(words))[1]
    return left


def _found(words: list[str]) -> tuple[Any, list[str]]:
    """The command that the words begin with, and its own words."""
    command: Any = typer.main.get_command(app)
    while words and hasattr(command, "get_command"):
        inner = command.get_command(typer.Context(command), words[0])
        if inner is None:
            break
        command, words = inner, words[1:]
    return command, words


def _unknown(line: str) -> bool:
    """Does it name a command that there is not, or an option that the command has not?"""
    try:
        words = shlex.split(re.sub("^--as \\w+ ", "", line))
    except ValueError:  # a sentence with half a quotation
        return False
    command, words = _found(words)
    if words and hasattr(command, "get_command"):
        return not command.invoke_without_command
    known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
    return any(word.startswith("--") and word.partition("=")[0] not in {*known, "--help"} for word in words)


def test_the_tutorial_works_as_written(tmp_path: Path) -> None:
    blocks = re.findall(
        r"^```sh\n(.*?)^```", (ROOT / "docs/tutorials/first-week.md").read_text("utf-8"), re.M | re.S
    )
    script = "set -eu\ntrap 'kill $(cat sandbox.pid) 2>/dev/null || true' EXIT\n" + "\n".join(blocks)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(tmp_path), "MEIZHEN_LANGUAGE": "en", "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-1500:] + run.stderr[-1500:]
    assert "published" in run.stdout
    assert list((tmp_path / "reports").glob("*.xlsx"))
