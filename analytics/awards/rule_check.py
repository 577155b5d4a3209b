"""A look at a rule before the year is over: who could take part today, who not and why, what is missing."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from analytics.awards import source_mix
from analytics.awards.anomalies import asked_in_vain
from analytics.awards.files import read_csv
from analytics.awards.folder import Desk, RunFolder
from analytics.awards.holes import Signature
from analytics.awards.intake import Given
from analytics.awards.rule import Category, Rule
from analytics.awards.rule_file import load_rule
from analytics.awards.run import freeze_into
from analytics.awards.source_anomalies import handles_told
from analytics.awards.stages import BY_CATEGORY, FREEZE, number_of
from config.database import Database
from config.progress import Progress, tell_nobody


@dataclass(frozen=True)
class Looked:
    """One account: its track, and the reasons (in both languages) for which it could not take part today."""

    handle: str
    name: str
    track: str
    reasons: tuple[Mapping[str, str], ...]


@dataclass(frozen=True)
class CategoryCheck:
    """What a look found: every account of the platform, those eligible by track, the reasons by gate, the
    days of holes by account, and the checks for anomalies that the figures do not allow.
    """

    category: Category
    accounts: int
    eligible: Mapping[str, int]
    refused: Mapping[str, int]
    looked: tuple[Looked, ...]
    holes: Mapping[str, int]
    in_vain: tuple[str, ...]


@dataclass(frozen=True)
class AwardCheck:
    """A rule that is valid, and how it stands: `wanted` names the files of people's judgement it needs."""

    rule: Rule
    categories: tuple[CategoryCheck, ...]
    wanted: tuple[str, ...]


def check_award(
    database: Database,
    rule_path: Path,
    *,
    jury: Path | None = None,
    votes: Path | None = None,
    vetoes: Path | None = None,
    nominees: Path | None = None,
    progress: Progress = tell_nobody,
) -> AwardCheck:
    """Validates a rule, and files of people's judgement where given, against the data at hand.

    Raises InputError as a run would, except for holes and days that are not over yet.
    """
    rule = load_rule(rule_path)
    given = Given(jury, votes, vetoes, Signature("check", ""), nominees)
    with tempfile.TemporaryDirectory(prefix="meizhen-award-") as temporary:
        folder = RunFolder(Path(temporary))
        count = len(rule.categories)
        done = iter(range(2 * count))

        def step(name: str, category: Category) -> None:
            progress(f"{name} {category.id}", next(done), 2 * count)

        freeze_into(folder, database, rule, rule_path, given, None, lambda category: step(FREEZE, category))
        stage = BY_CATEGORY["eligibility"]

        def all_categories(desk: Desk) -> None:
            for category in rule.categories:
                step("eligibility", category)
                stage(rule, category, desk)

        folder.perform(number_of("eligibility"), "eligibility", all_categories)
        checks = tuple(_checked(rule, category, folder.path / category.id) for category in rule.categories)
    named = (("jury", rule.needs_jury and not jury), ("votes", rule.needs_votes and not votes))
    return AwardCheck(rule, checks, tuple(name for name, needed in named if needed))


def check_json(checked: AwardCheck) -> dict[str, object]:
    """The same for programs and pages."""
    return {
        "rule": checked.rule.id,
        "title": checked.rule.title,
        "wanted": list(checked.wanted),
        "categories": [
            {
                "id": found.category.id,
                "label": {"zh": found.category.label.zh, "en": found.category.label.en},
                "accounts": found.accounts,
                "eligible": dict(found.eligible),
                "refused": dict(found.refused),
                "holes": dict(found.holes),
                "in_vain": list(found.in_vain),
                "looked": [
                    {
                        "handle": one.handle,
                        "name": one.name,
                        "track": one.track,
                        "reasons": [dict(reason) for reason in one.reasons],
                    }
                    for one in found.looked
                ],
            }
            for found in checked.categories
        ],
    }


def _checked(rule: Rule, category: Category, folder: Path) -> CategoryCheck:
    reasons: dict[str, list[Mapping[str, str]]] = {}
    refused: dict[str, int] = {}
    for row in read_csv(folder / "eligibility.csv"):
        found = reasons.setdefault(row["handle"], [])
        if row["passed"] == "false":
            found.append({name: row[name] for name in ("rule", "zh", "en")})
            refused[row["rule"]] = refused.get(row["rule"], 0) + 1
    looked = tuple(
        Looked(account["handle"], account["name"], account["track"], tuple(reasons[account["handle"]]))
        for account in read_csv(folder / "variables.csv")
    )
    tracks = dict.fromkeys((track.id for track in category.tracks), 0)
    for one in looked:
        if not one.reasons:
            tracks[one.track] += 1
    holes: dict[str, int] = {}
    for hole in read_csv(folder / "holes.csv"):
        holes[hole["handle"]] = holes.get(hole["handle"], 0) + 1
    mix = folder / source_mix.FILE
    mixed = mix.exists() and bool(handles_told(category, mix))
    in_vain = asked_in_vain(category, rule.anomaly, mixed=mixed)
    return CategoryCheck(category, len(looked), tracks, refused, looked, holes, in_vain)
