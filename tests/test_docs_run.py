"""The documentation's commands are run, page by page, in the order of the page, as its reader would.

A page's commands are read from its shell blocks, and what it shows after one has to be said by it. The house
of each page is in `tests/support/page_scenes.py`; a page without one is run in an empty house.
"""

import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import page_scenes  # noqa: F401 - the houses of the pages
import pytest
from command import command
from page_houses import PREPARED, PageHouse, made_home
from page_shell import PageShell, Told, told_by

from config import ManualClock

if TYPE_CHECKING:
    from conftest import RunningSandbox

ROOT = Path(__file__).parents[1]
FORMER = ("docs/decisions/", "CHANGELOG.md")  # they tell of former days
ELSEWHERE = {
    "docs/tutorials/first-week.md": "run by a real shell: test_the_tutorial_works_as_written",
    "README.zh-CN.md": "its commands are README.md's: test_both_readmes_tell_the_same_commands",
}
NOT_RUN = {  # beginnings of commands, and why
    "make ": "demo, tests and benchmarks take minutes and are no part of what is installed",
    "python3 -m venv": "the environment is there, or this test would not run",
    "/opt/meizhen/bin/pip": "the same",
    "pip install ./connector": "the connector is put where an installer puts it",
    "meizhen serve": "serves until it is stopped: tests/meizhen/test_cli_start.py",
    "/opt/meizhen/bin/meizhen serve": "the same",
    "meizhen queue status --watch": "until Ctrl-C: test_watching_ends_with_ctrl_c",
    "for week in": "52 times what is run above it",
    "meizhen figures top --metric read_people --engine spark": "Spark and Java: make test-engines",
}


def _pages() -> Iterator[tuple[str, str]]:
    for page in sorted((*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))):
        name = page.relative_to(ROOT).as_posix()
        if not name.startswith(FORMER):
            yield name, page.read_text("utf-8")


TEXTS = dict(_pages())
PAGES = {name: told_by(text) for name, text in TEXTS.items() if told_by(text) and name not in ELSEWHERE}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, _sqlite_template: Path) -> Path:
    return made_home(tmp_path_factory.mktemp("house"), _sqlite_template)


@pytest.fixture
def house(
    request: pytest.FixtureRequest,
    made: Path,
    sandbox: "RunningSandbox",
    clock: ManualClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[PageHouse]:
    home = tmp_path / "home"
    shutil.copytree(made, home)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEIZHEN_HOME", str(home))
    monkeypatch.setenv("MEIZHEN_LANGUAGE", "zh")
    monkeypatch.setenv("COLUMNS", "300")
    for module in ("config.database", "meizhen.doctor"):
        monkeypatch.setattr(f"{module}.SystemClock", lambda **_: clock)
    with ExitStack() as stack:
        page = request.getfixturevalue("page")
        yield PageHouse(page, tmp_path, sandbox, clock, command(monkeypatch, capsys), monkeypatch, stack)


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_tells_works_as_written(
    page: str, house: PageHouse, capsys: pytest.CaptureFixture[str]
) -> None:
    if page in PREPARED:
        PREPARED[page](house)
    shell = PageShell(house, capsys, NOT_RUN)
    for told in PAGES[page]:
        said = _squeezed(shell.do(told))
        missing = [line for line in told.shown if line.strip() != "…" and _squeezed(line) not in said]
        assert missing == [], f"line {told.line} shows what is not said: {said}"
    assert (house.typed, house.meanwhile) == ([], {}), "the page does not come to what is prepared for it"
    assert [one for one in (*house.places, *house.copied) if one not in TEXTS[page]] == []


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def test_both_readmes_tell_the_same_commands() -> None:
    english, chinese = (
        {re.split(r" +# ", told.text)[0].strip() for told in told_by(TEXTS[name])}
        for name in ("README.md", "README.zh-CN.md")
    )
    assert chinese <= english and len(chinese) > 20


def test_nothing_is_prepared_or_left_out_that_no_page_tells() -> None:
    texts = [told.text for page in PAGES.values() for told in page]
    assert set(PREPARED) <= set(PAGES)
    assert [one for one in NOT_RUN if not any(re.search(f"(^|&& ){one}", text) for text in texts)] == []
    assert [name for name in ELSEWHERE if not told_by(TEXTS[name])] == []


def test_no_command_hides_in_a_block_of_another_kind() -> None:
    other = re.compile(r"^ *```(?!sh\n|bash\n|shell\n|console\n)\w*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
    hidden = [
        (name, line)
        for name, text in TEXTS.items()
        for block in other.findall(text)
        for line in block.splitlines()
        if line.startswith(("$ ", "meizhen "))
    ]
    assert hidden == []


def test_blocks_are_read_with_their_continued_lines_and_what_they_show() -> None:
    page = (
        "One\n```console\n$ meizhen a \\\n    --b 1  # why\nshown\n$ meizhen c\n```\n```sh\nmeizhen d\n```\n"
    )
    assert told_by(page) == [
        Told(3, "meizhen a --b 1  # why", ("shown",)),
        Told(6, "meizhen c"),
        Told(9, "meizhen d"),
    ]


@pytest.mark.parametrize("page", ["-"])
@pytest.mark.parametrize(
    ("told", "why"),
    [
        ("docker compose up", "docker is no command that is run"),
        ("meizhen org show NOWHERE", "Said"),
        ("meizhen report robot add 群 --kind wecom", "asked, and nobody answers"),
        ("curl http://127.0.0.1:9/", "CompletedProcess"),
    ],
)
def test_a_command_that_does_not_work_or_is_of_a_new_kind_fails_its_page(
    page: str, told: str, why: str, house: PageHouse, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(AssertionError, match=why):
        PageShell(house, capsys, NOT_RUN).do(Told(1, told))
