"""Files of people's judgement: the jury's scores and the public's votes, and what comes of the scores."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

from analytics.awards.files import plain, read_csv, write_csv
from analytics.awards.handles import Handles, Key
from analytics.awards.rule import Category, Jury, Rule
from config.errors import InputError, Problem
from config.table_files import Row, read_table

JURY_COLUMNS = ("handle", "judge", "score")
SCORE_COLUMNS = ("category", "handle", "judge", "unit", "score")
VOTE_COLUMNS = ("handle", "votes")
MEAN_COLUMNS = ("handle", "judges", "mean")
_MOST = Decimal(100)
_MICRO = Decimal("0.000001")


@dataclass(frozen=True)
class Score:
    """One judge's score, 0–100; `own` where the judge is of the account's unit."""

    judge: str
    score: Decimal
    own: bool
    unit: str = ""


def read_jury(path: Path, handles: Handles, rule: Rule) -> dict[Key, list[Score]]:
    """The scores by account. Columns handle, judge, score; `unit` (the judge's unit code) and `category`
    may be there too; a rule with `recuse_same_org` needs `unit`, which is empty for judges from outside.

    Raises InputError for an unknown account, a score outside 0–100, a judge who scored twice or who scored
    an account of their own unit.
    """
    table = read_table(path)
    recusing = {category.id for category in rule.categories if category.jury.recuse_same_org}
    needed = (*JURY_COLUMNS, "unit") if recusing else JURY_COLUMNS
    table.require(needed, known=(*JURY_COLUMNS, "unit", "category"))
    scores: dict[Key, list[Score]] = {}
    problems = [problem for row in table.rows for problem in read_jury_row(row, handles, rule, scores)]
    if problems:
        raise InputError(table.source, problems)
    return scores


def read_jury_row(row: Row, handles: Handles, rule: Rule, scores: dict[Key, list[Score]]) -> list[Problem]:
    """Adds one row's score to `scores`, or gives what is wrong with it."""
    key, wrong = handles.find(row)
    score = _number(row, "score", _MOST, wrong)
    if not row["judge"]:
        wrong.append(Problem("input.required", row.number, "judge"))
    if key is None or wrong:
        return wrong
    own = bool(row["unit"]) and row["unit"] == handles.units[key]
    recusing = any(one.id == key[0] and one.jury.recuse_same_org for one in rule.categories)
    if any(other.judge == row["judge"] for other in scores.get(key, ())):
        return [Problem("award.scored_twice", row.number, "judge", {"received": row["judge"]})]
    if own and recusing:
        params = {"judge": row["judge"], "handle": key[1], "unit": row["unit"]}
        return [Problem("award.own_account", row.number, "judge", params)]
    scores.setdefault(key, []).append(Score(row["judge"], score, own, row["unit"]))
    return []


def write_scores(scores: Mapping[Key, Sequence[Score]], path: Path) -> Path:
    """The scores in their one spelling and order: whatever file they came in, the same bytes."""
    rows = sorted(
        (*key, score.judge, score.unit, plain(score.score))
        for key, given in scores.items()
        for score in given
    )
    return write_csv(path, SCORE_COLUMNS, rows)


def read_votes(path: Path, handles: Handles) -> dict[Key, Decimal]:
    """The votes by account. Columns handle, votes; `category` may be there too."""
    table = read_table(path)
    table.require(VOTE_COLUMNS, known=(*VOTE_COLUMNS, "category"))
    votes: dict[Key, Decimal] = {}
    problems: list[Problem] = []
    for row in table.rows:
        key, wrong = handles.find(row)
        number = _number(row, "votes", Decimal(10**12), wrong)
        if key in votes:
            wrong.append(Problem("index.key_repeated", row.number, "handle", {"received": row["handle"]}))
        problems += wrong
        if key and not wrong:
            votes[key] = number
    if problems:
        raise InputError(table.source, problems)
    return votes


def write_votes(votes: Mapping[Key, Decimal], path: Path) -> Path:
    """The votes in their one spelling and order."""
    return write_csv(path, ("category", *VOTE_COLUMNS), sorted((*key, plain(n)) for key, n in votes.items()))


def judge(category: Category, indices: Path, accounts: Path, scores: Path | None, path: Path) -> Path:
    """Writes the trimmed mean of every account that has a row in `indices`; none where a jury has no weight.

    Raises InputError naming every account without enough judges.
    """
    rows = list(_means(category, indices, accounts, scores)) if category.jury.weight else []
    few = [
        Problem("award.too_few_judges", params={"handle": row[0], "least": category.jury.min_judges})
        for row in rows
        if row[2] is None
    ]
    if few:
        raise InputError(category.id, few)
    return write_csv(path, MEAN_COLUMNS, rows)


def _means(
    category: Category, indices: Path, accounts: Path, scores: Path | None
) -> Iterator[tuple[str, int, Decimal | None]]:
    units = {account["handle"]: account["unit_code"] for account in read_csv(accounts)}
    given: dict[str, list[Score]] = defaultdict(list)
    for row in read_csv(scores) if scores else ():
        if row["category"] == category.id:
            own = bool(row["unit"]) and row["unit"] == units[row["handle"]]
            given[row["handle"]].append(Score(row["judge"], Decimal(row["score"]), own, row["unit"]))
    for row in read_csv(indices):
        counted = counting(category.jury, given[row["handle"]])
        yield row["handle"], len(counted), jury_mean(category.jury, given[row["handle"]])


def counting(jury: Jury, scores: Sequence[Score]) -> list[Score]:
    """The scores that count: with `recuse_same_org` not those of a judge of the account's own unit."""
    return [score for score in scores if not (jury.recuse_same_org and score.own)]


def jury_mean(jury: Jury, scores: Sequence[Score]) -> Decimal | None:
    """The trimmed mean; None with fewer than `min_judges` scores that count."""
    counted = sorted(score.score for score in counting(jury, scores))
    if len(counted) < jury.min_judges:
        return None
    kept = counted[jury.trim : len(counted) - jury.trim]
    return (sum(kept, Decimal(0)) / len(kept)).quantize(_MICRO, ROUND_HALF_EVEN)


def _number(row: Row, column: str, most: Decimal, problems: list[Problem]) -> Decimal:
    text = row[column]
    if not text.isascii() or not text.replace(".", "", 1).isdigit():
        problems.append(Problem("input.not_a_number", row.number, column, {"received": text}))
        return Decimal(0)
    if Decimal(text) > most:
        params: Mapping[str, object] = {"least": 0, "most": most, "received": text}
        problems.append(Problem("index.key_out_of_range", row.number, column, params))
    return Decimal(text)
