"""Who or what is nominated: works (single articles or videos), and people whom a jury honours.

Nominees come from a file; of a person it holds what the nomination says and no figures. A work's figures are
those of its article. Every nominee stands in the run as an account does, so that all stages work alike: a
work's handle is `account/its id on the platform`, a person's the number of the nomination.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import or_
from sqlmodel import col, select

from analytics.articles import Article
from analytics.awards.files import Cell, read_csv, write_csv
from analytics.awards.rule import PEOPLE, WORKS, Category, Rule
from config.database import Database
from config.errors import InputError, Problem
from config.table_files import Row, read_table
from organisation.accounts import Account
from organisation.units import Unit

COLUMNS = ("category", "id", "name", "account", "work", "unit", "track", "evidence")
FILE = "nominees.csv"
FILE_COLUMNS = ("handle", "name", "evidence", "url")
_NEEDED = {WORKS: ("account", "work"), PEOPLE: ("id", "name", "unit", "track", "evidence")}
_MOST_EVIDENCE = 2000


@dataclass(frozen=True)
class Nominee:
    """One nomination as the file has it; `row` is its place there."""

    row: int
    category: str
    id: str
    name: str
    account: str
    work: str
    unit: str
    track: str
    evidence: str


@dataclass(frozen=True)
class Entry:
    """A nominee as it stands in the run; `article` is None of a person."""

    handle: str
    name: str
    unit_code: str
    unit: str
    track: str
    filed: str
    verified: bool
    evidence: str
    url: str = ""
    article: int | None = None


def read_nominees(path: Path, rule: Rule) -> tuple[Nominee, ...]:
    """The nominations of a file. Columns `category` (where the rule has several such), for works `account`,
    `work` (its id or address) and, where it is not the account's, `track`; for people `id`, `name`,
    `unit`, `track`; `evidence`.

    Raises InputError for a category that takes no nominees, a missing cell, a nominee named twice.
    """
    table = read_table(path)
    table.require((), known=COLUMNS)
    kinds = {category.id: category for category in rule.categories if category.of in _NEEDED}
    found: list[Nominee] = []
    problems: list[Problem] = []
    seen: set[tuple[str, str, str]] = set()
    for row in table.rows:
        category = kinds.get(row["category"] or (next(iter(kinds)) if len(kinds) == 1 else ""))
        if category is None:
            params = {"received": row["category"] or "–", "known": ", ".join(kinds) or "–"}
            problems.append(Problem("award.no_nominee_category", row.number, "category", params))
            continue
        problems += _missing(row, category)
        key = category.id, row["account"], row["work"] or row["id"]
        if key in seen:
            problems.append(Problem("index.key_repeated", row.number, None, {"received": " ".join(key)}))
        seen.add(key)
        cells = {name: row[name] for name in COLUMNS[1:]}
        found.append(Nominee(row.number, category.id, **cells))
    if problems:
        raise InputError(table.source, problems)
    return tuple(found)


def _missing(row: Row, category: Category) -> Iterator[Problem]:
    for name in _NEEDED[category.of]:
        if not row[name]:
            yield Problem("input.required", row.number, name)
    if len(row["evidence"]) > _MOST_EVIDENCE:
        params = {"limit": _MOST_EVIDENCE, "received": len(row["evidence"])}
        yield Problem("input.too_long", row.number, "evidence", params)
    if row["track"] and category.track(row["track"]) is None:
        known = ", ".join(track.id for track in category.tracks)
        yield Problem("award.no_such_track", row.number, "track", {"received": row["track"], "known": known})


def write_nominees(nominees: Iterable[Nominee], path: Path) -> Path:
    """The nominations in their one spelling and order."""
    rows = sorted((one.category, *(getattr(one, name) for name in COLUMNS[1:])) for one in nominees)
    return write_csv(path, COLUMNS, rows)


def entries(
    database: Database, rule: Rule, category: Category, nominees: Sequence[Nominee], source: str
) -> tuple[Entry, ...]:
    """The category's nominees by handle, found among our articles and units.

    Raises InputError for a work or unit that is not known, or a work that is not of the period.
    """
    own = [one for one in nominees if one.category == category.id]
    found, problems = (_works if category.of == WORKS else _people)(database, rule, category, own)
    times: dict[str, int] = defaultdict(int)
    for entry in found:
        times[entry.handle] += 1
    problems += [
        Problem("index.key_repeated", params={"received": handle}) for handle, n in times.items() if n > 1
    ]
    if problems:
        raise InputError(source, problems)
    return tuple(sorted(found, key=lambda entry: entry.handle))


def _works(
    database: Database, rule: Rule, category: Category, nominees: Sequence[Nominee]
) -> tuple[list[Entry], list[Problem]]:
    known = _articles(database, category, nominees)
    found: list[Entry] = []
    problems: list[Problem] = []
    for one in nominees:
        stored = known.get((one.account.removeprefix(f"{category.platform}:"), one.work))
        if stored is None:
            params = {"account": one.account, "received": one.work}
            problems.append(Problem("award.no_such_work", one.row, "work", params))
            continue
        article, account, unit = stored
        if not rule.start <= article.published_day <= rule.end:
            told = {"received": one.work, "day": article.published_day}
            problems.append(Problem("award.work_outside", one.row, "work", told))
        found.append(
            Entry(
                handle=f"{account.handle}/{article.remote_id}",
                name=article.title or article.remote_id,
                unit_code=unit.code,
                unit=unit.name_zh,
                track=one.track or account.track,
                filed=account.filed.isoformat() if account.filed else "",
                verified=account.verified,
                evidence=one.evidence,
                url=article.url,
                article=article.id,
            )
        )
    return found, problems


def _articles(
    database: Database, category: Category, nominees: Sequence[Nominee]
) -> dict[tuple[str, str], tuple[Article, Account, Unit]]:
    """The articles that are meant, by the account's handle and by id or address."""
    works = {one.work for one in nominees}
    with database.read() as session:
        accounts = session.exec(
            select(Account).where(
                Account.platform == category.platform,
                col(Account.handle).in_(
                    {one.account.removeprefix(f"{category.platform}:") for one in nominees}
                ),
            )
        ).all()
        by_id = {account.id: account for account in accounts}
        wanted = {account.unit_id for account in accounts}
        units = {unit.id: unit for unit in session.exec(select(Unit).where(col(Unit.id).in_(wanted)))}
        articles = session.exec(
            select(Article).where(
                col(Article.account_id).in_(list(by_id)),
                or_(col(Article.remote_id).in_(works), col(Article.url).in_(works)),
            )
        ).all()
    known: dict[tuple[str, str], tuple[Article, Account, Unit]] = {}
    for article in articles:
        account = by_id[article.account_id]
        for name in (article.url, article.remote_id):
            known[account.handle, name] = article, account, units[account.unit_id]
    return known


