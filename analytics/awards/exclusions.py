"""An account taken out after a person looked at the list: a decision with a name, and a new run."""

from dataclasses import dataclass
from datetime import date

from analytics.awards import intake
from analytics.awards.eligibility import EXCLUSION_COLUMNS
from analytics.awards.files import read_csv, write_csv
from analytics.awards.folder import RunFolder
from analytics.awards.handles import Handles
from analytics.awards.intake import Given, spelled
from analytics.awards.run import AwardResult, advance, fork, rule_of, run_id_in
from analytics.awards.stages import RULE, STAGES
from config.errors import MeizhenError
from config.progress import Progress


@dataclass(frozen=True)
class Exclusion:
    """Who takes which account out, and why. `account`: a handle, or platform:handle."""

    account: str
    by: str
    reason: str
    category: str = ""


def exclude_account(
    old: RunFolder,
    new: RunFolder,
    exclusion: Exclusion,
    *,
    today: date,
    until: str = STAGES[-1],
    progress: Progress | None = None,
) -> AwardResult:
    """Makes a new run in `new` from the frozen figures of `old`, without one account; `old` stays as it is.

    Raises MeizhenError without a name or a reason, InputError for an account that is not there or is out
    already.
    """
    if not exclusion.by.strip() or not exclusion.reason.strip():
        raise MeizhenError("award.exclusion_unsigned")
    rule = rule_of(old)
    accounts = ((category, old.path / category.id / "accounts.csv") for category in rule.categories)
    key = Handles(accounts).key(exclusion.account, exclusion.category)
    rows = _rows(old)
    if any((row[0], row[1]) == key for row in rows):
        raise MeizhenError("award.excluded_already", account=exclusion.account)
    rows.append([*key, exclusion.by.strip(), today.isoformat(), exclusion.reason.strip(), run_id_in(old)])
    content = spelled(lambda path: write_csv(path, EXCLUSION_COLUMNS, rows))
    fork(old, new, old.path / RULE, Given(more={intake.EXCLUSIONS: content}))
    return advance(new, new.path / RULE, Given(), database=None, today=today, until=until, progress=progress)


def exclusions(folder: RunFolder) -> list[dict[str, str]]:
    """Who was taken out of this run so far, by whom and why, in the order it was decided."""
    return [dict(zip(EXCLUSION_COLUMNS, row, strict=True)) for row in _rows(folder)]


def _rows(folder: RunFolder) -> list[list[str]]:
    if not folder.has(intake.EXCLUSIONS):
        return []
    return [[row[name] for name in EXCLUSION_COLUMNS] for row in read_csv(folder.path / intake.EXCLUSIONS)]
