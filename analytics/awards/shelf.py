"""The award runs that programs may read: the subfolders of one folder that hold a run."""

import re
from dataclasses import dataclass
from pathlib import Path

from analytics.awards.folder import RunFolder
from analytics.awards.run import RECORD, AwardResult, result_of, run_id_in
from analytics.awards.run import rule_of as rule_of_run
from config.errors import MeizhenError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class ShelvedRun:
    """A run by the name of its folder; `award` and `title` are the rule's."""

    name: str
    run_id: str
    award: str
    title: str
    final: bool


def runs_on(shelf: Path) -> list[ShelvedRun]:
    """The runs there, by name; a folder that cannot be read as one is left out."""
    found = []
    for name in _names(shelf):
        folder = RunFolder(shelf / name)
        try:
            rule = rule_of_run(folder)
            run_id = run_id_in(folder)
        except MeizhenError:
            continue
        found.append(ShelvedRun(name, run_id, rule.id, rule.title, folder.has("final.csv")))
    return found


def find_run(shelf: Path, name: str) -> Path:
    """The folder of a run. Raises MeizhenError `award.no_such_run` for a name that is not among them."""
    if name not in _names(shelf):
        raise MeizhenError("award.no_such_run", name=name[:100])
    return shelf / name


def read_run(shelf: Path, name: str) -> AwardResult:
    """A run as far as it went. Raises MeizhenError `award.no_such_run`."""
    folder = RunFolder(find_run(shelf, name))
    return result_of(folder, rule_of_run(folder), run_id_in(folder), None)


def _names(shelf: Path) -> list[str]:
    if not shelf.is_dir():
        return []
    return sorted(
        one.name for one in shelf.iterdir() if _NAME.fullmatch(one.name) and (one / RECORD).is_file()
    )
