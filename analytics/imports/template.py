"""The house's own table for units to fill in: one sheet for figures, one that explains, one of accounts."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from analytics.mappings import ACCOUNT, FileMapping, Headings, shipped_mappings
from config.clock import SHANGHAI
from config.errors import MeizhenError
from config.messages import present_language, text
from organisation.accounts import Account, AccountState
from organisation.units import Unit, in_subtree

_ROWS = 10_000  # rows with drop-downs and checks; more can be filled in
_FIRST_DAY = datetime(2000, 1, 1)  # noqa: DTZ001 (a sheet's cell has no zone)
_A4 = 9
_FONT = {"font_name": "Microsoft YaHei", "font_size": 10, "valign": "vcenter"}
_HEAD = {
    **_FONT,
    "bold": True,
    "bg_color": "#E8EDF3",
    "border": 1,
    "border_color": "#C8CDD3",
    "text_wrap": True,
}


@dataclass(frozen=True)
class _Listed:
    """One account as the template's last sheet lists it."""

    stable_id: str
    name: str
    unit: str


def write_template(
    session: Session,
    out: Path,
    *,
    at: datetime,
    unit: Unit | None = None,
    within: ColumnElement[bool] | None = None,
) -> int:
    """Writes the template as xlsx, headings in the present language; gives how many accounts it lists.

    They are the active ones, of a unit and all below it, and `within` a condition on units, where given.
    Filled in, the file is imported as it is.

    Raises MeizhenError `figures.template_exists`: it may be filled in.
    """
    from xlsxwriter import Workbook

    if out.exists():
        raise MeizhenError("figures.template_exists", path=out)
    accounts = _accounts(session, unit, within)
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f"{out.name}.partial")
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    try:
        with Workbook(partial, options) as book:
            book.set_properties({"author": "Meizhen 媒阵", "created": at.astimezone(SHANGHAI)})
            _Template(book, template_mapping(), accounts).write()
        os.replace(partial, out)
    finally:
        partial.unlink(missing_ok=True)
    return len(accounts)


def template_mapping() -> FileMapping:
    """The mapping that reads the template."""
    return next(mapping for mapping in shipped_mappings() if mapping.name == "template")


def _accounts(session: Session, unit: Unit | None, within: ColumnElement[bool] | None) -> list[_Listed]:
    wanted = (
        select(Account, Unit.name_zh)
        .join(Unit, col(Unit.id) == col(Account.unit_id))
        .where(Account.state == AccountState.ACTIVE)
        .order_by(col(Unit.path), col(Account.platform), col(Account.handle))
    )
    if unit is not None:
        wanted = wanted.where(in_subtree(unit))
    if within is not None:
        wanted = wanted.where(within)
    return [_Listed(account.stable_id, account.name, name) for account, name in session.exec(wanted)]


