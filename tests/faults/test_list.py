"""The list of faults is whole: every number of README.md is let happen by a test of the file named there."""

import re
from pathlib import Path

FOLDER = Path(__file__).parent
CLAIM = re.compile(r"@pytest\.mark\.fault\(([\d, ]+)\)")
ROW = re.compile(r"^\| (\d+) \|.*\| `(test_\w+\.py)`(?:, `(test_\w+\.py)`)? \|$", re.MULTILINE)
FORTY = set(range(1, 41))


def claims() -> dict[str, set[int]]:
    """The numbers that each file's tests are marked with."""
    return {
        file.name: {
            int(number) for claim in CLAIM.findall(file.read_text("utf-8")) for number in claim.split(",")
        }
        for file in FOLDER.glob("test_*.py")
    }


def test_every_fault_is_claimed_by_a_test_and_there_are_no_others() -> None:
    assert set().union(*claims().values()) == FORTY


def test_the_table_names_for_every_fault_files_whose_tests_claim_it() -> None:
    rows = ROW.findall((FOLDER / "README.md").read_text("utf-8"))
    assert sorted(int(number) for number, *_ in rows) == sorted(FORTY)
    claimed = claims()
    wrong = [
        (number, name)
        for number, *names in rows
        for name in filter(None, names)
        if int(number) not in claimed.get(name, set())
    ]
    assert wrong == []
