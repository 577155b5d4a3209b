"""A workbook written row by row, with our formats: the same content always gives the same bytes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from math import ceil
from typing import IO, Any, Self

from xlsxwriter import Workbook

from analytics.exports.cells import OPTIONS, cell_text

_FONT = {"font_name": "Microsoft YaHei", "font_size": 10, "valign": "vcenter"}
_GRID = {"border": 1, "border_color": "#C8CDD3"}
_FORMATS: Mapping[str, Mapping[str, object]] = {
    "plain": {},
    "title": {"bold": True, "font_size": 14},
    "part": {"bold": True, "font_size": 11},
    "note": {"font_color": "#5B6470", "font_size": 9},
    "head": {**_GRID, "bold": True, "bg_color": "#E8EDF3", "align": "center", "text_wrap": True},
    "text": {**_GRID, "indent": 1},
    "long": {**_GRID, "indent": 1, "text_wrap": True},
    "plain_cell": {**_GRID, "align": "center"},
    "good": {**_GRID, "align": "center", "bg_color": "#E3F1E8"},
    "bad": {**_GRID, "align": "center", "bg_color": "#FBE3D6", "bold": True},
    "number": {**_GRID, "num_format": "#,##0"},
    "exact": {**_GRID, "num_format": "General"},
    "signed": {**_GRID, "num_format": "+#,##0;-#,##0;0"},
    "share": {**_GRID, "num_format": "+0.0%;-0.0%;0.0%"},
}
# Blue, grey and orange stay apart for the colour-blind, blue and grey on a black-and-white printer too.
_COLOURS = ("#0072B2", "#B0B7BF", "#E69F00")
_LINE_POINTS = {"title": 26, "part": 22, "plain": 18, "note": 15}
_LINE_HEIGHT = 15  # points
_A4 = 9
_PAGE_PIXELS = 1045  # of an A4 sheet lying down, without our margins
_SPARE = 0.72  # columns are wider where the usual fonts are missing
_SHEET_NAME = 31
_ROW_PIXELS = 20
_UNSHOWN = str.maketrans(dict.fromkeys("[]:*?/\\", "_"))


@dataclass(frozen=True)
class Series:
    """A line of a chart: cells of one column of a sheet, from row `first` to row `last`."""

    sheet: str
    name: str
    names: int
    values: int
    first: int
    last: int


class Report:
    """An xlsx workbook in memory; closed at the end of its `with`. `layout` is the version of its columns."""

    def __init__(self, target: IO[bytes], title: str, created: datetime, footer: str, layout: int) -> None:
        # In memory, without temporary files, whose modes would show in the bytes.
        self._book = Workbook(target, {"in_memory": True, **OPTIONS})
        self._book.set_properties(
            {"title": title, "author": "Meizhen 媒阵", "created": created, "comments": f"layout {layout}"}
        )
        self._book.set_custom_property("layout", layout, "number_int")
        self._formats = {
            name: self._book.add_format({**_FONT, **wanted}) for name, wanted in _FORMATS.items()
        }
        self._footer = footer
        self._names: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._book.close()

    def sheet(self, name: str) -> "Sheet":
        """A new sheet, set up for A4 landscape, one page wide."""
        page = self._book.add_worksheet(self._free_name(name))
        page.set_paper(_A4)
        page.set_landscape()
        page.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
        page.fit_to_pages(1, 0)
        page.set_footer(self._footer)
        page.hide_gridlines(2)
        return Sheet(self._book, page, self._formats)

    def _free_name(self, name: str) -> str:
        wanted = name.translate(_UNSHOWN).strip("'") or "_"
        found, number = wanted[:_SHEET_NAME], 2
        while found.lower() in self._names:
            found = f"{wanted[: _SHEET_NAME - 4]} {number}"
            number += 1
        self._names.add(found.lower())
        return found


class Sheet:
    """One sheet, filled from the top: lines, a header, rows cell by cell. `row` is the row being filled."""

    def __init__(self, book: Any, page: Any, formats: Mapping[str, Any]) -> None:
        self._book = book
        self._page = page
        self._formats = formats
        self.row = 0
        self._column = 0
        self._under_header = 0
        self._widths: Sequence[float] = ()
        self._lines = 1  # of the tallest cell of the row being filled

    @property
    def name(self) -> str:
        return str(self._page.get_name())

    def line(self, told: str, style: str = "plain") -> None:
        """A line of text over the whole width."""
        self._page.set_row(self.row, _LINE_POINTS[style])
        self._page.write_string(self.row, 0, cell_text(told), self._formats[style])
        self.end_row()

    def widths(self, widths: Sequence[float]) -> None:
        """Of the columns from the first on, in digits."""
        self._widths = widths
        for column, width in enumerate(widths):
            self._page.set_column(column, column, width)

    def header(self, groups: Sequence[tuple[str, Sequence[str]]], *, repeated: bool = True) -> None:
        """Two rows of headings: a group over its columns. One row where no group has more than one.

        `repeated` prints them on top of every page.
        """
        double = any(len(under) > 1 for _, under in groups)
        column = 0
        for heading, under in groups:
            last = column + len(under) - 1
            self._heading(column, last, heading, tall=double and len(under) == 1)
            if len(under) > 1:
                for place, name in enumerate(under):
                    self._page.write_string(self.row + 1, column + place, name, self._formats["head"])
            column = last + 1
        if repeated:
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

    def text(self, told: str, style: str = "text") -> None:
        """A text cell: whatever it begins with, it stays text. `style` long: its row grows with it."""
        if style == "long":
            self._lines = max(self._lines, ceil(_digits(told) / (self._widths[self._column] - 3)))
        if told:
            self._page.write_string(self.row, self._column, cell_text(told), self._formats[style])
        else:
            self._page.write_blank(self.row, self._column, None, self._formats[style])
        self._column += 1

    def number(self, value: Decimal | int | None, style: str = "number") -> None:
        """A number cell; unknown is blank. `style` signed shows the plus sign, exact every digit."""
        if value is None:
            self._page.write_blank(self.row, self._column, None, self._formats[style])
        else:
            self._page.write_number(self.row, self._column, float(value), self._formats[style])
        self._column += 1

    def share(self, value: Decimal | None) -> None:
        """A signed percentage; unknown is blank."""
        self.number(value, "share")

    def end_row(self) -> None:
        if self._lines > 1:
            self._page.set_row(self.row, self._lines * _LINE_HEIGHT)
        self._lines = 1
        self.row += 1
        self._column = 0

    def freeze(self, *, columns: int) -> None:
        """Keeps the headings and the first columns in view."""
        self._page.freeze_panes(self._under_header, columns)

    def filter(self, columns: int) -> None:
        """Arrows on the headings of the rows written since the header; the header's last row carries them."""
        self._page.autofilter(
            self._under_header - 1, 0, max(self.row - 1, self._under_header - 1), columns - 1
        )

    def pages_across(self, breaks: Sequence[int], *, kept: int, scale: int) -> None:
        """Prints wide tables over several pages: cut before these columns, the first `kept` on each page."""
        self._scaled(scale)
        self._page.set_v_pagebreaks(breaks)
        self._page.repeat_columns(0, kept - 1)
        self._page.print_across()

    def pages_down(self, breaks: Sequence[int], *, width: int) -> None:
        """Prints with cuts before these rows, scaled so that `width` pixels fit a page."""
        self._scaled(min(100, int(100 * _SPARE * _PAGE_PIXELS / width)))
        self._page.set_h_pagebreaks(breaks)

    def _scaled(self, scale: int) -> None:
        self._page.set_print_scale(scale)  # takes back one page wide

    def bars(self, title: str, series: Series, beside: Series, *, left: int, height: int) -> None:
        """A native bar chart at the present row: this week and last, the first row on top."""
        chart = self._book.add_chart({"type": "bar"})
        for colour, one in zip(_COLOURS, (series, beside), strict=False):
            chart.add_series({**_cells(one), "fill": {"color": colour}, "gap": 60})
        chart.set_y_axis({"reverse": True, "num_font": {"size": 9}})
        self._put(chart, title, left=left, height=height, values="x")

    def columns(self, title: str, series: Sequence[Series], *, left: int, height: int) -> None:
        """A native column chart at the present row: groups side by side."""
        chart = self._book.add_chart({"type": "column"})
        for colour, one in zip(_COLOURS, series, strict=False):
            chart.add_series({**_cells(one), "fill": {"color": colour}, "gap": 80})
        self._put(chart, title, left=left, height=height, values="y")

    def trend(self, title: str, series: Series, *, left: int, height: int) -> None:
        """A native line chart at the present row; an unknown week is a gap."""
        chart = self._book.add_chart({"type": "line"})
        line = {"color": _COLOURS[0], "width": 2.25}
        marker = {"type": "circle", "size": 5, "fill": {"color": _COLOURS[0]}, "border": {"none": True}}
        chart.add_series({**_cells(series), "line": line, "marker": marker})
        chart.show_blanks_as("gap")
        chart.set_x_axis({"num_font": {"size": 8, "rotation": -45}})
        self._put(chart, title, left=left, height=height, values="y", legend=False)

    def _put(
        self, chart: Any, title: str, *, left: int, height: int, values: str, legend: bool = True
    ) -> None:
        axis = {
            "num_format": "#,##0",
            "min": 0,
            "num_font": {"size": 9},
            "line": {"none": True},
            "major_gridlines": {"visible": True, "line": {"color": "#E3E6EA"}},
        }
        (chart.set_x_axis if values == "x" else chart.set_y_axis)(axis)
        chart.set_title({"name": title, "name_font": {"size": 11}})
        chart.set_legend({"position": "bottom"} if legend else {"none": True})
        chart.set_size({"width": CHART_PIXELS, "height": height * _ROW_PIXELS - 12})
        self._page.insert_chart(self.row, 0, chart, {"object_position": 1, "x_offset": left, "y_offset": 6})


def _digits(told: str) -> int:
    """How many digits wide a text is: a Chinese character is two."""
    return sum(2 if ord(character) > 0x2E7F else 1 for character in told)


CHART_PIXELS = 560
"""How wide a chart is; its height is given in rows."""


def _cells(series: Series) -> dict[str, object]:
    return {
        "name": series.name,
        "categories": [series.sheet, series.first, series.names, series.last, series.names],
        "values": [series.sheet, series.first, series.values, series.last, series.values],
    }
