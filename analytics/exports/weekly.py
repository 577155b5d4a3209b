"""The Monday report: one workbook, a summary, a sheet a platform, definitions and holes.

The same figures give the same bytes: nothing in the file knows when or where it was made.
"""

import io
import os
import re
from collections.abc import Sequence
from datetime import datetime, time
from decimal import Decimal
from pathlib import Path

from analytics.exports.columns import VERSION, Column, Layout, Rule, layout_for, platform_label
from analytics.exports.sheet import Report, Sheet
from analytics.exports.week import AccountWeek, Week, change, read_week
from analytics.gaps import OpenGap, list_gaps
from config.database import Database
from config.messages import catalogue, told
from organisation.units import Unit, find_unit

_DRAWN = 15
_FIXED = (("unit", 16), ("account", 20), ("track", 9), ("source", 9), ("measured", 10))
_SOURCES = ("api", "import", "typed")


def export_week(database: Database, week: str, out: Path, *, unit: str | None = None) -> Path:
    """Writes the report of an ISO week (`2026-W46`) into the folder `out`; gives the file's path.

    `unit` is a unit's code and takes all units below it. Unknown is blank, never 0; a change is blank where
    either week is unknown. Raises MeizhenError `report.not_a_week` or `org.unknown_unit`.
    """
    chosen = Week.parse(week)
    with database.read() as session:
        subtree = find_unit(session, unit) if unit is not None else None
        platforms = read_week(session, chosen, unit=subtree)
        gaps = list_gaps(session, since=chosen.before.monday, until=chosen.sunday, unit=subtree)
    content = _workbook(chosen, platforms, gaps)
    out.mkdir(parents=True, exist_ok=True)
    path = out / _file_name(chosen, subtree)
    partial = path.with_name(f"{path.name}.partial")
    partial.write_bytes(content)
    os.replace(partial, path)
    return path


def _file_name(week: Week, unit: Unit | None) -> str:
    part = "" if unit is None else "-" + re.sub(r"[^\w.-]", "_", unit.code)
    return f"meizhen-weekly-{week}{part}.xlsx"


def _said(entry: str, **params: object) -> str:
    """A text of the workbook: leaders read Chinese, whatever the language of the command line."""
    return told(f"report.{entry}", params, language="zh")


def _workbook(week: Week, platforms: dict[str, list[AccountWeek]], gaps: Sequence[OpenGap]) -> bytes:
    content = io.BytesIO()
    created = datetime.combine(week.sunday, time(23, 59, 59))
    with Report(content, _title(week, _said("all_platforms")), created, _said("page", week=week)) as report:
        _summary(report.sheet(_said("summary")), week, platforms, gaps)
        for platform, accounts in platforms.items():
            _platform(report.sheet(platform_label(platform)), week, platform, accounts)
        _definitions(report.sheet(_said("definitions")), platforms, gaps)
    return content.getvalue()


def _title(week: Week, platform: str) -> str:
    return _said("title", platform=platform, week=week, monday=week.monday, sunday=week.sunday)


def _summary(
    sheet: Sheet, week: Week, platforms: dict[str, list[AccountWeek]], gaps: Sequence[OpenGap]
) -> None:
    sheet.line(_title(week, _said("all_platforms")), "title")
    sheet.line(_one_line(platforms, gaps))
    sheet.line(_said("note_platforms"), "note")
    triple = [_said("this_week"), _said("last_week"), _said("change")]
    groups = [_said("posts"), _said("leading"), _said("metric_followers_total")]
    sheet.widths([14, 9, 13, *[10] * 3, 14, *[11] * 6, 8])
    sheet.header(
        [
            *((_said(name), [""]) for name in ("platform", "accounts", "active_accounts")),
            (groups[0], triple),
            (groups[1], ["", *triple]),
            (groups[2], triple),
            (_said("open_gaps"), [""]),
        ]
    )
    for platform, accounts in platforms.items():
        layout = layout_for(platform)
        sheet.text(platform_label(platform))
        sheet.number(len(accounts))
        sheet.number(sum(1 for row in accounts if row.this.get(layout.columns[0])))
        _triple(sheet, _total(accounts, layout.columns[0]))
        sheet.text(layout.leading.title)
        _triple(sheet, _total(accounts, layout.leading))
        _triple(sheet, _total(accounts, _followers(layout)))
        sheet.number(sum(1 for gap in gaps if gap.account.startswith(f"{platform}:")))
        sheet.end_row()
    sheet.line(_said("note_followers"), "note")
    sheet.freeze(columns=1)


