"""One award run: freeze → variables → eligibility → index → score → ranking → result.

Each stage makes files from files. The run id is the sha256 of the inputs, the rule and `ENGINE`: no clock, no
path, no locale goes into any file, so two runs over the same data give the same bytes.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from analytics.awards.eligibility import Veto, eligible_handles, judge_eligibility, read_vetoes
from analytics.awards.files import read_csv, sha256, write_json
from analytics.awards.freeze import Frozen, freeze
from analytics.awards.handles import Handles
from analytics.awards.index import compute_indices
from analytics.awards.jury import Key, Score, read_jury, read_votes
from analytics.awards.result import (
    CategoryFiles,
    CategoryResult,
    as_json,
    draw,
    place_category,
    write_ranking,
)
from analytics.awards.rule import Category, Rule
from analytics.awards.rule_file import load_rule
from analytics.awards.score import score
from analytics.awards.variables import count_variables
from config.database import Database
from config.errors import InputError, MeizhenError, Problem

ENGINE = "1"  # raised by every change that could change a result
STAGES = ("freeze", "variables", "eligibility", "index", "score", "ranking", "result")
Progress = Callable[[str, int, int], None]  # stage and category, steps done, steps in all


@dataclass(frozen=True)
class AwardResult:
    """A finished run. `paths` names its files: ranking_csv, ranking_json, picture_png, picture_svg, run."""

    run_id: str
    rule: Rule
    categories: tuple[CategoryResult, ...]
    paths: Mapping[str, Path]


@dataclass(frozen=True)
class CategoryCheck:
    """What a dry look found: accounts of the platform, those eligible by track, and the reasons by gate."""

    category: Category
    accounts: int
    eligible: Mapping[str, int]
    refused: Mapping[str, int]


@dataclass(frozen=True)
class AwardCheck:
    """A rule that is valid, and how it stands: `wanted` names the files of people's judgement it needs."""

    rule: Rule
    categories: tuple[CategoryCheck, ...]
    wanted: tuple[str, ...]


@dataclass(frozen=True)
class _Judgement:
    """The files that people made: None where none was given."""

    jury: Path | None = None
    votes: Path | None = None
    vetoes: Path | None = None


class _Run:
    """One run inside a folder of its own, which becomes visible only when everything is there."""

    def __init__(self, database: Database, rule: Rule, folder: Path, progress: Progress | None) -> None:
        self.database = database
        self.rule = rule
        self.folder = folder
        self._progress = progress
        self._done = 0

    def step(self, stage: str, category: Category | None = None) -> None:
        """Tells that the next stage begins."""
        if self._progress:
            told = stage if category is None else f"{stage} {category.id}"
            self._progress(told, self._done, len(self.rule.categories) * 6 + 1)
        self._done += 1

    def place(self, category: Category, name: str) -> Path:
        return self.folder / category.id / name

    def freeze(self) -> dict[str, Frozen]:
        frozen = {}
        for category in self.rule.categories:
            self.step("freeze", category)
            frozen[category.id] = freeze(self.database, self.rule, category, self.folder / category.id)
        return frozen

    def judge(self, category: Category, frozen: Frozen, vetoes: Mapping[Key, Veto]) -> tuple[Path, Path]:
        """The stages that need no judgement but vetoes: variables and eligibility."""
        self.step("variables", category)
        variables = count_variables(category, frozen, self.place(category, "variables.csv"))
        self.step("eligibility", category)
        eligibility = judge_eligibility(category, variables, vetoes, self.place(category, "eligibility.csv"))
        return variables, eligibility

    def rank(
        self,
        category: Category,
        variables: Path,
        eligibility: Path,
        scores: Mapping[Key, list[Score]],
        votes: Mapping[Key, Decimal],
    ) -> CategoryResult:
        self.step("index", category)
        eligible = eligible_handles(eligibility)
        indices = compute_indices(category, variables, eligible, self.place(category, "index.csv"))
        self.step("score", category)
        scored = self.place(category, "score.csv")
        score(self.rule, category, variables, indices, scores, votes, scored)
        self.step("ranking", category)
        return place_category(category, CategoryFiles(variables, eligibility, scored))


def run_award(
    database: Database,
    rule_path: Path,
    out: Path,
    *,
    jury: Path | None = None,
    votes: Path | None = None,
    vetoes: Path | None = None,
    progress: Progress | None = None,
) -> AwardResult:
    """Runs the award of a rule file over the database's figures and writes the run into the folder `out`.

    Nothing appears in `out` before the whole run is done; files of an earlier run there are replaced.
    Raises InputError when the rule or a file is wrong, when a part with weight has no file, or when an
    eligible account lacks judges or votes.
    """
    rule = load_rule(rule_path)
    _refuse_missing_files(rule, rule_path, jury, votes)
    judgement = _Judgement(jury, votes, vetoes)
    with tempfile.TemporaryDirectory(prefix="meizhen-award-") as temporary:
        run = _Run(database, rule, Path(temporary), progress)
        frozen = run.freeze()
        handles = _handles(rule, frozen)
        scores = read_jury(jury, handles) if jury else {}
        counted = read_votes(votes, handles) if votes else {}
        vetoed = read_vetoes(vetoes, handles) if vetoes else {}
        results = []
        for category in rule.categories:
            variables, eligibility = run.judge(category, frozen[category.id], vetoed)
            results.append(run.rank(category, variables, eligibility, scores, counted))
        run.step("result")
        run_id = _write(run, rule_path, judgement, frozen, results)
        paths = _move(run.folder, out)
        if progress:
            progress("done", 1, 1)
    return AwardResult(run_id, rule, tuple(results), paths)


