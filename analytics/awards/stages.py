"""The stages after the freeze: each makes files of the run from files of the run, and nothing else.

eligibility     CATEGORY/variables.csv, CATEGORY/eligibility.csv, CATEGORY/windows.csv (index by windows)
index           CATEGORY/index.csv
jury            CATEGORY/jury.csv
aggregate       CATEGORY/score.csv
ties            CATEGORY/places.csv
robustness      CATEGORY/robustness.csv
anomalies       CATEGORY/anomalies.csv
notice          notice.csv, ranking.csv, ranking.json, ranking.png, ranking.svg
final           final.csv, final.json
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from analytics.awards import imported, intake, source_mix, windows
from analytics.awards.alternatives import Standings
from analytics.awards.anomalies import flag, not_looked_at
from analytics.awards.eligibility import (
    Decisions,
    Veto,
    eligible_handles,
    judge_eligibility,
    read_exclusions,
)
from analytics.awards.files import Cell, read_csv, write_csv, write_json
from analytics.awards.folder import ENGINE, Desk
from analytics.awards.freeze import Frozen
from analytics.awards.handles import Key
from analytics.awards.index import compute_indices
from analytics.awards.jury import judge
from analytics.awards.notice import NOTICE, write_notice
from analytics.awards.objections import FINAL_LIST, OBJECTIONS
from analytics.awards.places import by_handle, place
from analytics.awards.result import (
    CategoryFiles,
    CategoryResult,
    as_json,
    draw,
    read_category,
    write_ranking,
)
from analytics.awards.robustness import robustness
from analytics.awards.rule import Category, Rule
from analytics.awards.score import score
from analytics.awards.source_anomalies import handles_told, mix_flags
from analytics.awards.variables import count_variables

FREEZE, FINAL = "freeze", "final"
RULE = "rule.toml"
DEFINITIONS = "definitions"
FROZEN = ("accounts.csv", "articles.csv", "holes.csv", imported.FILE, source_mix.FILE)  # the last if told
FINAL_COLUMNS = ("category", "track", "place", "handle", "name", "unit_code", "unit", "score")
CategoryStage = Callable[[Rule, Category, Desk], None]


def frozen_of(category: Category, find: Callable[[str], Path]) -> Frozen:
    """A category's frozen files, found by their names in the run."""
    return Frozen.of(category, find(f"{category.id}/accounts.csv"), find(f"{category.id}/articles.csv"))


def inputs_of(rule: Rule, digest: Callable[[str], str]) -> dict[str, str]:
    """Everything that a run is made of, by name: the hash of each file (`digest` gives '' for none)."""
    inputs = {RULE: rule.digest}
    for category in rule.categories:
        choice = category.index
        if choice.digest:
            inputs[f"{category.id}/definition"] = choice.digest
        for version in choice.versions:
            inputs[f"{category.id}/{version.name}"] = hashlib.sha256(
                version.definition.path.read_bytes()
            ).hexdigest()
        for name in FROZEN:
            inputs[f"{category.id}/{name}"] = digest(f"{category.id}/{name}")
    names = (name for name in intake.NAMES if name != intake.NOMINEES or rule.needs_nominees)
    inputs |= {name: digest(name) for name in names}
    return {name: found for name, found in inputs.items() if found}


