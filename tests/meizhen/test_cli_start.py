"""`meizhen --help` is quick because it imports nothing that it does not show."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = {
    "alembic",
    "apscheduler",
    "cryptography",
    "duckdb",
    "fastapi",
    "matplotlib",
    "numpy",
    "pandas",
    "pydantic",
    "requests",
    "sqlalchemy",
    "sqlmodel",
    "connectors",
    "organisation",
    "scheduler",
    "analytics",
}
PROGRAM = """
import json, sys
from meizhen.cli import main
sys.argv = ["meizhen", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def imported(*arguments: str) -> tuple[str, set[str]]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    shown, _, last = done.stdout.rstrip("\n").rpartition("\n")
    return shown, set(json.loads(last))


def test_help_lists_every_noun_and_imports_nothing_heavy() -> None:
    from meizhen.cli import NOUNS

    shown, modules = imported("--help")
    assert modules & HEAVY == set()
    assert all(noun in shown for noun in NOUNS)


@pytest.mark.parametrize("noun", ["org", "account", "ledger", "init"])
def test_help_of_a_noun_does_not_open_the_database_library_for_pandas(noun: str) -> None:
    shown, modules = imported(noun, "--help")
    assert modules & {"pandas", "matplotlib", "duckdb", "apscheduler", "scheduler", "analytics"} == set()
    assert "--help" in shown


def test_the_version_is_told() -> None:
    from meizhen import __version__

    assert imported("--version")[0] == f"meizhen {__version__}"


def test_a_noun_that_is_none_ends_with_2() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "meizhen", "orgg"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and "orgg" in done.stderr and "Traceback" not in done.stderr
