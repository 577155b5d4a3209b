"""What people give to a run: scores, votes, vetoes, a signature. Checked whole, kept in one spelling.

The same scores from another file, or in another order of rows, are the same bytes in the run's folder.
"""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from analytics.awards.eligibility import VETO_COLUMNS, Veto, read_vetoes
from analytics.awards.files import json_bytes, write_csv
from analytics.awards.folder import INPUTS
from analytics.awards.handles import Handles, Key
from analytics.awards.holes import Signature
from analytics.awards.jury import read_jury, read_votes, write_scores, write_votes
from analytics.awards.nominees import read_nominees, write_nominees
from analytics.awards.rule import Rule
from config.errors import InputError, Problem

JURY = f"{INPUTS}/jury.csv"
VOTES = f"{INPUTS}/votes.csv"
VETOES = f"{INPUTS}/vetoes.csv"
EXCLUSIONS = f"{INPUTS}/exclusions.csv"
SIGNATURE = f"{INPUTS}/signature.json"
NOMINEES = f"{INPUTS}/nominees.csv"
NAMES = (JURY, VOTES, VETOES, EXCLUSIONS, SIGNATURE, NOMINEES)


@dataclass(frozen=True)
class Given:
    """The files given to a run; None where none was given."""

    jury: Path | None = None
    votes: Path | None = None
    vetoes: Path | None = None
    signature: Signature | None = None
    nominees: Path | None = None
    more: Mapping[str, bytes] = field(default_factory=dict)  # files of the run taken over from another


@dataclass(frozen=True)
class Intake:
    """What was given, read: the files as the run keeps them, by name, and the vetoes."""

    files: Mapping[str, bytes]
    vetoes: Mapping[Key, Veto]


def take_in(rule: Rule, given: Given, handles: Handles) -> Intake:
    """Reads and checks what was given. Raises InputError with every problem of a file."""
    files: dict[str, bytes] = dict(given.more)
    vetoes: Mapping[Key, Veto] = {}
    if given.jury is not None:
        scores = read_jury(given.jury, handles, rule)
        files[JURY] = spelled(lambda path: write_scores(scores, path))
    if given.votes is not None:
        votes = read_votes(given.votes, handles)
        files[VOTES] = spelled(lambda path: write_votes(votes, path))
    if given.vetoes is not None:
        vetoes = read_vetoes(given.vetoes, handles)
        rows = sorted((*key, veto.who, veto.when, veto.why) for key, veto in vetoes.items())
        files[VETOES] = spelled(lambda path: write_csv(path, ("category", *VETO_COLUMNS), rows))
    if given.signature is not None:
        told = {"name": given.signature.name, "reason": given.signature.reason}
        files[SIGNATURE] = json_bytes(dict(told))
    if given.nominees is not None:
        nominees = read_nominees(given.nominees, rule)
        files[NOMINEES] = spelled(lambda path: write_nominees(nominees, path))
    return Intake(files, vetoes)


def spelled(write: Callable[[Path], Path]) -> bytes:
    """The bytes of a file that `write` writes."""
    with tempfile.TemporaryDirectory(prefix="meizhen-award-") as folder:
        return write(Path(folder) / "given.csv").read_bytes()


def refuse_missing(rule: Rule, source: str, known: Callable[[str], bool]) -> None:
    """Raises InputError where a part has a weight and nobody gave its file; `known` tells what is there."""
    problems = []
    for number, category in enumerate(rule.categories, start=1):
        for part, option, file, weight in (
            ("jury", "--jury", JURY, category.jury.weight),
            ("public", "--votes", VOTES, category.public.weight),
        ):
            if weight and not known(file):
                key = f"category[{number}].score.{part}.weight"
                params = {"weight": weight, "option": option}
                problems.append(Problem("award.file_needed", column=key, params=params))
    if problems:
        raise InputError(source, problems)
