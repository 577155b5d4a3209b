"""数据齐不齐 Who has not reported, where file and platform differ, when platforms are asked, the archive."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated

from fastapi import Query

from analytics.archive.verifying import list_archive
from analytics.exports.week import Week
from analytics.imports import list_conflicts
from analytics.imports.missing import list_missing
from analytics.imports.template import default_name, write_template
from analytics.plans import plan_accounts
from config.clock import shanghai_day
from organisation import AccountState, Act, Unit, accounts_of, find_unit, in_sight
from scheduler.sharing import SharedWithPublishing
from web.api.accounts import seen as account_seen
from web.api.call import Asked
from web.api.files import Download
from web.api.noun import Noun
from web.api.texts import Day, Figure, Filter, Told

noun = Noun("figures")

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_CONFLICT_DAYS = timedelta(days=366)  # without a bound every archived month would be read
WeekName = Annotated[
    str | None, Query(pattern=r"^\d{4}-W\d{2}$", description="An ISO week; else the last whole one.")
]


class MissingAccountShown(Told):
    """An active account without figures of the week."""

    account: str
    name: str
    unit: str
    unit_name: str


class Missing(Told):
    """Of `expected` active accounts those without figures; `units` have none of any account."""

    week: str
    expected: int
    accounts: list[MissingAccountShown]
    units: list[str]


class ConflictShown(Told):
    """A figure of a file, and what the platform told of the same day."""

    account: str
    title: str
    metric: str
    day: date
    imported: Figure
    told: Figure
    file: str
    row: int | None


class ConflictList(Told):
    """Conflicts, newest day first; `more` where there are more than asked for."""

    since: date
    items: list[ConflictShown]
    more: bool


class PlanShown(Told):
    """When an account is asked next: `next_at` null while a person must act, `code` and `told` say why.

    `calls` is what that will take; `left` of `limit` calls are left today, null where there is no limit.
    """

    account: str
    name: str
    next_at: datetime | None
    since: date
    newest: date
    days: int
    calls: int
    limit: int | None
    left: int | None
    code: str
    told: str


class PlanList(Told):
    """Accounts that are asked for figures, those that are asked next first."""

    items: list[PlanShown]


class ArchivedShown(Told):
    """A month in the archive: whole, late (`late` figures are to be added), or missing from the disk."""

    kind: str
    month: str
    platform: str
    rows: int
    archived_at: datetime
    state: str
    late: int
    bytes: int | None


class ArchiveList(Told):
    """Archived months, oldest first."""

    items: list[ArchivedShown]


@noun.read("/missing", Act.FIGURES_READ)
def missing(asked: Asked, week: WeekName = None, unit: Filter = None) -> Missing:
    """谁没报 Active accounts without any figure of a week; of a unit, or of the whole house."""
    under = _under(asked, unit)
    chosen = Week.parse(week) if week else Week.of(shanghai_day(asked.now)).before
    return Missing.model_validate(list_missing(asked.session, chosen, unit=under))


@noun.read("/conflicts", Act.FIGURES_READ)
def conflicts(
    asked: Asked,
    since: Annotated[Day | None, Query(description="The first Beijing day; else a year ago.")] = None,
    until: Annotated[Day | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> ConflictList:
    """冲突 Figures of files that differ from what a platform told, of the caller's units: both stay."""
    within = asked.sight()
    first = since or shanghai_day(asked.now) - _CONFLICT_DAYS
    found = list_conflicts(asked.session, since=first, until=until, limit=limit + 1, within=within)
    items = [ConflictShown.model_validate(one) for one in found[:limit]]
    return ConflictList(since=first, items=items, more=len(found) > limit)


@noun.read("/plan", Act.FIGURES_READ)
def plan(asked: Asked, account: Filter = None) -> PlanList:
    """采集计划 When the platforms are asked next, and for what; nobody is asked now."""
    if account is not None:
        accounts = [account_seen(asked, account)[0]]
    else:
        accounts = accounts_of(asked.session, state=AccountState.ACTIVE, within=asked.sight())
    found = plan_accounts(
        asked.desk.database, asked.desk.clock, accounts=accounts, sharing=SharedWithPublishing()
    )
    return PlanList(items=[PlanShown.model_validate(one) for one in found])


@noun.download("/template", Act.ACCOUNT_READ, _XLSX)
def template(asked: Asked, unit: Filter = None) -> Download:
    """填报模板 A workbook of the active accounts of a unit, or of the caller's, to fill in and import."""
    under = None if unit is None else _under(asked, unit)
    within = asked.sight() if under is None else in_sight(asked.person, Act.ACCOUNT_READ)
    name, session, now = default_name(shanghai_day(asked.now)), asked.session, asked.now

    def write(folder: Path) -> Path:
        write_template(session, folder / name, at=now, unit=under, within=within)
        return folder / name

    return Download(write)


@noun.read("/archive", Act.FIGURES_READ)
def archive(asked: Asked) -> ArchiveList:
    """归档 Archived months of the whole house."""
    asked.house()
    return ArchiveList(items=[ArchivedShown.model_validate(one) for one in list_archive(asked.desk.database)])


def _under(asked: Asked, code: str | None) -> Unit | None:
    unit = None if code is None else find_unit(asked.session, code)
    asked.at(unit.path if unit else "")
    return unit
