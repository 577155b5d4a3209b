"""Lines over weeks, a panel each: trends of platforms, units side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from analytics.charts.drawing import (
    COLOURS,
    GREY,
    INK,
    LINE,
    blank_sheet,
    most,
    said,
    save,
    short_number,
    stroke,
    write,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Inches.
_MARGIN, _GUTTER, _HEAD, _FOOT = 0.35, 0.4, 0.75, 0.1
_NAME, _AXIS, _SCALE, _VALUE = 0.22, 0.24, 0.48, 0.5
_HEIGHT = 1.55


@dataclass(frozen=True)
class Panel:
    """One line: what it shows, and a value a week, oldest first; None where it is unknown."""

    name: str
    values: Sequence[Decimal | None]


def trend_picture(panels: Sequence[Panel], weeks: Sequence[str], title: str, path: Path) -> tuple[Path, Path]:
    """Draws a panel a platform as `path`.png and `path`.svg, each on a scale of its own.

    Platforms count different things, so no two share an axis. An unknown week is a gap.
    """
    return save(panels_figure(panels, weeks, title, shared=False), path)


def units_picture(panels: Sequence[Panel], weeks: Sequence[str], title: str, path: Path) -> tuple[Path, Path]:
    """Draws a panel a unit as `path`.png and `path`.svg, all of one figure and on one scale."""
    return save(panels_figure(panels, weeks, title, shared=True), path)


def panels_figure(
    panels: Sequence[Panel],
    weeks: Sequence[str],
    title: str,
    *,
    shared: bool,
    across: int = 3,
    width: float = 10.0,
    height: float = _HEIGHT,
) -> "Figure":
    """Panels in rows of `across`; sizes in inches, `height` of one panel."""
    down = max(1, -(-len(panels) // across))
    # Without a title it stands in a page that has margins of its own.
    head, margin = (_HEAD, _MARGIN) if title else (0.0, 0.02)
    figure, axes = blank_sheet(width, head + down * height + _FOOT)
    if title:
        write(axes, margin, 0.45, title, 15, limit=int((width - 2 * margin) / 0.22))
    each = (width - 2 * margin - (across - 1) * _GUTTER) / across
    top = most([value for panel in panels for value in panel.values])
    for number, panel in enumerate(panels):
        left = margin + number % across * (each + _GUTTER)
        ceiling = top if shared else most(panel.values)
        _panel(axes, panel, weeks, ceiling, (left, head + number // across * height, each, height))
    if not panels:
        write(axes, margin, head + 0.4, said("no_figures"), 11, GREY)
    return figure


def _panel(
    axes: "Axes",
    panel: Panel,
    weeks: Sequence[str],
    ceiling: Decimal,
    place: tuple[float, float, float, float],
) -> None:
    left, top, width, height = place
    write(axes, left, top + 0.18, panel.name, 9, limit=int(width / 0.13))
    begin, end = left + _SCALE, left + width - _VALUE
    upper, lower = top + _NAME + 0.08, top + height - _AXIS
    if all(value is None for value in panel.values):
        stroke(axes, [(begin, lower), (end, lower)], LINE, 0.6)
        write(axes, begin, (upper + lower) / 2, said("no_figures"), 8, GREY, middle=True)
        return
    for share, value in ((0.0, Decimal(0)), (0.5, ceiling / 2), (1.0, ceiling)):
        y = lower - share * (lower - upper)
        stroke(axes, [(begin, y), (end, y)], LINE, 0.6)
        if share != 0.5:
            write(axes, begin - 0.06, y, short_number(value), 7, GREY, align="right", middle=True)
    points = [
        None
        if value is None
        else (
            begin + number * (end - begin) / max(1, len(panel.values) - 1),
            lower - float(max(value, Decimal(0)) / ceiling) * (lower - upper),
        )
        for number, value in enumerate(panel.values)
    ]
    for known, run in groupby(points, key=lambda point: point is not None):
        if known:
            drawn = [point for point in run if point is not None]
            stroke(axes, drawn, COLOURS[0], 1.6, marker="o", size=2.2)
    _last(axes, panel, points, end)
    if weeks:
        write(axes, begin, lower + 0.17, weeks[0], 7, GREY, align="center")
        write(axes, end, lower + 0.17, weeks[-1], 7, GREY, align="center")


def _last(axes: "Axes", panel: Panel, points: Sequence[tuple[float, float] | None], end: float) -> None:
    """The newest week's value beside its point; told where it is unknown."""
    if not points:
        return
    value, point = panel.values[-1], points[-1]
    if value is None or point is None:
        known = next((one for one in reversed(points) if one is not None), None)
        if known is not None:
            write(axes, end + 0.08, known[1], said("unknown"), 7.5, GREY, middle=True)
        return
    stroke(axes, [point], COLOURS[0], 0, marker="o", size=4)
    write(axes, end + 0.1, point[1], short_number(value), 8, INK, middle=True)