class _Template:
    """The workbook being written."""

    def __init__(self, book: Any, mapping: FileMapping, accounts: Sequence[_Listed]) -> None:
        self._book = book
        self._mapping = mapping
        self._accounts = accounts
        self._head = book.add_format(_HEAD)
        self._plain = book.add_format({**_FONT, "text_wrap": True})
        self._date = book.add_format({**_FONT, "num_format": "yyyy-mm-dd"})
        self._number = book.add_format({**_FONT, "num_format": "#,##0"})
        self._text = book.add_format({**_FONT, "num_format": "@"})

    def write(self) -> None:
        figures = self._book.add_worksheet(text("figures.template_sheet"))
        self._write_instructions(self._book.add_worksheet(text("figures.template_instructions")))
        name = text("figures.template_accounts")
        self._write_accounts(self._book.add_worksheet(name))
        self._write_figures(figures, f"='{name}'!$A$2:$A${len(self._accounts) + 1}")

    def _write_figures(self, sheet: Any, accounts: str) -> None:
        mapping = self._mapping
        columns: list[tuple[Headings, int, Any, dict[str, Any] | None]] = [
            (mapping.account, 28, self._text, self._list_check(accounts)),
            (mapping.day, 12, self._date, _date_check()),
            (mapping.title, 40, self._text, None),
            (mapping.published, 12, self._date, _date_check()),
            (mapping.url, 30, self._text, None),
        ]
        columns += [(figure.headings, 11, self._number, _number_check()) for figure in mapping.figures]
        for place, (headings, width, form, check) in enumerate(columns):
            sheet.set_column(place, place, width, form)
            sheet.write_string(0, place, _heading(headings), self._head)
            if check is not None:
                sheet.data_validation(1, place, _ROWS, place, check)
        sheet.set_row(0, 30)
        sheet.freeze_panes(1, 1)
        self._set_up(sheet)
        sheet.repeat_rows(0)

    def _list_check(self, accounts: str) -> dict[str, Any] | None:
        if not self._accounts:
            return None
        told = text("figures.template_no_account")
        return {"validate": "list", "source": accounts, "error_title": "✗", "error_message": told}

    def _write_instructions(self, sheet: Any) -> None:
        sheet.set_column(0, 0, 18)
        sheet.set_column(1, 1, 80)
        sheet.set_column(2, 2, 24)
        lines = text("figures.template_how").splitlines()
        for row, line in enumerate(lines):
            sheet.merge_range(row, 0, row, 2, "", self._plain)
            sheet.write_string(row, 0, line, self._plain)
            sheet.set_row(row, 30 if len(line) > 60 else 16)
        row = len(lines) + 1
        for place, name in enumerate(("column", "meaning", "example")):
            sheet.write_string(row, place, text(f"figures.template_{name}"), self._head)
        for offset, cells in enumerate(self._explained(), start=1):
            for place, cell in enumerate(cells):
                sheet.write_string(row + offset, place, cell, self._plain)
        self._set_up(sheet)

    def _explained(self) -> list[tuple[str, str, str]]:
        """Each column: heading, what it means, an example."""
        mapping = self._mapping
        example = self._accounts[0].stable_id if self._accounts else "wechat:example"
        told = [
            (_heading(mapping.account), text("figures.template_about_account"), example),
            (_heading(mapping.day), text("figures.template_about_day"), "2026-03-09"),
            (_heading(mapping.title), text("figures.template_about_title"), text("figures.template_a_title")),
            (_heading(mapping.published), text("figures.template_about_published"), "2026-03-02"),
            (_heading(mapping.url), text("figures.template_about_url"), "https://example.test/s/1"),
        ]
        for figure in mapping.figures:
            level = "account" if figure.meaning.level == ACCOUNT else "article"
            about = f"{text(f'figures.template_of_{level}')} {figure.meaning.name}"
            told.append((_heading(figure.headings), about, "3204"))
        return told

    def _write_accounts(self, sheet: Any) -> None:
        sheet.set_column(0, 2, 32)
        titles = (
            text("figures.column_account"),
            text("figures.column_name"),
            text("figures.column_unit_name"),
        )
        for place, title in enumerate(titles):
            sheet.write_string(0, place, title, self._head)
        for row, account in enumerate(self._accounts, start=1):
            for place, cell in enumerate((account.stable_id, account.name, account.unit)):
                sheet.write_string(row, place, cell, self._plain)
        sheet.freeze_panes(1, 0)
        self._set_up(sheet)

    def _set_up(self, sheet: Any) -> None:
        sheet.set_paper(_A4)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)


def _heading(headings: Headings) -> str:
    return headings[-1] if present_language() == "en" else headings[0]


def _date_check() -> dict[str, Any]:
    return {
        "validate": "date",
        "criteria": ">=",
        "value": _FIRST_DAY,
        "error_type": "warning",  # other spellings are understood, too
        "error_title": "?",
        "error_message": text("figures.template_not_a_date"),
    }


def _number_check() -> dict[str, Any]:
    return {
        "validate": "integer",
        "criteria": ">=",
        "value": 0,
        "error_type": "warning",
        "error_title": "?",
        "error_message": text("figures.template_not_a_count"),
    }


def default_name(day: date) -> str:
    """The template's file name where none is given."""
    return f"{text('figures.template_file')}-{day:%Y%m%d}.xlsx"
