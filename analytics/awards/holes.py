"""What is missing on the day of the freeze: days that were not collected, and days that are not over.

A hole of an account that cannot take part anyway (track, filing, verification, veto) stops nothing, nor does
one of account days where the rule needs no account figures.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlmodel import col

from analytics.articles import CollectionGap
from analytics.awards.eligibility import Veto, standing
from analytics.awards.files import read_csv, write_csv
from analytics.awards.freeze import needed_metrics
from analytics.awards.handles import Key
from analytics.awards.rule import Category, Rule
from analytics.gaps import ARTICLES
from config.database import Database
from config.errors import InputError, Problem
from organisation.accounts import Account

COLUMNS = ("handle", "subject", "day", "code")


@dataclass(frozen=True)
class Signature:
    """Who answers for a freeze with holes, and why."""

    name: str
    reason: str


def freeze_holes(database: Database, rule: Rule, category: Category, path: Path) -> Path:
    """Writes the open holes of a category's accounts in the period, with the platform's code for each."""
    wanted = (
        select(
            col(Account.handle), col(CollectionGap.subject), col(CollectionGap.day), col(CollectionGap.code)
        )
        .join(Account, col(Account.id) == col(CollectionGap.account_id))
        .where(
            col(Account.platform) == category.platform,
            col(CollectionGap.closed_at).is_(None),
            col(CollectionGap.day).between(rule.start, rule.end),
        )
    )
    with database.read() as session:
        found = [
            (handle, subject, day.isoformat(), code) for handle, subject, day, code in session.execute(wanted)
        ]
    return write_csv(path, COLUMNS, sorted(found))


def refuse_holes(
    rule: Rule,
    files: Mapping[str, tuple[Path, Path]],
    vetoes: Mapping[Key, Veto],
    *,
    signed: bool,
    today: date | None,
) -> None:
    """Raises InputError where figures are missing or not old enough and nobody has signed for it.

    `files` holds each category's accounts and holes. Without `today` no day is compared.
    """
    if signed:
        return
    problems = _too_early(rule, today)
    for category in rule.categories:
        accounts, holes = files[category.id]
        able = _able(category, accounts, vetoes)
        problems += _problems(category, holes, able)
    if problems:
        raise InputError(rule.id, problems)


def _too_early(rule: Rule, today: date | None) -> list[Problem]:
    due = rule.freeze_on or rule.end + timedelta(days=rule.read_age_days + 1)
    if today is None or today >= due:
        return []
    return [Problem("award.too_early", column="award.freeze_on", params={"today": today, "due": due})]


def _able(category: Category, accounts: Path, vetoes: Mapping[Key, Veto]) -> set[str]:
    return {
        account["handle"]
        for account in read_csv(accounts)
        if standing(category, account, vetoes.get((category.id, account["handle"])))
    }


def _problems(category: Category, holes: Path, able: Collection[str]) -> list[Problem]:
    days: Counter[tuple[str, str, str]] = Counter()
    first: dict[tuple[str, str, str], str] = {}
    _, account_metrics = needed_metrics(category)
    for hole in read_csv(holes):
        if hole["handle"] in able and (hole["subject"] == ARTICLES or account_metrics):
            key = hole["handle"], hole["subject"], hole["code"]
            days[key] += 1
            first.setdefault(key, hole["day"])
    return [
        Problem(
            "award.hole",
            params={
                "category": category.id,
                "handle": handle,
                "subject": subject,
                "days": count,
                "first": first[handle, subject, code],
                "reason": code,
            },
        )
        for (handle, subject, code), count in sorted(days.items())
    ]