def run_id_of(inputs: Mapping[str, str]) -> str:
    """The run id: the hash of the inputs (the rule among them) and the engine."""
    told = json.dumps({"engine": ENGINE, "inputs": inputs}, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(told.encode()).hexdigest()


def _run_id(rule: Rule, desk: Desk) -> str:
    return run_id_of(inputs_of(rule, desk.digest))


def eligibility(rule: Rule, category: Category, desk: Desk) -> None:
    frozen = frozen_of(category, desk.read)
    variables = count_variables(category, frozen, desk.write(f"{category.id}/variables.csv"))
    unknown: set[str] = set()
    if category.index.windowed:
        unknown = windows.write_windows(rule, category, frozen, desk.write(f"{category.id}/{windows.FILE}"))
    verdicts = desk.write(f"{category.id}/eligibility.csv")
    judge_eligibility(category, variables, decisions_of(desk), verdicts, unknown)


def decisions_of(desk: Desk) -> Decisions:
    """The vetoes and exclusions that were given to the run."""
    vetoes: dict[Key, Veto] = {}
    if desk.has(intake.VETOES):
        for row in read_csv(desk.read(intake.VETOES)):
            vetoes[row["category"], row["handle"]] = Veto(row["who"], row["when"], row["why"])
    excluded = read_exclusions(desk.read(intake.EXCLUSIONS)) if desk.has(intake.EXCLUSIONS) else {}
    return Decisions(vetoes, excluded)


def index(rule: Rule, category: Category, desk: Desk) -> None:
    eligible = eligible_handles(desk.read(f"{category.id}/eligibility.csv"))
    variables, path = desk.read(f"{category.id}/variables.csv"), desk.write(f"{category.id}/index.csv")
    if category.index.windowed:
        windows.write_indices(desk.read(f"{category.id}/{windows.FILE}"), eligible, path)
    else:
        compute_indices(category, variables, eligible, path)


def jury(rule: Rule, category: Category, desk: Desk) -> None:
    scores = desk.read(intake.JURY) if desk.has(intake.JURY) else None
    indices = desk.read(f"{category.id}/index.csv")
    accounts = desk.read(f"{category.id}/accounts.csv")
    judge(category, indices, accounts, scores, desk.write(f"{category.id}/jury.csv"))


def aggregate(rule: Rule, category: Category, desk: Desk) -> None:
    votes = desk.read(intake.VOTES) if desk.has(intake.VOTES) else None
    names = ("variables", "index", "jury")
    variables, indices, means = (desk.read(f"{category.id}/{name}.csv") for name in names)
    score(rule, category, variables, indices, means, votes, desk.write(f"{category.id}/score.csv"))


def ties(rule: Rule, category: Category, desk: Desk) -> None:
    variables, scores = desk.read(f"{category.id}/variables.csv"), desk.read(f"{category.id}/score.csv")
    place(rule, category, variables, scores, desk.write(f"{category.id}/places.csv"))


def shaken(rule: Rule, category: Category, desk: Desk) -> None:
    standings = _standings(category, desk)
    rows = by_handle(desk.read(f"{category.id}/places.csv"))
    places = {handle: int(row["place"]) for handle, row in rows.items()}
    path = desk.write(f"{category.id}/robustness.csv")
    run_id = _run_id(rule, desk)
    robustness(rule, category, frozen_of(category, desk.read), standings, places, run_id, path)


def anomalies(rule: Rule, category: Category, desk: Desk) -> None:
    accounts = _standings(category, desk).accounts
    frozen, mix = frozen_of(category, desk.read), f"{category.id}/{source_mix.FILE}"
    path = desk.write(f"{category.id}/anomalies.csv")
    more: list[list[Cell]] = []
    if desk.has(mix):
        more = mix_flags(category, rule.anomaly, accounts, frozen.accounts, desk.read(mix))
    flag(category, rule.anomaly, frozen, accounts, path, more)


def _standings(category: Category, desk: Desk) -> Standings:
    by_window = desk.read(f"{category.id}/{windows.FILE}") if category.index.windowed else None
    variables, scores = (desk.read(f"{category.id}/{name}.csv") for name in ("variables", "score"))
    return Standings.read(variables, scores, by_window)


def notice(rule: Rule, desk: Desk) -> None:
    results = results_of(rule, desk.read)
    run_id = _run_id(rule, desk)
    write_ranking(results, desk.write("ranking.csv"))
    told = {"run_id": run_id} | as_json(rule, results)
    told["not_looked_at"] = {
        category.id: list(not_looked_at(category, rule.anomaly, mixed=_mixed(category, desk)))
        for category in rule.categories
    }
    write_json(desk.write("ranking.json"), told)
    write_notice(results, desk.write("notice.csv"))
    draw(rule, results, desk.write("ranking.png").with_suffix(""))
    desk.write("ranking.svg")


def _mixed(category: Category, desk: Desk) -> bool:
    name = f"{category.id}/{source_mix.FILE}"
    return desk.has(name) and bool(handles_told(category, desk.read(name)))


def results_of(rule: Rule, find: Callable[[str], Path]) -> tuple[CategoryResult, ...]:
    """The list as it stands after the anomalies, from the run's files."""
    return tuple(read_category(category, _files(category, find)) for category in rule.categories)


def _files(category: Category, find: Callable[[str], Path]) -> CategoryFiles:
    names = ("variables", "eligibility", "places", "robustness", "anomalies")
    return CategoryFiles(*(find(f"{category.id}/{name}.csv") for name in names))


def final(rule: Rule, desk: Desk) -> None:
    results = results_of(rule, desk.read)
    rows: list[list[Cell]] = [
        [
            result.category.id,
            track.track.id,
            placed.place,
            placed.handle,
            placed.name,
            placed.unit_code,
            placed.unit,
            placed.score,
        ]
        for result in results
        for track in result.tracks
        for placed in track.places
        if placed.awarded
    ]
    write_csv(desk.write("final.csv"), FINAL_COLUMNS, rows)
    told: dict[str, object] = {"run_id": _run_id(rule, desk), "award": rule.id, "awarded": len(rows)}
    for name in (NOTICE, OBJECTIONS):
        if desk.has(name):
            told[Path(name).stem] = desk.digest(name)
    write_json(desk.write(FINAL_LIST), told)


# The stages that work category by category, then those that see the whole list.
BY_CATEGORY: Mapping[str, CategoryStage] = {
    "eligibility": eligibility,
    "index": index,
    "jury": jury,
    "aggregate": aggregate,
    "ties": ties,
    "robustness": shaken,
    "anomalies": anomalies,
}
WHOLE: Mapping[str, Callable[[Rule, Desk], None]] = {"notice": notice, FINAL: final}
STAGES = (FREEZE, *BY_CATEGORY, *WHOLE)


def number_of(stage: str) -> int:
    """A stage's number, from 1."""
    return STAGES.index(stage) + 1


def exclusion_count(find: Callable[[str], Path]) -> int:
    """How many exclusions a run carries: its number is one more."""
    path = find(intake.EXCLUSIONS)
    return sum(1 for _ in read_csv(path)) if path.is_file() else 0
