"""What the jury's minutes say: who scored, how many, how far apart, and the means that came of it."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from analytics.awards import intake
from analytics.awards.files import plain, read_csv
from analytics.awards.jury import Score, counting
from analytics.awards.nouns import noun
from analytics.awards.papers.facts import Run, percent, said
from analytics.awards.result import CategoryResult
from analytics.awards.sheets import JUDGES

Given = dict[tuple[str, str], list[Score]]


def scores_of(run: Run) -> Given:
    """All scores by category and handle, judges in their order; empty for a run without a jury."""
    units = {
        (result.category.id, account["handle"]): account["unit_code"]
        for result in run.results
        for account in read_csv(run.folder.path / result.category.id / "accounts.csv")
    }
    given: Given = defaultdict(list)
    for row in read_csv(run.folder.path / intake.JURY) if run.folder.has(intake.JURY) else ():
        key = row["category"], row["handle"]
        own = bool(row["unit"]) and row["unit"] == units.get(key)
        given[key].append(Score(row["judge"], Decimal(row["score"]), own, row["unit"]))
    return given


def has_minutes(run: Run) -> bool:
    """Did a jury take part?"""
    return run.rule.needs_jury and run.folder.has(intake.JURY)


def minutes_facts(run: Run) -> dict[str, object]:
    """The facts of `minutes.typ`."""
    given = scores_of(run)
    judges = sorted({score.judge for scores in given.values() for score in scores})
    juried = [result for result in run.results if result.category.jury.weight]
    return {
        "minutes": {
            "judges": judges,
            "sealed": run.folder.has(JUDGES),
            "categories": [_category(result, given) for result in juried],
        }
    }


def _category(result: CategoryResult, given: Given) -> dict[str, object]:
    jury = result.category.jury
    return {
        "label": result.category.label.zh,
        "noun": noun(result.category.of, "zh"),
        "weight": percent(jury.weight),
        "min_judges": jury.min_judges,
        "trim": jury.trim,
        "own_left_out": jury.recuse_same_org,
        "judges": list(_judges(result, given)),
        "tracks": [
            {
                "label": track.track.label.zh,
                "rows": [
                    _row(
                        placed.name,
                        placed.unit,
                        counting(jury, given[result.category.id, placed.handle]),
                        placed.jury,
                    )
                    for placed in track.places
                ],
            }
            for track in result.tracks
            if track.places
        ],
    }


def _judges(result: CategoryResult, given: Given) -> Iterator[list[str]]:
    by_judge: dict[tuple[str, str], list[Decimal]] = defaultdict(list)
    for (category, _), scores in given.items():
        if category == result.category.id:
            for score in scores:
                by_judge[score.judge, score.unit].append(score.score)
    for (judge, unit), given_scores in sorted(by_judge.items()):
        ends = plain(min(given_scores)), plain(max(given_scores))
        yield [judge, unit or said("from_outside"), str(len(given_scores)), *ends]


def _row(name: str, unit: str, scores: list[Score], mean: Decimal | None) -> list[str]:
    known = [score.score for score in scores]
    ends = [plain(min(known)), plain(max(known))] if known else ["–", "–"]
    return [name, unit, str(len(known)), *ends, "–" if mean is None else f"{mean:.2f}"]
