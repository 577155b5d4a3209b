"""The page of the console's checks names only tests, benchmarks and files that are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/explanation/console-checks.md"


def test_all_fifty_five_checks_stand_there_and_what_they_name_exists() -> None:
    page = PAGE.read_text("utf-8")
    assert re.findall(r"^\| (\d+) \|", page, re.MULTILINE) == [str(number) for number in range(1, 56)]
    written = "\n".join(file.read_text("utf-8") for file in (ROOT / "tests").rglob("test_*.py"))
    tests = set(re.findall(r"^(?:async )?def (test_\w+)", written, re.MULTILINE))
    assert set(re.findall(r"`(test_\w+)`", page)) <= tests
    for path in re.findall(r"`((?:benchmarks|tests)/[\w/]+\.py)`", page):
        assert (ROOT / path).is_file(), path
