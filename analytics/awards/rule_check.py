"""A look at a rule before the year is over: who could take part today, who not and why, what is missing."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from analytics.awards.files import read_csv
from analytics.awards.folder import Desk, RunFolder
from analytics.awards.holes import Signature
from analytics.awards.intake import Given
from analytics.awards.rule import Category, Rule
from analytics.awards.rule_file import load_rule
from analytics.awards.run import freeze_into
from analytics.awards.stages import BY_CATEGORY, number_of
from config.database import Database


@dataclass(frozen=True)
class Looked:
    """One account: its track, and the reasons (in both languages) for which it could not take part today."""

    handle: str
    name: str
    track: str
    reasons: tuple[Mapping[str, str], ...]


@dataclass(frozen=True)
class CategoryCheck:
    """What a look found: every account of the platform, those eligible by track, the reasons by gate, and the
    days of holes by account.
    """

    category: Category
    accounts: int
    eligible: Mapping[str, int]
    refused: Mapping[str, int]
    looked: tuple[Looked, ...]
    holes: Mapping[str, int]


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
) -> AwardCheck:
    """Validates a rule, and files of people's judgement where given, against the data at hand.

    Raises InputError as a run would, except for holes and days that are not over yet.
    """
    rule = load_rule(rule_path)
    given = Given(jury, votes, vetoes, Signature("check", ""), nominees)
    with tempfile.TemporaryDirectory(prefix="meizhen-award-") as temporary:
        folder = RunFolder(Path(temporary))
        freeze_into(folder, database, rule, rule_path, given, None, lambda category: None)
        stage = BY_CATEGORY["eligibility"]

        def all_categories(desk: Desk) -> None:
            for category in rule.categories:
                stage(rule, category, desk)

        folder.perform(number_of("eligibility"), "eligibility", all_categories)
        checks = tuple(_checked(category, folder.path / category.id) for category in rule.categories)
    named = (("jury", rule.needs_jury and not jury), ("votes", rule.needs_votes and not votes))
    return AwardCheck(rule, checks, tuple(name for name, needed in named if needed))


def _checked(category: Category, folder: Path) -> CategoryCheck:
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
    return CategoryCheck(category, len(looked), tracks, refused, looked, holes)
