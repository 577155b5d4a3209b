"""The Monday report as files: a workbook, a plain table as CSV and Parquet, two pages as PDF.

The same figures give the same bytes: nothing in a file knows when or where it was made.
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

from sqlalchemy import ColumnElement

from analytics.exports.content import WeekReport, read_report
from analytics.exports.week import Week
from config.database import Database
from config.errors import MeizhenError
from config.progress import Progress, tell_nobody
from organisation.units import Unit

FORMATS = ("xlsx", "csv", "parquet", "pdf")
"""The files of a report, in the order in which people read them."""

_Make: TypeAlias = Callable[[WeekReport], bytes]


def export_week(
    database: Database,
    week: str,
    out: Path,
    *,
    unit: str | None = None,
    within: ColumnElement[bool] | None = None,
    formats: Iterable[str] = FORMATS,
    progress: Progress = tell_nobody,
) -> dict[str, Path]:
    """Writes the report of an ISO week (`2026-W46`) into the folder `out`; gives format → path.

    `unit` is a unit's code and takes all units below it; `within` is a condition on units
    (`organisation.in_sight`); `formats` are some of `FORMATS`. Unknown is blank,
    never 0; a change is blank where either week is unknown. Each file appears whole or not at all.

    Raises MeizhenError `report.not_a_week`, `org.unknown_unit` or `report.not_a_format`.
    """
    chosen, wanted = Week.parse(week), wanted_formats(formats)
    progress("reading", 0, len(wanted) + 1)
    with database.read() as session:
        report = read_report(session, chosen, unit, within=within)
    out.mkdir(parents=True, exist_ok=True)
    makers, made = _makers(), dict[str, Path]()
    for done, name in enumerate(wanted, start=1):
        progress(f"making {name}", done, len(wanted) + 1)
        made[name] = write_whole(out / f"{stem(chosen, report.unit)}.{name}", makers[name](report))
    return made


def _makers() -> Mapping[str, _Make]:
    """Imported when a report is made: each brings a library of its own."""
    from analytics.exports.paper import paper
    from analytics.exports.plain import csv_file, parquet_file
    from analytics.exports.workbook import workbook

    return {"xlsx": workbook, "csv": csv_file, "parquet": parquet_file, "pdf": paper}


def wanted_formats(formats: Iterable[str]) -> list[str]:
    """The formats asked for, in the order of `FORMATS`. Raises MeizhenError `report.not_a_format`."""
    asked = set(formats)
    strange = sorted(asked - set(FORMATS))
    if strange or not asked:
        received, expected = ", ".join(strange) or "–", ", ".join(FORMATS)
        raise MeizhenError("report.not_a_format", received=received, expected=expected)
    return [name for name in FORMATS if name in asked]


def stem(week: Week, unit: Unit | None) -> str:
    """How the files of a week are called, without their ending."""
    part = "" if unit is None else "-" + re.sub(r"[^\w.-]", "_", unit.code)
    return f"meizhen-weekly-{week}{part}"


def write_whole(path: Path, content: bytes) -> Path:
    """Puts a file there whole or not at all; gives its path."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        partial.write_bytes(content)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return path