def _one_line(platforms: dict[str, list[AccountWeek]], gaps: Sequence[OpenGap]) -> str:
    posts = [
        (row.this.get(layout_for(platform).columns[0]), row.last.get(layout_for(platform).columns[0]))
        for platform, accounts in platforms.items()
        for row in accounts
        if not layout_for(platform).columns[0].heading  # what people ask is no post of ours
    ]
    return _said(
        "one_line",
        active=sum(1 for this, _ in posts if this),
        silent=sum(1 for this, _ in posts if this == 0),
        posts=sum(int(this or 0) for this, _ in posts),
        last=sum(int(last or 0) for _, last in posts),
        gaps=len(gaps),
    )


def _followers(layout: Layout) -> Column | None:
    return next((column for column in layout.columns if column.metric == "followers_total"), None)


def _total(accounts: Sequence[AccountWeek], column: Column | None) -> tuple[Decimal | None, Decimal | None]:
    """The known values of this and last week, summed; None where none is known."""
    if column is None:
        return None, None
    this = [row.this[column] for row in accounts if column in row.this]
    last = [row.last[column] for row in accounts if column in row.last]
    return sum(this, Decimal(0)) if this else None, sum(last, Decimal(0)) if last else None


def _triple(sheet: Sheet, values: tuple[Decimal | None, Decimal | None]) -> None:
    """This week, last week, and the change between them."""
    this, last = values
    sheet.number(this)
    sheet.number(last)
    sheet.share(change(this, last))


def _platform(sheet: Sheet, week: Week, platform: str, accounts: Sequence[AccountWeek]) -> None:
    layout = layout_for(platform)
    sheet.line(_title(week, platform_label(platform)), "title")
    sheet.line(_said("format_version", version=VERSION), "note")
    sheet.widths([*(width for _, width in _FIXED), *[9, 9, 8] * len(layout.columns)])
    triple = [_said("this_week"), _said("last_week"), _said("change")]
    sheet.header(
        [
            *((_said(name), [""]) for name, _ in _FIXED),
            *((column.title, triple) for column in layout.columns),
        ]
    )
    first = sheet.row
    for row in accounts:
        sheet.text(row.unit)
        sheet.text(row.account.name)
        sheet.text(_track(row.account.track))
        sheet.text("+".join(_said(f"source_{kind}") for kind in _SOURCES if kind in row.sources))
        sheet.number(row.measured or None)
        for column in layout.columns:
            _triple(sheet, (row.this.get(column), row.last.get(column)))
        sheet.end_row()
    sheet.freeze(columns=2)
    drawn = min(len(accounts), _DRAWN)
    place = len(_FIXED) + 3 * layout.columns.index(layout.leading)
    sheet.bars(
        title=_said("chart", column=layout.leading.title, count=drawn),
        names=1,
        values={_said("this_week"): place, _said("last_week"): place + 1},
        rows=(first, first + drawn - 1),
    )


def _track(code: str) -> str:
    """The usual tracks by their Chinese names; an organisation's own stand for themselves."""
    return _said(f"track_{code}") if f"track_{code}" in catalogue("report") else code


def _definitions(sheet: Sheet, platforms: dict[str, list[AccountWeek]], gaps: Sequence[OpenGap]) -> None:
    sheet.line(_said("definitions"), "title")
    for note in ("format_version", "note_sources", "note_threshold", "note_platforms"):
        sheet.line(_said(note, version=VERSION), "note")
    for rule in Rule:
        sheet.line(_said("rule_line", rule=_said(f"rule_{rule}"), meaning=_said(f"meaning_{rule}")), "note")
    sheet.widths([20, 20, 20, 12, 18, 56])
    sheet.header([(_said(name), [""]) for name in ("platform", "column", "common_name", "counts", "rule")])
    for platform in platforms:
        for column in layout_for(platform).columns:
            sheet.text(platform_label(platform))
            sheet.text(column.title)
            sheet.text(column.metric)
            sheet.text(_said(f"counts_{column.counts(platform)}"))
            sheet.text(_said(f"rule_{column.rule}"))
            sheet.end_row()
    sheet.end_row()
    names = ("handle", "account", "missing", "day", "code", "told")
    sheet.header([(_said(name), [""]) for name in names])
    for gap in gaps:
        sheet.text(gap.account)
        sheet.text(gap.name)
        sheet.text(_said(f"subject_{gap.subject}"))
        sheet.text(gap.day.isoformat())
        sheet.text(gap.code)
        sheet.text(gap.told)
        sheet.end_row()
    if not gaps:
        sheet.line(_said("no_gaps"))
