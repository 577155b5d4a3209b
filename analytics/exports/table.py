"""Figures as a CSV file for other programs and for Excel, which must not take a title for a formula."""

import csv
import os
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from sqlmodel import Session

from analytics.selection import NAMES, FigureKind, selected_figures
from config.clock import SHANGHAI
from config.database import Database

COLUMNS = (*NAMES["articles"], "day")
"""The columns of the file: those of an article stay empty for an account's own figures, which have `day`."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_ROWS_AT_ONCE = 5_000


def safe_cell(told: str) -> str:
    """A text that no spreadsheet takes for a formula: a leading quotation mark makes it text."""
    return f"'{told}" if told.lstrip(" ").startswith(_FORMULA) else told


def export_figures(
    database: Database,
    out: Path,
    *,
    since: date | None = None,
    until: date | None = None,
    platform: str | None = None,
) -> int:
    """Writes the figures of articles published, and of account days, from `since` to `until` to a CSV file.

    Gives how many. UTF-8 with BOM, so that Excel shows Chinese. The file appears whole or not at all.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f"{out.name}.partial")
    count = 0
    try:
        with partial.open("w", encoding="utf-8-sig", newline="") as file, database.read() as session:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            for row in _rows(session, platform, since, until):
                writer.writerow(row)
                count += 1
        os.replace(partial, out)
    finally:
        partial.unlink(missing_ok=True)
    return count


def _rows(
    session: Session, platform: str | None, since: date | None, until: date | None
) -> Iterator[dict[str, str]]:
    kinds: tuple[FigureKind, ...] = ("articles", "account_days")
    for kind in kinds:
        query = selected_figures(session, kind, platform=platform, since=since, until=until)
        for row in session.execute(query.execution_options(yield_per=_ROWS_AT_ONCE)):
            cells = dict(zip(NAMES[kind], row, strict=True))
            cells["value"] = Decimal(cells["value"]).scaleb(-6)
            yield {name: _cell(cell) for name, cell in cells.items()}


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(SHANGHAI).isoformat(timespec="seconds")
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return safe_cell(value) if isinstance(value, str) else str(value)