def _people(
    database: Database, rule: Rule, category: Category, nominees: Sequence[Nominee]
) -> tuple[list[Entry], list[Problem]]:
    with database.read() as session:
        wanted = select(Unit).where(col(Unit.code).in_({one.unit for one in nominees}))
        units = {unit.code: unit.name_zh for unit in session.exec(wanted)}
    problems = [
        Problem("award.no_such_unit", one.row, "unit", {"received": one.unit})
        for one in nominees
        if one.unit not in units
    ]
    found = [
        Entry(one.id, one.name, one.unit, units.get(one.unit, ""), one.track, "", False, one.evidence)
        for one in nominees
    ]
    return found, problems


def account_rows(found: Sequence[Entry]) -> Iterator[Sequence[Cell]]:
    """The nominees as rows of `accounts.csv`."""
    for one in found:
        verified = "true" if one.verified else "false"
        yield (one.handle, one.name, one.unit_code, one.unit, one.track, one.filed, verified, 0)


def write_entries(found: Sequence[Entry], path: Path) -> Path:
    """What a jury reads beside the names."""
    return write_csv(path, FILE_COLUMNS, ((one.handle, one.name, one.evidence, one.url) for one in found))


def evidence_in(folder: Path) -> dict[str, str]:
    """What speaks for each nominee of a category, and where a work is to be seen; {} without nominees."""
    path = folder / FILE
    rows = read_csv(path) if path.is_file() else ()
    return {row["handle"]: "\n".join(filter(None, (row["evidence"], row["url"]))) for row in rows}
