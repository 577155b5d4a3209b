"""Figures from files that people send in: a platform's exported table, checked whole, then applied whole.

Every imported figure keeps its file and row. It never overwrites what the platform itself told, nor another
file's: the source is part of the figure's key.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

from sqlmodel import Session, col, select

from analytics.articles import FigureSource
from analytics.figures import (
    FROM_FILE,
    ArticleFact,
    ArticleFigure,
    know_metrics,
    six_places,
    source_id,
    store_articles,
    store_snapshots,
    told_articles,
)
from analytics.identity import ToldArticles, address_key, title_key
from analytics.mappings import FileMapping, load_mapping, mapping_for
from analytics.spellings import is_unknown, read_count, read_moment, read_number, read_rate
from config.clock import SHANGHAI, Clock, shanghai_day
from config.database import Database
from config.errors import InputError, MeizhenError, Problem
from config.secrets import KeyRing
from config.table_files import Row, Table, read_table
from connectors import Unit
from organisation.accounts import Account, AccountState, accounts_of
from organisation.cells import is_visible
from organisation.ledger import record

_TITLE_LENGTH = 500
_URL_LENGTH = 1000
_READERS: dict[str, tuple[Callable[[str], Decimal], str]] = {
    Unit.PEOPLE: (read_count, "figures.not_a_count"),
    Unit.EVENTS: (read_count, "figures.not_a_count"),
    Unit.RATE: (read_rate, "figures.not_a_rate"),
    Unit.SECONDS: (read_number, "input.not_a_number"),
    Unit.MONEY: (read_number, "input.not_a_number"),
}


@dataclass(frozen=True)
class ImportReport:
    """What an import did, or would do (`dry_run`).

    `already` is when the same file (by its SHA-256) was imported before: then nothing was changed.
    `left_out` are columns that no figure was read from.
    """

    file: str
    digest: str
    account: str
    mapping: str
    as_of: date
    rows: int = 0
    figures: int = 0
    unknown: int = 0
    new_articles: int = 0
    matched_articles: int = 0
    left_out: tuple[str, ...] = ()
    dry_run: bool = False
    already: datetime | None = None


@dataclass
class _Line:
    """One row: an article and its figures."""

    number: int
    title: str
    url: str
    published_at: datetime
    figures: list[tuple[str, Decimal]] = field(default_factory=list)
    unknown: int = 0

    @property
    def day(self) -> date:
        return shanghai_day(self.published_at)

    @property
    def named(self) -> tuple[str, date]:
        return title_key(self.title), self.day

    @property
    def remote_id(self) -> str:
        """The file's own key of the article, until its platform names it."""
        name = address_key(self.url) if self.url else f"{self.named[0]}|{self.day}"
        return FROM_FILE + hashlib.sha256(name.encode()).hexdigest()[:40]


def import_figures(
    database: Database,
    keys: KeyRing,
    clock: Clock,
    path: Path,
    account: Account | None = None,
    *,
    actor: str,
    mapping: Path | None = None,
    as_of: date | None = None,
    dry_run: bool = False,
) -> ImportReport:
    """Imports the articles and figures of a CSV or xlsx file into an account, as of a Beijing day.

    `mapping` is a mapping file; without one the header tells which of the shipped ones fits. `account` may
    be left out where the platform has one account only; `as_of` is today without it. A blank cell is
    unknown, no row and never 0. `dry_run` checks everything and changes nothing.

    Raises InputError naming every bad cell (nothing is applied), and MeizhenError `figures.which_account`,
    `figures.other_platform` or `figures.other_meaning`.
    """
    table = read_table(path)
    chosen = load_mapping(mapping) if mapping else mapping_for(table.source, table.columns)
    table.require([chosen.title, chosen.published])
    today = shanghai_day(clock.now())
    day = as_of or today
    if day > today:
        raise InputError(table.source, [Problem("figures.as_of_in_future", params={"received": day})])
    with database.read() as session:
        target = _account(session, account, chosen)
    lines = _lines(table, chosen, day)
    report = ImportReport(
        file=table.source,
        digest=_digest(path),
        account=target.stable_id,
        mapping=chosen.label.told(),
        as_of=day,
        rows=len(lines),
        figures=sum(len(line.figures) for line in lines),
        unknown=sum(line.unknown for line in lines),
        left_out=_left_out(table, chosen),
        dry_run=dry_run,
    )
    scope = database.read() if dry_run else database.write()
    with scope as session:
        before = _imported_before(session, report.digest)
        if before is not None:
            return replace(report, already=before)
        matches = _matches(told_articles(session, target.known_id), lines)
        report = replace(report, matched_articles=len(matches), new_articles=len(lines) - len(matches))
        if not dry_run:
            at = clock.now()
            _apply(session, target, chosen, report, lines, matches, at)
            _enter(session, keys, report, actor=actor, at=at)
    return report


def _account(session: Session, account: Account | None, mapping: FileMapping) -> Account:
    if account is None:
        active = accounts_of(session, platform=mapping.platform, state=AccountState.ACTIVE)
        if len(active) != 1:
            raise MeizhenError("figures.which_account", platform=mapping.platform, count=len(active))
        return active[0]
    if account.platform != mapping.platform:
        raise MeizhenError("figures.other_platform", account=account.stable_id, platform=mapping.platform)
    return account


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _imported_before(session: Session, digest: str) -> datetime | None:
    return session.exec(
        select(FigureSource.first_at)
        .where(FigureSource.kind == "import", FigureSource.digest == digest)
        .order_by(col(FigureSource.first_at))
    ).first()