def check_award(database: Database, rule_path: Path, *, vetoes: Path | None = None) -> AwardCheck:
    """Validates a rule and tells how many accounts could take part today; leaves no file."""
    rule = load_rule(rule_path)
    with tempfile.TemporaryDirectory(prefix="meizhen-award-") as temporary:
        run = _Run(database, rule, Path(temporary), None)
        frozen = run.freeze()
        vetoed = read_vetoes(vetoes, _handles(rule, frozen)) if vetoes else {}
        checks = tuple(
            _checked(category, *run.judge(category, frozen[category.id], vetoed))
            for category in rule.categories
        )
    named = (("jury", rule.needs_jury), ("votes", rule.needs_votes))
    return AwardCheck(rule, checks, tuple(name for name, needed in named if needed))


def _checked(category: Category, variables: Path, eligibility: Path) -> CategoryCheck:
    eligible = eligible_handles(eligibility)
    tracks = dict.fromkeys((track.id for track in category.tracks), 0)
    accounts = list(read_csv(variables))
    for account in accounts:
        if account["handle"] in eligible:
            tracks[account["track"]] += 1
    refused: dict[str, int] = {}
    for row in read_csv(eligibility):
        if row["passed"] == "false":
            refused[row["rule"]] = refused.get(row["rule"], 0) + 1
    return CategoryCheck(category, len(accounts), tracks, refused)


def _refuse_missing_files(rule: Rule, path: Path, jury: Path | None, votes: Path | None) -> None:
    problems = []
    for number, category in enumerate(rule.categories, start=1):
        for part, option, file, weight in (
            ("jury", "--jury", jury, category.jury.weight),
            ("public", "--votes", votes, category.public.weight),
        ):
            if weight and file is None:
                params = {"weight": weight, "option": option}
                key = f"category[{number}].score.{part}.weight"
                problems.append(Problem("award.file_needed", column=key, params=params))
    if problems:
        raise InputError(path.name, problems)


def _handles(rule: Rule, frozen: Mapping[str, Frozen]) -> Handles:
    return Handles((category, frozen[category.id].accounts) for category in rule.categories)


def _write(
    run: _Run,
    rule_path: Path,
    judgement: _Judgement,
    frozen: Mapping[str, Frozen],
    results: list[CategoryResult],
) -> str:
    """Writes ranking, picture and the run's own record; gives the run id."""
    rule, folder = run.rule, run.folder
    shutil.copyfile(rule_path, folder / "rule.toml")
    inputs = {"rule.toml": rule.digest}
    for category in rule.categories:
        if category.index.digest:
            inputs[f"{category.id}/definition"] = category.index.digest
        for file in (frozen[category.id].accounts, frozen[category.id].articles):
            inputs[f"{category.id}/{file.name}"] = sha256(file)
    for name in ("jury", "votes", "vetoes"):
        given: Path | None = getattr(judgement, name)
        if given is not None:
            inputs[name] = sha256(given)
    told = json.dumps({"engine": ENGINE, "inputs": inputs}, sort_keys=True, ensure_ascii=False)
    run_id = hashlib.sha256(told.encode()).hexdigest()
    write_ranking(results, folder / "ranking.csv")
    write_json(folder / "ranking.json", {"run_id": run_id} | as_json(rule, results))
    draw(rule, results, folder / "ranking")
    made = {str(file.relative_to(folder).as_posix()): file for file in folder.rglob("*") if file.is_file()}
    record = {
        "run_id": run_id,
        "engine": ENGINE,
        "award": rule.id,
        "inputs": inputs,
        "files": {name: sha256(made[name]) for name in sorted(made)},
    }
    write_json(folder / "run.json", record)
    return run_id


def _move(folder: Path, out: Path) -> dict[str, Path]:
    try:
        shutil.copytree(folder, out, dirs_exist_ok=True, copy_function=shutil.copyfile)
    except OSError as error:
        raise MeizhenError(
            "index.not_written", path=out, reason=error.strerror or type(error).__name__
        ) from None
    names = {
        "ranking_csv": "ranking.csv",
        "ranking_json": "ranking.json",
        "picture_png": "ranking.png",
        "picture_svg": "ranking.svg",
        "run": "run.json",
    }
    return {key: out / name for key, name in names.items()}
