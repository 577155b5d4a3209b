"""Figures from files that people send in: read row by row, checked whole, then applied whole.

Every imported figure keeps its file and row. It never overwrites what the platform itself told, nor another
file's: the source is part of the figure's key, and of two files' figures of one day the later import counts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from sqlalchemy import ColumnElement
from sqlmodel import Session

from analytics.figures import Meaning
from analytics.identity import Told
from analytics.imports.applying import TOLD, Application, new_metrics, newest_article
from analytics.imports.conflicts import StagedConflict, staged_conflicts
from analytics.imports.lines import AccountNames, LineReader
from analytics.imports.records import FigureImport, ImportState, live_import
from analytics.imports.staging import Staging
from analytics.imports.undoing import withdraw_import
from analytics.mappings import FileMapping, lay_out, load_mapping, mapping_for
from config.clock import Clock, shanghai_day
from config.database import Database
from config.errors import InputError, MeizhenError, Problem
from config.progress import Cancelled, Progress, tell_nobody
from config.secrets import KeyRing
from config.table_files import TableStream, open_table
from organisation.accounts import Account, AccountState, accounts_of

MOST_TOLD = 1_000
"""Problems that a refusal keeps in memory; `each_problem` is told of all."""

_FIRST_ROWS, _FIRST_CONFLICTS = 5, 20
_COMPARED_AT_ONCE = 2_000
_TOLD_EACH = 500  # rows


@dataclass(frozen=True)
class FirstRow:
    """One of the first rows as understood. Without a title it is the account's own day.

    `known`: we have its article.
    """

    row: int
    account: str
    day: date
    title: str
    published_at: datetime | None
    figures: Mapping[str, Decimal]
    known: bool


@dataclass(frozen=True)
class ImportReport:
    """What an import did, or would do (`dry_run`).

    `account` is platform:handle, '' where the file names `accounts` several; `as_of` is None where its rows
    have their own days. `already` is when the same file (by its SHA-256) was imported before, as `number`:
    then nothing was changed. `skipped` rows have `problems`. `left_out` are columns that no figure was read
    from. `conflicts` figures differ from what a platform told of the same day: both stay.
    """

    file: str
    digest: str
    account: str
    mapping: str
    as_of: date | None
    number: int | None = None
    accounts: int = 0
    rows: int = 0
    figures: int = 0
    unknown: int = 0
    new_articles: int = 0
    matched_articles: int = 0
    skipped: int = 0
    problems: int = 0
    conflicts: int = 0
    left_out: tuple[str, ...] = ()
    first_rows: tuple[FirstRow, ...] = ()
    first_conflicts: tuple[StagedConflict, ...] = ()
    dry_run: bool = False
    already: datetime | None = None


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
    skip_bad_rows: bool = False,
    each_problem: Callable[[Problem], None] | None = None,
    within: ColumnElement[bool] | None = None,
    progress: Progress = tell_nobody,
) -> ImportReport:
    """Imports the articles and figures of a CSV or xlsx file into an account, as of a Beijing day.

    `mapping` is a mapping file; without one the header tells which of the shipped ones fits. `account` may
    be left out where the platform has one account only, or the file names accounts; `as_of` is today without
    it. A blank cell is unknown, no row and never 0. `dry_run` checks everything and changes nothing.
    `skip_bad_rows` applies the good rows beside bad ones. `each_problem` is told of every bad cell, by row,
    before anything is refused or applied. `within` is a condition on units
    (`organisation.in_sight`): accounts of others are unknown to the
    file. Memory does not grow with the file's rows (CSV). Called off by `progress`, nothing is applied.

    Raises InputError naming the bad cells (nothing is applied; of very many the first `MOST_TOLD`), and
    MeizhenError `figures.which_account`, `figures.other_platform`, `figures.other_meaning`,
    `figures.import_under_way`, `figures.half_imported`, `figures.no_room`.
    """
    with open_table(path) as table, Staging() as staging:
        with database.read() as session:
            before = live_import(session, table.sha256)
        if before is not None and before.state == ImportState.APPLIED:
            return _already(table, before, dry_run=dry_run)
        chosen = load_mapping(mapping) if mapping else mapping_for(table.source, table.columns)
        reading = _Reading(database, table, chosen, staging, shanghai_day(clock.now()), within)
        reading.read(account, as_of, progress)
        _answer_problems(table.source, staging, skip_bad_rows=skip_bad_rows, each_problem=each_problem)
        progress("matching", 0, 0)
        report, wanted, seen = reading.understand(clock.now(), actor, dry_run=dry_run)
        if dry_run:
            return report
        application = Application(database, keys, clock, staging, wanted, reading.meanings, seen)
        try:
            number = application.run(progress)
        except Cancelled:
            if application.begun is not None:
                withdraw_import(database, keys, clock, *application.begun, actor=actor)
            raise
    return ImportReport(**(vars(report) | {"number": number}))


def _already(table: TableStream, before: FigureImport, *, dry_run: bool) -> ImportReport:
    return ImportReport(
        file=table.source,
        digest=table.sha256,
        account=before.account,
        mapping=before.mapping,
        as_of=before.as_of,
        number=before.known_id,
        rows=before.row_count,
        figures=before.figure_count,
        unknown=before.unknown_count,
        new_articles=before.new_articles,
        matched_articles=before.matched_articles,
        skipped=before.skipped_count,
        dry_run=dry_run,
        already=before.at,
    )


def _answer_problems(
    source: str, staging: Staging, *, skip_bad_rows: bool, each_problem: Callable[[Problem], None] | None
) -> None:
    """Tells of what is wrong; refuses the file unless bad rows are skipped and others are left."""
    count = staging.problem_count()
    if not count:
        return
    if each_problem is not None:
        for problem in staging.problems():
            each_problem(problem)
    if not skip_bad_rows or not staging.counts().rows:
        raise InputError(source, list(staging.problems(MOST_TOLD)), count=count)


class _Reading:
    """One file being read: its rows into the staging, then what they would bring."""

    def __init__(
        self,
        database: Database,
        table: TableStream,
        mapping: FileMapping,
        staging: Staging,
        today: date,
        within: ColumnElement[bool] | None,
    ) -> None:
        self._database = database
        self._table = table
        self._mapping = mapping
        self._layout = lay_out(mapping, table.source, table.columns)
        self._staging = staging
        self._today = today
        self._within = within
        self._account: Account | None = None
        self._as_of: date | None = None
        self._stable_ids: dict[int, str] = {}
        self.meanings: dict[str, list[Meaning]] = {}

    def read(self, account: Account | None, as_of: date | None, progress: Progress) -> None:
        """Reads every row; what is wrong stays in the staging."""
        if as_of is not None and as_of > self._today:
            problem = Problem("figures.as_of_in_future", params={"received": as_of})
            raise InputError(self._table.source, [problem])
        self._as_of = as_of if self._layout.day else as_of or self._today
        with self._database.read() as session:
            accounts = accounts_of(session, within=self._within) if self._layout.account else []
            self._account = account if self._layout.account else self._one(session, account)
        if self._account is account and account is not None:
            _refuse_other_platform(account, self._mapping)
        known = [*accounts, *([self._account] if self._account else [])]
        self._stable_ids = {one.known_id: one.stable_id for one in known}
        reader = LineReader(
            self._mapping,
            self._layout,
            self._staging.refuse,
            account=self._account,
            names=AccountNames(accounts),
            as_of=self._as_of,
            today=self._today,
        )
        for count, row in enumerate(self._table.rows(self._staging.refuse)):
            if count % _TOLD_EACH == 0:
                progress("reading", row.number, 0)
            line = reader.read(row)
            if line is not None:
                self._staging.add(line)
        self._staging.drop_twice(self._layout.title, self._layout.day)
        self.meanings = reader.meanings()

    def _one(self, session: Session, account: Account | None) -> Account:
        """The account of a file that names none: the one given, else the platform's only active one."""
        if account is not None:
            return account
        platform, active = self._mapping.platform, AccountState.ACTIVE
        found = accounts_of(session, platform=platform, state=active, within=self._within)
        if len(found) != 1:
            raise MeizhenError("figures.which_account", platform=platform, count=len(found))
        return found[0]

    def understand(
        self, at: datetime, actor: str, *, dry_run: bool
    ) -> tuple[ImportReport, FigureImport, int]:
        """What the file brings, how the import is to be kept, and the newest article it was compared with."""
        staging = self._staging
        accounts = staging.accounts()
        with self._database.read() as session:
            metrics = new_metrics(session, self.meanings)
            seen = newest_article(session)
            for account in accounts:
                told = session.execute(TOLD.where(TOLD.selected_columns.account_id == account))
                staging.know(account, (Told(*fields) for _, *fields in told))
            staging.match()
            conflicts, first_conflicts = self._conflicts(session)
        counts = staging.counts()
        report = ImportReport(
            file=self._table.source,
            digest=self._table.sha256,
            account=self._stable_ids[accounts[0]] if len(accounts) == 1 else "",
            mapping=self._mapping.label.told(),
            as_of=self._as_of,
            accounts=len(accounts),
            skipped=staging.bad_rows(),
            problems=staging.problem_count(),
            conflicts=conflicts,
            left_out=self._layout.left_out,
            first_rows=self._first_rows(),
            first_conflicts=first_conflicts,
            dry_run=dry_run,
            **counts._asdict(),
        )
        wanted = FigureImport(
            file=report.file[:200],
            digest=report.digest,
            account=report.account,
            mapping=self._mapping.name[:100],
            as_of=report.as_of,
            row_count=counts.rows,
            figure_count=counts.figures,
            unknown_count=counts.unknown,
            skipped_count=report.skipped,
            new_articles=counts.new_articles,
            matched_articles=counts.matched_articles,
            metrics=metrics,
            state=ImportState.APPLYING,
            at=at,
            actor=actor,
            touched_at=at,
        )
        return report, wanted, seen

    def _conflicts(self, session: Session) -> tuple[int, tuple[StagedConflict, ...]]:
        count, first = 0, list[StagedConflict]()
        for lines in self._staging.batches(_COMPARED_AT_ONCE, known=True):
            found = staged_conflicts(session, lines)
            count += len(found)
            first += found[: _FIRST_CONFLICTS - len(first)]
        return count, tuple(first)

    def _first_rows(self) -> tuple[FirstRow, ...]:
        return tuple(
            FirstRow(
                row=line.row,
                account=self._stable_ids[line.account],
                day=date.fromisoformat(line.as_of),
                title=line.title,
                published_at=line.published_at,
                figures={name: Decimal(value).scaleb(-6).normalize() for name, value in line.figures},
                known=line.article is not None,
            )
            for line in self._staging.lines(0, _FIRST_ROWS)
        )


def _refuse_other_platform(account: Account, mapping: FileMapping) -> None:
    if mapping.platform and account.platform != mapping.platform:
        raise MeizhenError("figures.other_platform", account=account.stable_id, platform=mapping.platform)
