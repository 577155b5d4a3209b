"""A workbook written row by row, with our formats: the same content always gives the same bytes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import IO, Any, Self

from xlsxwriter import Workbook

_FONT = {"font_name": "Microsoft YaHei", "font_size": 10, "valign": "vcenter"}
_GRID = {"border": 1, "border_color": "#C8CDD3"}
_FORMATS: Mapping[str, Mapping[str, object]] = {
    "plain": {},
    "title": {"bold": True, "font_size": 14},
    "note": {"font_color": "#5B6470", "font_size": 9},
    "head": {**_GRID, "bold": True, "bg_color": "#E8EDF3", "align": "center", "text_wrap": True},
    "text": {**_GRID, "indent": 1},
    "number": {**_GRID, "num_format": "#,##0"},
    "share": {**_GRID, "num_format": "+0.0%;-0.0%;0.0%"},
}
# Blue against grey stays apart for the colour-blind and on a black-and-white printer.
_COLOURS = ("#0072B2", "#B0B7BF")
_LINE_POINTS = {"title": 26, "plain": 18, "note": 15}
_A4 = 9
_SHEET_NAME = 31


class Report:
    """An xlsx workbook in memory; closed at the end of its `with`."""

    def __init__(self, target: IO[bytes], title: str, created: datetime, footer: str) -> None:
        self._book = Workbook(
            target,
            {
                "in_memory": True,  # no temporary files, whose modes would show in the bytes
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
                "nan_inf_to_errors": False,
            },
        )
        self._book.set_properties({"title": title, "author": "Meizhen 媒阵", "created": created})
        self._formats = {
            name: self._book.add_format({**_FONT, **wanted}) for name, wanted in _FORMATS.items()
        }
        self._footer = footer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._book.close()

    def sheet(self, name: str) -> "Sheet":
        """A new sheet, set up for A4 landscape."""
        page = self._book.add_worksheet("".join("_" if c in "[]:*?/\\" else c for c in name)[:_SHEET_NAME])
        page.set_paper(_A4)
        page.set_landscape()
        page.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
        page.fit_to_pages(1, 0)
        page.set_footer(self._footer)
        page.hide_gridlines(2)
        return Sheet(self._book, page, self._formats)


class Sheet:
    """One sheet, filled from the top: lines, a header, rows cell by cell. `row` is the row being filled."""

    def __init__(self, book: Any, page: Any, formats: Mapping[str, Any]) -> None:
        self._book = book
        self._page = page
        self._formats = formats
        self.row = 0
        self._column = 0
        self._under_header = 0

    def line(self, told: str, style: str = "plain") -> None:
        """A line of text over the whole width."""
        self._page.set_row(self.row, _LINE_POINTS[style])
        self._page.write_string(self.row, 0, told, self._formats[style])
        self.end_row()

    def widths(self, widths: Sequence[float]) -> None:
        for column, width in enumerate(widths):
            self._page.set_column(column, column, width)

    def header(self, groups: Sequence[tuple[str, Sequence[str]]]) -> None:
        """Two rows of headings: a group over its columns. One row where no group has more than one."""
        double = any(len(under) > 1 for _, under in groups)
        column = 0
        for heading, under in groups:
            last = column + len(under) - 1
            self._heading(column, last, heading, tall=double and len(under) == 1)
            if len(under) > 1:
                for place, name in enumerate(under):
                    self._page.write_string(self.row + 1, column + place, name, self._formats["head"])
            column = last + 1
        self._page.repeat_rows(self.row, self.row + int(double))
        self.row += 1 + int(double)
        self._under_header = self.row

    def _heading(self, first: int, last: int, heading: str, *, tall: bool) -> None:
        bottom = self.row + int(tall)
        if first == last and not tall:
            self._page.write_string(self.row, first, heading, self._formats["head"])
        else:
            self._page.merge_range(self.row, first, bottom, last, "", self._formats["head"])
            self._page.write_string(self.row, first, heading, self._formats["head"])

    def text(self, told: str) -> None:
        """A text cell: whatever it begins with, it stays text."""
        if told:
            self._page.write_string(self.row, self._column, told, self._formats["text"])
        else:
            self._page.write_blank(self.row, self._column, None, self._formats["text"])
        self._column += 1

    def number(self, value: Decimal | int | None) -> None:
        """A number cell; unknown is blank."""
        self._write_number(value, "number")

    def share(self, value: Decimal | None) -> None:
        """A signed percentage; unknown is blank."""
        self._write_number(value, "share")

    def _write_number(self, value: Decimal | int | None, style: str) -> None:
        if value is None:
            self._page.write_blank(self.row, self._column, None, self._formats[style])
        else:
            self._page.write_number(self.row, self._column, float(value), self._formats[style])
        self._column += 1

    def end_row(self) -> None:
        self.row += 1
        self._column = 0

    def freeze(self, *, columns: int) -> None:
        """Keeps the headings and the first columns in view."""
        self._page.freeze_panes(self._under_header, columns)

    def bars(self, *, title: str, names: int, values: Mapping[str, int], rows: tuple[int, int]) -> None:
        """A native bar chart under the table: a series a column of `values`, named by the column `names`."""
        first, last = rows
        if last < first:
            return
        chart = self._book.add_chart({"type": "bar"})
        sheet = self._page.get_name()
        for colour, (name, column) in zip(_COLOURS, values.items(), strict=True):
            chart.add_series(
                {
                    "name": name,
                    "categories": [sheet, first, names, last, names],
                    "values": [sheet, first, column, last, column],
                    "fill": {"color": colour},
                    "gap": 60,
                }
            )
        chart.set_title({"name": title, "name_font": {"size": 11}})
        chart.set_y_axis({"reverse": True, "num_font": {"size": 9}})
        chart.set_x_axis(
            {"num_format": "#,##0", "major_gridlines": {"visible": True, "line": {"color": "#E3E6EA"}}}
        )
        chart.set_legend({"position": "bottom"})
        chart.set_size({"width": 760, "height": 150 + 26 * (last - first + 1)})
        self._page.insert_chart(self.row + 1, 0, chart, {"object_position": 1})
