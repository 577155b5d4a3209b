"""Files of people's judgement: the jury's scores and the public's votes."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

from analytics.awards.handles import Handles
from analytics.awards.rule import Jury
from config.errors import InputError, Problem
from config.table_files import Row, read_table

JURY_COLUMNS = ("handle", "judge", "score")
VOTE_COLUMNS = ("handle", "votes")
_MOST = Decimal(100)
_MICRO = Decimal("0.000001")
Key = tuple[str, str]  # category, handle


@dataclass(frozen=True)
class Score:
    """One judge's score, 0–100; `own` where the judge is of the account's unit."""

    judge: str
    score: Decimal
    own: bool


def read_jury(path: Path, handles: Handles) -> dict[Key, list[Score]]:
    """The scores by account. Columns handle, judge, score; `unit` (the judge's unit code) and `category`
    may be there too.

    Raises InputError for an unknown account, a score outside 0–100, a judge who scored twice.
    """
    table = read_table(path)
    table.require(JURY_COLUMNS, known=(*JURY_COLUMNS, "unit", "category"))
    scores: dict[Key, list[Score]] = defaultdict(list)
    problems: list[Problem] = []
    for row in table.rows:
        key, wrong = handles.find(row)
        score = _number(row, "score", _MOST, wrong)
        if not row["judge"]:
            wrong.append(Problem("input.required", row.number, "judge"))
        elif key and any(other.judge == row["judge"] for other in scores[key]):
            wrong.append(Problem("award.scored_twice", row.number, "judge", {"received": row["judge"]}))
        problems += wrong
        if key and not wrong:
            scores[key].append(
                Score(row["judge"], score, bool(row["unit"]) and row["unit"] == handles.units[key])
            )
    if problems:
        raise InputError(table.source, problems)
    return scores


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


def jury_mean(jury: Jury, scores: list[Score]) -> Decimal | None:
    """The trimmed mean; None with fewer than `min_judges` scores that count.

    With `recuse_same_org` a judge's score of their own unit's account does not count: it is refused, not
    averaged.
    """
    counted = sorted(score.score for score in scores if not (jury.recuse_same_org and score.own))
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