def _left_out(table: Table, mapping: FileMapping) -> tuple[str, ...]:
    taken = {mapping.title, mapping.published, mapping.url} | {figure.column for figure in mapping.figures}
    return tuple(column for column in table.columns if column and column not in taken)


def _lines(table: Table, mapping: FileMapping, as_of: date) -> list[_Line]:
    """The file's rows. Raises InputError with every bad cell."""
    problems: list[Problem] = []
    columns = [figure for figure in mapping.figures if figure.column in table.columns]
    if not columns:
        expected = ", ".join(figure.column for figure in mapping.figures)
        params = {"expected": expected, "received": ", ".join(table.columns)}
        problems.append(Problem("figures.no_columns", 1, params=params))
    lines: list[_Line] = []
    for row in table.rows:
        line = _line(row, mapping, as_of, problems)
        for figure in columns:
            cell = row[figure.column]
            if is_unknown(cell):
                line.unknown += 1
                continue
            read, code = _READERS[figure.meaning.unit]
            try:
                value = six_places(read(cell))
            except ValueError:
                value = None
            if value is None:
                problems.append(Problem(code, row.number, figure.column, {"received": _shown(cell)}))
            else:
                line.figures.append((figure.meaning.name, value))
        lines.append(line)
    problems += _repeated(lines, mapping)
    if problems:
        raise InputError(table.source, sorted(problems, key=lambda problem: problem.row or 0))
    return lines


def _line(row: Row, mapping: FileMapping, as_of: date, problems: list[Problem]) -> _Line:
    """The article that a row names; what is wrong with it is noted."""

    def refuse(column: str, code: str, **params: object) -> None:
        problems.append(Problem(code, row.number, column, params))

    title = " ".join(row[mapping.title].split())
    if not title:
        refuse(mapping.title, "input.required")
    elif len(title) > _TITLE_LENGTH:
        refuse(mapping.title, "input.too_long", received=len(title), limit=_TITLE_LENGTH)
    elif not is_visible(title):
        refuse(mapping.title, "input.control_character")
    url = row[mapping.url] if mapping.url else ""
    if url and not _is_address(url):
        refuse(mapping.url, "figures.not_an_address", received=_shown(url))
        url = ""
    cell = row[mapping.published]
    published_at = datetime.combine(as_of, datetime.min.time(), SHANGHAI)
    try:
        published_at = read_moment(cell)
    except ValueError:
        refuse(mapping.published, "input.not_a_date", received=_shown(cell))
    line = _Line(row.number, title, url, published_at)
    if line.day > as_of:
        refuse(mapping.published, "figures.published_later", received=line.day, as_of=as_of)
    return line


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https")
        and bool(parts.hostname)
        and len(url) <= _URL_LENGTH
        and is_visible(url)
        and not any(character.isspace() for character in url)
    )


def _shown(cell: str) -> str:
    return cell if len(cell) <= 40 else cell[:39] + "…"


def _repeated(lines: Sequence[_Line], mapping: FileMapping) -> Iterator[Problem]:
    """The same article in two rows: which of them would count?"""
    first: dict[str, int] = {}
    for line in lines:
        if line.title and (earlier := first.setdefault(line.remote_id, line.number)) != line.number:
            yield Problem("figures.article_twice", line.number, mapping.title, {"row": earlier})


def _matches(told: ToldArticles, lines: Sequence[_Line]) -> dict[int, int]:
    """Row number → our article, for every row whose article is known."""
    times = Counter(line.named for line in lines)
    found: dict[int, int] = {}  # our article → row number
    for line in lines:
        article = told.match(line.url, line.title, line.day, by_title=times[line.named] == 1)
        if article is not None:
            found.setdefault(article, line.number)
    return {number: article for article, number in found.items()}


def _apply(
    session: Session,
    account: Account,
    mapping: FileMapping,
    report: ImportReport,
    lines: Sequence[_Line],
    matches: dict[int, int],
    at: datetime,
) -> None:
    know_metrics(session, account.platform, [figure.meaning for figure in mapping.figures])
    source = source_id(session, "import", report.file[:200], at, report.digest)
    new = [line for line in lines if line.number not in matches]
    facts = [ArticleFact(line.remote_id, line.title, line.url, line.published_at, line.day) for line in new]
    ids = store_articles(session, account.known_id, facts)
    known = matches | {line.number: ids[line.remote_id] for line in new}
    store_snapshots(
        session,
        source,
        at,
        (
            ArticleFigure(known[line.number], metric, report.as_of, value, line.number)
            for line in lines
            for metric, value in line.figures
        ),
    )


def _enter(session: Session, keys: KeyRing, report: ImportReport, *, actor: str, at: datetime) -> None:
    details = {
        "file": report.file,
        "sha256": report.digest,
        "as_of": report.as_of,
        "rows": report.rows,
        "figures": report.figures,
    }
    record(session, keys, at=at, actor=actor, act="figures.import", subject=report.account, details=details)
