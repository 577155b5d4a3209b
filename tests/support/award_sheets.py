"""Score sheets as they come back from judges: for tests."""

from pathlib import Path

from xlsxwriter import Workbook

from analytics.awards.sheets import COLUMNS, read_sheet


def fill(sheet: Path, score: int | str, *, drop: int = 0) -> Path:
    """Writes scores into a sheet as a judge would."""
    rows = read_sheet(sheet).rows
    filled = sheet.with_name(f"filled-{sheet.name}")
    book = Workbook(filled)
    page = book.add_worksheet()
    page.write_row(0, 0, COLUMNS)
    for number, row in enumerate(rows[drop:], start=1):
        for place, name in enumerate(COLUMNS):
            page.write_string(number, place, str(score) if name == "score" else row[name])
    book.close()
    return filled
